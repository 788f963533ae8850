"""`…/users/properties`: as its document says, answers and errors in their own form."""

import json
import random
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest

from ask0.schemas.bot_users import BotError, BotUserList, _as_java, read_filters
from ask0.schemas.filters import types
from ask0.schemas.segments import STAGES
from ask0.warehouse.connect import Warehouse
from tests.gateway.running import BOT_PROJECT, BOT_SECRET, REVOKED_SECRET, SECRET, Running, nowhere, running

PATHS = ("/projects/{}/users/properties", "/v1/projects/{}/users/properties")
JOHN = "db72b72a-8b47-4801-82f7-c948a386a579"
START = "db82a72a-8b47-4821-82e7-c948a786a686"
EXAMPLE: dict[str, Any] = {
    "filters": '[{"mode": "include", "field": "user.company", "operator": "=", "value": "Mercury.ai"}]',
    "sortBy": "+user.lastName,+user.firstName",
    "startId": START,
    "limit": 10,
}
NAMES = ("Doe", "doe", "Ädler", "Zoe", None)


@pytest.fixture(scope="module", autouse=True)
def people(clickhouse: Warehouse) -> list[dict[str, Any]]:
    """60, and those of the document's example."""
    chance = random.Random(7)
    rows = [
        {
            "id": f"bot-{number:02}",
            "last_name": chance.choice(NAMES),
            "first_name": chance.choice(("Ann", "Bob", None)),
            "company": "Other",
            "traits": json.dumps({"seats": chance.choice((1, 2.5, "many", True))} if number % 3 else {}),
            "last_active_at": 1_700_000_000_000 + chance.randrange(5) * 1000,
        }
        for number in range(60)
    ]
    traits: dict[str, Any] = {
        "locale": "de",
        "a.b": 1,
        "status": "gold",
        "tags": ["x", 2],
        "address": {"city": "Köln"},
        "points": [{"x": 1}],
    }
    john: dict[str, Any] = {
        "id": JOHN,
        "last_name": "Doe",
        "first_name": "John",
        "company": "Mercury.ai",
        "traits": json.dumps(traits),
    }
    example = [
        john | {"last_active_at": 1_584_464_046_000},
        john | {"id": START, "last_name": "Carr", "last_active_at": 0, "traits": "{}"},
        john | {"id": "bot-before", "last_name": "Abel", "last_active_at": 1_584_464_046_120, "traits": "{}"},
    ]
    insert(clickhouse, [*rows, *example])
    insert(clickhouse, rows[:5])  # as after a crash: the same rows again
    insert(clickhouse, [{**rows[0], "id": "bot-gone", "merged_into": "bot-01"}])
    return rows


def insert(clickhouse: Warehouse, rows: list[dict[str, Any]], version: int = 1) -> None:
    common = {"project_id": BOT_PROJECT, "status": "Active", "merged_into": "", "_version": version}
    columns = {name: [({**common, **row})[name] for row in rows] for name in {**common, **rows[0]}}
    clickhouse.insert("user_rows", columns, token=uuid4().hex)


def ask(
    gateway: Running, *, secret: str | None = BOT_SECRET, project: str = "-", path: str = PATHS[1], **query: Any
) -> httpx.Response:
    given = {name: json.dumps(value) if isinstance(value, list) else value for name, value in query.items()}
    headers = {"authorization": f"Bearer {secret}"} if secret else {}
    return gateway.client.get(path.format(project), params=given, headers=headers)


