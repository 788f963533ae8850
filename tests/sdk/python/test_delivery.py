"""Events from the call to the answer: batches, refusals, the end; the same for a thread and for a task."""

import asyncio
import logging
import threading
from typing import Any

import pytest
from ask0_sdk import Ask0, AsyncAsk0, Refusal
from ask0_sdk.thread_courier import ThreadCourier

from tests.sdk.python.clients import KINDS, Client, connected, flush, until
from tests.sdk.python.gateway_double import Fault, GatewayDouble

pytestmark = pytest.mark.parametrize("kind", KINDS)


async def test_events_arrive_in_order_with_ids_and_times_of_their_own(
    kind: type[Client], double: GatewayDouble
) -> None:
    async with connected(kind, double) as client:
        for n in range(250):
            client.track("Counted", {"n": n}, user_id="u")
        assert await flush(client)
    assert [event["properties"]["n"] for event in double.events] == list(range(250))
    assert len({event["messageId"] for event in double.events}) == 250
    assert all(event["timestamp"].endswith("Z") for event in double.events)
    assert double.events[0]["context"] == {"library": {"name": "ask0-sdk-python", "version": "0.1.0"}}
    assert {key.lower(): value for key, value in double.heads[0].items()}["content-encoding"] == "gzip"


async def test_a_batch_goes_at_a_number_of_events_or_after_a_time(kind: type[Client], double: GatewayDouble) -> None:
    async with connected(kind, double, flush_at=10, flush_seconds=3600) as client:
        for _ in range(10):
            client.track("Full", user_id="u")
        await until(lambda: len(double.events) == 10)
        client.track("Alone", user_id="u")
        assert await flush(client)
        assert double.names()[-1] == "Alone"
    async with connected(kind, double, flush_at=1_000, flush_seconds=0.02) as client:
        client.track("Late", user_id="u")
        await until(lambda: double.names()[-1] == "Late")


async def test_every_call_has_the_form_of_the_wire(kind: type[Client], double: GatewayDouble) -> None:
    async with connected(kind, double) as client:
        client.track("Feature Used", {"userId": "user_123", "feature": "API"})
        client.track("Asked", anonymous_id="g", context={"locale": "de"}, timestamp=5, message_id="m1")
        client.identify({"id": "user_123", "email": "j@e.com", "customAttributes": {"teamSize": "10-50"}})
        client.identify("user_123", {"plan": "pro"}, anonymous_id="g")
        client.group("acme", {"seats": 3}, user_id="u")
        client.alias("u", "g")
        client.page("Docs", {"path": "/docs"}, category="Help", user_id="u")
        client.screen("Home", user_id=7)
        client.batch([{"event": "Page Viewed", "userId": "user_123", "page": "/docs"}, {"id": "u2", "plan": "pro"}])
    made = ("messageId", "timestamp", "context")
    assert [{key: value for key, value in event.items() if key not in made} for event in double.events] == [
        {
            "type": "track",
            "event": "Feature Used",
            "userId": "user_123",
            "properties": {"feature": "API"},
        },
        {"type": "track", "event": "Asked", "anonymousId": "g"},
        {"type": "identify", "id": "user_123", "email": "j@e.com", "customAttributes": {"teamSize": "10-50"}},
        {"type": "identify", "userId": "user_123", "traits": {"plan": "pro"}, "anonymousId": "g"},
        {"type": "group", "groupId": "acme", "traits": {"seats": 3}, "userId": "u"},
        {"type": "alias", "previousId": "g", "userId": "u"},
        {"type": "page", "name": "Docs", "category": "Help", "properties": {"path": "/docs"}, "userId": "u"},
        {"type": "screen", "name": "Home", "userId": 7},
        {"event": "Page Viewed", "userId": "user_123", "page": "/docs"},
        {"id": "u2", "plan": "pro"},
    ]
    asked = double.events[1]
    assert (asked["messageId"], asked["timestamp"], asked["context"]["locale"]) == ("m1", 5, "de")


async def test_the_application_is_told_which_events_the_gateway_refused(
    kind: type[Client], double: GatewayDouble
) -> None:
    told: list[Refusal] = []
    double.refuses = lambda event: event["event"].startswith("Bad")
    async with connected(kind, double, on_refused=told.append) as client:
        for name in ("Good", "Bad 1", "Good", "Bad 2"):
            client.track(name, user_id="u")
        assert await flush(client)
        client.track("Bad 3", user_id="u", message_id="m3")
        assert await flush(client)
    assert [(refusal.reason, refusal.event["event"]) for refusal in told] == [
        ("invalid_id", name) for name in ("Bad 1", "Bad 2", "Bad 3")
    ]
    assert told[2].message_id == "m3"
    assert double.names() == ["Good", "Good"]


