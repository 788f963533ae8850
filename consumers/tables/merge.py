"""When a guest turns out to be a user, the guest's earlier events and conversations become the user's; when a user is
merged into another, theirs become the other's, until that is undone.

Workers need no lock for it, as each side inserts first and looks afterwards: one inserts a guest's events, then reads
the links; another inserts the link, then updates the events. Whichever comes second sees the other. And whoever
updated reads the links again, so that the last update is always by the link that stands. So it is with merges.
"""

from collections.abc import Collection, Mapping

from ask0.consumers.folds.identities import Guest, Link
from ask0.consumers.tables.families import Key, read_families, read_merging, read_roots
from ask0.consumers.tables.pages import MAX_PAGE_KEYS
from ask0.consumers.tables.round_keys import RoundKeys, among, mapped
from ask0.consumers.tables.run_both import run_both
from ask0.consumers.tables.snapshots import GUESTS, Touched, refresh
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
# A guest's are those that were sent without a userId, or named a user without proof.
OF_GUESTS = f"_of_guest AND {among('project_id', 'anonymous_id', 'move')}"
OF_USERS = f"NOT _of_guest AND {among('project_id', 'sent_user_id', 'move')}"
IN_FAMILY = f"AND {among('project_id', 'user_id', 'family')}"  # which the index finds
UPDATE = f"""
UPDATE events SET user_id = {mapped("project_id", "{column}", "move", "user_id")}, _of_guest = _of_guest
WHERE {{found}}
"""
CONVERSATIONS = f"""
SELECT DISTINCT project_id, conversation_id FROM events
WHERE conversation_id != '' AND (project_id, conversation_id) > ({{project:String}}, {{after:String}}) AND {{found}}
ORDER BY project_id, conversation_id LIMIT {MAX_PAGE_KEYS}
"""


def read_links(warehouse: Warehouse, keys: RoundKeys, guests: Collection[Guest]) -> dict[Guest, Link]:
    """The links that stand, of guests who are in the round's set `guest`."""
    found = {}
    for project_id, guest, received_at, user_id, sent in warehouse.query(LINKS, {"round": keys.round}):
        if (project_id, guest) in guests:
            found[project_id, guest] = (received_at, user_id, sent)
    return found


def reown_guests(
    warehouse: Warehouse,
    guests: Collection[Guest],
    resolved: Mapping[Guest, str],
    touched: Touched,
    keys: RoundKeys | None,
    merging: Collection[str],
) -> None:
    """Bring the events of `guests` to the users that the standing links name, and add whose rows that changes.

    `resolved` are the users to whom all of a guest's events went already. The facts of the round must be stored: a
    guest without facts has no events. `keys` have the guests as their set `guest` already, and no set `move`. `merging`
    are the projects where somebody was merged before.
    """
    guests = set(guests)
    while True:
        if keys is None:
            keys = RoundKeys(warehouse)
            keys.add("guest", guests)
            keys.store()
        links = read_links(warehouse, keys, guests)
        keys.check()
        users = {(project_id, link[1]) for (project_id, _), link in links.items()}
        roots = read_roots(warehouse, {user for user in users if user[0] in merging})
        owners = {guest: roots.root((guest[0], link[1])) for guest, link in links.items()}
        moved = {guest: owner for guest, owner in owners.items() if resolved.get(guest) != owner}
        touched.users.update(users)
        touched.users.update(moved)
        if not moved or not _move_guests(warehouse, keys, moved, touched):
            return
        resolved, merging, keys = owners, read_merging(warehouse, keys), None


def reown_users(
    warehouse: Warehouse, users: Collection[Key], resolved: Mapping[Key, str] | None, touched: Touched
) -> None:
    """Bring what was sent as `users` to those they are merged into. `resolved` are the roots to which all of it went
    already, other than the users themselves; None if that is not known."""
    while True:
        families = read_roots(warehouse, users)
        merged = families.into.keys() & users
        owners = {user: families.root(user) for user in merged}
        moved = {user: to for user, to in owners.items() if resolved is None or resolved.get(user, user[1]) != to}
        if not moved:
            return
        keys = RoundKeys(warehouse)
        keys.add_members("move", [(*user, owner, "") for user, owner in moved.items()])
        keys.store()
        _update(warehouse, keys, "sent_user_id", OF_USERS, touched)
        resolved = owners


def settle(warehouse: Warehouse, merged: Collection[Key], ends: Collection[Key], touched: Touched) -> None:
    """Bring all that is of the users who were `merged` just now, or whose merge was undone, to the one who is left; all
    that is of those merged into them and of their guests, too. `ends` are both sides of each such merge, whose facts
    are stored."""
    settled = None
    while True:
        families = read_families(warehouse, ends)
        family = {*families.users, *ends}
        touched.users |= family
        users = {user for one in merged for user in families.subtree(one)}
        owners = {user: families.root(user) for user in users}
        keys = RoundKeys(warehouse)
        keys.add("user", users)
        keys.store()
        links = warehouse.query(GUESTS, {"round": keys.round})
        keys.check()
        guests = {(project, guest): owners[project, to] for project, guest, to in links if (project, to) in owners}
        if (owners, guests) == settled:
            return
        of_users = [(*user, owner, "") for user, owner in owners.items()]
        of_guests = [(guest[0], sent, owner, "") for guest, owner in guests.items() for sent in _forms(guest[1])]
        for members, column, found in ((of_users, "sent_user_id", OF_USERS), (of_guests, "anonymous_id", OF_GUESTS)):
            if members:
                keys = RoundKeys(warehouse)
                keys.add("family", family)
                keys.add_members("move", members)
                keys.store()
                _update(warehouse, keys, column, f"{found} {IN_FAMILY}", touched)
        settled = owners, guests


def _move_guests(warehouse: Warehouse, keys: RoundKeys, moved: Mapping[Guest, str], touched: Touched) -> bool:
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
    _update(warehouse, keys, "anonymous_id", OF_GUESTS, touched)
    return True


def _update(warehouse: Warehouse, keys: RoundKeys, column: str, found: str, touched: Touched) -> None:
    """Give the events that are found by the set `move` to its owners, and add the conversations that they are in."""
    bound = {"round": keys.round}
    warehouse.command(UPDATE.replace("{column}", column).replace("{found}", found), bound)
    sql = CONVERSATIONS.replace("{found}", found)
    last = ("", "")
    while rows := warehouse.query(sql, {**bound, "project": last[0], "after": last[1]}):
        last = rows[-1][0], rows[-1][1]
        moved_too = {(project_id, conversation_id) for project_id, conversation_id in rows}
        if len(rows) == MAX_PAGE_KEYS:  # of somebody who has talked so much that they are not kept in mind
            touched.unwritable += refresh(warehouse, Touched(conversations=moved_too))
        else:
            touched.conversations |= moved_too
    keys.check()


def _forms(guest: str) -> list[str]:
    """The anonymous ids that clients may have sent for this guest."""
    return [form for form in (guest, guest[2:]) if form and guest_id(form) == guest]
