"""Whom a job is about: a list that is made once, and read page by page while the users change."""

import secrets
from collections.abc import Sequence
from typing import NamedTuple

from ask0.warehouse.connect import Warehouse
from ask0.warehouse.filters import Condition
from ask0.warehouse.mutations import mutate
from ask0.warehouse.user_changes import State
from ask0.warehouse.user_lists import WHOSE

FIND_SECONDS = 120  # of one thread: nobody waits, and others are to notice nothing
PAGE_SECONDS = 30

IDS = """
SELECT DISTINCT id FROM job_users WHERE list = {list:String} AND id > {after:String} ORDER BY id LIMIT {most:UInt32}
"""
# Not `users`: a guest who has become a user was known by both ids.
PAGE = f"""
SELECT wanted.id, found.id != '', found.survivor, found.changed_at, found.tags
FROM ({IDS}) AS wanted LEFT JOIN
(
    SELECT id, argMax(merged_into, _version) AS survivor, argMax(tag_names, _version) AS tags,
           toInt64(toUnixTimestamp64Milli(argMax(ifNull(updated_at, toDateTime64(0, 3)), _version))) AS changed_at
    FROM user_rows WHERE project_id = {{project:String}} AND id IN ({IDS}) GROUP BY id
) AS found ON wanted.id = found.id
ORDER BY wanted.id SETTINGS max_execution_time = {PAGE_SECONDS}, join_use_nulls = 0
"""
REFUSED = f"""
SELECT count() FROM quarantine_rows
WHERE project_id = {{project:String}} AND _log = {{log:String}}
  AND (_partition, _off) IN (SELECT arrayJoin(arrayZip({{partitions:Array(UInt16)}}, {{places:Array(UInt64)}})))
SETTINGS max_execution_time = {PAGE_SECONDS}
"""


class Listed(NamedTuple):
    """A user of the list as they are now; without a state nobody knows them."""

    id: str
    state: State | None


def find(warehouse: Warehouse, project_id: str, condition: Condition, list: str) -> None:
    """Puts everyone on the list for whom the condition holds now."""
    sql = (
        "INSERT INTO job_users (list, id) SELECT {list:String}, id FROM user_rows FINAL "
        f"WHERE {WHOSE} AND ({condition.sql})"
    )
    settings: dict[str, str | int | float] = {
        "max_execution_time": FIND_SECONDS,
        "max_threads": 1,
        "max_memory_usage": 2_000_000_000,
        "short_circuit_function_evaluation": "enable",
    }
    warehouse.command(sql, {"project": project_id, "list": list, **condition.parameters}, settings)


def name(warehouse: Warehouse, list: str, ids: Sequence[str]) -> None:
    """Puts these on the list; twice is as once."""
    warehouse.insert("job_users", {"list": [list] * len(ids), "id": [*ids]}, token=f"job_users:{list}")


def count(warehouse: Warehouse, list: str) -> int:
    rows = warehouse.query("SELECT uniqExact(id) FROM job_users WHERE list = {list:String}", {"list": list})
    return int(rows[0][0])


def read_ids(warehouse: Warehouse, list: str, place: int, most: int) -> Sequence[str]:
    """So many of the list, by id, without the first `place` ones."""
    sql = """
    SELECT DISTINCT id FROM job_users WHERE list = {list:String} ORDER BY id LIMIT {most:UInt32} OFFSET {place:UInt32}
    """
    return [id for (id,) in warehouse.query(sql, {"list": list, "place": place, "most": most})]


def read_after(warehouse: Warehouse, list: str, after: str, most: int) -> Sequence[str]:
    """The next ids of the list, in their order."""
    return [id for (id,) in warehouse.query(IDS, {"list": list, "after": after, "most": most})]


def read_page(warehouse: Warehouse, project_id: str, list: str, after: str, most: int) -> list[Listed]:
    """The next of the list, by id."""
    bound = {"project": project_id, "list": list, "after": after, "most": most}
    rows = warehouse.query(PAGE, bound)
    return [Listed(id, State(*state) if is_known else None) for id, is_known, *state in rows]


def remove(warehouse: Warehouse, list: str, ids: Sequence[str]) -> None:
    """Takes these off the list, bytes and all. No statement names them."""
    gone = f"{list}-gone-{secrets.token_hex(4)}"
    name(warehouse, gone, ids)
    sql = """
    ALTER TABLE job_users DELETE IN PARTITION {run:String}
    WHERE list = {run:String} AND id IN (SELECT id FROM job_users WHERE list = {gone:String})
    """
    mutate(warehouse, "job_users", sql, {"run": list, "gone": gone})
    forget(warehouse, gone)


def forget(warehouse: Warehouse, list: str) -> None:
    warehouse.command("ALTER TABLE job_users DROP PARTITION {list:String}", {"list": list})


def count_refused(warehouse: Warehouse, project_id: str, log_id: str, positions: Sequence[tuple[int, int]]) -> int:
    """How much of the records at these partitions and offsets is in the quarantine."""
    bound = {"project": project_id, "log": log_id, "places": [offset for _, offset in positions]}
    return int(warehouse.query(REFUSED, bound | {"partitions": [partition for partition, _ in positions]})[0][0])
