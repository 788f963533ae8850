"""When a guest turns out to be a user, the guest's earlier events and conversations become the user's.

Workers need no lock for it, as each side inserts first and looks afterwards: one inserts a guest's events, then reads
the links; another inserts the link, then updates the events. Whichever comes second sees the other. And whoever
updated reads the links again, so that the last update is always by the link that stands.
"""

from collections.abc import Collection, Mapping

from ask0.consumers.folds.identities import Guest, Link
from ask0.consumers.tables.pages import MAX_PAGE_KEYS
from ask0.consumers.tables.round_keys import RoundKeys, among
from ask0.consumers.tables.run_both import run_both
from ask0.consumers.tables.snapshots import Touched, refresh
from ask0.schemas.ids import guest_id
from ask0.warehouse.connect import Warehouse

LINKS = f"""
SELECT project_id, guest_id, toUnixTimestamp64Milli(min(link).1), min(link).2, min(link).3
FROM identity_links
WHERE {among("project_id", "guest_id", "guest")}
GROUP BY project_id, guest_id
"""
WITH_FACTS = f"""
SELECT DISTINCT project_id, user_id FROM user_facts WHERE {among("project_id", "user_id", "guest")}
"""
EARLIER_USERS = f"""
SELECT DISTINCT project_id, merged_into FROM user_rows
WHERE merged_into != '' AND {among("project_id", "id", "guest")}
"""
# Sorted, so that both subqueries give the same order.
MOVES = """
(SELECT arraySort(groupArray((concat(project_id, char(0), key), owner)))
 FROM round_keys WHERE round = {round:UInt64} AND kind = 'move')
"""
OF_MOVED = among("project_id", "anonymous_id", "move")
# What was sent without a userId, or named a user without proof and so is the guest's too.
UPDATE = f"""
UPDATE events SET user_id = transform(concat(project_id, char(0), anonymous_id), {MOVES}.1, {MOVES}.2, user_id)
WHERE sent_user_id != user_id AND {OF_MOVED}
"""
CONVERSATIONS = f"""
SELECT DISTINCT project_id, conversation_id FROM events
WHERE conversation_id != '' AND (project_id, conversation_id) > ({{project:String}}, {{after:String}}) AND {OF_MOVED}
ORDER BY project_id, conversation_id LIMIT {MAX_PAGE_KEYS}
"""


def read_links(warehouse: Warehouse, keys: RoundKeys, guests: Collection[Guest]) -> dict[Guest, Link]:
    """The links that stand, of guests who are in the round's set `guest`."""
    found = {}
    for project_id, guest, received_at, user_id, sent in warehouse.query(LINKS, {"round": keys.round}):
        if (project_id, guest) in guests:
            found[project_id, guest] = (received_at, user_id, sent)
    return found


def reown(
    warehouse: Warehouse,
    guests: Collection[Guest],
    resolved: Mapping[Guest, Link],
    touched: Touched,
    keys: RoundKeys | None = None,
) -> None:
    """Bring the events of `guests` to the users that the standing links name, and add whose rows that changes.

    `resolved` are the links by which all of a guest's events went already. The facts of the round must be stored:
    a guest without facts has no events. `keys` have the guests as their set `guest` already, and no set `move`.
    """
    guests = set(guests)
    while True:
        if keys is None:
            keys = RoundKeys(warehouse)
            keys.add("guest", guests)
            keys.store()
        links = read_links(warehouse, keys, guests)
        keys.check()
        moved = {guest: link[1] for guest, link in links.items() if _user(resolved, guest) != link[1]}
        touched.users.update((project_id, link[1]) for (project_id, _), link in links.items())
        touched.users.update(moved)
        if not moved or not _move(warehouse, keys, moved, touched):
            return
        resolved, keys = links, None


def _move(warehouse: Warehouse, keys: RoundKeys, moved: Mapping[Guest, str], touched: Touched) -> bool:
    """Whether there was something to move."""
    bound = {"round": keys.round}
    with_facts, earlier_users = run_both(
        lambda: warehouse.query(WITH_FACTS, bound), lambda: warehouse.query(EARLIER_USERS, bound)
    )
    # Only when two users share a device and their partitions run at different speeds does an earlier link come later.
    touched.users.update((project_id, user_id) for project_id, user_id in earlier_users)
    active = {(project_id, guest) for project_id, guest in with_facts} & moved.keys()
    if not active:
        return False
    keys.add_members(
        "move",
        [(guest[0], sent, moved[guest], "") for guest in active for sent in _forms(guest[1])],
    )
    keys.store()
    warehouse.command(UPDATE, bound)
    last = ("", "")
    while rows := warehouse.query(CONVERSATIONS, {**bound, "project": last[0], "after": last[1]}):
        last = rows[-1][0], rows[-1][1]
        moved_too = {(project_id, conversation_id) for project_id, conversation_id in rows}
        if len(rows) == MAX_PAGE_KEYS:  # of a guest who has talked so much that they are not kept in mind
            touched.unwritable += refresh(warehouse, Touched(conversations=moved_too))
        else:
            touched.conversations |= moved_too
    keys.check()
    return True


def _forms(guest: str) -> list[str]:
    """The anonymous ids that clients may have sent for this guest."""
    return [form for form in (guest, guest[2:]) if form and guest_id(form) == guest]


def _user(links: Mapping[Guest, Link], guest: Guest) -> str:
    return links[guest][1] if guest in links else ""
