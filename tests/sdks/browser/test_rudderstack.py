"""The unchanged @rudderstack/analytics-js in Chromium, with the source configuration it asks the gateway for."""

from typing import Any

import pytest

from bench.stack import Stack
from tests.gate import Gate
from tests.sdks.browser.visitor import (
    FAULTS,
    Visitor,
    come_back,
    track,
    track_through,
    wait_for_calls,
    wait_until_arrived,
    wait_until_traits_are,
)

BATCH = {"enabled": True, "maxItems": 10, "flushInterval": 500}
# A beacon has no answer that a page could see: this transport takes an event for delivered once Chromium has taken the
# beacon. What a gateway refuses, and what a network loses, is lost; only the two others can be asked to lose nothing.
BEACON: dict[str, Any] = {"useBeacon": True, "beaconQueueOptions": {"maxItems": 10, "flushQueueInterval": 500}}
RETRYING: dict[str, dict[str, Any]] = {
    "one by one": {},
    "batched": {"queueOptions": {"minRetryDelay": 500, "batch": BATCH}},
}
TRANSPORTS = {**RETRYING, "beacon": BEACON}
CALLS = """(user) => {
  analytics.page("Docs", "Pricing", { plan: "pro" });
  analytics.alias(user);
  analytics.identify(user, { email: "jane@acme.example", plan: "pro", teamSize: 7 });
  analytics.group("acme", { seats: 3 });
}"""


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_every_call_arrives_once_and_as_it_was_made(stack: Stack, visitor: Visitor, transport: str) -> None:
    event, user = f"RudderStack {transport}", f"rudderstack {transport}"
    page = visitor.open("rudderstack", TRANSPORTS[transport])
    guest = page.evaluate("() => analytics.getAnonymousId()")
    page.evaluate(CALLS, user)
    track(page, event, 20)
    wait_until_arrived(stack, event, 20)

    alias, group, _, pricing = wait_for_calls(stack, guest, user, ("alias", "group", "identify", "page"))
    assert alias["properties"] == {"previousId": guest}
    assert (group["group_id"], group["properties"]) == ("acme", {"seats": 3})
    assert pricing["event"] == "Pricing"
    assert {"plan": "pro", "category": "Docs", "path": "/rudderstack"}.items() <= pricing["properties"].items()
    wait_until_traits_are(stack, user, "jane@acme.example\tpro\t7")
    visitor.assert_kept_to_itself(page)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("transport", RETRYING)
def test_every_event_arrives_once_through(
    stack: Stack, gate: Gate, visitor: Visitor, transport: str, fault: str
) -> None:
    event = f"RudderStack {transport} through {fault}"
    track_through(fault, visitor.open("rudderstack", RETRYING[transport]), gate, event, 20)
    wait_until_arrived(stack, event, 20)


def test_beacons_sent_on_leaving_arrive_once(stack: Stack, visitor: Visitor) -> None:
    page = visitor.open("rudderstack", BEACON)
    track(page, "RudderStack left", 25, then="location.href = 'about:blank'")
    page.wait_for_url("about:blank")
    wait_until_arrived(stack, "RudderStack left", 25)


def test_what_a_page_could_not_send_before_it_was_left_is_sent_by_the_next(stack: Stack, visitor: Visitor) -> None:
    """It adopts a queue after 10 s without a sign of life."""
    come_back(stack, visitor, "rudderstack", RETRYING["one by one"], "RudderStack came back")
