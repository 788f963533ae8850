"""Who stays, how far users come, and which events there are, held against plain Python over the same things."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from ask0.schemas.catalog import Project, secret_key
from ask0.schemas.events import write_time
from ask0.schemas.insights import EventCatalog, Funnel, Retention
from ask0.warehouse.connect import Warehouse
from bench.stack import wait_for
from tests.gateway.api.happenings import (
    ANSWER,
    BERLIN,
    DAYS,
    LAST,
    QUESTION,
    Happening,
    World,
    bounds,
    draw,
    midnight,
    store_world,
    within,
)
from tests.gateway.api.rows import HOUR, act, get, store
from tests.gateway.running import SECRET, STRICT_PROJECT, Running, running, save

PROJECT, OWN_SECRET = "proj_ways", "sk_ways"
EDGES, EDGES_SECRET = "proj_edges", "sk_edges"  # of what is told by hand
EMPTY, EMPTY_SECRET = "proj_empty", "sk_empty"  # in which nobody ever is
PERIOD: dict[str, Any] = {"until": LAST.isoformat(), "days": DAYS, "tz": "Europe/Berlin"}
NOON = midnight(date(2025, 3, 4), ZoneInfo("UTC")) + 12 * HOUR
PLAIN = {str: "string", bool: "boolean", int: "number", float: "number", list: "list", dict: "object"}


@pytest.fixture(scope="module")
def world() -> World:
    return draw(seed=31)


@pytest.fixture(scope="module")
def gateway(clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory, world: World) -> Iterator[Running]:
    store_world(clickhouse, world, project=PROJECT)
    with running(tmp_path_factory.mktemp("ways"), clickhouse) as gateway:
        keys = {OWN_SECRET: PROJECT, EDGES_SECRET: EDGES, EMPTY_SECRET: EMPTY}
        for secret, project in keys.items():
            documents = Project(id=project, name=project, created_at=1), secret_key(secret, project, 1)
            asyncio.run(save(gateway.log_dsn, *documents))
        wait_for(lambda: all(get(gateway, "/me", secret=secret).is_success for secret in keys), "the keys")
        yield gateway


def ask(gateway: Running, what: str, secret: str = OWN_SECRET, **query: Any) -> httpx.Response:
    return get(gateway, what, secret=secret, **query)


def funnel(gateway: Running, steps: Sequence[str], secret: str = OWN_SECRET, **query: Any) -> Funnel:
    answer = ask(gateway, "/insights/funnel", secret, steps=json.dumps([*steps]), **query)
    assert answer.status_code == 200, answer.text
    return Funnel.model_validate(answer.json())


def stayed(world: World, mondays: Sequence[int]) -> list[list[int]]:
    """For each week who came in it, and who of them did something in it and in each one after it."""
    found = []
    weeks = list(zip(mondays, mondays[1:], strict=False))
    for number, (start, end) in enumerate(weeks):
        came = {id for id, first in world.people.items() if start <= first < end}
        done = [
            {one.user for one in within(world.happenings, *week) if one.type != "segment"} for week in weeks[number:]
        ]
        found.append([len(came), *(len(came & users) for users in done)])
    return found


@pytest.mark.parametrize("tz", ["Europe/Berlin", "UTC", "Pacific/Apia"])
@pytest.mark.parametrize(("weeks", "until"), [(1, LAST), (6, LAST), (53, LAST), (4, date(2025, 10, 27))])
def test_retention_is_who_of_a_weeks_newcomers_came_again(
    gateway: Running, world: World, tz: str, weeks: int, until: date
) -> None:
    zone = ZoneInfo(tz)
    monday = until - timedelta(days=until.weekday())
    days = [monday + timedelta(weeks=number) for number in range(1 - weeks, 2)]
    answer = ask(gateway, "/insights/retention", weeks=weeks, until=until, tz=tz).json()
    found = Retention.model_validate(answer)
    assert [cohort.week for cohort in found.cohorts] == [day.isoformat() for day in days[:-1]]
    wanted = stayed(world, [midnight(day, zone) for day in days])
    assert [[cohort.users, *cohort.active] for cohort in found.cohorts] == wanted
    for cohort in found.cohorts:
        assert cohort.shares == [active / cohort.users for active in cohort.active if cohort.users]
    assert (answer["from"], answer["until"]) == (
        write_time(midnight(days[0], zone)),
        write_time(midnight(days[-1], zone)),
    )


def came_through(done: Sequence[Happening], steps: Sequence[str], within_ms: int) -> int:
    """How many steps, beginning at any of the first step's events: by trying each."""
    best = 0
    for beginning, first in enumerate(done):
        if first.event == steps[0]:
            reached = 1
            for one in done[beginning + 1 :]:
                if reached < len(steps) and one.event == steps[reached] and one.at - first.at <= within_ms:
                    reached += 1
            best = max(best, reached)
    return best


