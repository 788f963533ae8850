"""What a whole project looks like over some days: numbers, topics, hours, questions nobody answered."""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Concatenate, ParamSpec
from zoneinfo import ZoneInfo

import orjson
from pydantic import BaseModel
from starlette.middleware import Middleware
from starlette.responses import Response

from ask0.gateway.api.definitions import ProjectDefinitions
from ask0.gateway.api.kept import Kept
from ask0.gateway.api.paths import BASE, project_of
from ask0.gateway.api.reading import Reading, zone_of
from ask0.gateway.api.route import ApiRoute
from ask0.gateway.callers import Access
from ask0.gateway.entrance import Entrance
from ask0.gateway.groups import Group
from ask0.gateway.operations import Asked, Operation
from ask0.gateway.questions import Questions
from ask0.schemas import insights as shown
from ask0.schemas.events import write_time
from ask0.schemas.ids import is_text
from ask0.schemas.listing import ListingInvalid
from ask0.schemas.scopes import Scope
from ask0.warehouse.active_hours import read_active_hours
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.event_catalog import read_event_catalog
from ask0.warehouse.funnel import read_funnel
from ask0.warehouse.insight_cohorts import months_of, read_cohorts
from ask0.warehouse.insight_journeys import read_journeys
from ask0.warehouse.insight_metrics import read_overview, read_trend
from ask0.warehouse.insight_people import read_standing
from ask0.warehouse.insight_retention import read_retention, weeks_of
from ask0.warehouse.insight_topics import read_topics
from ask0.warehouse.insights import Period, period_of
from ask0.warehouse.unanswered import read_unanswered

P = ParamSpec("P")
Found = dict[str, Any]

INSIGHTS = f"{BASE}/insights"
OF_USERS: tuple[Scope, ...] = ("users:read", "events:read")  # what tells of their plans and answers too
LONGEST = 600.0  # seconds that an answer is kept which took long to find, and has no texts that people wrote


