"""Who is where: asked of ClickHouse for users who may have moved, or for everyone when a segment becomes another."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ask0.catalog.definitions import LiveSegment
from ask0.consumers.tables.round_keys import RoundKeys
from ask0.schemas.events import write_time
from ask0.schemas.filters import types
from ask0.schemas.filters.dates import Clock, read_duration
from ask0.schemas.filters.inline import leaves
from ask0.schemas.filters.types import Filter
from ask0.schemas.segment_moves import Cause
from ask0.schemas.segments import PLAN, SYSTEM
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.filters import Compiling, Condition, compile_filter
from ask0.warehouse.user_lists import MOST_PLAN_BYTES, MOST_PLANS

AT_ONCE = 20  # conditions in one statement …
MOST_TOGETHER = 100_000  # … and characters of their conditions, and of the parameters
MOST_CROSSING = 50_001
RELATIVE = ("inLast", "notInLast")

ONE_THREAD = "max_threads = 1, max_memory_usage = 2000000000"
FEW = f"SETTINGS max_execution_time = 5, {ONE_THREAD}"
ALL = f"SETTINGS max_execution_time = 60, {ONE_THREAD}"

KEYS = "(SELECT key FROM round_keys WHERE round = {round:UInt64} AND kind = 'user')"
IN_PROJECT = "user_rows.project_id = {project:String} AND user_rows.merged_into = ''"
MEMBERS = """
SELECT user_id FROM member_rows FINAL
WHERE project_id = {project:String} AND segment_id = {segment:String} AND is_member
"""
HOLDS = f"""
SELECT user_rows.id, user_rows.merged_into != '' AS is_merged,
       if(is_merged, [], arrayFilter((segment, holds) -> holds, {{segments:Array(String)}}, [{{conditions}}]))
FROM user_rows FINAL WHERE user_rows.project_id = {{project:String}} AND user_rows.id IN {KEYS} {FEW}
"""
KEPT = f"""
SELECT user_id, groupArray(segment_id) FROM member_rows FINAL
WHERE project_id = {{project:String}} AND user_id IN {KEYS} AND is_member GROUP BY user_id {FEW}
"""
# Where they were, and since when.
ENDED = f"""
SELECT user_id, segment_id, is_member, toUnixTimestamp64Milli(since) FROM member_rows FINAL
WHERE project_id = {{project:String}} AND segment_id IN {{segments:Array(String)}} AND user_id IN (
    SELECT key FROM round_keys WHERE round = {{round:UInt64}} AND kind = 'moved'
) {FEW}
"""
ROW = "fromUnixTimestamp64Milli({at:Int64}, 'UTC'), {cause:String}, {version:UInt64}"
INTO = "INSERT INTO member_rows (project_id, user_id, segment_id, is_member, since, cause, _version)"
ENTER = f"""
{INTO} SELECT {{project:String}}, user_rows.id, {{segment:String}}, true, {ROW} FROM user_rows FINAL
WHERE {IN_PROJECT} AND {{condition}} AND user_rows.id NOT IN ({MEMBERS}) {ALL}
"""
LEAVE = f"""
{INTO} SELECT {{project:String}}, user_id, {{segment:String}}, false, {ROW} FROM ({MEMBERS})
WHERE user_id NOT IN (SELECT user_rows.id FROM user_rows FINAL WHERE {IN_PROJECT} AND {{condition}}) {ALL}
"""
CROSSED = f"""
SELECT DISTINCT user_rows.id FROM user_rows WHERE {IN_PROJECT} AND {{condition}} LIMIT {MOST_CROSSING} {FEW}
"""


# Of every project; the plans that most users of each are on.
OWN_SIZES = f"""
SELECT project_id, {{counts}} FROM user_rows FINAL WHERE user_rows.merged_into = '' GROUP BY project_id {ALL}
"""
PLAN_SIZES = f"""
SELECT project_id, plan, count() AS users FROM user_rows FINAL
WHERE merged_into = '' AND plan != '' AND length(plan) <= {MOST_PLAN_BYTES}
GROUP BY project_id, plan ORDER BY project_id, users DESC, plan LIMIT {MOST_PLANS} BY project_id {ALL}
"""


class Moved(NamedTuple):
    """A user who is where they were not. `ended` is since when, epoch ms, 0 if they were never in the segment."""

    user_id: str
    segment_id: str
    is_in: bool
    ended: int
    is_merged: bool  # the user has become another, who is in the segment in their place


def read_now(warehouse: Warehouse) -> int:
    """The server's time in µs, as rows have it for their versions."""
    return int(warehouse.query("SELECT toUnixTimestamp64Micro(now64(6))")[0][0])