async def test_a_batch_that_is_too_large_for_a_proxy_is_halved(kind: type[Client], double: GatewayDouble) -> None:
    told: list[Refusal] = []
    double.fail(Fault(413), times=3)
    async with connected(kind, double, on_refused=told.append, flush_at=8, flush_seconds=3600) as client:
        for n in range(8):
            client.track(str(n), user_id="u")
        assert await flush(client)
    assert [len(events) for _, events in double.tries][:4] == [8, 4, 2, 1]
    assert double.names() == [str(n) for n in range(8)]
    assert told == []


async def test_an_event_that_is_too_large_is_told_and_never_sent(kind: type[Client], double: GatewayDouble) -> None:
    told: list[Refusal] = []
    async with connected(kind, double, on_refused=told.append) as client:
        client.track("Large", {"text": "ä" * 20_000}, user_id="u")  # 40,000 bytes
        client.track("Larger", {"text": "x" * 10_000_000}, user_id="u")
        client.track("Small", user_id="u")
    assert [(refusal.reason, refusal.event["event"]) for refusal in told] == [
        ("too_large", "Large"),
        ("too_large", "Larger"),
    ]
    assert double.names() == ["Small"]


async def test_a_batch_is_never_larger_than_the_gateway_takes(kind: type[Client], double: GatewayDouble) -> None:
    async with connected(kind, double, flush_at=2_500) as client:
        for _ in range(50):
            client.track("Asked", {"text": "x" * 30_000}, user_id="u")
        assert await flush(client)
    assert len(double.events) == 50
    assert all(len(batch) <= 500_000 / 30_000 for batch in double.batches)


async def test_callbacks_that_raise_or_track_stop_nothing(
    kind: type[Client], double: GatewayDouble, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[object] = []

    def refused(refusal: Refusal) -> None:
        calls.append(refusal)
        client.track("Bad again", user_id="u", properties={"x": float("nan")})
        if kind is Ask0:
            assert not client.flush()  # it would wait for the thread it is called in
        raise RuntimeError("from on_refused")

    def failed(error: Exception) -> None:
        calls.append(error)
        raise RuntimeError("from on_error")

    double.refuses = lambda event: event["event"] == "Bad"
    async with connected(kind, double, on_refused=refused, on_error=failed) as client:
        with caplog.at_level(logging.CRITICAL):
            client.track("Bad", user_id="u")
            assert await flush(client)
            client.track("Good", user_id="u")
            assert await flush(client)
    assert "Good" in double.names()
    assert isinstance(calls[0], Refusal)
    assert str(calls[1]) == "from on_refused"


async def test_without_callbacks_refusals_are_a_few_lines_of_the_log(
    kind: type[Client], double: GatewayDouble, caplog: pytest.LogCaptureFixture
) -> None:
    double.refuses = lambda event: True
    async with connected(kind, double) as client:
        for _ in range(500):
            client.track("Bad", user_id="u")
        assert await flush(client)
    lines = [record for record in caplog.records if record.name == "ask0_sdk"]
    assert [record.getMessage() for record in lines] == ["an event was refused: invalid_id: no"]


async def test_after_close_events_are_refused(kind: type[Client], double: GatewayDouble) -> None:
    told: list[Refusal] = []
    async with connected(kind, double, on_refused=told.append) as client:
        client.track("Before", user_id="u")
    client.track("After", user_id="u")
    assert double.names() == ["Before"]
    assert [(refusal.reason, refusal.event["event"]) for refusal in told] == [("closed", "After")]


async def test_events_come_from_many_threads(kind: type[Client], double: GatewayDouble) -> None:
    async with connected(kind, double, flush_at=7) as client:

        def call(thread: int) -> None:
            for n in range(200):
                client.track(f"{thread}", {"n": n}, user_id="u")

        if isinstance(client, AsyncAsk0):
            await client.__aenter__()  # its task runs where this is
        threads = [threading.Thread(target=call, args=(number,)) for number in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            await asyncio.to_thread(thread.join)
        assert await flush(client)
    assert len(double.events) == 1_000
    for number in range(5):
        mine = [event["properties"]["n"] for event in double.events if event["event"] == str(number)]
        assert mine == list(range(200))


async def test_a_client_that_nobody_has_any_more_delivers_and_lets_go(
    kind: type[Client], double: GatewayDouble
) -> None:
    client: Any = kind("sk_1", double.url, flush_seconds=3600)
    client.track("Last words", user_id="u")
    courier = client._courier
    await asyncio.sleep(0)
    del client
    await until(lambda: double.names() == ["Last words"])
    if isinstance(courier, ThreadCourier):
        thread = courier._thread
        await until(lambda: thread is None or not thread.is_alive())
    else:
        await until(lambda: courier._task.done())
