"""Insights of a whole project, written once for both clients, as users.py is."""

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Generic, Literal

from ask0_sdk.requests import get
from ask0_sdk.users import R, Send

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
TopicSort = Literal["conversations", "questions", "unanswered", "satisfaction"]
Day = date | str


class Insights(Generic[R]):
    """Of `days` up to and with `until` (a date; today) by the calendar of `tz` (UTC). Each answer says with `asOf` when
    it was read."""

    def __init__(self, send: Send[R], root: str) -> None:
        self._send = send
        self._root = f"{root}/insights"

    def overview(self, *, days: int | None = None, until: Day | None = None, tz: str | None = None) -> R:
        """Numbers beside those of the days before, `{"value", "before", "change", "direction"}` each; `statuses` and
        `nps` as they are now."""
        return self._ask("overview", days, until, tz)

    def trends(self, metric: Metric, *, days: int | None = None, until: Day | None = None, tz: str | None = None) -> R:
        """One of these numbers for each day: `{"values": [{"day", "value", "count"}], …}`."""
        return self._ask("trends", days, until, tz, metric=metric)

    def topics(
        self,
        *,
        sort: TopicSort | None = None,
        limit: int | None = None,
        days: int | None = None,
        until: Day | None = None,
        tz: str | None = None,
    ) -> R:
        return self._ask("topics", days, until, tz, sort=sort, limit=limit)

    def active_hours(self, *, days: int | None = None, until: Day | None = None, tz: str | None = None) -> R:
        """Questions by weekday, from Monday, and hour: `{"hours": [[…24], …7], …}`."""
        return self._ask("active-hours", days, until, tz)

    def unanswered(
        self,
        *,
        topic: str | None = None,
        limit: int | None = None,
        days: int | None = None,
        until: Day | None = None,
        tz: str | None = None,
    ) -> R:
        """Questions that nobody answered, those alike together."""
        return self._ask("unanswered", days, until, tz, topic=topic, limit=limit)

    def retention(self, *, weeks: int | None = None, until: Day | None = None, tz: str | None = None) -> R:
        """Who stays, by the week in which they were first met."""
        return self._ask("retention", None, until, tz, weeks=weeks)

    def cohorts(self, *, months: int | None = None, until: Day | None = None, tz: str | None = None) -> R:
        """Who stays, talks and pays, by the month in which they signed up."""
        return self._ask("cohorts", None, until, tz, months=months)

    def funnel(
        self,
        steps: Sequence[str],
        *,
        hours: int | None = None,
        days: int | None = None,
        until: Day | None = None,
        tz: str | None = None,
    ) -> R:
        """How far users come on a way of two to ten events."""
        return self._ask("funnel", days, until, tz, steps=json.dumps(list(steps)), hours=hours)

    def journeys(
        self,
        *,
        start: str | None = None,
        depth: int | None = None,
        limit: int | None = None,
        days: int | None = None,
        until: Day | None = None,
        tz: str | None = None,
    ) -> R:
        """Which ways users go: `{"nodes": [{"step", "event", "users", "ended"}], "links": [{"step", "from", "to",
        "users"}], …}`. `limit` is of the events of a step; the event of all others is None."""
        return self._ask("journeys", days, until, tz, start=start, depth=depth, limit=limit)

    def _ask(self, what: str, days: int | None, until: Day | None, tz: str | None, **more: object) -> R:
        day = until.date() if isinstance(until, datetime) else until
        return self._send(get(f"{self._root}/{what}", {**more, "days": days, "until": day, "tz": tz}))


class Catalog(Generic[R]):
    """What a project has met."""

    def __init__(self, send: Send[R], root: str) -> None:
        self._send = send
        self._root = f"{root}/catalog"

    def events(self, *, event: str | None = None, limit: int | None = None) -> R:
        """Names of events, those that happen most first, how often and since when, and the properties they carry."""
        return self._send(get(f"{self._root}/events", {"event": event, "limit": limit}))