class Insights:
    """Each is kept for a while, and says as of when it is."""

    def __init__(self, reading: Reading, defined: ProjectDefinitions, kept: Kept | None = None) -> None:
        self._reading = reading
        self._deactivations = defined.deactivations
        self._kept = kept or Kept()

    async def overview(self, asked: Asked) -> Response:
        query, zone = asked.query, _zone_of(asked)

        async def find() -> Found:
            period = period_of(datetime.now(UTC), query.days, zone, query.until)
            deactivated = [*self._deactivations.ids(project_of(asked))]
            standing = await self._reading.of_project(read_standing, asked, deactivated)
            return period.shown | standing | await self._reading.of_project(read_overview, asked, period)

        return await self._keep(asked, find)

    async def trends(self, asked: Asked) -> Response:
        return await self._of_days(asked, read_trend, asked.query.metric)

    async def topics(self, asked: Asked) -> Response:
        return await self._of_days(asked, read_topics, asked.query.sort, asked.query.limit)

    async def active_hours(self, asked: Asked) -> Response:
        return await self._of_days(asked, read_active_hours)

    async def unanswered(self, asked: Asked) -> Response:
        return await self._of_days(asked, read_unanswered, asked.query.topic, asked.query.limit)

    async def funnel(self, asked: Asked) -> Response:
        project_of(asked)  # to whom it does not belong, nothing is said of the rest
        return await self._of_days(asked, read_funnel, shown.steps_of(asked.query.steps), asked.query.hours)

    async def retention(self, asked: Asked) -> Response:
        query, zone = asked.query, _zone_of(asked)

        async def find() -> Found:
            weeks = weeks_of(datetime.now(UTC), query.weeks, zone, query.until)
            return weeks.shown | await self._reading.of_project(read_retention, asked, weeks)

        return await self._keep(asked, find)

    async def cohorts(self, asked: Asked) -> Response:
        query, zone = asked.query, _zone_of(asked)

        async def find() -> Found:
            months = months_of(datetime.now(UTC), query.months, zone, query.until)
            return months.shown | await self._reading.of_project(read_cohorts, asked, months)

        return await self._keep(asked, find, LONGEST)

    async def journeys(self, asked: Asked) -> Response:
        query, zone = asked.query, _zone_of(asked)
        if query.start is not None and not is_text(query.start):
            raise ListingInvalid("start", "this holds half of a surrogate pair, which no name of an event has")

        async def find() -> Found:
            period = period_of(datetime.now(UTC), query.days, zone, query.until)
            asks = query.start, query.depth, query.limit
            return period.shown | await self._reading.of_project(read_journeys, asked, period, *asks)

        return await self._keep(asked, find, LONGEST)

    async def catalog(self, asked: Asked) -> Response:
        query = asked.query

        async def find() -> Found:
            return await self._reading.of_project(read_event_catalog, asked, query.event, query.limit)

        return await self._keep(asked, find)

    async def _of_days(
        self,
        asked: Asked,
        read: Callable[Concatenate[Warehouse, str, Period, P], Found],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Response:
        """Of the days that the query names. Raises ListingInvalid, NotFound, ServiceUnavailable."""
        query, zone = asked.query, _zone_of(asked)

        async def find() -> Found:
            period = period_of(datetime.now(UTC), query.days, zone, query.until)
            return period.shown | await self._reading.of_project(read, asked, period, *args, **kwargs)

        return await self._keep(asked, find)

    async def _keep(self, asked: Asked, find: Callable[[], Awaitable[Found]], longest: float = 0) -> Response:
        async def make() -> bytes:
            as_of = write_time(time.time_ns() // 1_000_000)  # before it is read: all that was known then is in it
            return orjson.dumps({"asOf": as_of, **await find()})

        key = project_of(asked), asked.request.url.path.rpartition("/")[2], asked.query.model_dump_json()
        return Response(await self._kept.find(key, make, longest), media_type="application/json")


def _zone_of(asked: Asked) -> ZoneInfo:
    """Raises ListingInvalid, also for a last day that has not begun in it."""
    zone, until = zone_of(asked.query.tz), asked.query.until
    if until and until > datetime.now(zone).date():
        raise ListingInvalid("until", "this day has not begun")
    return zone


def insights_group(
    entrance: Entrance, warehouse: Warehouse, questions: Questions, defined: ProjectDefinitions
) -> Group:
    insights = Insights(Reading(warehouse, questions), defined)
    operations = [
        _get(
            "overview",
            insights.overview,
            "A project's numbers, beside those of the days before",
            shown.PeriodQuery,
            shown.Overview,
            OF_USERS,
        ),
        _get("trends", insights.trends, "One number for each day", shown.TrendQuery, shown.MetricTrend),
        _get("topics", insights.topics, "What people talk about", shown.TopicQuery, shown.Topics),
        _get("active-hours", insights.active_hours, "When questions come", shown.PeriodQuery, shown.ActiveHours),
        _get(
            "unanswered",
            insights.unanswered,
            "Questions without an answer, those alike together",
            shown.UnansweredQuery,
            shown.Unanswered,
        ),
        _get("retention", insights.retention, "Who stays, by the week they came", shown.WeekQuery, shown.Retention),
        _get(
            "cohorts",
            insights.cohorts,
            "Who stays, talks and pays, by the month they signed up",
            shown.MonthQuery,
            shown.Cohorts,
            OF_USERS,
        ),
        _get("journeys", insights.journeys, "Which ways users go", shown.JourneyQuery, shown.Journeys),
        _get("funnel", insights.funnel, "How far users come on a way", shown.FunnelQuery, shown.Funnel),
        Operation(
            "GET",
            f"{BASE}/catalog/events",
            insights.catalog,
            "Which events there are",
            Access.SERVER,
            "events:read",
            query=shown.CatalogQuery,
            answers=shown.EventCatalog,
        ),
    ]
    return Group(entrance, operations, Middleware(ApiRoute), for_pages=False)


def _get(
    name: str,
    answer: Callable[[Asked], Awaitable[Response]],
    summary: str,
    query: type[BaseModel],
    answers: type[BaseModel],
    scopes: tuple[Scope, ...] = ("events:read",),
) -> Operation:
    path = f"{INSIGHTS}/{name}"
    return Operation("GET", path, answer, summary, Access.SERVER, scopes, query=query, answers=answers)
