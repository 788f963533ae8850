"""What a project looks like over some days, held against plain Python over the same things."""

import statistics
from collections.abc import Callable, Iterable
from datetime import timedelta
from math import sqrt
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ask0.schemas.insights import METRICS, ActiveHours, MetricTrend, Overview, Topics
from ask0.warehouse.connect import Warehouse
from tests.gateway.api.happenings import (
    BERLIN,
    DAYS,
    FEEDBACK,
    LAST,
    Happening,
    World,
    ask,
    bounds,
    draw,
    local,
    midnight,
    store_world,
    within,
)
from tests.gateway.api.rows import get
from tests.gateway.running import OTHER_PROJECT, SECRET, STRICT_PROJECT, STRICT_SECRET, Running

ZONES = ("Europe/Berlin", "UTC", "Asia/Kathmandu", "America/St_Johns", "Pacific/Apia")
PERIOD: dict[str, Any] = {"until": LAST.isoformat(), "days": DAYS}
Things = list[float]  # of a count one for each


@pytest.fixture(scope="module", autouse=True)
def world(clickhouse: Warehouse) -> World:
    found = draw()
    store_world(clickhouse, found)
    return found


def rating(one: Happening) -> float | None:
    said = one.said.get("rating")
    if one.type != "track" or one.event != FEEDBACK:
        return None
    if said is not None:
        return float(min(max(said, 0), 1))
    thumbs = one.said.get("thumbs")
    return {"up": 1.0, "down": 0.0}.get(thumbs) if isinstance(thumbs, str) else None


def present(values: Iterable[float | None]) -> Things:
    return [value for value in values if value is not None]


def things(world: World, metric: str, start: int, end: int) -> Things:
    """Those from `start` on and before `end` that a metric is made of; of a share 1 for each that is meant, else 0."""
    done = [one for one in within(world.happenings, start, end) if one.type != "segment"]
    talks = [one for one in world.talks if start <= one["started_at"] < end and one["status"] != "deleted"]
    texts = [one.said.get("text") for one in done if one.is_question]
    made: dict[str, Callable[[], Iterable[float | None]]] = {
        "users": lambda: (1 for first in world.people.values() if first < end),
        "newUsers": lambda: (1 for first in world.people.values() if start <= first < end),
        "activeUsers": lambda: (1 for _ in {one.user for one in done}),
        "events": lambda: (1 for _ in done),
        "conversations": lambda: (1 for _ in talks),
        "questions": lambda: (1 for one in done if one.is_question),
        "answers": lambda: (1 for one in done if one.is_answer),
        "answeredShare": lambda: (
            float(number < one["answered"]) for one in talks for number in range(one["questions"])
        ),
        "satisfaction": lambda: map(rating, done),
        "questionLength": lambda: (float(len(text)) for text in texts if isinstance(text, str)),
        "messagesPerConversation": lambda: (float(one["questions"] + one["answers"] or 0) or None for one in talks),
    }
    return present(made[metric]())


OF_ALL: dict[str, str] = dict.fromkeys(METRICS, "count")
KINDS = {
    **OF_ALL,
    "answeredShare": "share",
    **dict.fromkeys(("satisfaction", "questionLength", "messagesPerConversation"), "mean"),
}


def value(kind: str, found: Things) -> float | None:
    return len(found) if kind == "count" else statistics.fmean(found) if found else None


def apart(kind: str, before: Things, now: Things) -> float | None:
    """In standard errors."""
    if kind == "count":
        return (len(now) - len(before)) / sqrt(len(now) + len(before)) if now or before else None
    if min(len(before), len(now)) < (1 if kind == "share" else 2):
        return None
    if kind == "share":
        error = statistics.pvariance(before + now) * (1 / len(before) + 1 / len(now))
    else:
        error = statistics.variance(before) / len(before) + statistics.variance(now) / len(now)
    difference = statistics.fmean(now) - statistics.fmean(before)
    return difference / sqrt(error) if error else difference * 1e9


def compared(kind: str, before: Things, now: Things) -> dict[str, Any]:
    was, is_now, z = value(kind, before), value(kind, now), apart(kind, before, now)
    return {
        "value": pytest.approx(is_now),
        "before": pytest.approx(was),
        "change": pytest.approx((is_now - was) / was) if was and is_now is not None else None,
        "direction": None if z is None else "increasing" if z >= 2 else "decreasing" if z <= -2 else "stable",
    }


def same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    for name, wanted in expected.items():
        assert found[name] == wanted, (name, found[name], wanted)