def items(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    BotUserList.model_validate(answer.json())
    found: list[dict[str, Any]] = answer.json()["data"]["items"]
    return found


def problem(answer: httpx.Response) -> tuple[int, str]:
    """Only in its own form."""
    BotError.model_validate(answer.json())
    assert set(answer.json()) == {"success", "error"}
    assert set(answer.json()["error"]) == {"code", "message"}
    assert int(answer.headers["content-length"]) == len(answer.content)
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("project", ["-", BOT_PROJECT])
def test_the_documents_example_runs(gateway: Running, path: str, project: str) -> None:
    answer = ask(gateway, path=path, project=project, **EXAMPLE)
    assert [user["userId"] for user in items(answer)] == [START, JOHN]
    assert answer.text.startswith('{"success":true,"data":{"items":[{"userId":')
    assert items(answer)[1] == {
        "userId": JOHN,
        "firstName": "John",
        "lastName": "Doe",
        "lastInteractionTime": "2020-03-17 16:54:06.0",
        "properties": {
            "user.locale": "de",
            "user.firstName": "John",
            "user.lastName": "Doe",
            "user.company": "Mercury.ai",
            "user.a\\.b": 1,
            "user.traits.status": "gold",
            "user.tags": ["x", 2],
        },
    }
    assert items(answer)[0]["lastInteractionTime"] is None


def test_basic_is_taken_too(gateway: Running) -> None:
    answer = gateway.client.get(PATHS[0].format("-"), params={"limit": 1}, auth=(BOT_SECRET, ""))
    assert len(items(answer)) == 1
    assert answer.headers["cache-control"] == "no-store"


def test_fifty_by_default(gateway: Running) -> None:
    assert len(items(ask(gateway))) == 50
    assert len(items(ask(gateway, startId="", stageIds="", filters="", sortBy=""))) == 50


@pytest.mark.parametrize(
    ("time", "printed"),
    [
        ("2020-03-17T16:54:06.000Z", "2020-03-17 16:54:06.0"),
        ("2020-03-17T16:54:06.120Z", "2020-03-17 16:54:06.12"),
        ("2020-03-17T16:54:06.007Z", "2020-03-17 16:54:06.007"),
        ("2020-03-17T16:54:00Z", "2020-03-17 16:54:00.0"),
        (None, None),
    ],
)
def test_times_are_printed_as_java_prints_them(time: str | None, printed: str | None) -> None:
    assert _as_java(time) == printed


@pytest.mark.parametrize(
    "sort", ["", "+user.lastName,+user.firstName", "-user.lastName", " user.seats", "-user.seats,lastInteractionTime"]
)
@pytest.mark.parametrize("limit", [3, 50])
def test_a_walk_by_start_and_limit_meets_everyone_once(
    gateway: Running, people: list[dict[str, Any]], sort: str, limit: int
) -> None:
    seen: list[dict[str, Any]] = []
    others = [{"mode": "exclude", "field": "user.company", "operator": "=", "value": "Mercury.ai"}]
    for _ in range(200):
        start = {"startId": seen[-1]["userId"]} if seen else {}
        page = items(ask(gateway, sortBy=sort, limit=limit, filters=others, **start))
        assert not seen or page[0] == seen[-1]
        seen += page[1:] if seen else page
        if len(page) < limit:
            break
    assert sorted(user["userId"] for user in seen) == [row["id"] for row in people]
    if sort == "-user.lastName":
        named = [user["lastName"] for user in seen if user["lastName"]]
        assert all(one.lower() >= other.lower() for one, other in pairwise(named))
        assert all(user["lastName"] is None for user in seen[len(named) :])


def test_it_begins_where_the_user_stands_now(gateway: Running, clickhouse: Warehouse) -> None:
    """Also where the filter leaves that user out."""
    rows = [{"id": f"bot-move-{name}", "last_name": name, "company": "Movers"} for name in "abc"]
    insert(clickhouse, rows)
    movers = [{"mode": "include", "field": "company", "operator": "=", "value": "Movers"}]
    asked: dict[str, Any] = {"filters": movers, "sortBy": "user.lastName", "startId": "bot-move-a"}
    assert [user["lastName"] for user in items(ask(gateway, **asked))] == ["a", "b", "c"]
    insert(clickhouse, [{**rows[0], "last_name": "bb"}], version=2)
    assert [user["lastName"] for user in items(ask(gateway, **asked))] == ["bb", "c"]
    insert(clickhouse, [{**rows[0], "last_name": "bb", "company": "Stayers"}], version=3)
    assert [user["lastName"] for user in items(ask(gateway, **asked))] == ["c"]
    clickhouse.command("DELETE FROM user_rows WHERE startsWith(id, 'bot-move-')")


@pytest.mark.parametrize("start", ["nobody", "bot-gone", "' OR 1=1", "\0", "🦊"])
def test_a_start_that_is_not_there_is_refused(gateway: Running, start: str) -> None:
    assert problem(ask(gateway, startId=start)) == (400, "unknown_start")


@pytest.mark.parametrize(
    ("mode", "field", "operator", "value", "expected"),
    [
        ("include", "user.seats", ">=", 2, lambda row: seats(row) == 2.5),
        ("exclude", "user.seats", ">=", 2, lambda row: seats(row) != 2.5),
        ("include", "user.seats", "!=", "many", lambda row: seats(row) != "many"),
        ("include", "user.seats", "notSet", None, lambda row: seats(row) is None),
        ("include", "lastInteractionTime", "before", "2023-11-14T22:13:22Z", lambda row: second(row) < 2),
        ("include", "userId", "in", ["bot-07", "bot-09"], lambda row: row["id"] in ("bot-07", "bot-09")),
        ("include", "user.lastName", "STARTS_WITH", "do", lambda row: row["last_name"] in ("Doe", "doe")),
    ],
)
def test_filters(
    gateway: Running,
    people: list[dict[str, Any]],
    mode: str,
    field: str,
    operator: str,
    value: Any,
    expected: Any,
) -> None:
    others = {"mode": "include", "field": "company", "operator": "=", "value": "Other"}
    asked = {"mode": mode, "field": field, "operator": operator, "value": value}
    found = items(ask(gateway, filters=[others, asked], limit=200))
    assert [user["userId"] for user in found] == [row["id"] for row in people if expected(row)]


def seats(row: dict[str, Any]) -> Any:
    return json.loads(row["traits"]).get("seats")


def second(row: dict[str, Any]) -> int:
    return int(row["last_active_at"] - 1_700_000_000_000) // 1000


def test_a_stage_that_is_not_defined_is_named(gateway: Running) -> None:
    answer = ask(gateway, stageIds="Trial,a6819263-73f9-48db-969f-ee9d7241d7b6")
    assert problem(answer) == (400, "unknown_stage")
    assert "a6819263-73f9-48db-969f-ee9d7241d7b6" in answer.json()["error"]["message"]


def test_stages_go_by_id_or_name(gateway: Running) -> None:
    """The first that holds is a user's, so that together they have everyone once."""
    everyone = items(ask(gateway, limit=200))
    assert items(ask(gateway, limit=200, stageIds=",".join(stage.id for stage in STAGES))) == everyone
    by_stage = [items(ask(gateway, limit=200, stageIds=stage.id)) for stage in STAGES]
    assert sorted(user["userId"] for users in by_stage for user in users) == [user["userId"] for user in everyone]
    for stage, users in zip(STAGES, by_stage, strict=True):
        assert items(ask(gateway, limit=200, stageIds=f" {stage.name}")) == users


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 201},
        {"limit": "9" * 5000},
        {"limit": "-1"},
        {"limit": "1.5"},
        {"limit": ""},
        {"filters": "[{mode:"},
        {"filters": "{}"},
        {"filters": "null"},
        {"filters": "[" * 5000},
        {"filters": '"\\ud800"'},
        {"filters": [1]},
        {"filters": [{"mode": "any", "field": "a", "operator": "=", "value": 1}]},
        {"filters": [{"mode": "include", "field": "a", "operator": "LIKE", "value": 1}]},
        {"filters": [{"mode": "include", "field": "user.", "operator": "=", "value": 1}]},
        {"filters": [{"mode": "include", "field": "a", "operator": "=", "value": {"x": 1}}]},
        {"filters": [{"mode": "include", "field": "a", "operator": "=", "value": 1}] * 65},
        {"filters": [{"mode": "include", "field": "a", "operator": "=", "value": 1, "more": 1}]},
        {"sortBy": "a,b,c,d"},
        {"sortBy": "+user."},
        {"sortBy": "+"},
        {"sortBy": "user.plan,-plan"},
        {"sortBy": "a..b"},
        {"sortBy": "x" * 600},
        {"startId": "x" * 256},
        {"stageIds": ",".join(map(str, range(65)))},
        {"stageIds": "x" * 3000},
        {"offset": 3},
    ],
)
def test_what_cannot_be_asked_is_refused_in_its_own_form(gateway: Running, query: dict[str, Any]) -> None:
    answer = ask(gateway, **query)
    status, code = problem(answer)
    assert (status, code) in {(400, "invalid_query"), (400, "unknown_stage")}, answer.text


