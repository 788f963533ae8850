"""What the API answers of a whole project: what happens in it, and which way that goes."""

from datetime import date
from typing import Literal, get_args

import orjson
from pydantic import BaseModel, ConfigDict, Field

from ask0.schemas.activity import ZONE, Slot
from ask0.schemas.api import Answer, Text
from ask0.schemas.events import MAX_ID_CHARS
from ask0.schemas.ids import is_text
from ask0.schemas.listing import DEFAULT_LIMIT, MAX_LIMIT, ListingInvalid

MAX_DAYS = 366
MAX_WEEKS = 53
MAX_MONTHS = 24
MAX_JOURNEY_DAYS = 90
LEAST_DEPTH, MOST_DEPTH = 2, 6
MAX_NODES = 20  # of a step of journeys
MAX_NAMES = 1_000  # of the catalog
LEAST_STEPS, MOST_STEPS = 2, 10
MAX_STEPS_CHARACTERS = 4_000
AS_OF = "When this was read: up to 60 seconds ago"
AS_OF_LONG = "When this was read: up to 60 seconds ago, or 300 times as long as it took; ten minutes at most"
EARLIEST = date(2000, 1, 1)

Metric = Literal[
    "users",
    "newUsers",
    "activeUsers",
    "events",
    "conversations",
    "questions",
    "answers",
    "answeredShare",
    "satisfaction",
    "questionLength",
    "messagesPerConversation",
]
METRICS: tuple[Metric, ...] = get_args(Metric)
Direction = Literal["increasing", "stable", "decreasing"]


class PeriodQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    days: int = Field(default=30, ge=1, le=MAX_DAYS, description="So many, up to and with the last")
    until: date | None = Field(
        default=None, ge=EARLIEST, description="The last day, such as 2026-01-31; today unless it is given"
    )
    tz: str = Field(default="UTC", max_length=64, description=f"{ZONE}: whose days they are")


class TrendQuery(PeriodQuery):
    metric: Metric = Field(description="Which number")


class TopicQuery(PeriodQuery):
    sort: Literal["conversations", "questions", "unanswered", "satisfaction"] = Field(
        default="conversations", description="The most first; of satisfaction the lowest first"
    )
    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)


class UnansweredQuery(PeriodQuery):
    topic: str | None = Field(default=None, max_length=MAX_ID_CHARS, description="Only of questions that named it")
    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)


class Compared(Answer):
    """A number of the period beside that of the period before, which is as long."""

    value: float | None = Field(description="null: there is nothing to make a share or a mean of")
    before: float | None
    change: float | None = Field(description="By which part of what was before; null if that is 0 or null")
    direction: Direction | None = Field(
        description="Whether they are further apart than chance makes likely: see docs/insights.md. null: too little "
        "to tell"
    )


class Insight(Answer):
    tz: str
    from_time: str = Field(alias="from", description="Where the first day begins")
    until: str = Field(description="Where the last day ends; or now, if it is today")
    as_of: str = Field(description=AS_OF)


class Statuses(Answer):
    """Each user has one, as the filters of the lists have it; all together they are everyone who is known now."""

    active: int
    guest: int
    unconfirmed: int
    deactivated: int


class Lately(Answer):
    day: int = Field(description="Users who did anything within the last 24 hours")
    week: int = Field(description="7 days")
    month: int = Field(description="30 days")


class Nps(Answer):
    promoters: int = Field(description="Who answered 9 or 10")
    passives: int = Field(description="7 or 8")
    detractors: int = Field(description="0 to 6")
    score: float | None = Field(
        description="The share of promoters less that of detractors, −100 to 100; null if nobody has answered"
    )


