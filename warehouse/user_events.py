"""What one user did: the events, newest first, and how many there were on each day."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import orjson

from ask0.schemas.segment_moves import MOVE
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.moments import SETTINGS, Moment, Page, earlier, place, read_rows
from ask0.warehouse.whose import Person

OF_USER = "project_id = {project:String} AND user_id = {user:String}"
BY_USER = f"{OF_USER} AND type != '{MOVE}'"  # what they did: coming into a segment is nothing of that kind
NAMED = "(event = {event:String} OR {event:String} = '')"  # empty for any name

# Which events are on the page is asked of narrow columns alone: JSON is read of those that are.
EVENTS = f"""
SELECT message_id, type, event, sent_user_id, anonymous_id, timestamp, occurred_at, received_at, conversation_id,
       group_id, properties, context, sent_properties, sent_context, browser, os, device,
       {place("occurred_at")} AS at
FROM events
WHERE {OF_USER} AND message_id IN (
    SELECT message_id FROM events
    WHERE {OF_USER} AND {NAMED} AND {earlier("occurred_at", "message_id")}
    ORDER BY occurred_at DESC, message_id DESC LIMIT {{limit:UInt32}}
)
ORDER BY at DESC, message_id DESC {SETTINGS}
"""
COUNTS = f"""
SELECT roundDown({place("occurred_at")}, {{starts:Array(Int64)}}) AS start, count() AS events FROM events
WHERE {BY_USER} AND {NAMED}
  AND {place("occurred_at")} >= {{since:Int64}} AND {place("occurred_at")} < {{until:Int64}}
GROUP BY start {SETTINGS}
"""


class Day(NamedTuple):
    """From one local midnight to the next, as epoch ms."""

    date: date
    start: int
    end: int


def read_events(warehouse: Warehouse, person: Person, event: str, after: Moment, limit: int) -> Page:
    """Only those of that name, unless it is empty."""
    bound = {**person.bound, "limit": limit + 1, **after.bound, "event": event}
    found = read_rows(warehouse, EVENTS, bound)
    page = found[:limit]
    last = Moment(page[-1]["at"], page[-1]["message_id"]) if len(found) > limit else None
    return Page([show_event(row) for row in page], last)


def count_days(warehouse: Warehouse, person: Person, event: str, days: Sequence[Day]) -> list[dict[str, Any]]:
    """Of each day, those without an event too."""
    starts = [day.start for day in days]
    bound = {**person.bound, "starts": starts, "since": starts[0], "until": days[-1].end, "event": event}
    rows = read_rows(warehouse, COUNTS, bound)
    counts = {row["start"]: row["events"] for row in rows}
    return [{"day": day.date.isoformat(), "count": counts.get(day.start, 0)} for day in days]


def last_days(now: datetime, days: int, zone: ZoneInfo) -> list[Day]:
    """Up to and with today, by that zone's calendar."""
    today = now.astimezone(zone).date()
    first = today - timedelta(days=days - 1)
    dates = [first + timedelta(days=number) for number in range(days + 1)]
    return [Day(one, *bounds) for one, bounds in zip(dates, pairwise(midnights(dates, zone)), strict=False)]


def midnights(dates: Sequence[date], zone: ZoneInfo) -> Iterator[int]:
    for one in dates:
        local = datetime(one.year, one.month, one.day, tzinfo=zone)
        yield int(local.astimezone(UTC).timestamp() * 1000)


def properties_of(row: dict[str, Any]) -> Any:
    """As they were sent, where the column cannot say it."""
    return orjson.loads(row["sent_properties"]) if row["sent_properties"] else row["properties"]


def show_event(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "messageId": row["message_id"],
        "type": row["type"],
        "event": row["event"] or None,
        "timestamp": row["timestamp"],
        "occurredAt": row["occurred_at"],
        "receivedAt": row["received_at"],
        "sentUserId": row["sent_user_id"] or None,
        "anonymousId": row["anonymous_id"] or None,
        "conversationId": row["conversation_id"] or None,
        "groupId": row["group_id"] or None,
        "properties": properties_of(row),
        "context": orjson.loads(row["sent_context"]) if row["sent_context"] else row["context"],
        "browser": row["browser"] or None,
        "os": row["os"] or None,
        "device": row["device"] or None,
    }
