"""Which users are one: the merges that stand, as far as a round has to know them.

A user merged into another points at that one, who may point at a third. merges.py lets no circle stand, and nothing too
deep or too large. Should one come about after all, as when a log is given another number of partitions, then the merge
of it that was made last does not hold.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from ask0.consumers.tables.round_keys import RoundKeys, among
from ask0.eventlog.log import Chunk
from ask0.schemas.user_merges import MAX_DEPTH
from ask0.warehouse.connect import Warehouse

MAX_LEVELS = 2 * MAX_DEPTH + 1  # from anyone of a family up, and down to all others

Key = tuple[str, str]  # project, user

ANY = "SELECT count() FROM user_merges"  # which no row is read for
PROJECTS = """
SELECT DISTINCT project_id FROM user_merges
WHERE project_id IN (SELECT project_id FROM round_keys WHERE round = {round:UInt64})
"""
MERGES = f"""
SELECT project_id, id, from_id, toInt64(toUnixTimestamp64Milli(max(at))), argMax(into, at) FROM user_merges
WHERE {among("project_id", "id", "relative")} AND {{condition}}
GROUP BY project_id, id, from_id
"""
OWN = "id = from_id"
BEFORE = "NOT (_log = {log:String} AND _partition = {partition:UInt16} AND _off >= {lo:UInt64})"


@dataclass
class Families:
    """Of those who were asked for, and of everyone on the way."""

    into: dict[Key, tuple[int, str]] = field(default_factory=dict)  # of who was ever merged: since when, '' if undone
    below: dict[Key, set[str]] = field(default_factory=dict)  # who stands merged into a user directly

    def root(self, key: Key) -> str:
        """The user who is left; who was never merged, that is the same one."""
        project_id, id = key
        passed = [id]
        while after := self.into.get((project_id, id), (0, ""))[1]:
            if after in passed:
                circle = passed[passed.index(after) :]
                return max(circle, key=lambda one: (self.into[project_id, one][0], one))
            passed.append(after)
            id = after
        return id

    def roots(self, users: Iterable[Key]) -> dict[Key, str]:
        """Of those who are merged into somebody."""
        return {key: root for key in users if key in self.into and (root := self.root(key)) != key[1]}

    def subtree(self, key: Key) -> set[Key]:
        """The user, and everyone merged into them, directly or not."""
        found, rest = {key}, [key]
        while rest:
            top = rest.pop()
            more = {(top[0], id) for id in self.below.get(top, ())} - found
            found |= more
            rest += more
        return found

    def height(self, key: Key) -> int:
        """How many merges lead to the user, one after the other."""
        project_id, _ = key
        level, height = {key}, -1
        while level and height < MAX_LEVELS:
            height += 1
            level = {(project_id, id) for one in level for id in self.below.get(one, ())}
        return height

    def depth(self, key: Key) -> int:
        """How many lead from the user to the one who is left."""
        depth = 0
        while (after := self.into.get(key, (0, ""))[1]) and depth < MAX_LEVELS:
            key, depth = (key[0], after), depth + 1
        return depth

    @property
    def users(self) -> set[Key]:
        return {*self.into, *self.below, *((project_id, id) for (project_id, _), (_, id) in self.into.items() if id)}


def read_merging(warehouse: Warehouse, keys: RoundKeys) -> set[str]:
    """The projects of a round's keys where anyone was ever merged: mostly none, and nothing else needs to be asked."""
    if warehouse.query(ANY) == [(0,)]:
        return set()
    return {project_id for (project_id,) in warehouse.query(PROJECTS, {"round": keys.round})}


def read_roots(warehouse: Warehouse, users: Collection[Key]) -> Families:
    """Upward only: what `root` needs."""
    return _read(warehouse, users, OWN, {})


def read_families(warehouse: Warehouse, users: Collection[Key], before: Chunk | None = None) -> Families:
    """Whole families; with a chunk, as they were before what is in it."""
    if before is None:
        return _read(warehouse, users, "true", {})
    bound = {"log": before.log_id, "partition": before.partition, "lo": before.lo}
    return _read(warehouse, users, BEFORE, bound)


def _read(warehouse: Warehouse, users: Collection[Key], condition: str, bound: dict[str, object]) -> Families:
    families, known, level = Families(), set(users), set(users)
    sql = MERGES.replace("{condition}", condition)
    for _ in range(MAX_LEVELS):
        if not level:
            break
        keys = RoundKeys(warehouse)
        keys.add("relative", level)
        keys.store()
        found: set[Key] = set()
        for project_id, id, from_id, at, into in warehouse.query(sql, {"round": keys.round, **bound}):
            if (project_id, id) not in level:
                continue
            if id == from_id:
                families.into[project_id, id] = at, into
                found.add((project_id, into))
            elif into:
                families.below.setdefault((project_id, id), set()).add(from_id)
                found.add((project_id, from_id))
        keys.check()
        level = {key for key in found - known if key[1]}
        known |= level
    return families
