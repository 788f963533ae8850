"""Who stays: of those who were first met in a week, how many did something in each week after it."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from ask0.schemas.events import write_time
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.insight_metrics import PEOPLE
from ask0.warehouse.insights import AT, DONE, SETTINGS
from ask0.warehouse.moments import read_rows
from ask0.warehouse.user_events import midnights

WEEK = timedelta(days=7)

PLACE = "transform(roundDown(at, {starts:Array(Int64)}), {starts:Array(Int64)}, {places:Array(UInt8)}, 0)"
SIZES = f"SELECT {PLACE} AS cohort, count() AS users FROM ({PEOPLE}) GROUP BY cohort {SETTINGS}"


def active_of(people: str) -> str:
    """SQL: of those people, an id and a time each, how many of each cohort were active in its own span and in each
    after it."""
    # Of a user the spans are the bits of one number, and who they are is a hash: a pair for each span, or a join by
    # ids, would need far more memory.
    return f"""
    SELECT cohort, arrayJoin(bitPositionsToArray(spans)) AS span, count() AS users
    FROM (
        SELECT groupBitOr(bit) AS spans, toInt16(max(came)) - 1 AS cohort
        FROM (
            SELECT cityHash64(user_id) AS who, bitShiftLeft(toUInt64(1), {PLACE}) AS bit, toUInt8(0) AS came
            FROM (SELECT user_id, {AT} AS at FROM events WHERE {DONE})
            UNION ALL
            SELECT cityHash64(id) AS who, toUInt64(0) AS bit, toUInt8({PLACE} + 1) AS came FROM ({people})
        )
        GROUP BY who HAVING cohort >= 0
    )
    WHERE span >= cohort GROUP BY cohort, span {SETTINGS}
    """


ACTIVE = active_of(PEOPLE)


class Calendar(NamedTuple):
    """First days of weeks or months of a zone, where these begin, and how far the last has gone; times as epoch ms."""

    days: Sequence[date]
    starts: Sequence[int]
    until: int
    zone: ZoneInfo

    @property
    def shown(self) -> dict[str, str]:
        return {"tz": self.zone.key, "from": write_time(self.starts[0]), "until": write_time(self.until)}

    @property
    def bound(self) -> dict[str, Any]:
        """For PLACE and what is IN_TIME."""
        starts = {"starts": list(self.starts), "places": list(range(len(self.starts)))}
        return {"since": self.starts[0], "until": self.until, **starts}


def weeks_of(now: datetime, weeks: int, zone: ZoneInfo, last: date | None = None) -> Calendar:
    """Up to and with the week of `last`, which is today unless it is given; up to `now` at most."""
    today = last or now.astimezone(zone).date()
    monday = today - timedelta(days=today.weekday())
    days = [monday - WEEK * number for number in reversed(range(weeks))]
    *starts, end = midnights([*days, monday + WEEK], zone)
    return Calendar(days, starts, min(end, int(now.timestamp() * 1000)), zone)


def read_retention(warehouse: Warehouse, project_id: str, weeks: Calendar) -> dict[str, Any]:
    """As `schemas.insights.Retention`, without its times."""
    bound = {"project": project_id, **weeks.bound}
    sizes = {row["cohort"]: row["users"] for row in read_rows(warehouse, SIZES, bound)}
    active = {(row["cohort"], row["span"]): row["users"] for row in read_rows(warehouse, ACTIVE, bound)}
    return {
        "cohorts": [
            {"week": day.isoformat(), **stayed(place, len(weeks.days), sizes.get(place, 0), active)}
            for place, day in enumerate(weeks.days)
        ]
    }


def stayed(place: int, spans: int, users: int, active: Mapping[tuple[int, int], int]) -> dict[str, Any]:
    """Of one cohort: how many they are, how many were active in its own span and in each after it, and their parts."""
    own = [active.get((place, span), 0) for span in range(place, spans)]
    return {"users": users, "active": own, "shares": [one / users for one in own] if users else []}