class Overview(Insight):
    statuses: Statuses = Field(description="How many users there are of each status now, whatever the period")
    lately: Lately = Field(description="Who was active, until now, whatever the period")
    nps: Nps = Field(description="The latest answer of each user to an NPS survey, now, whatever the period")
    users: Compared = Field(description="Everyone met before the end of the period, guests too")
    new_users: Compared = Field(description="Met for the first time")
    active_users: Compared = Field(description="Who did anything")
    events: Compared
    conversations: Compared = Field(description="That began then, but for deleted ones")
    questions: Compared
    answers: Compared
    answered_share: Compared = Field(description="Of the questions of those conversations, 0 to 1")
    satisfaction: Compared = Field(description="The mean rating that was given then, 0 to 1")
    question_length: Compared = Field(description="Characters of a question, the mean")
    messages_per_conversation: Compared = Field(description="Questions and answers of those conversations, the mean")


class DayValue(Answer):
    day: str
    value: float | None
    count: int = Field(description="Of how many things the value is made")


class MetricTrend(Compared, Insight):
    metric: Metric
    kind: Literal["count", "share", "mean"]
    values: list[DayValue] = Field(description="One for each day")


class TopicInsight(Answer):
    topic: str
    conversations: Compared
    questions: Compared
    unanswered_share: Compared = Field(description="Of those questions")
    satisfaction: Compared = Field(description="The mean of the conversations' satisfaction")


class Topics(Insight):
    topics: list[TopicInsight]
    conversations: int = Field(description="All that began in the period")
    without_topic: int = Field(description="Those of them that named none")
    count: int = Field(description="How many topics there are")


class ActiveHours(Insight):
    questions: int
    hours: list[list[int]] = Field(description="Questions by weekday, 7 lists from Monday, and hour, 24 numbers each")
    most_active: Slot | None = Field(description="Where most of them fall")


class UnansweredGroup(Answer):
    text: str = Field(description="As it was asked last, of the wording that is asked most")
    questions: Compared = Field(description="That nobody has answered")
    users: int = Field(description="Who asked them")
    wordings: int = Field(description="How many, as docs/insights.md compares texts")
    examples: list[str] = Field(description="Up to five wordings, those asked most first")
    first_asked_at: str = Field(description="Within the period")
    last_asked_at: str
    last_conversation_id: Text
    answered_since: Text = Field(
        description="When a question of the same wording that was answered was last asked, if that is after "
        "lastAskedAt; else null"
    )


class Unanswered(Insight):
    groups: list[UnansweredGroup] = Field(description="Those with most questions first")
    count: int = Field(description="How many groups there are")
    questions: Compared = Field(description="All that were not answered")
    asked: int = Field(description="All that were asked in the period")
    complete: bool = Field(description="false: there was more than is looked at, see docs/insights.md")


class WeekQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    weeks: int = Field(default=8, ge=1, le=MAX_WEEKS, description="So many, up to and with the last")
    until: date | None = Field(
        default=None, ge=EARLIEST, description="A day of the last week, such as 2026-01-31; today unless it is given"
    )
    tz: str = Field(default="UTC", max_length=64, description=f"{ZONE}: whose weeks they are, each from Monday")


class Cohort(Answer):
    week: str = Field(description="The Monday of the week in which they were first met")
    users: int
    active: list[int] = Field(description="How many did something in that week, and in each one after it")
    shares: list[float] = Field(description="The same as parts of the users; empty if there are none")


class Retention(Insight):
    cohorts: list[Cohort] = Field(description="The earliest first")


class MonthQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    months: int = Field(default=12, ge=1, le=MAX_MONTHS, description="So many, up to and with the last")
    until: date | None = Field(
        default=None, ge=EARLIEST, description="A day of the last month, such as 2026-01-31; today unless it is given"
    )
    tz: str = Field(default="UTC", max_length=64, description=f"{ZONE}: whose months they are")


class MonthCohort(Answer):
    month: str = Field(description="In which they signed up, such as 2026-01: by createdAt, without guests")
    users: int
    active: list[int] = Field(description="How many did something in that month, and in each one after it")
    shares: list[float] = Field(description="The same as parts of the users; empty if there are none")
    conversations: float | None = Field(description="That a user of them has taken part in by now, the mean")
    upgraded: int = Field(description="Who are now on a paid plan that is not the first they had: see docs/insights.md")
    upgrade_rate: float | None = Field(description="The same as a part of the users")


