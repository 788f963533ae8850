"""What a caller of the API meets when the server or the network fails."""

import copy
import pickle
from typing import Any

import httpx
import pytest
from ask0_sdk import Ask0, Ask0Error, requests, steps

from tests.sdk.python.clients import KINDS, Client, collect, outcome
from tests.sdk.python.gateway_double import HANG, Fault, GatewayDouble
from tests.sdk.python.recorder import Recorder

OK = httpx.Response(200, json={"id": "u"})
BUSY = httpx.Response(503, json={"code": "unavailable", "message": "later"}, headers={"retry-after": "0"})
PASSING = {
    "429": httpx.Response(429, json={"code": "quota_exceeded", "message": "slower"}),
    "503": BUSY,
    "500": httpx.Response(500, text="oops"),
    "502 of a proxy": httpx.Response(502, text="<html>"),
    "no connection": httpx.ConnectError("refused"),
    "a connection that ends": httpx.RemoteProtocolError("closed"),
    "a time-out": httpx.ReadTimeout(""),
    "half a JSON": httpx.Response(200, content=b'{"id": "u'),
    "a list": httpx.Response(200, json=[]),
    "a page of a captive portal": httpx.Response(200, text="<html>Log in</html>"),
    "JSON without end": httpx.Response(200, content=b"[" * 200_000),
    "bytes": httpx.Response(200, content=bytes(range(256))),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("failure", PASSING.values(), ids=PASSING)
async def test_what_passes_is_tried_again_with_the_same_key_and_body(
    kind: type[Client], failure: httpx.Response | Exception
) -> None:
    network = Recorder(failure, failure, OK)
    answer = await outcome(network.client(kind).users.update("u", {"plan": "pro"}))
    assert answer == {"id": "u"}
    assert len(network.seen) == 3
    assert len({seen.headers["idempotency-key"] for seen in network.seen}) == 1
    assert {seen.content for seen in network.seen} == {b'{"plan":"pro"}'}


async def test_two_writes_have_two_keys_and_a_key_of_ones_own_is_kept() -> None:
    network = Recorder()
    client = network.client(Ask0)
    for key in (None, None, "order-7"):
        client.users.tag("u", "vip", idempotency_key=key)
    first, second, third = (seen.headers["idempotency-key"] for seen in network.seen)
    assert first != second
    assert third == "order-7"
    with pytest.raises(ValueError, match="idempotency_key"):
        client.users.tag("u", "vip", idempotency_key="käse")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 422, 428, 301, 501])
async def test_what_will_not_pass_is_raised_at_once_with_all_that_was_said(kind: type[Client], status: int) -> None:
    body = {"code": "wrong", "message": "no", "details": [{"at": "traits.seats", "message": "a number"}], "current": 8}
    network = Recorder(httpx.Response(status, json=body, headers={"x-request-id": "r1", "location": "http://other"}))
    with pytest.raises(Ask0Error) as raised:
        await outcome(network.client(kind).users.get("u"))
    error = raised.value
    assert (error.status, error.code, error.message, error.request_id) == (status, "wrong", "no", "r1")
    assert error.details == body["details"]
    assert (error.retry_after, error.current) == (None, 8)
    assert len(network.seen) == 1
    assert str(error) == f"{status} wrong: no (request r1)"


@pytest.mark.parametrize("kind", KINDS)
async def test_tries_end(kind: type[Client]) -> None:
    network = Recorder(BUSY)
    with pytest.raises(Ask0Error, match="503 unavailable: later") as raised:
        await outcome(network.client(kind, max_retries=2).users.get("u"))
    assert raised.value.retry_after == 0
    assert len(network.seen) == 3


@pytest.mark.parametrize("kind", KINDS)
async def test_no_answer_is_an_error_with_status_0(kind: type[Client]) -> None:
    with pytest.raises(Ask0Error, match="ConnectError: refused") as raised:
        await outcome(Recorder(httpx.ConnectError("refused")).client(kind, max_retries=0).users.get("u"))
    assert (raised.value.status, raised.value.code) == (0, "no_answer")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_wait_longer_than_a_caller_should_wait_is_the_callers(kind: type[Client]) -> None:
    network = Recorder(httpx.Response(429, json={"code": "quota_exceeded"}, headers={"retry-after": "61"}))
    with pytest.raises(Ask0Error) as raised:
        await outcome(network.client(kind).users.get("u"))
    assert raised.value.retry_after == 61
    assert len(network.seen) == 1


def test_the_next_try_is_never_before_retry_after_and_spread_over_a_doubling_time() -> None:
    said = Ask0Error(429, "x", "", retry_after=7)
    waits = [[steps.wait_before_next(tried, said, 1.0) - 7 for _ in range(300)] for tried in (0, 3, 1_000)]
    assert all(0 <= wait <= 1 for tried in waits for wait in tried)
    for tried, ceiling in zip(waits, (0.002, 0.016, 1.0), strict=True):
        assert ceiling / 2 < max(tried) <= ceiling
        assert min(tried) < ceiling / 2


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("100000", 300), ("-1", None), ("soon", None), ("", None), ("1" * 400, 300), ("٣", 3), (None, None)],
)
def test_retry_after_is_read_with_suspicion(header: str | None, seconds: float | None) -> None:
    assert requests.retry_after(header) == seconds


