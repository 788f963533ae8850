"""Messages that a user was shown and configs that they were served, as servers read them. All ids begin with srv-."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from ask0.schemas.listing import write_cursor
from ask0.schemas.served import MAX_ANSWERS, MAX_TEXT_CHARACTERS, MAX_VALUE_BYTES, ServedConfigs, ShownMessages
from ask0.warehouse import served
from ask0.warehouse.connect import Warehouse
from bench.stack import wait_for
from tests.gateway.api.rows import DAY, NOON, act, digest_in, get, of_user, store, user, walk
from tests.gateway.running import OTHER_PROJECT, STRICT_PROJECT, STRICT_SECRET, Running, running, working

NOTHING: dict[str, Any] = {"answer": None, "nps": None, "comment": None}


@pytest.fixture(scope="module")
def gateway(clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """With a worker."""
    with running(tmp_path_factory.mktemp("served"), clickhouse) as gateway:
        gateway.post("/v1/track", {"userId": "srv-nobody", "event": "First"})  # there is a log now
        with working(gateway, clickhouse):
            yield gateway


def tell(clickhouse: Warehouse, id: str, *events: tuple[str, int, dict[str, Any]]) -> None:
    """A user of whom there are these: name, seconds after noon, properties."""
    user(clickhouse, id)
    rows = [
        act(name, NOON + second * 1000, id, properties=said, message_id=f"{id}-{number}")
        for number, (name, second, said) in enumerate(events)
    ]
    store(clickhouse, "events", rows)


def at(second: int) -> str:
    return f"2025-10-09T12:{second // 60:02}:{second % 60:02}.000Z"


def messages(gateway: Running, id: str) -> list[dict[str, Any]]:
    answer = of_user(gateway, id, "messages", limit=200)
    assert answer.status_code == 200, answer.text
    ShownMessages.model_validate(answer.json())
    found: list[dict[str, Any]] = answer.json()["messages"]
    return found


def configs(gateway: Running, id: str) -> list[dict[str, Any]]:
    answer = of_user(gateway, id, "configs", limit=200)
    assert answer.status_code == 200, answer.text
    ServedConfigs.model_validate(answer.json())
    found: list[dict[str, Any]] = answer.json()["configs"]
    return found


def test_a_message_is_one_row_of_all_that_happened_to_it(gateway: Running, clickhouse: Warehouse) -> None:
    tell(
        clickhouse,
        "srv-ada",
        ("Message Shown", 1, {"messageId": "welcome", "name": "Welcome"}),
        ("Message Shown", 5, {"messageId": "welcome", "name": "Welcome!"}),
        ("Message Clicked", 6, {"messageId": "welcome"}),
        ("Message Dismissed", 7, {"messageId": "welcome"}),
        ("Message Shown", 2, {"message": "nps-may"}),
        ("Survey Answered", 9, {"survey": "nps-may", "nps": 9, "comment": "Good", "answer": ["speed", "docs"]}),
        ("Clicked", 10, {"messageId": "welcome"}),  # of the site's own
    )
    survey, welcome = messages(gateway, "srv-ada")
    assert welcome == {
        "id": "welcome",
        "name": "Welcome!",
        "shown": 2,
        "firstShownAt": at(1),
        "lastShownAt": at(5),
        "clicked": 1,
        "clickedAt": at(6),
        "dismissed": 1,
        "dismissedAt": at(7),
        "answered": 0,
        "answers": [],
    }
    assert (survey["id"], survey["name"], survey["shown"], survey["clickedAt"]) == ("nps-may", None, 1, None)
    told = {"at": at(9), "answer": ["speed", "docs"], "nps": 9, "comment": "Good", "messageId": "srv-ada-5"}
    assert (survey["answered"], survey["answers"]) == (1, [told])


def test_what_names_no_message_is_of_none(gateway: Running, clickhouse: Warehouse) -> None:
    tell(
        clickhouse,
        "srv-bea",
        ("Message Shown", 1, {}),
        ("Message Shown", 2, {"messageId": ""}),
        ("Message Shown", 3, {"messageId": "x" * 256}),
        ("Message Shown", 4, {"messageId": {"id": "x"}}),
        ("Message Shown", 5, {"survey": "of an answer alone"}),
        ("Survey Answered", 6, {"nps": 9}),
        ("Message Shown", 7, {"messageId": 42}),
        ("Message Shown", 8, {"messageId": "é" * 255}),
    )
    assert [message["id"] for message in messages(gateway, "srv-bea")] == ["é" * 255, "42"]


def test_only_so_many_answers_are_kept_and_no_large_one(gateway: Running, clickhouse: Warehouse) -> None:
    long, large = "ü" * (MAX_TEXT_CHARACTERS + 1), ["x" * MAX_VALUE_BYTES]
    answers: list[dict[str, Any]] = [{"answer": number} for number in range(MAX_ANSWERS)]
    answers += [{"answer": long, "comment": long}, {"answer": large, "nps": "9"}, {"answer": {"a": [None, True]}}]
    tell(clickhouse, "srv-cay", *(("Survey Answered", n, {"survey": "s", **said}) for n, said in enumerate(answers)))
    (survey,) = messages(gateway, "srv-cay")
    assert (survey["answered"], survey["shown"], survey["firstShownAt"]) == (MAX_ANSWERS + 3, 0, None)
    cut = long[:-1]
    shown = [{name: answer[name] for name in NOTHING} for answer in survey["answers"]]
    assert shown == [
        {**NOTHING, "answer": {"a": [None, True]}},
        NOTHING,
        {**NOTHING, "answer": cut, "comment": cut},
        *({**NOTHING, "answer": number} for number in range(MAX_ANSWERS - 1, 2, -1)),
    ]
    assert [answer["at"] for answer in survey["answers"]] == [at(12 - number) for number in range(MAX_ANSWERS)]


def test_a_config_says_what_was_served_last_and_since_when(gateway: Running, clickhouse: Warehouse) -> None:
    tell(
        clickhouse,
        "srv-dan",
        ("Config Served", 1, {"key": "banner", "variation": "on", "reason": "TARGETING_MATCH"}),
        ("Config Served", 2, {"key": "banner", "variation": "off"}),
        ("Config Served", 3, {"key": "banner", "variation": "on"}),
        ("Config Served", 4, {"key": "banner", "variation": "on", "reason": "SPLIT"}),
        ("Config Served", 2, {"configId": "limit", "variation": 20}),
        ("Config Served", 3, {"key": "none"}),
        ("Config Served", 9, {"variation": "of no config"}),
    )
    banner, none, limit = configs(gateway, "srv-dan")
    assert banner == {
        "key": "banner",
        "variation": "on",
        "reason": "SPLIT",
        "since": at(3),
        "firstServedAt": at(1),
        "lastServedAt": at(4),
        "served": 4,
    }
    assert (none["key"], none["variation"], none["since"]) == ("none", None, at(3))
    assert (limit["key"], limit["variation"], limit["since"], limit["reason"]) == ("limit", 20, at(2), None)


def test_a_walk_meets_each_once_the_newest_first(gateway: Running, clickhouse: Warehouse) -> None:
    user(clickhouse, "srv-eve")
    told = [
        act(event, NOON + number // 5 * DAY, "srv-eve", properties={name: f"{number:02} '\\\"😀"})
        for number in range(23)
        for event, name in (("Message Shown", "messageId"), ("Config Served", "key"))
    ]
    store(clickhouse, "events", told)
    store(clickhouse, "events", [act("Config Served", NOON, "srv-eve", project_id=OTHER_PROJECT)])
    for what, name, time in (("messages", "id", "lastShownAt"), ("configs", "key", "lastServedAt")):
        for limit in (4, 23, 200):
            met = list(walk(gateway, f"/users/srv-eve/{what}", what, limit=limit))
            assert sorted(one[name] for one in met) == [f"{number:02} '\\\"😀" for number in range(23)]
            assert all(one > other for one, other in pairwise((one[time], one[name]) for one in met))


def test_it_is_read_from_what_was_sent_also_as_a_guest(gateway: Running) -> None:
    """Where the column cannot say it, too: a key with a dot."""
    guest = {"anonymousId": "srv-fay-guest", "timestamp": NOON}
    said = {"messageId": "hello", "name": "Hello", "a.b": 1, "answer": "so 😀"}
    sent = [
        {**guest, "type": "track", "event": "Message Shown", "properties": said},
        {**guest, "type": "track", "event": "Survey Answered", "properties": said, "timestamp": NOON + 1000},
        {**guest, "type": "track", "event": "Config Served", "properties": {"key": "k", "variation": "v", "a.b": 1}},
    ]
    gateway.post("/v1/batch", {"batch": sent})
    gateway.post("/v1/identify", {"anonymousId": "srv-fay-guest", "userId": "srv-fay", "traits": {}})
    wait_for(lambda: of_user(gateway, "srv-fay", "configs").status_code == 200, "the user")
    wait_for(lambda: len(configs(gateway, "srv-fay")) == 1, "the guest's config")
    assert configs(gateway, "srv-fay")[0]["variation"] == "v"
    (hello,) = messages(gateway, "g-srv-fay-guest")
    assert (hello["id"], hello["name"], hello["shown"], hello["answers"][0]["answer"]) == ("hello", "Hello", 1, "so 😀")


def test_an_export_has_all_of_them(gateway: Running, clickhouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served, "EXPORTED_AT_ONCE", 2)
    events = [
        (event, number, {name: f"m{number}"})
        for number in range(5)
        for event, name in (("Message Shown", "messageId"), ("Config Served", "key"))
    ]
    tell(clickhouse, "srv-gus", *events)
    document = of_user(gateway, "srv-gus", "export").json()
    names = [f"m{number}" for number in range(5)]
    assert [one["id"] for one in document["shownMessages"]] == [one["key"] for one in document["configs"]] == names
    assert document["shownMessages"][::-1] == messages(gateway, "srv-gus")
    assert document["configs"][::-1] == configs(gateway, "srv-gus")
    archive = zipfile.ZipFile(io.BytesIO(of_user(gateway, "srv-gus", "export", format="csv").content))
    for name, key in (("shownMessages", "id"), ("configs", "key")):
        rows = csv.DictReader(archive.read(f"{name}.csv").decode().splitlines())
        assert [row[key] for row in rows] == names


@pytest.mark.parametrize("what", ["messages", "configs"])
def test_a_user_of_another_project_is_not_there(gateway: Running, clickhouse: Warehouse, what: str) -> None:
    user(clickhouse, "srv-idle")
    assert of_user(gateway, "srv-idle", what).json() == {what: [], "next": None}
    for answer in (
        of_user(gateway, "srv-no-such", what),
        get(gateway, f"/users/srv-idle/{what}", secret=STRICT_SECRET, project=STRICT_PROJECT),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_user")
    answer = get(gateway, f"/users/srv-idle/{what}", project=OTHER_PROJECT)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_project")


@pytest.mark.parametrize("what", ["messages", "configs"])
def test_what_cannot_be_asked_is_refused(gateway: Running, clickhouse: Warehouse, what: str) -> None:
    said = {"messageId": "m", "key": "k"}
    more = {name: f"{value}2" for name, value in said.items()}
    event = {"messages": "Message Shown", "configs": "Config Served"}[what]
    tell(clickhouse, f"srv-{what}", (event, 1, said), (event, 2, more))
    path = f"/users/srv-{what}/{what}"
    cursor = get(gateway, path, limit=1).json()["next"]
    other = {"messages": "configs", "configs": "messages"}[what]
    for edited in (cursor[:-4], write_cursor(digest_in(cursor), ["1", "a"]), write_cursor(digest_in(cursor), [1])):
        answer = get(gateway, path, cursor=edited)
        assert (answer.status_code, answer.json()["code"]) == (400, "wrong_cursor")
    assert get(gateway, f"/users/srv-{what}/{other}", cursor=cursor).json()["code"] == "wrong_cursor"
    for query in ({"limit": "0"}, {"limit": "201"}, {"event": "x"}):
        assert get(gateway, path, **query).status_code == 400, json.dumps(query)
    hostile = write_cursor(digest_in(cursor), [NOON, "'; DROP TABLE events --\\\0"])
    assert get(gateway, path, cursor=hostile).status_code == 200
