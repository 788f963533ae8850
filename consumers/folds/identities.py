"""Rows of `identity_links`: an event that carries both ids says which user an anonymous id is."""

from collections.abc import Iterable, Mapping

from consumers.folds.events import Columns
from consumers.folds.records import Placed
from schemas.ids import guest_id

Guest = tuple[str, str]  # project, guest id (g-…)
Link = tuple[int, str]  # received at, user id: the smallest wins, so that the first link received stays


def link_of(anonymous_id: str) -> str:
    """The anonymous id as links know it: `g-abc`, a guest's id sent as an anonymous id, is the guest `abc`."""
    return guest_id(anonymous_id)[2:]


def fold(events: Iterable[Placed]) -> dict[Guest, Link]:
    links: dict[Guest, Link] = {}
    for placed in events:
        event = placed.event
        if not event.user_id or not (event.anonymous_id or event.previous_id):
            continue
        link = placed.record.received_at, event.user_id
        previous_id = event.previous_id if event.previous_id != event.user_id else ""
        for anonymous_id in (event.anonymous_id, previous_id):
            if anonymous_id:
                guest = placed.record.project_id, guest_id(anonymous_id)
                if link < links.get(guest, (link[0] + 1, "")):
                    links[guest] = link
    return links


def link_columns(links: Mapping[Guest, Link]) -> Columns:
    return {
        "project_id": [project_id for project_id, _ in links],
        "anonymous_id": [guest[2:] for _, guest in links],
        "link": list(links.values()),
    }
