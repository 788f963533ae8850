"""At which hours of the week a project's questions come, by the clocks of a zone."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from ask0.schemas.conversations import QUESTION
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.insights import AT, DONE, SETTINGS, Period, Span
from ask0.warehouse.moments import read_rows
from ask0.warehouse.patterns import PARTS

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
OF_1970 = 3  # it began on a Thursday

HOURS = f"""
SELECT (intDiv(local, {DAY_MS}) + {OF_1970}) % 7 AS weekday, intDiv(local, {HOUR_MS}) % 24 AS hour, count() AS questions
FROM (
    SELECT {AT} AS at, roundDown(at, {{starts:Array(Int64)}}) AS offset_from,
           at + transform(offset_from, {{starts:Array(Int64)}}, {{ahead:Array(Int64)}}, 0) AS local
    FROM events WHERE {DONE} AND type = 'track' AND event = {{question:String}}
)
GROUP BY weekday, hour {SETTINGS}
"""


class Offset(NamedTuple):
    """How far a zone is ahead of UTC from a time on; both in ms."""

    start: int
    ahead: int


def read_active_hours(warehouse: Warehouse, project_id: str, period: Period) -> dict[str, Any]:
    """As `schemas.insights.ActiveHours`, without its times."""
    offsets = list(offsets_in(period.zone, period.now))
    bound = {
        **{"project": project_id, "question": QUESTION},
        **{"since": period.now.start, "until": period.now.end},
        **{"starts": [offset.start for offset in offsets], "ahead": [offset.ahead for offset in offsets]},
    }
    hours = [[0] * 24 for _ in range(7)]
    for row in read_rows(warehouse, HOURS, bound):
        hours[row["weekday"]][row["hour"]] = row["questions"]
    return {"questions": sum(map(sum, hours)), "hours": hours, "mostActive": _most_active(hours)}


def offsets_in(zone: ZoneInfo, span: Span) -> Iterator[Offset]:
    """The one at its start, and each that begins in it."""
    known = _ahead(zone, span.start)
    yield Offset(span.start, known)
    for start in range(span.start, span.end, HOUR_MS):
        end = min(start + HOUR_MS, span.end)
        if _ahead(zone, end) != known:
            while end - start > 1:  # `start` is before the change, `end` is not
                middle = (start + end) // 2
                start, end = (middle, end) if _ahead(zone, middle) == known else (start, middle)
            known = _ahead(zone, end)
            yield Offset(end, known)


def _ahead(zone: ZoneInfo, at: int) -> int:
    offset = datetime.fromtimestamp(at / 1000, UTC).astimezone(zone).utcoffset() or timedelta()
    return int(offset.total_seconds() * 1000)


def _most_active(hours: list[list[int]]) -> dict[str, Any] | None:
    slots: dict[tuple[str, str], int] = {}
    for weekday, of_day in enumerate(hours):
        for hour, questions in enumerate(of_day):
            slot = "weekdays" if weekday < 5 else "weekend", PARTS[hour // 6]
            slots[slot] = slots.get(slot, 0) + questions
    (days, part), most = max(slots.items(), key=lambda item: (item[1], item[0]))
    return {"days": days, "part": part, "share": most / sum(slots.values())} if most else None
