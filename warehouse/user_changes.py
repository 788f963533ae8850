"""What became of changes of users."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple, TypeVar

from ask0.warehouse.connect import PARAMETER_CHARACTERS, Warehouse

SECONDS = 5
STORED = f"""
SELECT id, any(digest) FROM user_changes
WHERE project_id = {{project:String}} AND user_id IN {{users:Array(String)}} AND id IN {{ids:Array(String)}}
GROUP BY id SETTINGS max_execution_time = {SECONDS}
"""
# Not `users`: a guest who has become a user was known by both ids.
STATES = f"""
SELECT id, argMax(merged_into, _version), toInt64(toUnixTimestamp64Milli(argMax(ifNull(updated_at, toDateTime64(0, 3)),
       _version))), argMax(tag_names, _version)
FROM user_rows WHERE project_id = {{project:String}} AND id IN {{ids:Array(String)}}
GROUP BY id SETTINGS max_execution_time = {SECONDS}
"""
REFUSED = f"""
SELECT reason FROM quarantine_rows
WHERE project_id = {{project:String}} AND _log = {{log:String}}
  AND (_partition, _off) IN (SELECT arrayJoin(arrayZip({{partitions:Array(UInt16)}}, {{places:Array(UInt64)}})))
ORDER BY _idx LIMIT 1 SETTINGS max_execution_time = {SECONDS}
"""

Item = TypeVar("Item")

AT_ONCE = PARAMETER_CHARACTERS // 1_024  # ids of 255 characters, each of which may take two in a parameter


class State(NamedTuple):
    """What a change of a user is made from. `updated_at` is epoch ms, 0 if nothing was ever said."""

    merged_into: str
    updated_at: int
    tags: int  # those taken off too


def read_digests(warehouse: Warehouse, project_id: str, changes: Sequence[tuple[str, str]]) -> dict[str, str]:
    """By the id of a change, the digest of the request that made it; `changes` are (user, id of the change). One that
    is not there was not applied."""
    found: dict[str, str] = {}
    for page in _pages(changes, AT_ONCE // 2):
        users, ids = (sorted({pair[place] for pair in page}) for place in (0, 1))
        found |= dict(warehouse.query(STORED, {"project": project_id, "users": users, "ids": ids}))
    return found


def read_refusal(
    warehouse: Warehouse, project_id: str, log_id: str, positions: Sequence[tuple[int, int]]
) -> str | None:
    """Why something of the records at these partitions and offsets is in the quarantine; None if nothing is."""
    bound = {"project": project_id, "log": log_id, "places": [offset for _, offset in positions]}
    found = warehouse.query(REFUSED, bound | {"partitions": [partition for partition, _ in positions]})
    return str(found[0][0]) if found else None


def read_states(warehouse: Warehouse, project_id: str, ids: Sequence[str]) -> dict[str, State]:
    """Of those that are known, by id; of one who was merged away, the state of the one who is left."""
    found: dict[str, State] = {}
    for page in _pages(ids, AT_ONCE):
        rows = warehouse.query(STATES, {"project": project_id, "ids": list(page)})
        found |= {id: State(*state) for id, *state in rows}
    if merged := {state.merged_into for state in found.values() if state.merged_into}.difference(ids):
        left = read_states(warehouse, project_id, [*merged])
        found = {id: _of_left(state, {**found, **left}) for id, state in found.items()}
    return found


def _of_left(state: State, others: Mapping[str, State]) -> State:
    left = others.get(state.merged_into)
    return left._replace(merged_into=left.merged_into or state.merged_into) if left else state


def _pages(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    rest = iter(items)
    while page := list(islice(rest, size)):
        yield page
