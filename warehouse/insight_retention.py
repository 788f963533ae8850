"""Who stays: of those who were first met in a week, how many did something in each week after it."""

from collections.abc import Sequence
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
# Of a user the weeks are the bits of one number: a pair for each week would need far more memory.
ACTIVE = f"""
SELECT cohort, arrayJoin(bitPositionsToArray(weeks)) AS week, count() AS users
FROM (
    SELECT user_id, groupBitOr(bitShiftLeft(toUInt64(1), {PLACE})) AS weeks
    FROM (SELECT user_id, {AT} AS at FROM events WHERE {DONE}) GROUP BY user_id
) AS done INNER JOIN (SELECT id, {PLACE} AS cohort FROM ({PEOPLE})) AS people ON done.user_id = people.id
WHERE week >= cohort GROUP BY cohort, week {SETTINGS}
"""


class Weeks(NamedTuple):
    """Mondays of a zone's calendar, where they begin, and how far the last week has gone; times as epoch ms."""

    days: Sequence[date]
    starts: Sequence[int]
    until: int
    zone: ZoneInfo

    @property
    def shown(self) -> dict[str, str]:
        return {"tz": self.zone.key, "from": write_time(self.starts[0]), "until": write_time(self.until)}


def weeks_of(now: datetime, weeks: int, zone: ZoneInfo, last: date | None = None) -> Weeks:
    """Up to and with the week of `last`, which is today unless it is given; up to `now` at most."""
    today = last or now.astimezone(zone).date()
    monday = today - timedelta(days=today.weekday())
    days = [monday - WEEK * number for number in reversed(range(weeks))]
    *starts, end = midnights([*days, monday + WEEK], zone)
    return Weeks(days, starts, min(end, int(now.timestamp() * 1000)), zone)


def read_retention(warehouse: Warehouse, project_id: str, weeks: Weeks) -> dict[str, Any]:
    """As `schemas.insights.Retention`, without its times."""
    number = len(weeks.days)
    bound = {
        **{"project": project_id, "since": weeks.starts[0], "until": weeks.until},
        **{"starts": list(weeks.starts), "places": list(range(number))},
    }
    sizes = {row["cohort"]: row["users"] for row in read_rows(warehouse, SIZES, bound)}
    active = {(row["cohort"], row["week"]): row["users"] for row in read_rows(warehouse, ACTIVE, bound)}
    cohorts = []
    for place, day in enumerate(weeks.days):
        users, own = sizes.get(place, 0), [active.get((place, week), 0) for week in range(place, number)]
        shares = [one / users for one in own] if users else []
        cohorts.append({"week": day.isoformat(), "users": users, "active": own, "shares": shares})
    return {"cohorts": cohorts}