STEPS = (
    ("Home", QUESTION),
    ("Home", QUESTION, ANSWER, "Clicked"),
    ("Clicked", "Clicked", "Clicked"),
    (QUESTION, ANSWER, QUESTION, ANSWER, QUESTION, ANSWER),
    ("Home", "No Such Event", QUESTION),
    ("Home", QUESTION, "Home", QUESTION, ANSWER, "Clicked", "Home", QUESTION, ANSWER, "Clicked"),
)


@pytest.mark.parametrize("hours", [1, 24, 168, 8784])
@pytest.mark.parametrize("steps", STEPS, ids=[f"way {number}" for number in range(len(STEPS))])
def test_a_funnel_is_who_did_one_after_the_other_within_a_time(
    gateway: Running, world: World, steps: tuple[str, ...], hours: int
) -> None:
    _, start, end = bounds(BERLIN)
    by_user: dict[str, list[Happening]] = {}
    for one in sorted(within(world.happenings, start, end), key=lambda one: one.at):
        if one.type in ("track", "page", "screen") and one.event in steps:
            by_user.setdefault(one.user, []).append(one)
    for done in by_user.values():  # at the same moment in the order of the steps
        done.sort(key=lambda one: (one.at, steps.index(one.event)))
    reached = [came_through(done, steps, hours * HOUR) for done in by_user.values()]
    came = [sum(one > number for one in reached) for number in range(len(steps))]
    found = funnel(gateway, steps, hours=hours, **PERIOD)
    assert [(step.event, step.users) for step in found.steps] == list(zip(steps, came, strict=True))
    assert [step.share for step in found.steps] == [users / came[0] for users in came]
    before = [None, *(users / was if was else None for was, users in zip(came, came[1:], strict=False))]
    assert [step.of_previous for step in found.steps] == before
    assert found.hours == hours


def test_a_way_may_begin_again(gateway: Running, clickhouse: Warehouse) -> None:
    """The first beginning is too early for the end, the second one is not; the third comes after it."""
    done = [("A", 0), ("A", 9), ("B", 10), ("C", 20), ("A", 21)]
    rows = [act(event, NOON + hour * HOUR, "ins-again") for event, hour in done]
    store(clickhouse, "events", [{**row, "project_id": EDGES} for row in rows])
    query = {"until": "2025-03-05", "days": 3}
    assert [step.users for step in funnel(gateway, "ABC", EDGES_SECRET, hours=11, **query).steps] == [1, 1, 1]
    assert [step.users for step in funnel(gateway, "ABC", EDGES_SECRET, hours=10, **query).steps] == [1, 1, 0]
    assert [step.users for step in funnel(gateway, "CBA", EDGES_SECRET, **query).steps] == [1, 0, 0]


def test_steps_may_be_text_with_commas(gateway: Running) -> None:
    listed = ask(gateway, "/insights/funnel", steps=json.dumps(["Home", QUESTION]), **PERIOD).json()
    texts = ask(gateway, "/insights/funnel", steps=f" Home, {QUESTION} ", **PERIOD).json()
    assert texts["steps"] == listed["steps"]


@pytest.mark.parametrize(
    "steps",
    ["", "Home", "[]", '["Home"]', "[", '["Home", 7]', '["Home", null]', '["Home", ""]', "Home,,Clicked", "a,b" * 2000]
    + [",".join("abcdefghijk"), json.dumps(["a", "x" * 256]), '["Home", "\\ud83e"]', '{"a": "b"}', "a," + " " * 9],
)
def test_steps_that_are_none_are_refused(gateway: Running, steps: str) -> None:
    answer = ask(gateway, "/insights/funnel", steps=steps)
    assert (answer.status_code, answer.json()["details"][0]["at"]) == (400, "steps"), answer.text