@pytest.mark.parametrize("tz", ZONES)
@pytest.mark.parametrize("days", [1, 7, DAYS])
def test_the_overview_is_each_number_beside_that_of_the_days_before(
    gateway: Running, world: World, tz: str, days: int
) -> None:
    start, middle, end = bounds(ZoneInfo(tz), days=days)
    answer = ask(gateway, "overview", until=LAST, days=days, tz=tz)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    Overview.model_validate(found)
    for metric in METRICS:
        before, now = things(world, metric, start, middle), things(world, metric, middle, end)
        same(found[metric], compared(KINDS[metric], before, now))
    assert found["tz"] == tz


def test_the_numbers_are_such_that_all_directions_are_met(gateway: Running) -> None:
    found = ask(gateway, "overview", **PERIOD, tz="Europe/Berlin").json()
    directions = {found[metric]["direction"] for metric in METRICS}
    assert {"increasing", "stable"} <= directions
    then = ask(gateway, "overview", until="2025-11-12", days=9, tz="Europe/Berlin").json()
    assert "decreasing" in {then[metric]["direction"] for metric in METRICS}


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("tz", ["Europe/Berlin", "America/St_Johns"])
def test_a_trend_is_a_number_for_each_day(gateway: Running, world: World, metric: str, tz: str) -> None:
    zone, kind = ZoneInfo(tz), KINDS[metric]
    found = ask(gateway, "trends", metric=metric, **PERIOD, tz=tz).json()
    assert MetricTrend.model_validate(found).kind == kind
    days = [LAST - timedelta(days=number) for number in reversed(range(DAYS))]
    assert [one["day"] for one in found["values"]] == [day.isoformat() for day in days]
    for day, one in zip(days, found["values"], strict=True):
        of_day = things(world, metric, midnight(day, zone), midnight(day + timedelta(days=1), zone))
        assert one["value"] == pytest.approx(value(kind, of_day)), day
        assert one["count"] == len(of_day), day
    start, middle, end = bounds(zone)
    same(found, compared(kind, things(world, metric, start, middle), things(world, metric, middle, end)))


def test_days_without_anything_are_zero_or_null(gateway: Running) -> None:
    for metric, nothing in (("questions", 0), ("activeUsers", 0), ("users", 0), ("satisfaction", None)):
        found = ask(gateway, "trends", metric=metric, until="2020-02-29", days=366).json()
        assert [one["value"] for one in found["values"]] == [nothing] * 366
        assert (found["direction"], found["change"]) == (None, None)


def topics_of(world: World, start: int, end: int) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for one in world.talks:
        if start <= one["started_at"] < end and one["status"] != "deleted":
            found.setdefault(one["topic"] or "", []).append(one)
    return found


def unanswered(talks: list[dict[str, Any]]) -> Things:
    return [float(number >= one["answered"]) for one in talks for number in range(one["questions"])]


SORTED: dict[str, Callable[[list[dict[str, Any]]], float]] = {
    "conversations": lambda talks: -len(talks),
    "questions": lambda talks: -sum(one["questions"] for one in talks),
    "unanswered": lambda talks: -sum(unanswered(talks)),
    "satisfaction": lambda talks: statistics.fmean(present(one["satisfaction"] for one in talks) or [9]),
}


@pytest.mark.parametrize("sort", SORTED)
def test_topics_are_told_with_what_became_of_their_conversations(gateway: Running, world: World, sort: str) -> None:
    start, middle, end = bounds(BERLIN)
    before, now = topics_of(world, start, middle), topics_of(world, middle, end)
    found = ask(gateway, "topics", **PERIOD, tz="Europe/Berlin", sort=sort).json()
    Topics.model_validate(found)
    named = [name for name in now if name]
    order = sorted(named, key=lambda name: (round(SORTED[sort](now[name]), 9), -len(now[name]), name))
    assert [one["topic"] for one in found["topics"]] == order
    assert (found["count"], found["withoutTopic"]) == (len(named), len(now.get("", [])))
    assert found["conversations"] == sum(map(len, now.values()))
    for one in found["topics"]:
        was, is_now = before.get(one["topic"], []), now[one["topic"]]
        same(one["conversations"], compared("count", [1.0] * len(was), [1.0] * len(is_now)))
        asked = [[1.0] * sum(talk["questions"] for talk in talks) for talks in (was, is_now)]
        same(one["questions"], compared("count", *asked))
        same(one["unansweredShare"], compared("share", unanswered(was), unanswered(is_now)))
        rated = [present(talk["satisfaction"] for talk in talks) for talks in (was, is_now)]
        same(one["satisfaction"], compared("mean", *rated))


def test_a_limit_cuts_the_list_of_topics_and_not_their_count(gateway: Running) -> None:
    whole = ask(gateway, "topics", **PERIOD).json()
    cut = ask(gateway, "topics", **PERIOD, limit=2).json()
    assert cut["topics"] == whole["topics"][:2]
    assert cut["count"] == whole["count"] > 2


