"""What is kept of segments: since when somebody is in them, and how many are."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from ask0.schemas.events import write_time
from ask0.warehouse.connect import Warehouse

SECONDS = 5
SINCE = f"""
SELECT segment_id, argMax(is_member, _version) AS is_in, toUnixTimestamp64Milli(argMax(since, _version))
FROM member_rows WHERE project_id = {{project:String}} AND user_id = {{user:String}}
GROUP BY segment_id HAVING is_in SETTINGS max_execution_time = {SECONDS}
"""
OF_SEGMENT = "project_id = {project:String} AND segment_id = {segment:String}"
SIZE = f"""
SELECT argMax(size, _at), count(),
       (SELECT argMax(definition, _version) FROM segment_marks WHERE {OF_SEGMENT}),
       (SELECT argMax(reached, _version) FROM segment_marks WHERE project_id = '' AND segment_id = '')
FROM segment_sizes WHERE {OF_SEGMENT} SETTINGS max_execution_time = {SECONDS}
"""
HISTORY = f"""
SELECT toString(toDate(hour)) AS day, argMax(size, _at) FROM segment_sizes
WHERE {OF_SEGMENT} AND hour >= toDateTime({{since:String}}, 'UTC')
GROUP BY day SETTINGS max_execution_time = {SECONDS}
"""


class Size(NamedTuple):
    """How many were in a segment at a time, epoch ms."""

    members: int
    at: int


def read_since(warehouse: Warehouse, project_id: str, user_id: str) -> dict[str, str]:
    """By segment that the user is in."""
    rows = warehouse.query(SINCE, {"project": project_id, "user": user_id})
    return {segment_id: write_time(since) for segment_id, _, since in rows}


def read_size(warehouse: Warehouse, project_id: str, segment_id: str, definition: str) -> Size | None:
    """None unless it is known of this definition."""
    rows = warehouse.query(SIZE, {"project": project_id, "segment": segment_id})
    members, found, known, reached = rows[0]
    return Size(int(members), int(reached) // 1_000) if found and known == definition else None


def read_history(warehouse: Warehouse, project_id: str, segment_id: str, days: int) -> list[dict[str, Any]]:
    """At the end of each UTC day, today's until now; null of those before it was first known."""
    today = datetime.now(UTC).date()
    dates = [(today - timedelta(days=ago)).isoformat() for ago in reversed(range(days))]
    bound = {"project": project_id, "segment": segment_id, "since": f"{dates[0]} 00:00:00"}
    found = dict(warehouse.query(HISTORY, bound))
    history: list[dict[str, Any]] = []
    size: int | None = None
    for date in dates:
        size = int(found[date]) if date in found else size
        history.append({"date": date, "size": size})
    return history