def find_moved(
    warehouse: Warehouse, project_id: str, segments: Sequence[LiveSegment], compiling: Compiling, users: Sequence[str]
) -> tuple[int, list[Moved]]:
    """Those of the users, in order of their ids, and the server's time, in µs, before it looked."""
    version = read_now(warehouse)
    keys = RoundKeys(warehouse)
    keys.add("user", [(project_id, user_id) for user_id in users])
    keys.store()
    bound = {"project": project_id, "round": keys.round}
    live = {segment.id for segment in segments}
    kept = {user_id: live.intersection(ids) for user_id, ids in warehouse.query(KEPT, bound)}
    merged: dict[str, bool] = {}
    now: dict[str, set[str]] = {}
    for some, conditions in _together(segments, replace(compiling, users=KEYS)):
        sql = _filled(HOLDS, conditions=", ".join(f"toBool(ifNull({each.sql}, false))" for each in conditions))
        asked = {**_bound(project_id, conditions), **bound, "segments": [segment.id for segment in some]}
        for user_id, is_merged, ids in warehouse.query(sql, asked):
            merged[user_id] = bool(is_merged)
            now.setdefault(user_id, set()).update(ids)
    moved = [(user_id, id) for user_id, ids in now.items() for id in ids ^ kept.get(user_id, set())]
    ended = _read_ended(warehouse, keys, project_id, moved)
    keys.check()
    found: list[Moved] = []
    for user_id, id in moved:
        was_in, since = ended.get((user_id, id), (False, 0))
        is_in = id in now[user_id]
        if was_in != is_in:  # else another worker, which led before, has moved and told it meanwhile
            found.append(Moved(user_id, id, is_in, since, merged[user_id]))
    return version, sorted(found)


def _read_ended(
    warehouse: Warehouse, keys: RoundKeys, project_id: str, moved: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], tuple[bool, int]]:
    if not moved:
        return {}
    keys.add("moved", {(project_id, user_id) for user_id, _ in moved})
    keys.store()
    bound = {"project": project_id, "round": keys.round, "segments": sorted({id for _, id in moved})}
    rows = warehouse.query(ENDED, bound)
    return {(user_id, id): (bool(is_member), int(since)) for user_id, id, is_member, since in rows}


def move_all(
    warehouse: Warehouse, project_id: str, segment_id: str, filter: Filter, compiling: Compiling, cause: Cause
) -> None:
    """Everyone into the segment who belongs there, and everyone else out of it."""
    version = read_now(warehouse)
    condition = compile_filter(filter, compiling)
    bound = {
        **condition.parameters,
        "project": project_id,
        "segment": segment_id,
        "at": version // 1_000,
        "cause": cause,
        "version": version,
    }
    for sql in (ENTER, LEAVE):
        warehouse.command(_filled(sql, condition=condition.sql), bound)