@pytest.mark.parametrize("name", ["limit", "filters", "sortBy", "startId", "stageIds"])
def test_whatever_a_parameter_holds_no_answer_is_a_fault(gateway: Running, name: str) -> None:
    chance = random.Random(name)
    letters = [*"+-,.[]{}\"'\\`%;@^:$ \0\n\x7fασς🦊0a", "user.", '{"mode":"include","field":"', '"}', "1e999", "NULL"]
    for _ in range(60):
        text = "".join(chance.choices(letters, k=chance.randrange(1, 12)))
        answer = ask(gateway, **{name: text})
        assert answer.status_code in (200, 400), (text, answer.text)
        if answer.status_code == 400:
            problem(answer)
            assert not any(word in answer.text for word in ("ClickHouse", "DB::", "user_rows", "Traceback"))


@pytest.mark.parametrize("raw", ["%", "%ff%fe", "%00", "a=b&&&", "filters=%ED%A0%80", "limit=1&limit=x"])
def test_bytes_that_are_no_text_are_no_fault_either(gateway: Running, raw: str) -> None:
    for query in (raw, *(f"{name}={raw}" for name in ("filters", "sortBy", "startId", "stageIds", "limit"))):
        headers = {"authorization": f"Bearer {BOT_SECRET}"}
        answer = gateway.client.get(f"{PATHS[1].format('-')}?{query}", headers=headers)
        assert answer.status_code in (200, 400), (query, answer.text)