class Cohorts(Insight):
    as_of: str = Field(description=AS_OF_LONG)
    cohorts: list[MonthCohort] = Field(description="The earliest first")


class JourneyQuery(PeriodQuery):
    days: int = Field(default=30, ge=1, le=MAX_JOURNEY_DAYS, description="So many, up to and with the last")
    start: str | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_ID_CHARS,
        description="An event: ways begin where a user first did it. Else with the first event of the period",
    )
    depth: int = Field(default=5, ge=LEAST_DEPTH, le=MOST_DEPTH, description="How many steps of each way")
    limit: int = Field(default=8, ge=1, le=MAX_NODES, description="Events told of each step; the others are one node")


class JourneyNode(Answer):
    step: int = Field(description="From 1")
    event: Text = Field(description="page or screen of such calls without a name; null: all others of this step")
    users: int
    ended: int = Field(description="Whose way ends here, before the last step that is told; at that step all of them")


class JourneyLink(Answer):
    step: int = Field(description="Of `from`; `to` is at the next one")
    from_event: Text = Field(alias="from", description="As `event` of a node")
    to: Text
    users: int


class Journeys(Insight):
    as_of: str = Field(description=AS_OF_LONG)
    start: Text
    depth: int
    users: int = Field(description="How many have a way")
    nodes: list[JourneyNode] = Field(description="By step; of each those with most users first, all others last")
    links: list[JourneyLink] = Field(description="By step, those with most users first")


class FunnelQuery(PeriodQuery):
    steps: str = Field(
        max_length=MAX_STEPS_CHARACTERS,
        description='Names of 2 to 10 events: a JSON list, ["Page Viewed","Signed Up"], or text with commas',
    )
    hours: int = Field(default=168, ge=1, le=24 * MAX_DAYS, description="Within so many of the first step")


class FunnelStep(Answer):
    event: str
    users: int = Field(description="Who came so far")
    share: float | None = Field(description="Of those who began")
    of_previous: float | None = Field(description="Of those who came to the step before; null of the first")


class Funnel(Insight):
    hours: int
    steps: list[FunnelStep]


class CatalogQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    event: str = Field(default="", max_length=MAX_ID_CHARS, description="Only this name")
    limit: int = Field(default=MAX_LIMIT, ge=1, le=MAX_NAMES)


class SeenProperty(Answer):
    name: str
    types: list[Literal["boolean", "list", "number", "object", "string"]]


class SeenEvent(Answer):
    event: Text = Field(description="The name; of page and screen calls the page's, null of calls without one")
    type: Literal["identify", "track", "page", "screen", "group", "alias"]
    count: int
    first_seen_at: str = Field(description="By occurredAt")
    last_seen_at: str
    properties: list[SeenProperty] = Field(
        description="Those of the newest 50 that have a value, up to 200; of identify and group calls the traits"
    )
    looked_at: int = Field(description="How many were looked at for their properties")


class EventCatalog(Answer):
    as_of: str = Field(description=AS_OF)
    events: list[SeenEvent] = Field(description="Those that happen most first")
    count: int = Field(description="How many there are, as types and names")


def steps_of(text: str) -> tuple[str, ...]:
    """Names of events. Raises ListingInvalid."""
    names: object = text.split(",")
    if text.lstrip().startswith("["):
        try:
            names = orjson.loads(text)
        except ValueError:
            raise ListingInvalid("steps", "this is no JSON list of names") from None
    if not isinstance(names, list) or not LEAST_STEPS <= len(names) <= MOST_STEPS:
        raise ListingInvalid("steps", f"a funnel has {LEAST_STEPS} to {MOST_STEPS} steps")
    steps = tuple(name.strip() if isinstance(name, str) else "" for name in names)
    if not all(0 < len(step) <= MAX_ID_CHARS and is_text(step) for step in steps):
        raise ListingInvalid("steps", f"each step is the name of an event, 1 to {MAX_ID_CHARS} characters")
    return steps


class DemoFilled(Answer):
    accepted: int = Field(description="Events, which are counted within seconds")
    refused: int = Field(description="As those of people who need a userToken, in a project that asks for one")
