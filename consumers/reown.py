"""When a guest turns out to be a user, the guest's earlier events and conversations become the user's.

Workers need no lock for it, as each side inserts first and looks afterwards: one inserts a guest's events, then reads
the links; another inserts the link, then updates the events. Whichever comes second sees the other. And whoever
updated reads the links again, so that the last update is always by the link that stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count

from consumers.beside import both
from consumers.folds.identities import Guest, Link
from consumers.keys import RoundKeys, among
from schemas.ids import guest_id
from warehouse.connect import Warehouse

LINKS = f"""
SELECT project_id, guest_id, toUnixTimestamp64Milli(min(link).1), min(link).2, min(link).3
FROM identity_links
WHERE {among("project_id", "guest_id", "guest")}
GROUP BY project_id, guest_id
"""
WITH_FACTS = f"""
SELECT DISTINCT project_id, user_id FROM user_facts WHERE {among("project_id", "user_id", "{guests}")}
"""
EARLIER_USERS = f"""
SELECT DISTINCT project_id, merged_into FROM user_rows
WHERE merged_into != '' AND {among("project_id", "id", "{guests}")}
"""
# Sorted, so that both subqueries give the same order.
MOVES = """
(SELECT arraySort(groupArray((concat(project_id, char(0), key), owner)))
 FROM round_keys WHERE round = {round:UInt64} AND kind = '{moves}')
"""
EVENTS = f"sent_user_id = '' AND {among('project_id', 'anonymous_id', '{moves}')}"
UPDATE = f"""
UPDATE events SET user_id = transform(concat(project_id, char(0), anonymous_id), {MOVES}.1, {MOVES}.2, user_id)
WHERE {EVENTS}
"""
CONVERSATIONS = f"SELECT DISTINCT project_id, conversation_id FROM events WHERE conversation_id != '' AND {EVENTS}"


@dataclass
class Touched:
    """Whose rows are to be refreshed: users and guests, and conversations, by (project, id)."""

    users: set[tuple[str, str]] = field(default_factory=set)
    conversations: set[tuple[str, str]] = field(default_factory=set)


def read_links(warehouse: Warehouse, keys: RoundKeys, guests: set[Guest]) -> dict[Guest, Link]:
    """The links that stand, of guests who are in the round's set `guest`."""
    found = {}
    for project_id, guest, received_at, user_id, sent in warehouse.query(LINKS, {"round": keys.round}):
        if (project_id, guest) in guests:
            found[project_id, guest] = (received_at, user_id, sent)
    return found


def reown(
    warehouse: Warehouse, keys: RoundKeys, guests: set[Guest], resolved: Mapping[Guest, Link], touched: Touched
) -> None:
    """Bring the events of `guests` to the users that the standing links name, and add whose rows that changes.

    `resolved` are the links by which all of a guest's events went already. The facts of the round must be stored:
    a guest without facts has no events.
    """
    for attempt in count():
        links = read_links(warehouse, keys, guests)
        moved = {guest: link[1] for guest, link in links.items() if _user(resolved, guest) != link[1]}
        touched.users.update((project_id, link[1]) for (project_id, _), link in links.items())
        touched.users.update(moved)
        if not moved or not _move(warehouse, keys, moved, touched, attempt):
            return
        resolved = links


def _move(warehouse: Warehouse, keys: RoundKeys, moved: Mapping[Guest, str], touched: Touched, attempt: int) -> bool:
    """Whether there was something to move."""
    names = {"guests": f"guest {attempt}", "moves": f"move {attempt}"}
    bound = {"round": keys.round}
    keys.add(names["guests"], moved)
    keys.store()
    with_facts, earlier_users = both(
        lambda: warehouse.query(_named(WITH_FACTS, names), bound),
        lambda: warehouse.query(_named(EARLIER_USERS, names), bound),
    )
    # Only when two users share a device and their partitions run at different speeds does an earlier link come later.
    touched.users.update((project_id, user_id) for project_id, user_id in earlier_users)
    active = {(project_id, guest) for project_id, guest in with_facts} & moved.keys()
    if not active:
        return False
    keys.add_members(
        names["moves"],
        [(guest[0], sent, moved[guest], "") for guest in active for sent in _forms(guest[1])],
    )
    keys.store()
    warehouse.command(_named(UPDATE, names), bound)
    touched.conversations.update((row[0], row[1]) for row in warehouse.query(_named(CONVERSATIONS, names), bound))
    return True


def _named(sql: str, names: Mapping[str, str]) -> str:
    for name, kind in names.items():
        sql = sql.replace(f"{{{name}}}", kind)
    return sql


def _forms(guest: str) -> list[str]:
    """The anonymous ids that clients may have sent for this guest."""
    return [form for form in (guest, guest[2:]) if form and guest_id(form) == guest]


def _user(links: Mapping[Guest, Link], guest: Guest) -> str:
    return links[guest][1] if guest in links else ""
