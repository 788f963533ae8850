"""Batches of users: larger than any other body, and no burden to anyone else."""

import asyncio
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from starlette.responses import Response

from ask0.gateway import arrivals, large_bodies, turns
from ask0.gateway.api.user_batches import read_batch, read_user
from ask0.gateway.callers import Access
from ask0.gateway.errors import BadRequest, ServiceUnavailable
from ask0.gateway.large_bodies import MAX_AT_ONCE, MAX_OF_ONE, LargeBodies, may_be_large
from ask0.gateway.operations import Asked, Operation
from ask0.gateway.turns import in_turns
from ask0.schemas.events import MAX_BODY_BYTES
from ask0.schemas.user_writes import MAX_BATCH_BYTES, UserBatch
from ask0.warehouse.connect import Warehouse
from tests.gateway.running import KEY, SECRET, Running, nowhere, running, working

BATCH = "/v1/projects/-/users/batch"
BEARER = {"authorization": f"Bearer {SECRET}"}


@pytest.fixture(scope="module")
def served(clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway and a worker."""
    with running(tmp_path_factory.mktemp("batches"), clickhouse) as gateway:
        gateway.post("/v1/track", {"userId": "nobody", "event": "First"})  # there is a log now
        with working(gateway, clickhouse):
            yield gateway


@pytest.fixture(autouse=True)
def patiently(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals.Arrivals.wait, "__defaults__", (60.0,))


def post(gateway: Running, body: bytes, **headers: str) -> httpx.Response:
    return gateway.client.post(BATCH, content=body, headers=BEARER | headers, timeout=90)


def batch(size: int, *more: dict[str, Any]) -> bytes:
    """Of so many bytes, with these users at its end."""
    users = [{"id": f"batch-{number}", "traits": {"text": "x" * 3_900}} for number in range(size // 4_100)]
    body = json.dumps({"users": [*users, *more]}).encode()
    return body[:-1] + b" " * (size - len(body)) + b"}"


def test_a_batch_of_four_megabytes_is_applied_and_one_byte_more_is_refused(
    served: Running, clickhouse: Warehouse
) -> None:
    body = batch(MAX_BATCH_BYTES, {"id": "batch-odd", "plam": "pro"}, {"id": "batch-last", "plan": "pro"})
    assert len(body) == MAX_BATCH_BYTES > MAX_BODY_BYTES
    answer = post(served, body)
    assert answer.status_code == 200, answer.text
    *users, odd, last = answer.json()["users"]
    assert {user["status"] for user in users} == {"applied"}
    assert (odd["id"], odd["status"], odd["code"]) == ("batch-odd", "refused", "invalid_body")
    assert last == {"id": "batch-last", "status": "applied"}
    found = clickhouse.query("SELECT count() FROM users WHERE id LIKE 'batch-%' AND length(traits.text::String) = 3900")
    assert found == [(len(users),)]
    refused = post(served, body + b" ")
    assert (refused.status_code, refused.json()["code"]) == (413, "too_large")
    assert f"{MAX_BATCH_BYTES:,}" in refused.json()["message"]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway without ClickHouse: a batch goes through with a 202."""
    with nowhere() as away, running(tmp_path_factory.mktemp("alone"), away) as gateway:
        yield gateway


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals.Arrivals.wait, "__defaults__", (0.1,))


@pytest.mark.usefixtures("at_once")
def test_it_may_come_compressed_and_inflates_to_as_much(alone: Running) -> None:
    whole, bomb = batch(MAX_BATCH_BYTES), gzip.compress(b" " * (MAX_BATCH_BYTES + 1))
    assert post(alone, gzip.compress(whole), **{"content-encoding": "gzip"}).status_code == 202
    assert post(alone, bomb, **{"content-encoding": "gzip"}).status_code == 413


@pytest.mark.parametrize("path", ["users", "users/query", "segments"])
def test_every_other_body_is_bounded_as_before(alone: Running, path: str) -> None:
    answer = alone.client.post(f"/v1/projects/-/{path}", content=b" " * (MAX_BODY_BYTES + 1), headers=BEARER)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_page_cannot_send_one(alone: Running) -> None:
    head = f"POST {BATCH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: 4000000\r\n\r\n"
    assert alone.raw(head.encode()).startswith(b"HTTP/1.1 401 ")


