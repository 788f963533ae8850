"""Rows of `identity_links`: an event that carries both ids says which user an anonymous id is."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec.structs import replace

from ask0.consumers.folds.events import Columns
from ask0.consumers.folds.records import Placed
from ask0.schemas.events import Event
from ask0.schemas.ids import guest_id

Guest = tuple[str, str]  # project, guest id (g-…)
Link = tuple[int, str, str]  # received at, user id, anonymous id as sent: the smallest, so the first received, wins


def fold(events: Iterable[Placed], strangers: Collection[tuple[str, str, str]] = ()) -> dict[Guest, Link]:
    """An event that names a user without the proof its project asks for says nothing here: anyone could make their
    guest a part of that user. `strangers` are (project, user, anonymous id) that are not to be linked."""
    links: dict[Guest, Link] = {}
    for mention, received_at in _mentions(p for p in events if p.event.user_id and not p.event.unverified).items():
        if mention not in strangers:
            project_id, user_id, anonymous_id = mention
            guest, link = (project_id, guest_id(anonymous_id)), (received_at, user_id, anonymous_id)
            links[guest] = min(link, links.get(guest, link))
    return links


def guests(events: Iterable[Placed]) -> set[Guest]:
    """Everyone who is a guest, or who is said to be a user."""
    found = set()
    for placed in events:
        event, project_id = placed.event, placed.record.project_id
        for sent in _sent(event):
            found.add((project_id, guest_id(sent)))
    return found


def vouch(events: Sequence[Placed], known: Mapping[Guest, Link]) -> Sequence[Placed]:
    """The events, those without proof as their guest's own: unless a proven event has said that this guest is the user
    they name, so that they come from a browser which has shown a token before."""
    if not any(placed.event.unverified for placed in events):
        return events
    links = fold(events)
    return [placed if _is_proven(placed, known, links) else replace(placed, user_id="") for placed in events]


def _is_proven(placed: Placed, known: Mapping[Guest, Link], links: Mapping[Guest, Link]) -> bool:
    event = placed.event
    if not event.unverified or not event.user_id:
        return True
    guest = placed.record.project_id, guest_id(event.anonymous_id)
    link = known.get(guest) or links.get(guest)
    return link is not None and bool(event.anonymous_id) and link[1] == event.user_id


def _mentions(events: Iterable[Placed]) -> dict[tuple[str, str, str], int]:
    """Each (project, user id, anonymous id) where there is an anonymous id, and when it was first received."""
    mentions: dict[tuple[str, str, str], int] = {}
    for placed in events:
        event, record = placed.event, placed.record
        for sent in _sent(event):
            mention = record.project_id, event.user_id, sent
            if mentions.setdefault(mention, record.received_at) > record.received_at:
                mentions[mention] = record.received_at
    return mentions


def _sent(event: Event) -> Sequence[str]:
    """Anonymous ids of who an event is of: of nobody's alias alone nothing follows."""
    if event.previous_id and event.user_id and event.previous_id != event.user_id:
        return (event.anonymous_id, event.previous_id) if event.anonymous_id else (event.previous_id,)
    return (event.anonymous_id,) if event.anonymous_id else ()


def link_columns(links: Mapping[Guest, Link]) -> Columns:
    return {
        "project_id": [project_id for project_id, _ in links],
        "guest_id": [guest for _, guest in links],
        "link": list(links.values()),
    }