@pytest.mark.parametrize(
    ("what", "asked", "at"),
    [
        ("/insights/retention", {"weeks": "54"}, "weeks"),
        ("/insights/retention", {"weeks": "0"}, "weeks"),
        ("/insights/retention", {"until": "2999-01-01"}, "until"),
        ("/insights/retention", {"tz": "Nowhere"}, "tz"),
        ("/insights/retention", {"days": "3"}, "days"),
        ("/insights/funnel", {}, "steps"),
        ("/insights/funnel", {"steps": "a,b", "hours": "0"}, "hours"),
        ("/insights/funnel", {"steps": "a,b", "hours": "8785"}, "hours"),
        ("/insights/funnel", {"steps": "a,b", "days": "367"}, "days"),
        ("/catalog/events", {"limit": "1001"}, "limit"),
        ("/catalog/events", {"event": "x" * 256}, "event"),
        ("/catalog/events", {"until": "2025-01-01"}, "until"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_place(
    gateway: Running, what: str, asked: dict[str, str], at: str
) -> None:
    answer = ask(gateway, what, **asked)
    assert (answer.status_code, answer.json()["details"][0]["at"]) == (400, at)


def properties_of(newest: Sequence[Happening]) -> list[dict[str, Any]]:
    found: dict[str, set[str]] = {}
    for one in newest:
        for name, value in one.said.items():
            if value is not None:
                found.setdefault(name, set()).add(PLAIN[type(value)])
    return [{"name": name, "types": sorted(found[name])} for name in sorted(found)]


def test_the_catalog_is_each_name_with_its_times_and_properties(gateway: Running, world: World) -> None:
    by_name: dict[tuple[str, str], list[Happening]] = {}
    for one in world.happenings:
        if one.type != "segment":
            by_name.setdefault((one.type, one.event), []).append(one)
    order = sorted(by_name, key=lambda name: (-len(by_name[name]), name[1], name[0]))
    answer = ask(gateway, "/catalog/events").json()
    assert EventCatalog.model_validate(answer).count == len(order)
    assert [(one["type"], one["event"]) for one in answer["events"]] == order
    for one in answer["events"]:
        met = sorted(by_name[one["type"], one["event"]], key=lambda one: -one.at)
        newest = [other for other in met if other.at >= met[:50][-1].at]
        assert one == {
            **{"type": met[0].type, "event": met[0].event, "count": len(met), "lookedAt": len(newest)},
            **{"firstSeenAt": write_time(met[-1].at), "lastSeenAt": write_time(met[0].at)},
            "properties": properties_of(newest),
        }
    cut = ask(gateway, "/catalog/events", limit=2).json()
    assert (cut["events"], cut["count"]) == (answer["events"][:2], len(order))
    named = ask(gateway, "/catalog/events", event=QUESTION).json()["events"]
    assert named == [one for one in answer["events"] if one["event"] == QUESTION]
    assert ask(gateway, "/catalog/events", event="No Such Event").json()["events"] == []


def test_properties_are_told_with_all_their_types_however_they_are_stored(
    gateway: Running, clickhouse: Warehouse
) -> None:
    said: list[dict[str, Any]] = [
        {"n": 1, "a.b": "dotted", "deep": {"x": {"y": 1}}, "list": [1, "a"], "gone": None, "🦊": True},
        {"n": 2**63, "list": [], "deep": {"z": None, "x": 1}},
        {"n": "text", "large": 1e300},
    ]
    rows = [act("Odd", NOON, "ins-odd", type="screen", properties=one) for one in said]
    rows += [act("Odd", NOON, "ins-odd", type="screen", sent_properties=json.dumps({"as sent": "1", "n": -1.5}))]
    rows += [act("", NOON, "ins-odd", type="identify", properties={"plan": "pro"})]
    store(clickhouse, "events", [{**row, "project_id": EDGES} for row in rows])
    found = {one["type"]: one for one in ask(gateway, "/catalog/events", EDGES_SECRET).json()["events"]}
    assert {one["name"]: one["types"] for one in found["screen"]["properties"]} == {
        "n": ["number", "string"],
        **{"a.b": ["string"], "deep": ["object"], "list": ["list"], "🦊": ["boolean"]},
        **{"large": ["number"], "as sent": ["string"]},
    }
    assert (found["identify"]["event"], found["identify"]["properties"]) == (
        None,
        [{"name": "plan", "types": ["string"]}],
    )


@pytest.mark.parametrize(
    ("what", "query"),
    [("/insights/retention", {}), ("/insights/funnel", {"steps": "Home,Clicked"}), ("/catalog/events", {})],
    ids=["retention", "funnel", "catalog"],
)
def test_a_project_sees_its_own_alone_and_an_answer_is_kept_for_a_while(
    gateway: Running, what: str, query: dict[str, Any]
) -> None:
    other = get(gateway, what, project=STRICT_PROJECT, **query)
    assert (other.status_code, other.json()["code"]) == (404, "unknown_project")
    first, again = (ask(gateway, what, **query) for _ in range(2))
    assert first.content == again.content
    assert first.json()["asOf"]
    theirs = get(gateway, what, secret=EMPTY_SECRET, **query).json()
    assert not theirs.get("events")
    assert not any(step["users"] for step in theirs.get("steps", ()))
    assert not any(cohort["users"] for cohort in theirs.get("cohorts", ()))
    assert get(gateway, what, secret=SECRET, **query).status_code == 200
