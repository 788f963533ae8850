"""/v1/user: a page reads its own visitor's traits, those that the project lets it, and nobody else's."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from ask0.gateway.questions import MOST_OF_ONE
from ask0.schemas.wire import Error, VisitorAnswer
from ask0.warehouse.connect import Warehouse
from tests.gateway.running import (
    KEY,
    PROJECT,
    REVOKED_KEY,
    STRICT_KEY,
    STRICT_PROJECT,
    STRICT_SECRET,
    Running,
    nowhere,
    running,
)
from tests.gateway.tokens import NEXT_SECRET, sign

TRAITS = '{"a.b":{"c":[1,2]},"spend":9,"id":"theirs"}'


@pytest.fixture(scope="module", autouse=True)
def people(clickhouse: Warehouse) -> Iterator[None]:
    """A user in two versions, a guest, one who has become a user, and namesakes in another project."""
    rows = [
        (STRICT_PROJECT, "u1", "Old", "free", "", 1),
        (STRICT_PROJECT, "u1", "Ada", "pro", "", 2),
        (STRICT_PROJECT, "g-guest", "Guest", None, "", 1),
        (STRICT_PROJECT, "g-merged", "Before", "pro", "u1", 1),
        (PROJECT, "u1", "Elsewhere", "pro", "", 9),
        (PROJECT, "g-guest", "Guest elsewhere", "pro", "", 9),
    ]
    names = ("project_id", "id", "first_name", "plan", "merged_into", "_version")
    columns: dict[str, list[Any]] = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    columns |= {"email": ["ada@example.com"] * len(rows), "traits": [TRAITS] * len(rows)}
    clickhouse.insert("user_rows", columns, token="people")
    yield
    clickhouse.command("TRUNCATE TABLE user_rows")


def ask(gateway: Running, key: str | None = STRICT_KEY, **who: Any) -> httpx.Response:
    return gateway.client.post("/v1/user", json={"writeKey": key, **who}, headers={"Content-Type": "text/plain"})


def test_a_user_is_answered_for_the_token_alone(gateway: Running) -> None:
    answer = ask(gateway, userId="u1", anonymousId="guest", userToken=sign())
    assert answer.json() == {"user": {"id": "u1", "firstName": "Ada", "plan": "pro", "a.b": {"c": [1, 2]}}}
    assert VisitorAnswer.model_validate(answer.json()).user
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert ask(gateway, userId="u1", context={"userToken": sign()}).status_code == 200
    assert ask(gateway, userId="new", userToken=sign("new")).json() == {"user": None}


@pytest.mark.parametrize(
    ("token", "code"),
    [
        (None, "token_missing"),
        ("", "token_missing"),
        ("x", "token_invalid"),
        (["x"], "token_invalid"),
        (sign(key=NEXT_SECRET), "token_invalid"),
        (sign(exp=-100), "token_expired"),
        (sign("u2"), "token_wrong_subject"),
    ],
)
def test_without_a_good_token_a_user_is_not_shown(gateway: Running, token: object, code: str) -> None:
    answer = ask(gateway, userId="u1", anonymousId="guest", userToken=token)
    assert (answer.status_code, Error.model_validate(answer.json()).code) == (403, code)
    assert answer.headers["access-control-allow-origin"] == "*"


def test_a_guest_reads_their_own_row_until_they_are_a_user(gateway: Running) -> None:
    for who in ({"anonymousId": "guest"}, {"anonymousId": "g-guest"}, {"userId": "g-guest"}):
        assert ask(gateway, **who).json()["user"] == {"id": "g-guest", "firstName": "Guest", "a.b": {"c": [1, 2]}}
    assert ask(gateway, anonymousId="merged").json() == {"user": None}
    assert ask(gateway, anonymousId="u1").json() == {"user": None}
    assert ask(gateway, anonymousId="nobody' OR 1 = 1 --").json() == {"user": None}


def test_a_project_that_cannot_check_answers_for_guests_alone(gateway: Running) -> None:
    answer = ask(gateway, KEY, userId="u1", userToken=sign())
    assert (answer.status_code, answer.json()["code"]) == (403, "not_verified")
    assert "ask0 verification add" in answer.json()["message"]
    guest = ask(gateway, KEY, anonymousId="guest").json()["user"]
    assert guest == {"id": "g-guest", "firstName": "Guest elsewhere", "plan": "pro"}, "not the email, not their own"


@pytest.mark.parametrize("key", [None, 7, "", "wk_nobodys", REVOKED_KEY, STRICT_SECRET])
def test_an_unknown_key_reads_nothing(gateway: Running, key: str | None) -> None:
    assert ask(gateway, key, anonymousId="guest").status_code == 401


def test_the_key_may_stand_where_it_does_for_beacons(gateway: Running) -> None:
    assert gateway.post("/v1/user", {"anonymousId": "guest"}, key=STRICT_KEY).status_code == 200
    assert gateway.client.post(f"/v1/user?writeKey={STRICT_KEY}", json={"anonymousId": "guest"}).status_code == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"", "not_json"), (b"[]", "not_an_object"), (b'{"writeKey":"wk_strict"}', "missing_user")]
    + [(b'{"writeKey":"wk_strict","userId":{}}', "invalid_id"), (b'{"anonymousId":"\\ud800"}', "invalid_text")],
)
def test_a_question_that_makes_no_sense_is_told_why(gateway: Running, body: bytes, code: str) -> None:
    answer = gateway.post("/v1/user", body, key=STRICT_KEY)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_a_page_of_another_origin_may_ask_first(gateway: Running) -> None:
    answer = gateway.client.options("/v1/user", headers={"Origin": "https://site.example"})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")
    assert gateway.client.get("/v1/user").status_code == 405


def test_only_pages_of_listed_origins_may_ask(clickhouse: Warehouse, tmp_path: Path) -> None:
    with running(tmp_path, clickhouse, allowed_origins="https://site.example") as gateway:
        for origin, status in (("https://site.example", 200), ("https://evil.example", 403)):
            headers = {"Origin": origin, "X-Write-Key": STRICT_KEY}
            answer = gateway.client.post("/v1/user", json={"anonymousId": "guest"}, headers=headers)
            assert answer.status_code == status


def test_the_description_has_both_bodies(gateway: Running) -> None:
    described = gateway.client.get("/openapi.json").json()
    operation = described["paths"]["/v1/user"]["post"]
    schema = {"schema": {"$ref": "#/components/schemas/Visitor"}}
    assert operation["requestBody"]["content"]["application/json"] == schema
    assert {"Visitor", "VisitorAnswer", "User"} <= described["components"]["schemas"].keys()


def test_without_clickhouse_it_says_so(tmp_path: Path) -> None:
    with running(tmp_path, nowhere()) as gateway:
        answer = ask(gateway, anonymousId="guest")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        assert ask(gateway, userId="u1", userToken="x").status_code == 403


@pytest.mark.apart
def test_when_clickhouse_hangs_only_so_many_wait(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent:
        warehouse = Warehouse(f"http://127.0.0.1:{silent.getsockname()[1]}/ask0")
        with running(tmp_path, warehouse) as gateway, ThreadPoolExecutor(MOST_OF_ONE + 8) as visitors:
            answers = list(visitors.map(lambda _: ask(gateway, anonymousId="guest"), range(MOST_OF_ONE + 8)))
            assert {answer.status_code for answer in answers} == {503}
            assert sum("too many" in answer.json()["message"] for answer in answers) == 8
            assert all("retry-after" in answer.headers for answer in answers)
