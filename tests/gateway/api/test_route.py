"""What every answer of the API carries: the request's id, whoever chose it, and that nobody keeps the answer."""

import logging
import re
from uuid import uuid4

import httpx
import pytest

from ask0.warehouse.connect import Warehouse
from tests.gateway.running import PROJECT, SECRET, Running, working

USERS = "/v1/projects/-/users"
AS_SERVER = {"authorization": f"Bearer {SECRET}"}


def get(gateway: Running, path: str = "/unheard-of", **headers: str) -> httpx.Response:
    return gateway.client.get(USERS + path, headers=AS_SERVER | headers)


@pytest.mark.parametrize("id", ["a", "Req-1.2_3", "x" * 64])
def test_the_id_that_a_client_gave_its_request_comes_back(gateway: Running, id: str) -> None:
    assert get(gateway, **{"X-Request-Id": id}).headers["x-request-id"] == id


@pytest.mark.parametrize("id", [None, b"", b"x" * 65, b"a b", b"a/b", b"a\tb", "ä".encode()])
def test_any_other_request_gets_one_of_its_own(gateway: Running, id: bytes | None) -> None:
    headers = [(b"authorization", AS_SERVER["authorization"].encode())]
    headers += [(b"x-request-id", id)] if id is not None else []
    answers = [gateway.client.get(f"{USERS}/unheard-of", headers=headers) for _ in range(2)]
    ids = {answer.headers["x-request-id"] for answer in answers}
    assert len(ids) == 2
    assert all(re.fullmatch("[0-9a-f]{16}", given) for given in ids)


def test_errors_carry_it_too_and_nobody_keeps_an_answer(gateway: Running) -> None:
    unknown, refused = get(gateway), gateway.client.get(USERS)
    invalid = gateway.client.post(USERS, content=b"{", headers=AS_SERVER)
    assert [answer.status_code for answer in (unknown, refused, invalid)] == [404, 401, 400]
    for answer in (unknown, refused, invalid):
        assert answer.headers["x-request-id"]
        assert answer.headers.get_list("cache-control") == ["no-store"]


def test_what_fails_unexpectedly_is_logged_under_the_id(
    gateway: Running, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ask0.gateway.api.users.read_profile", lambda *_: 1 / 0)
    with caplog.at_level(logging.ERROR):
        answer = get(gateway, **{"X-Request-Id": "the-one"})
    assert (answer.status_code, answer.json()["requestId"], answer.headers["x-request-id"]) == (
        500,
        "the-one",
        "the-one",
    )
    assert caplog.records[-1].request_id == "the-one"  # type: ignore[attr-defined]


def test_the_audit_log_names_the_request(gateway: Running, clickhouse: Warehouse) -> None:
    id = uuid4().hex
    with working(gateway, clickhouse):
        made = gateway.client.put(f"{USERS}/{id}", json={"plan": "pro"}, headers=AS_SERVER | {"X-Request-Id": id})
    assert made.status_code == 201
    assert clickhouse.query(f"SELECT action FROM audit_log WHERE request_id = '{id}'") == [("user.put",)]


def test_other_methods_are_answered_as_everywhere(gateway: Running) -> None:
    for method in ("OPTIONS", "TRACE"):
        answer = gateway.client.request(method, USERS, headers=AS_SERVER)
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


def test_a_key_is_told_whose_it_is(gateway: Running) -> None:
    answer = gateway.client.get("/v1/projects/-/me", headers={"authorization": f"Bearer {SECRET}"})
    assert (answer.json()["caller"], answer.json()["project"]) == ("server", PROJECT)
    assert "users:write" in answer.json()["scopes"]
    assert answer.json()["limits"] == {
        "callsPerSecond": None,
        "burst": None,
        "bytesPerCall": 20_000,
        "bodyBytes": 500_000,
        "batchBytes": 4_000_000,
        "batchUsers": 1_000,
        "listLimit": 200,
    }
