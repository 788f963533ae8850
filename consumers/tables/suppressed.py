"""People who are erased: nothing that comes of them is stored, whenever and however often it comes.

Looked up in each round before anything of it is in the tables. So once the workers have passed a place of the log that
lies behind an erasure, nothing of before can come into the tables any more.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
from msgspec.structs import replace

from ask0.consumers.folds.records import Placed, Quarantined
from ask0.consumers.tables.round_keys import RoundKeys
from ask0.schemas.erasure import TALK, hash_id
from ask0.schemas.events import Event
from ask0.schemas.ids import guest_id
from ask0.schemas.user_merges import merge_of
from ask0.warehouse.connect import Warehouse

MOST_PROJECTS = 2_000  # that are named; with more of them all rows are read
KEYS = """
SELECT DISTINCT project_id, key FROM suppressions
WHERE empty({projects:Array(String)}) OR project_id IN {projects:Array(String)}
"""
UNTIL = """
SELECT project_id, lower(hex(hash)), until FROM suppressions FINAL
WHERE project_id IN (SELECT project_id FROM round_keys WHERE round = {round:UInt64} AND kind = 'hash')
  AND hash IN (SELECT toFixedString(unhex(key), 16) FROM round_keys WHERE round = {round:UInt64} AND kind = 'hash')
"""

Id = tuple[str, str]  # project, and the id of a user or a guest, or TALK and that


class Named(msgspec.Struct, rename="camel"):
    """Whom an event says that it is of, as it was sent."""

    user_id: str = ""
    anonymous_id: str = ""


@dataclass
class Suppressed:
    """Of those whom a round's events name: up to which moment (epoch ms) what was received of them is dropped."""

    until: Mapping[Id, int] = field(default_factory=dict)

    def pass_on(self, events: Sequence[Placed]) -> tuple[Sequence[Placed], int]:
        """Those that may be stored, without guests who are erased; and how many of the others there are."""
        if not self.until:
            return events, 0
        passed = [kept for placed in events if (kept := self._kept(placed))]
        return passed, len(events) - len(passed)

    def pass_rejects(self, rejects: Sequence[Quarantined]) -> tuple[Sequence[Quarantined], int]:
        if not self.until:
            return rejects, 0
        passed = [one for one in rejects if not self._is_gone(one.project_id, _named(one), one.received_at)]
        return passed, len(rejects) - len(passed)

    def _kept(self, placed: Placed) -> Placed | None:
        project_id, event, at = placed.record.project_id, placed.event, placed.record.received_at
        if self._is_gone(project_id, _whom(event), at):
            return None
        # Somebody else uses the browser of one who is erased: whose guest that was is not stored again.
        others = {name: "" for name, ids in _others(event) if self._is_gone(project_id, ids, at)}
        return replace(placed, event=replace(event, **others)) if others else placed

    def _is_gone(self, project_id: str, ids: Iterable[str], at: int) -> bool:
        return any(at <= self.until.get((project_id, id), -1) for id in ids)


def read_suppressed(warehouse: Warehouse, events: Sequence[Placed], rejects: Sequence[Quarantined]) -> Suppressed:
    """Costs one short question where nobody was ever erased."""
    projects = {placed.record.project_id for placed in events} | {reject.project_id for reject in rejects}
    if not projects:
        return Suppressed()
    keys: dict[str, list[str]] = {}  # of each project one, but where its documents were lost and made anew
    for project_id, key in warehouse.query(
        KEYS, {"projects": sorted(projects) if len(projects) <= MOST_PROJECTS else []}
    ):
        keys.setdefault(project_id, []).append(key)
    ids = {
        (placed.record.project_id, id)
        for placed in events
        if placed.record.project_id in keys
        for id in _ids(placed.event)
    }
    ids |= {(reject.project_id, id) for reject in rejects if reject.project_id in keys for id in _named(reject)}
    if not ids:
        return Suppressed()
    hashes = {(project_id, hash_id(key, id)): (project_id, id) for project_id, id in ids for key in keys[project_id]}
    asked = RoundKeys(warehouse)
    asked.add("hash", hashes)
    asked.store()
    rows = warehouse.query(UNTIL, {"round": asked.round})
    asked.check()
    return Suppressed({hashes[project_id, hash]: int(until) for project_id, hash, until in rows})


def _owners(user_id: str, anonymous_id: str) -> tuple[str, ...]:
    """Whose an event is: the user's whom it names, else the guest's."""
    if user_id:
        return (user_id,)
    return (guest_id(anonymous_id),) if anonymous_id else ()


def _whom(event: Event) -> tuple[str, ...]:
    """Of whom an event is, and whose talk; a merge is of both users."""
    merge = merge_of(event)
    users = (merge.from_id, merge.into) if merge else _owners(event.user_id, event.anonymous_id)
    return (*users, *(TALK + id for id in users)) if event.conversation_id else users


def _ids(event: Event) -> Iterator[str]:
    """All that it names."""
    yield from _whom(event)
    for _, ids in _others(event):
        yield from ids


def _others(event: Event) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Whom it names beside, by the field; who somebody was before may be a user too."""
    if event.anonymous_id:
        yield "anonymous_id", (guest_id(event.anonymous_id),)
    if event.previous_id:
        yield "previous_id", (guest_id(event.previous_id), event.previous_id)


def _named(reject: Quarantined) -> tuple[str, ...]:
    """As far as what was sent can be read."""
    try:
        named = msgspec.json.decode(reject.raw, type=Named)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return ()
    return _owners(named.user_id, named.anonymous_id)
