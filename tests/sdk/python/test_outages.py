"""Events while the server is away, hangs, or answers what no gateway answers: the same for a thread and for a task."""

from typing import Any

import pytest
from ask0_sdk import Ask0Error, Refusal, delivery, task_courier, thread_courier

from tests.sdk.python.clients import KINDS, Client, connected, flush, until
from tests.sdk.python.gateway_double import HANG, Fault, GatewayDouble

pytestmark = pytest.mark.parametrize("kind", KINDS)

FAULTS = {
    "429": Fault(429),
    "503": Fault(503, {"retry-after": "0"}),
    "500": Fault(500, body=b"oops"),
    "half an answer": Fault(raw=b'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"suc'),
    "no answer": Fault(raw=b""),
    "half a JSON": Fault(200, body=b'{"success":true,"acc'),
    "a page of a captive portal": Fault(200, body=b"<html>"),
    "another's JSON": Fault(200, body=b"{}"),
    "a reject of no event": Fault(200, body=b'{"accepted":0,"rejected":[{"index":9,"code":"x","message":"y"}]}'),
    "rejects that are none": Fault(200, body=b'{"accepted":0,"rejected":[7]}'),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_a_batch_that_fails_is_sent_again_with_the_same_ids(
    kind: type[Client], double: GatewayDouble, fault: Fault
) -> None:
    told: list[Exception] = []
    double.fail(fault, times=3)
    async with connected(kind, double, on_error=told.append) as client:
        client.track("Asked", user_id="u")
        assert await flush(client)
    assert len(double.tries) == 4
    assert len({event["messageId"] for _, events in double.tries for event in events}) == 1
    assert double.names() == ["Asked"]
    assert len(told) == 3
    assert all(isinstance(error, Ask0Error) for error in told)


async def test_no_try_is_before_retry_after(kind: type[Client], double: GatewayDouble) -> None:
    double.fail(Fault(503, {"retry-after": "1"}), times=1)
    async with connected(kind, double) as client:
        client.track("Asked", user_id="u")
        await until(lambda: len(double.tries) == 1)
        client.track("Asked", user_id="u")  # wakes the courier, who waits on
        assert await flush(client)
    (first, _), (second, events) = double.tries[:2]
    assert second - first >= 1
    assert len(events) == 2


async def test_an_event_over_which_the_server_fails_is_found_and_holds_up_no_other(
    kind: type[Client], double: GatewayDouble
) -> None:
    told: list[Refusal] = []
    double.fails_over = lambda event: event["event"] == "Poison"
    names = [*"abc", "Poison", *"defg"]
    async with connected(
        kind, double, on_refused=told.append, on_error=lambda error: None, max_retries=2, flush_at=8, flush_seconds=3600
    ) as client:
        for name in names:
            client.track(name, user_id="u")
        assert await flush(client)
    assert [(refusal.reason, refusal.event["event"]) for refusal in told] == [("internal_error", "Poison")]
    assert double.names() == [*"abcdefg"]
    assert sum([event["event"] for event in events] == ["Poison"] for _, events in double.tries) == 3


async def test_a_server_that_is_away_is_waited_for_longer_than_any_number_of_tries(
    kind: type[Client], double: GatewayDouble
) -> None:
    double.fail(Fault(503), times=7)
    async with connected(kind, double, max_retries=0) as client:
        client.track("Asked", user_id="u")
        assert await flush(client)
    assert double.names() == ["Asked"]


async def test_a_wrong_key_refuses_the_events_and_says_so(kind: type[Client], double: GatewayDouble) -> None:
    told: list[Refusal] = []
    double.fail(Fault(401, body=b'{"code":"unknown_write_key","message":"the write key is unknown"}'))
    async with connected(kind, double, on_refused=told.append) as client:
        client.track("Asked", user_id="u")
        assert await flush(client)
    assert [(refusal.reason, refusal.message) for refusal in told] == [
        ("unknown_write_key", "the write key is unknown")
    ]
    assert len(double.tries) == 1


async def test_ten_thousand_events_outlast_a_server_that_is_down(kind: type[Client], double: GatewayDouble) -> None:
    told: list[Any] = []
    double.fail(Fault(raw=b""))
    async with connected(kind, double, on_refused=told.append) as client:
        for n in range(10_000):
            client.track("Asked", {"n": n}, user_id="u")
        await until(lambda: double.tries)
        double.recover()
        assert await flush(client)
    assert [event["properties"]["n"] for event in double.events] == list(range(10_000))
    assert len({event["messageId"] for event in double.events}) == 10_000
    assert told == []


async def test_memory_is_bounded_and_every_event_that_does_not_fit_is_told(
    kind: type[Client], double: GatewayDouble
) -> None:
    told: list[Refusal] = []
    double.fail(Fault(503, {"retry-after": "1"}))
    async with connected(kind, double, on_refused=told.append, max_queue_bytes=100_000) as client:
        for n in range(1_000):
            client.track("Asked", {"n": n, "text": "x" * 1_000}, user_id="u")
        assert client._courier.outbox.size <= 100_000
        kept = len(client._courier.outbox)
        assert kept + len(told) == 1_000
        assert {refusal.reason for refusal in told} == {"queue_full"}
        double.recover()
        assert await flush(client)
        assert client._courier.outbox.size == 0
    assert len(double.events) == kept


@pytest.mark.parametrize(
    "fault", [HANG, Fault(503, {"retry-after": "300"}), Fault(raw=b"")], ids=["hangs", "says later", "is away"]
)
async def test_close_does_not_outlast_its_bound_and_tells_what_is_left(
    kind: type[Client], double: GatewayDouble, fault: Fault
) -> None:
    told: list[Refusal] = []
    double.fail(fault)
    async with connected(kind, double, on_refused=told.append, close_seconds=0.3) as client:
        for n in range(5):
            client.track(str(n), user_id="u")
        await until(lambda: double.tries)
    assert [(refusal.reason, refusal.event["event"]) for refusal in told] == [("closed", str(n)) for n in range(5)]


async def test_flush_says_when_it_took_too_long(kind: type[Client], double: GatewayDouble) -> None:
    double.fail(HANG)
    async with connected(kind, double, close_seconds=0) as client:
        assert await flush(client)
        client.track("Asked", user_id="u")
        assert not await flush(client, 0.05)


async def test_an_error_inside_the_courier_loses_nothing(
    kind: type[Client], double: GatewayDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (thread_courier, task_courier):
        monkeypatch.setattr(module, "AFTER_CRASH_SECONDS", 0.001)
    told: list[Exception] = []
    real, broken = delivery.beacon, [True, True]

    def beacon(batch: list[bytes]) -> Any:
        if broken:
            broken.pop()
            raise MemoryError("just now")
        return real(batch)

    monkeypatch.setattr(delivery, "beacon", beacon)
    async with connected(kind, double, on_error=told.append) as client:
        client.track("Asked", user_id="u")
        assert await flush(client)
    assert double.names() == ["Asked"]
    assert [type(error) for error in told] == [MemoryError, MemoryError]


async def test_calls_return_while_the_server_hangs(kind: type[Client], double: GatewayDouble) -> None:
    double.fail(HANG)
    async with connected(kind, double, close_seconds=0) as client:
        client.track("first", user_id="u")
        await until(lambda: double.tries)
        for _ in range(1_000):
            client.track("more", user_id="u")
        assert len(client._courier.outbox) == 1_001
        assert len(double.tries) == 1