@pytest.mark.parametrize("tz", ZONES)
@pytest.mark.parametrize("days", [1, DAYS])
def test_active_hours_are_those_on_the_clocks_of_the_zone(gateway: Running, world: World, tz: str, days: int) -> None:
    zone = ZoneInfo(tz)
    _, start, end = bounds(zone, days=days)
    asked = [local(one.at, zone) for one in within(world.happenings, start, end) if one.is_question]
    found = ActiveHours.model_validate(ask(gateway, "active-hours", until=LAST, days=days, tz=tz).json())
    hours = [[0] * 24 for _ in range(7)]
    for time in asked:
        hours[time.weekday()][time.hour] += 1
    assert (found.hours, found.questions) == (hours, len(asked))
    slots = [
        ("weekdays" if time.weekday() < 5 else "weekend", ("night", "morning", "afternoon", "evening")[time.hour // 6])
        for time in asked
    ]
    assert found.most_active
    most = slots.count((found.most_active.days, found.most_active.part))
    assert most == max(map(slots.count, slots))
    assert found.most_active.share == pytest.approx(most / len(slots))


def test_hours_without_a_question_have_none_that_is_most_active(gateway: Running) -> None:
    found = ask(gateway, "active-hours", until="2001-01-01").json()
    assert (found["questions"], found["mostActive"]) == (0, None)


WHATS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("overview", {}),
    ("trends", {"metric": "questions"}),
    ("topics", {}),
    ("active-hours", {}),
    ("unanswered", {}),
)


@pytest.mark.parametrize(("what", "query"), WHATS, ids=[what for what, _ in WHATS])
@pytest.mark.parametrize(
    ("asked", "at"),
    [
        ({"days": "0"}, "days"),
        ({"days": "367"}, "days"),
        ({"days": "1e3"}, "days"),
        ({"until": "2025-02-30"}, "until"),
        ({"until": "1999-12-31"}, "until"),
        ({"until": "9999-12-31"}, "until"),
        ({"until": "x" * 5000}, "until"),
        ({"tz": "Mars/Olympus"}, "tz"),
        ({"tz": "../../etc/passwd"}, "tz"),
        ({"tz": "x" * 65}, "tz"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_place(
    gateway: Running, what: str, query: dict[str, Any], asked: dict[str, str], at: str
) -> None:
    answer = ask(gateway, what, **{**query, **asked})
    assert (answer.status_code, answer.json()["details"][0]["at"]) == (400, at)


@pytest.mark.parametrize(
    ("what", "asked", "at"),
    [
        ("trends", {}, "metric"),
        ("trends", {"metric": "luck"}, "metric"),
        ("topics", {"limit": "201"}, "limit"),
        ("topics", {"sort": "name"}, "sort"),
        ("unanswered", {"limit": "0"}, "limit"),
        ("unanswered", {"topic": "x" * 256}, "topic"),
    ],
)
def test_so_is_what_only_one_of_them_takes(gateway: Running, what: str, asked: dict[str, str], at: str) -> None:
    answer = ask(gateway, what, **asked)
    assert (answer.status_code, answer.json()["details"][0]["at"]) == (400, at)


@pytest.mark.parametrize(("what", "query"), WHATS, ids=[what for what, _ in WHATS])
def test_an_answer_is_kept_for_a_while_and_says_as_of_when_it_is(
    gateway: Running, what: str, query: dict[str, Any]
) -> None:
    asked = {**query, "days": 3, "tz": "Asia/Tokyo"}
    first, again = ask(gateway, what, **asked), ask(gateway, what, **asked)
    assert first.content == again.content
    assert first.headers["cache-control"] == "no-store"
    assert first.json()["asOf"] >= first.json()["from"]
    assert first.json()["until"] >= first.json()["asOf"]  # today goes to now
    other = ask(gateway, what, **{**asked, "days": 4})
    assert other.json()["from"] < first.json()["from"]


@pytest.mark.parametrize(("what", "query"), WHATS, ids=[what for what, _ in WHATS])
def test_a_project_sees_its_own_alone(gateway: Running, what: str, query: dict[str, Any]) -> None:
    path = f"/insights/{what}"
    other = get(gateway, path, project=OTHER_PROJECT, **query)
    assert (other.status_code, other.json()["code"]) == (404, "unknown_project")
    ours = ask(gateway, what, **query, **PERIOD).json()
    theirs = get(gateway, path, secret=STRICT_SECRET, project=STRICT_PROJECT, **query, **PERIOD).json()
    for name in ("events", "questions"):
        if isinstance(ours.get(name), dict):
            assert ours[name]["value"] > 0
            assert theirs[name]["value"] == 0
    assert get(gateway, path, secret=SECRET, **query, **PERIOD).status_code == 200