def test_retry_after_may_be_a_date() -> None:
    assert requests.retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert requests.retry_after("Wed, 21 Oct 2099 07:28:00 GMT") == 300


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "page", [{}, {"users": None}, {"users": [], "next": "again"}], ids=["nothing", "null", "a cursor that leads back"]
)
async def test_iterate_does_not_go_in_circles(kind: type[Client], page: dict[str, Any]) -> None:
    network = Recorder(httpx.Response(200, json=page))
    with pytest.raises(Ask0Error, match="no page of users"):
        await collect(network.client(kind).users.iterate())
    assert len(network.seen) <= 2


@pytest.mark.parametrize("kind", KINDS)
async def test_a_user_who_is_not_in_the_list_is_unknown(kind: type[Client]) -> None:
    network = Recorder(httpx.Response(200, json={"users": [], "next": None}))
    with pytest.raises(Ask0Error, match="unknown_user") as raised:
        await outcome(network.client(kind).users.get(".."))
    assert raised.value.status == 404


@pytest.mark.parametrize("kind", KINDS)
async def test_a_refused_export_says_why(kind: type[Client]) -> None:
    network = Recorder(BUSY, httpx.Response(404, json={"code": "unknown_user", "message": "nobody"}))
    with pytest.raises(Ask0Error, match="404 unknown_user: nobody"):
        await collect(network.client(kind).users.export("u"))


@pytest.mark.parametrize("kind", KINDS)
async def test_an_export_that_breaks_off_is_no_whole_one(kind: type[Client], double: GatewayDouble) -> None:
    double.fail(Fault(raw=b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{"))
    client = kind("sk_1", double.url)
    with pytest.raises(Ask0Error, match="RemoteProtocolError"):
        await collect(client.users.export("u"))
    await outcome(client.close())


@pytest.mark.parametrize("kind", KINDS)
async def test_a_server_that_hangs_is_left_after_the_time_out(kind: type[Client], double: GatewayDouble) -> None:
    double.fail(HANG)
    client = kind("sk_1", double.url, timeout_seconds=0.1, max_retries=1)
    with pytest.raises(Ask0Error, match="ReadTimeout"):
        await outcome(client.users.upsert({"id": "u"}))
    assert len(double.tries) == 2
    await outcome(client.close())


GARBAGE = {
    "no HTTP": b"\x00\x01 hello\r\n\r\n",
    "half a body": b'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"id',
    "no body": b"",
    "gzip that is none": b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nabcd",
    "a head without end": b"HTTP/1.1 200 OK\r\nx: " + b"x" * 200_000,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("raw", GARBAGE.values(), ids=GARBAGE)
async def test_garbage_on_the_line_is_an_error_of_this_sdk(
    kind: type[Client], raw: bytes, double: GatewayDouble
) -> None:
    double.fail(Fault(raw=raw))
    client = kind("sk_1", double.url, max_retries=1)
    with pytest.raises(Ask0Error):
        await outcome(client.users.upsert({"id": "u"}))
    await outcome(client.close())


@pytest.mark.parametrize("kind", KINDS)
async def test_an_answer_without_end_is_left(
    kind: type[Client], double: GatewayDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "MAX_ANSWER_BYTES", 1_000_000)
    double.fail(Fault(raw=b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 20_000_000))
    client = kind("sk_1", double.url, max_retries=0)
    with pytest.raises(Ask0Error, match="more than 1,000,000 bytes"):
        await outcome(client.users.upsert({"id": "u"}))
    await outcome(client.close())


def test_an_answer_that_drips_is_left_at_the_deadline() -> None:
    body = requests.Body(timeout_seconds=-1)
    with pytest.raises(requests.Endless, match="did not end in time"):
        body.add(b"x")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_closed_client_says_so(kind: type[Client]) -> None:
    client = Recorder().client(kind)
    await outcome(client.close())
    await outcome(client.close())
    with pytest.raises(RuntimeError, match="closed"):
        await outcome(client.users.get("u"))


def test_an_error_survives_being_copied_and_pickled() -> None:
    error = Ask0Error(404, "unknown_user", "nobody", [{"at": "id"}], "r1", 2.0)
    for other in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert (str(other), other.details, other.retry_after) == (str(error), error.details, 2.0)


def test_ids_are_uuids_in_the_order_they_were_made() -> None:
    ids = [requests.new_id() for _ in range(10_000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 10_000
    assert all((len(id), id[14], id[19] in "89ab") == (36, "7", True) for id in ids)