def count_own(warehouse: Warehouse, clock: Clock) -> dict[tuple[str, str], int]:
    """How many are in each of the product's own segments, by project and segment."""
    conditions = [
        compile_filter(segment.filter, Compiling(clock, prefix=f"of_{number}"))
        for number, segment in enumerate(SYSTEM.values())
    ]
    sql = _filled(OWN_SIZES, counts=", ".join(f"countIf({each.sql})" for each in conditions))
    sizes: dict[tuple[str, str], int] = {}
    for project_id, *counts in warehouse.query(sql, _bound("", conditions)):
        sizes |= {(project_id, id): int(count) for id, count in zip(SYSTEM, counts, strict=True)}
    for project_id, plan, users in warehouse.query(PLAN_SIZES):
        sizes[project_id, PLAN + plan] = int(users)
    return sizes


def find_crossing(
    warehouse: Warehouse, project_id: str, segments: Sequence[LiveSegment], compiling: Compiling, since: int
) -> list[str]:
    """Users for whom time alone may have changed something since then, epoch ms; MOST_CROSSING if there are more."""
    found: dict[str, None] = {}
    for conditions in _fitting(crossings([segment.filter for segment in segments], compiling, since)):
        sql = _filled(CROSSED, condition=f"({' OR '.join(each.sql for each in conditions)})")
        found |= dict.fromkeys(str(id) for (id,) in warehouse.query(sql, _bound(project_id, conditions)))
    return list(found)


def crossings(filters: Sequence[Filter], compiling: Compiling, since: int) -> Iterator[Condition]:
    """Each is true of those for whom an answer that time changes was another one before."""
    asked = dict.fromkeys(leaf for filter in filters for _, leaf in leaves(filter))
    for number, leaf in enumerate(asked):
        if isinstance(leaf, types.Trait) and leaf.op in RELATIVE:
            clock = Clock(since, compiling.clock.zone)
            then = compile_filter(leaf, replace(compiling, clock=clock, prefix=f"then_{number}"))
            now = compile_filter(leaf, replace(compiling, prefix=f"now_{number}"))
            yield Condition(f"({then.sql} != {now.sql})", then.parameters | now.parameters)
        elif isinstance(leaf, types.Did) and (left := _leaving(leaf, compiling.clock.now, since)):
            yield compile_filter(left, replace(compiling, prefix=f"did_{number}"))


def _leaving(did: types.Did, now: int, since: int) -> types.Did | None:
    """Who did it at a time that `when` has left meanwhile."""
    if did.where is not None and any(getattr(leaf, "op", "") in RELATIVE for _, leaf in leaves(did.where)):
        return types.Did(did.event)
    if did.when is None or did.when.op != "last":
        return None
    length = read_duration(did.when.values[0]) or 0
    return types.Did(did.event, when=types.When("between", (write_time(since - length), write_time(now - length))))


def _together(
    segments: Sequence[LiveSegment], compiling: Compiling
) -> Iterator[tuple[list[LiveSegment], list[Condition]]]:
    """As many as fit into one statement."""
    rest = list(segments)
    for conditions in _fitting(
        compile_filter(segment.filter, replace(compiling, prefix=f"of_{number}"))
        for number, segment in enumerate(segments)
    ):
        some, rest = rest[: len(conditions)], rest[len(conditions) :]
        yield some, conditions


def _fitting(conditions: Iterable[Condition]) -> Iterator[list[Condition]]:
    some: list[Condition] = []
    size = 0
    for condition in conditions:
        length = len(condition.sql) + sum(len(str(value)) for value in condition.parameters.values())
        if some and (len(some) == AT_ONCE or size + length > MOST_TOGETHER):
            yield some
            some, size = [], 0
        some.append(condition)
        size += length
    if some:
        yield some


def _filled(sql: str, **parts: str) -> str:
    """Not by `format`: the braces of parameters stay."""
    for name, part in parts.items():
        sql = sql.replace(f"{{{name}}}", part)
    return sql


def _bound(project_id: str, conditions: Sequence[Condition]) -> Mapping[str, Any]:
    bound: dict[str, Any] = {"project": project_id}
    for condition in conditions:
        bound |= condition.parameters
    return bound