@pytest.mark.usefixtures("at_once")
def test_a_large_one_is_refused_in_the_same_words_as_a_small_one(alone: Running) -> None:
    padding = b" " * MAX_BODY_BYTES
    for body in (
        b'{"users":[]}',
        b'{"users":7}',
        b'{"users":null}',
        b'{"users":[{"id":"a"},7]}',
        b'{"users":[%s]}' % b",".join([b"{}"] * 1_001),
        b'{"users":[{"id":"a"}],"other":1}',
        b'{"other":1}',
        b"[]",
        b'{"users":[{"id":"batch-x","plam":1},{"plan":"pro"},{"id":""}]}',
    ):
        small, large = post(alone, body), post(alone, body + padding)
        assert small.status_code == large.status_code, (body, large.text)
        told = [answer.json() for answer in (small, large)]
        for answer in told:
            for detail in answer.get("details", ()):
                detail.pop("message")  # how many there are is not counted to the end
            answer.pop("message", None)
        assert told[0] == told[1], body


def test_a_large_one_is_strict_json(alone: Running) -> None:
    for body in (b'{"users":[{"id":NaN}]}', b"{", b'{"users":' + b"[" * 900_000):
        answer = post(alone, body + b" " * MAX_BODY_BYTES)
        assert (answer.status_code, answer.json()["code"]) == (400, "not_json"), answer.text


def test_a_user_of_a_large_one_has_a_bound_of_its_own() -> None:
    small = msgspec.Raw(b'{"id":"a"}')
    assert read_user(small) == {"id": "a"}
    with pytest.raises(BadRequest, match="at most 250,000 bytes"):
        read_user(msgspec.Raw(b'{"id":"a","traits":{"b":"%s"}}' % (b"x" * 250_000)))


def test_users_are_read_one_by_one() -> None:
    read = read_batch(b'{"users":[{"id":"a"}, {"id":"b"}]}')
    assert [type(user) for user in read.users] == [msgspec.Raw, msgspec.Raw]
    assert [read_user(user) for user in read.users] == [{"id": "a"}, {"id": "b"}]


def test_others_get_their_turn_while_a_batch_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "TURN_SECONDS", -1.0)
    seen: list[str] = []

    async def other() -> None:
        for _ in range(3):
            seen.append("other")
            await asyncio.sleep(0)

    async def both() -> None:
        task = asyncio.create_task(other())
        async for _, item in in_turns("abc"):
            seen.append(item)
        await task

    asyncio.run(both())
    assert seen[:6] == ["other", "a", "other", "b", "other", "c"]


def test_a_project_has_some_places_and_all_of_them_have_some_more() -> None:
    large = LargeBodies()
    held = [large.place("a") for _ in range(MAX_OF_ONE)]
    for place in held:
        place.__enter__()
    with pytest.raises(ServiceUnavailable, match="a project"), large.place("a"):
        pass
    others = [large.place(f"p{number // MAX_OF_ONE}") for number in range(MAX_AT_ONCE - MAX_OF_ONE)]
    for place in others:
        place.__enter__()
    with pytest.raises(ServiceUnavailable, match="too many"), large.place("b"):
        pass
    held[0].__exit__(None, None, None)
    with large.place("b"):
        pass
    for place in (*held[1:], *others):
        place.__exit__(None, None, None)
    assert not large._places


@pytest.mark.usefixtures("at_once")
def test_a_place_is_given_back_whatever_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_bodies, "MAX_OF_ONE", 1)
    with nowhere() as away, running(tmp_path, away) as gateway:
        for body, status in (
            (b"x" * 600_000, 400),
            (batch(600_000), 202),
            (b" " * 5_000_000, 413),
            (b"[" * 600_000, 400),
        ):
            assert post(gateway, body).status_code == status
        monkeypatch.setattr(large_bodies, "MAX_OF_ONE", 0)
        refused = post(gateway, batch(600_000))
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        assert int(refused.headers["retry-after"]) >= 1
        assert post(gateway, batch(8_000)).status_code == 202


def test_by_its_head_a_body_is_large_or_nobody_can_tell() -> None:
    assert may_be_large({b"content-length": b"500001"})
    assert may_be_large({})  # in chunks
    assert may_be_large({b"content-length": b"9", b"content-encoding": b"gzip"})
    assert not may_be_large({b"content-length": b"500000"})


async def nothing(asked: Asked) -> Response:
    return Response()


def test_only_a_servers_operation_takes_larger_bodies() -> None:
    for access in (Access.PAGE, Access.ANYONE):
        with pytest.raises(ValueError, match="only a server's body"):
            Operation("POST", "/pages", nothing, "", access, body=UserBatch, most_bytes=MAX_BODY_BYTES + 1)


def test_a_thousand_unknown_names_cost_as_much_as_a_few(alone: Running) -> None:
    body = {f"name{number}": 1 for number in range(20_000)} | {"id": "batch-names"}
    answer = alone.client.post("/v1/projects/-/users", json=body, headers=BEARER).json()
    assert answer["code"] == "invalid_body"
    assert len(answer["details"]) == 20
    assert all(detail["at"].startswith("name") for detail in answer["details"])