@pytest.mark.parametrize("path", PATHS)
def test_who_may_not_ask_is_told_in_its_own_form(gateway: Running, path: str) -> None:
    for secret in (None, "sk_unknown", REVOKED_SECRET):
        assert problem(ask(gateway, path=path, secret=secret)) == (401, "unknown_secret_key")
    assert problem(ask(gateway, path=path, secret=SECRET, project=BOT_PROJECT)) == (404, "unknown_project")
    assert problem(ask(gateway, path=path, project=quote("a/b", safe=""))) == (404, "unknown_project")
    assert not any(user["userId"].startswith("bot-") for user in items(ask(gateway, path=path, secret=SECRET)))


def test_while_nobody_can_tell_it_says_so_in_its_own_form(tmp_path: Path) -> None:
    with nowhere() as warehouse, running(tmp_path, warehouse) as gateway:
        answer = ask(gateway, **EXAMPLE)
        assert problem(answer) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert problem(ask(gateway, secret="sk_unknown")) == (401, "unknown_secret_key")


def test_it_is_described(gateway: Running) -> None:
    described = gateway.client.get("/openapi.json").json()
    operation = described["paths"]["/v1/projects/{project}/users/properties"]["get"]
    names = [parameter["name"] for parameter in operation["parameters"]]
    assert names == ["project", "stageIds", "filters", "sortBy", "startId", "limit"]
    assert operation["responses"]["default"]["content"]["application/json"]["schema"]["$ref"].endswith("/BotError")
    assert "/projects/{project}/users/properties" not in described["paths"]


def test_no_filter_is_everyone() -> None:
    assert read_filters(" ") == types.EVERYONE
