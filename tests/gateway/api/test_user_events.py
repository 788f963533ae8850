"""A user's events as servers read them: page by page, and counted by day."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ask0.schemas.activity import UserEventList
from ask0.schemas.listing import write_cursor
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.user_events import last_days
from bench.stack import wait_for
from tests.gateway.api.rows import DAY, HOUR, NOON, act, digest_in, get, of_user, store, user, walk
from tests.gateway.running import OTHER_PROJECT, SECRET, STRICT_PROJECT, STRICT_SECRET, Running, running, working


@pytest.fixture(scope="module")
def gateway(clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """With a worker."""
    with running(tmp_path_factory.mktemp("events"), clickhouse) as gateway:
        gateway.post("/v1/track", {"userId": "act-nobody", "event": "First"})  # there is a log now
        with working(gateway, clickhouse):
            yield gateway


@pytest.fixture(scope="module", autouse=True)
def events(clickhouse: Warehouse) -> list[dict[str, Any]]:
    """50 of one user, five at each time."""
    rows = [
        act(("Clicked", "Feature Used")[number % 2], NOON + number // 5 * 1000, "act-eve", message_id=f"act-e{number}")
        for number in range(50)
    ]
    store(clickhouse, "events", rows)
    store(clickhouse, "events", [act("Clicked", NOON, "act-eve", project_id=OTHER_PROJECT, message_id="act-e-other")])
    user(clickhouse, "act-eve")
    user(clickhouse, "act-idle")
    return rows


def test_a_walk_meets_each_event_once_the_newest_first(gateway: Running, events: list[dict[str, Any]]) -> None:
    for limit in (7, 200):
        met = list(walk(gateway, "/users/act-eve/events", "events", limit=limit))
        assert sorted(event["messageId"] for event in met) == sorted(row["message_id"] for row in events)
        times = [(event["occurredAt"], event["messageId"]) for event in met]
        assert all(one > other for one, other in pairwise(times))


def test_only_those_of_a_name(gateway: Running, events: list[dict[str, Any]]) -> None:
    met = list(walk(gateway, "/users/act-eve/events", "events", limit=6, event="Clicked"))
    assert len(met) == 25
    assert {event["event"] for event in met} == {"Clicked"}
    assert of_user(gateway, "act-eve", "events", event="No ' such").json() == {"events": [], "next": None}
    assert of_user(gateway, "act-idle", "events").json() == {"events": [], "next": None}


def test_an_event_is_shown_as_it_was_sent(gateway: Running) -> None:
    """What the column cannot say too: keys that look escaped, lists of several kinds."""
    properties = {"plain": 1, "a.b": {"c.d": 2}, "%2E": 3, "mixed": [1, "two", {"three": 3}], "🦊": 2**53 + 1}
    context = {"page": {"url": "https://example.com/?a=1"}, "screen": [1, "x"]}
    for number, sent in enumerate((properties, {"plain": 1, "a.b": {"c.d": 2}})):
        event = {"userId": "act-fay", "event": "Sent", "properties": sent, "context": context, "timestamp": NOON}
        gateway.post("/v1/track", event | {"messageId": f"act-sent-{number}", "anonymousId": "act-fay-browser"})
    wait_for(lambda: len(_events_of(gateway, "act-fay")) == 2, "the events to be there")
    answer = of_user(gateway, "act-fay", "events").json()
    UserEventList.model_validate(answer)
    second, first = answer["events"]
    assert first["properties"] == properties
    assert second["properties"] == {"plain": 1, "a.b": {"c.d": 2}}
    assert first["context"] == second["context"] == context
    assert (first["messageId"], first["type"], first["event"]) == ("act-sent-0", "track", "Sent")
    assert (first["sentUserId"], first["anonymousId"]) == ("act-fay", "act-fay-browser")
    assert first["timestamp"] == "2025-10-09T12:00:00.000Z"
    assert (first["conversationId"], first["groupId"]) == (None, None)


def test_what_was_done_as_a_guest_is_the_users(gateway: Running) -> None:
    gateway.post("/v1/page", {"anonymousId": "act-gus", "name": "Pricing"})
    wait_for(lambda: len(_events_of(gateway, "g-act-gus")) == 1, "the guest's event")
    gateway.post("/v1/identify", {"anonymousId": "act-gus", "userId": "act-gus-user", "traits": {"plan": "pro"}})
    wait_for(lambda: len(_events_of(gateway, "act-gus-user")) == 2, "the guest to become the user")
    assert _events_of(gateway, "g-act-gus") == _events_of(gateway, "act-gus-user")
    assert {event["type"] for event in _events_of(gateway, "g-act-gus")} == {"page", "identify"}


def test_who_was_merged_is_answered_as_the_one_left(gateway: Running, clickhouse: Warehouse) -> None:
    """Step by step; and a circle, which nothing makes, ends."""
    user(clickhouse, "act-m-first", merged_into="act-m-second")
    user(clickhouse, "act-m-second", merged_into="act-eve")
    assert _events_of(gateway, "act-m-first") == _events_of(gateway, "act-eve")
    user(clickhouse, "act-round", merged_into="act-about")
    user(clickhouse, "act-about", merged_into="act-round")
    assert of_user(gateway, "act-round", "events").json()["code"] == "unknown_user"


def _events_of(gateway: Running, id: str) -> list[dict[str, Any]]:
    answer = of_user(gateway, id, "events", limit=200)
    found: list[dict[str, Any]] = answer.json()["events"] if answer.status_code == 200 else []
    return found


@pytest.mark.parametrize("what", ["events", "events/counts"])
def test_a_user_of_another_project_is_not_there(gateway: Running, what: str) -> None:
    for answer in (
        of_user(gateway, "no-such", what),
        of_user(gateway, "x" * 5000, what),
        get(gateway, f"/users/act-eve/{what}", secret=STRICT_SECRET, project=STRICT_PROJECT),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_user")
    answer = get(gateway, f"/users/act-eve/{what}", project=OTHER_PROJECT)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_project")


def test_a_cursor_that_is_of_another_list_or_was_edited_is_refused(gateway: Running) -> None:
    path = "/users/act-eve/events"
    cursor = get(gateway, path, limit=3).json()["next"]
    edited: list[list[Any]] = [[], [1], ["1", "a"], [1, None], [1 << 63, "a"], [-(1 << 63), "a"], [1.5, "a"]]
    for query in (
        {"cursor": cursor, "event": "Clicked"},
        *({"cursor": write_cursor(digest_in(cursor), places)} for places in edited),
        {"cursor": cursor[:-4]},
    ):
        answer = get(gateway, path, **query)
        assert (answer.status_code, answer.json()["code"]) == (400, "wrong_cursor"), query
    hostile = write_cursor(digest_in(cursor), [NOON, "'; DROP TABLE events --\\\0"])
    assert get(gateway, path, cursor=hostile).status_code == 200


def test_events_are_counted_by_day(gateway: Running, clickhouse: Warehouse) -> None:
    now = datetime.now(UTC)
    today = int(now.replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)
    times = [today, today - 1, today - DAY, today - 3 * DAY, today - 30 * DAY]
    names = ["Clicked", "Clicked", "Other", "Clicked", "Clicked"]
    user(clickhouse, "act-hal")
    store(clickhouse, "events", [act(name, at, "act-hal") for name, at in zip(names, times, strict=True)])
    answer = of_user(gateway, "act-hal", "events/counts", days=5).json()
    assert [count["count"] for count in answer["counts"]] == [0, 1, 0, 2, 1]
    assert answer["counts"][-1]["day"] == now.date().isoformat()
    assert (answer["tz"], answer["total"]) == ("UTC", 4)
    answer = of_user(gateway, "act-hal", "events/counts", days=365, event="Clicked").json()
    assert (len(answer["counts"]), answer["total"]) == (365, 4)


def test_a_day_is_that_of_the_zone(gateway: Running, clickhouse: Warehouse) -> None:
    user(clickhouse, "act-ida")
    zone = ZoneInfo("Pacific/Kiritimati")  # 14 hours before UTC
    today = datetime.now(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    start = int(today.timestamp() * 1000)
    store(clickhouse, "events", [act("Clicked", at, "act-ida") for at in (start - 1, start, start + 1)])
    counts = of_user(gateway, "act-ida", "events/counts", days=2, tz="Pacific/Kiritimati").json()["counts"]
    yesterday = (today - timedelta(days=1)).date()
    assert counts == [{"day": str(yesterday), "count": 1}, {"day": str(today.date()), "count": 2}]


def test_a_day_is_as_long_as_the_clocks_say() -> None:
    days = last_days(datetime(2026, 10, 26, tzinfo=UTC), 220, ZoneInfo("Europe/Berlin"))
    assert all(one.end == other.start for one, other in pairwise(days))
    lengths = {str(day.date): (day.end - day.start) // HOUR for day in days if day.end - day.start != DAY}
    assert lengths == {"2026-03-29": 23, "2026-10-25": 25}
    cairo = last_days(datetime(2026, 4, 26, tzinfo=UTC), 5, ZoneInfo("Africa/Cairo"))  # the clocks go on at midnight
    assert [(day.end - day.start) // HOUR for day in cairo] == [24, 24, 23, 24, 24]


@pytest.mark.parametrize(
    ("asked", "at"),
    [
        ({"days": "0"}, "days"),
        ({"days": "366"}, "days"),
        ({"days": "1e9"}, "days"),
        ({"days": "-1"}, "days"),
        ({"days": "x"}, "days"),
        *(
            ({"tz": zone}, "tz")
            for zone in ("Mars/Base", "", "/etc/passwd", "../UTC", "Europe", "UTC\0", "🦊", "x" * 65, "tzdata.zi", ".")
        ),
        ({"event": "x" * 256}, "event"),
        ({"limit": "3"}, "limit"),
    ],
)
def test_what_cannot_be_counted_is_refused_with_its_place(gateway: Running, asked: dict[str, str], at: str) -> None:
    answer = of_user(gateway, "act-eve", "events/counts", **asked)
    assert answer.status_code == 400, answer.text
    assert [detail["at"] for detail in answer.json()["details"]] == [at]
    assert json.dumps(asked) not in answer.text


@pytest.mark.parametrize("piece", ["%00", "%FF", "%ED%A0%80", "%F0%9F", "a%0Ab", "%2e%2e%2f", "%5C%27"])
@pytest.mark.parametrize(
    "path",
    [
        "users/{}/events",
        "users/{}/conversations",
        "users/{}/audit",
        "conversations/{}",
        "conversations?topic={}",
        "users/act-eve/events?event={}",
        "users/act-eve/events?cursor={}",
        "users/act-eve/events/counts?tz={}",
        "users/act-eve/history?trait={}",
    ],
)
def test_bytes_that_are_no_text_are_answered(gateway: Running, path: str, piece: str) -> None:
    headers = {"authorization": f"Bearer {SECRET}"}
    answer = gateway.client.get(f"/v1/projects/-/{path.format(piece)}", headers=headers)
    assert answer.status_code in (200, 400, 404)
    assert "DB::" not in answer.text


def test_a_cursor_with_half_a_character_is_refused(gateway: Running) -> None:
    digest = digest_in(get(gateway, "/users/act-eve/events", limit=3).json()["next"])
    cursor = urlsafe_b64encode(rf'["{digest}",1,"\ud800"]'.encode()).decode()
    answer = get(gateway, "/users/act-eve/events", cursor=cursor)
    assert (answer.status_code, answer.json()["code"]) == (400, "wrong_cursor")
