"""How long insights take over a million users and ten million events: found anew, and asked for again and again."""

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from ask0.warehouse.connect import Warehouse
from ask0.warehouse.funnel import read_funnel
from ask0.warehouse.insight_cohorts import months_of, read_cohorts
from ask0.warehouse.insight_journeys import read_journeys
from ask0.warehouse.insight_metrics import read_overview
from ask0.warehouse.insight_people import read_standing
from ask0.warehouse.insight_retention import read_retention, weeks_of
from ask0.warehouse.insights import period_of
from bench import api, users
from bench.paced import drive
from bench.stack import wait_for
from bench.users import PROJECT, Measured, timed

REPEATS = 5
DEPTH, NODES = 6, 8
ASKED = "journeys at 4/s for a minute, kept meanwhile"


def measure() -> Iterator[Measured]:
    with users.filled() as warehouse:
        # A table that has stood for a day has no merges left of a million rows a second.
        wait_for(lambda: warehouse.query("SELECT count() FROM system.merges") == [(0,)], "the merges", timeout=300)
        yield from _anew(warehouse)
    with api.a_million_users() as stack:
        asked = api.get(f"/insights/journeys?depth={DEPTH}&limit={NODES}")
        yield Measured(ASKED, drive(stack.port, [asked] * 240, 4))


def _anew(warehouse: Warehouse) -> Iterator[Measured]:
    zone, now = ZoneInfo("UTC"), datetime.now(UTC)
    period, months, weeks = period_of(now, 30, zone), months_of(now, 24, zone), weeks_of(now, 12, zone)
    steps = ("Feature Used", "Page Viewed", "Button Clicked")

    def journeys(start: str | None) -> object:
        return read_journeys(warehouse, PROJECT, period, start, DEPTH, NODES)

    yield timed("journeys of 30 days", lambda: journeys(None), REPEATS)
    yield timed("journeys from an event", lambda: journeys("Question Asked"), REPEATS)
    yield timed("cohorts of 24 months", lambda: read_cohorts(warehouse, PROJECT, months), REPEATS)
    yield timed("users by status, and NPS", lambda: read_standing(warehouse, PROJECT, ()), REPEATS)
    yield timed("overview of 30 days", lambda: read_overview(warehouse, PROJECT, period), REPEATS)
    yield timed("retention of 12 weeks", lambda: read_retention(warehouse, PROJECT, weeks), REPEATS)
    yield timed("funnel of 3 steps", lambda: read_funnel(warehouse, PROJECT, period, steps, 168), REPEATS)
