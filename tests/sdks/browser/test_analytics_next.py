"""The unchanged @segment/analytics-next in Chromium, with the settings it asks the gateway for."""

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

BATCHING = {"strategy": "batching", "config": {"size": 10, "timeout": 500, "keepalive": True}}
STRATEGIES: dict[str, dict[str, Any]] = {
    "one by one": {},
    "batched": {"integrations": {"Segment.io": {"deliveryStrategy": BATCHING}}},
}
CALLS = """([user, guest]) => {
  analytics.page("Docs", "Pricing", { plan: "pro" });
  analytics.screen("Docs", "Home", { tab: 2 });
  analytics.alias(user, guest);
  analytics.identify(user, { email: "jane@acme.example", plan: "pro", teamSize: 7 });
  analytics.group("acme", { seats: 3 });
}"""
LEAVE = """async (event) => {
  await Promise.all(Array.from({ length: 25 }, (_, n) => analytics.track(event, { n })));
  setTimeout(() => (location.href = "about:blank"));
}"""


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_call_arrives_once_and_as_it_was_made(stack: Stack, visitor: Visitor, strategy: str) -> None:
    event, user = f"Segment {strategy}", f"segment {strategy}"
    page = visitor.open("analytics-next", STRATEGIES[strategy])
    guest = page.evaluate("() => analytics.instance.user().anonymousId()")
    page.evaluate(CALLS, [user, guest])
    track(page, event, 20)
    wait_until_arrived(stack, event, 20)

    alias, group, _, pricing, home = wait_for_calls(
        stack, guest, user, ("alias", "group", "identify", "page", "screen")
    )
    assert alias["properties"] == {"previousId": guest}
    assert (group["group_id"], group["properties"]) == ("acme", {"seats": 3})
    assert pricing["event"] == "Pricing"
    assert {"plan": "pro", "category": "Docs", "path": "/analytics-next"}.items() <= pricing["properties"].items()
    assert (home["event"], home["properties"]["tab"]) == ("Home", 2)
    wait_until_traits_are(stack, user, "jane@acme.example\tpro\t7")
    visitor.assert_kept_to_itself(page)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_event_arrives_once_through(
    stack: Stack, gate: Gate, visitor: Visitor, strategy: str, fault: str
) -> None:
    event = f"Segment {strategy} through {fault}"
    track_through(fault, visitor.open("analytics-next", STRATEGIES[strategy]), gate, event, 20)
    wait_until_arrived(stack, event, 20)


def test_what_a_page_could_not_send_before_it_was_left_is_sent_by_the_next(stack: Stack, visitor: Visitor) -> None:
    come_back(stack, visitor, "analytics-next", STRATEGIES["one by one"], "Segment came back")


def test_batches_of_a_page_that_is_left_arrive_once(stack: Stack, visitor: Visitor) -> None:
    """Those that `track` has promised: what the SDK is still preparing when the page goes, it loses."""
    page = visitor.open("analytics-next", STRATEGIES["batched"])
    page.evaluate(LEAVE, "Segment left")
    page.wait_for_url("about:blank")
    wait_until_arrived(stack, "Segment left", 25)
