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
from ask0.schemas.erasure import hash_conversation, hash_id
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

Hash = tuple[str, str]  # project, and the hash


class Named(msgspec.Struct, rename="camel"):
    """Whom an event says that it is of, as it was sent."""

    user_id: str = ""
    anonymous_id: str = ""


@dataclass
class Suppressed:
    """Of those whom a round's events name: up to which moment (epoch ms) what was received of them is dropped."""

    keys: Mapping[str, str] = field(default_factory=dict)  # by project that has ever erased anybody
    until: dict[Hash, int] = field(default_factory=dict)

    def pass_on(self, events: Sequence[Placed]) -> tuple[Sequence[Placed], int]:
        """Those that may be stored, without guests who are erased; and how many of the others there are."""
        if not self.until:
            return events, 0
        passed = [kept for placed in events if (kept := self._kept(placed))]
        return passed, len(events) - len(passed)

    def pass_rejects(self, rejects: Sequence[Quarantined]) -> tuple[list[Quarantined], int]:
        if not self.until:
            return list(rejects), 0
        passed = [one for one in rejects if not self._names_erased(one)]
        return passed, len(rejects) - len(passed)

    def _kept(self, placed: Placed) -> Placed | None:
        project_id, event, at = placed.record.project_id, placed.event, placed.record.received_at
        if project_id not in self.keys:
            return placed
        if event.conversation_id and self._ends(project_id, event.conversation_id) >= at:
            return None
        if merge := merge_of(event):
            return None if self._is_gone(project_id, (merge.from_id, merge.into), at) else placed
        if self._is_gone(project_id, owners(event.user_id, event.anonymous_id), at):
            return None
        # Somebody else uses the browser of one who is erased: whose guest that was is not stored again.
        others = {
            name: ""
            for name, sent in (("anonymous_id", event.anonymous_id), ("previous_id", event.previous_id))
            if sent and self._is_gone(project_id, (guest_id(sent), sent), at)
        }
        return replace(placed, event=replace(event, **others)) if others else placed

    def _ends(self, project_id: str, conversation_id: str) -> int:
        return self.until.get((project_id, hash_conversation(self.keys[project_id], conversation_id)), -1)

    def _is_gone(self, project_id: str, ids: Iterable[str], at: int) -> bool:
        key = self.keys[project_id]
        return any(at <= self.until.get((project_id, hash_id(key, id)), -1) for id in ids)

    def _names_erased(self, reject: Quarantined) -> bool:
        if reject.project_id not in self.keys:
            return False
        ids = _named(reject)
        return self._is_gone(reject.project_id, ids, reject.received_at)


def owners(user_id: str, anonymous_id: str) -> tuple[str, ...]:
    """Whose an event is: the user's whom it names, else the guest's."""
    if user_id:
        return (user_id,)
    return (guest_id(anonymous_id),) if anonymous_id else ()


def read_suppressed(warehouse: Warehouse, events: Sequence[Placed], rejects: Sequence[Quarantined]) -> Suppressed:
    """Costs one short question where nobody was ever erased."""
    projects = {placed.record.project_id for placed in events} | {reject.project_id for reject in rejects}
    if not projects:
        return Suppressed()
    keys = dict(warehouse.query(KEYS, {"projects": sorted(projects) if len(projects) <= MOST_PROJECTS else []}))
    if not keys:
        return Suppressed()
    asked = {hash for placed in events for hash in _hashes(placed, keys)}
    for reject in rejects:
        if key := keys.get(reject.project_id):
            asked.update((reject.project_id, hash_id(key, id)) for id in _named(reject))
    if not asked:
        return Suppressed(keys)
    own = RoundKeys(warehouse)
    own.add("hash", asked)
    own.store()
    rows = warehouse.query(UNTIL, {"round": own.round})
    own.check()
    return Suppressed(keys, {(project_id, hash): int(until) for project_id, hash, until in rows})


def _hashes(placed: Placed, keys: Mapping[str, str]) -> Iterator[Hash]:
    project_id, event = placed.record.project_id, placed.event
    key = keys.get(project_id)
    if key is None:
        return
    ids = [*owners(event.user_id, event.anonymous_id)]
    ids += [id for sent in (event.anonymous_id, event.previous_id) if sent for id in (guest_id(sent), sent)]
    if merge := merge_of(event):
        ids += [merge.from_id, merge.into]
    for id in dict.fromkeys(ids):
        yield project_id, hash_id(key, id)
    if event.conversation_id:
        yield project_id, hash_conversation(key, event.conversation_id)


def _named(reject: Quarantined) -> tuple[str, ...]:
    """As far as what was sent can be read."""
    try:
        named = msgspec.json.decode(reject.raw, type=Named)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return ()
    return owners(named.user_id, named.anonymous_id)
