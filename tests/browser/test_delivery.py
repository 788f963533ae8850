"""Whatever becomes of the page, the network or the gateway, each event is stored once."""

import pytest
from playwright.sync_api import BrowserContext, Page

from bench.stack import Stack, wait_for
from tests.browser.visits import arrived, load, taken, track, wait_until_arrived
from tests.gate import Gate

FULL_BATCH = 20
WAIT = 2  # s


def refused(gate: Gate) -> None:
    """Until the gate has turned a beacon away."""
    wait_for(lambda: gate.refused, "a refused beacon")


def track_refused(gate: Gate, page: Page, event: str, count: int) -> None:
    """Events of which the page knows that the gateway wants them later: none is under way."""
    gate.refuse(429, {"Retry-After": str(WAIT)}, times=1)
    with page.expect_request_finished(lambda request: "/v1/batch" in request.url):
        track(page, event, count, then="ask0.flush()")
    page.evaluate("new Promise((done) => setTimeout(done))")


def oldest(stack: Stack, event: str) -> int:
    return int(stack.query(f"SELECT min(toInt32(properties.n)) FROM ask0.events WHERE event = '{event}'"))


@pytest.mark.parametrize("count", [1, FULL_BATCH, 70])
def test_events_before_leaving_arrive_in_few_requests(
    stack: Stack, gate: Gate, gated: str, page: Page, count: int
) -> None:
    load(page, gated)
    track(page, f"Left {count}", count, then="location.href = 'about:blank'")
    page.wait_for_url("about:blank")
    wait_until_arrived(stack, f"Left {count}", count)
    assert len(gate.beacons) <= -(-count // FULL_BATCH)


@pytest.mark.parametrize("count", [1, FULL_BATCH])
def test_events_before_the_tab_is_closed_arrive(stack: Stack, gate: Gate, gated: str, page: Page, count: int) -> None:
    load(page, gated)
    track(page, f"Closed {count}", count)
    page.close()
    wait_until_arrived(stack, f"Closed {count}", count)
    assert len(gate.beacons) == 1


def test_a_gateway_that_is_down_for_a_while_gets_the_events_afterwards(
    stack: Stack, gate: Gate, gated: str, page: Page
) -> None:
    load(page, gated)
    gate.refuse(503, times=3)
    track(page, "Outage", 5, then="ask0.flush()")
    wait_until_arrived(stack, "Outage", 5)
    assert [beacon.status for beacon in gate.beacons] == [503, 503, 503, 200]
    assert page.evaluate("ask0.dropped") == 0


def test_who_leaves_during_an_outage_brings_the_events_on_coming_back(
    stack: Stack, gate: Gate, gated: str, page: Page
) -> None:
    load(page, gated)
    gate.refuse(503)
    track(page, "Came back", 5, then="ask0.flush()")
    refused(gate)
    page.goto("about:blank")
    gate.open()
    load(page, gated)
    wait_until_arrived(stack, "Came back", 5)
    assert taken(gate) == list(range(5))


def test_what_was_tracked_offline_is_sent_by_the_next_tab_online(
    stack: Stack, gate: Gate, gated: str, context: BrowserContext
) -> None:
    page = context.new_page()
    load(page, gated)
    context.set_offline(True)
    with page.expect_event("requestfailed"):
        track(page, "Offline", 5, then="ask0.flush()")
    page.close()
    context.set_offline(False)
    assert gate.beacons == []
    load(context.new_page(), gated)
    wait_until_arrived(stack, "Offline", 5)
    assert taken(gate) == list(range(5))


def test_more_than_may_outlive_a_page_arrives_by_the_next_visit(
    stack: Stack, gate: Gate, gated: str, page: Page
) -> None:
    load(page, gated)
    track(page, "Large", 10, filler=12_000, then="location.href = 'about:blank'")
    page.wait_for_url("about:blank")
    wait_for(lambda: arrived(stack, "Large") != "0\t0", "what fits into the requests that outlive a page")
    load(page, gated)
    wait_until_arrived(stack, "Large", 10)


def test_the_rest_of_a_backlog_follows_the_answers_and_no_timer(
    stack: Stack, gate: Gate, gated: str, page: Page
) -> None:
    load(page, gated)
    page.evaluate("self.setTimeout = () => 1")
    track(page, "Backlog", 10, filler=12_000, then="ask0.flush()")
    wait_until_arrived(stack, "Backlog", 10)


def test_tabs_opened_together_share_out_what_two_closed_ones_left(
    stack: Stack, gate: Gate, gated: str, context: BrowserContext
) -> None:
    gate.refuse(503)
    tabs = [context.new_page(), context.new_page()]
    for number, page in enumerate(tabs):
        load(page, gated)
        track(page, "Left behind", 5, start=5 * number, then="ask0.flush()")
    wait_for(lambda: gate.refused >= 2, "both tabs to be refused")
    for page in tabs:
        page.close()
    gate.open()
    opener = context.new_page()
    with context.expect_event("page", lambda _: len(context.pages) == 4):
        opener.evaluate("url => { for (let n = 0; n < 3; n++) open(url, '_blank', 'noopener'); }", gated)
    wait_until_arrived(stack, "Left behind", 10)
    # Storage follows a lock from one process to the next with a delay: two tabs may send what one left, under one id.
    assert set(taken(gate)) == set(range(10))


def test_a_batch_too_large_for_the_gateway_is_split(stack: Stack, gate: Gate, gated: str, page: Page) -> None:
    limit = 15_000
    load(page, gated)
    gate.refuse(413, over=limit)
    track(page, "Split", 1, start=20, filler=limit, then="ask0.flush()")
    track(page, "Split", 20, filler=1_500, then="ask0.flush()")
    wait_until_arrived(stack, "Split", 20)
    assert {(len(beacon.body) > limit, beacon.status) for beacon in gate.beacons} == {(True, 413), (False, 200)}
    assert page.evaluate("ask0.dropped") == 1  # the one that no splitting makes smaller


def test_the_wait_that_the_gateway_asks_for_is_kept(stack: Stack, gate: Gate, gated: str, page: Page) -> None:
    load(page, gated)
    track_refused(gate, page, "Waited", 5)
    track(page, "Waited", FULL_BATCH, start=5, then="ask0.flush()")
    wait_until_arrived(stack, "Waited", 5 + FULL_BATCH)
    first, second, *_ = gate.beacons
    assert second.at - first.at >= WAIT


def test_what_was_stored_though_the_answer_was_lost_is_stored_once(
    stack: Stack, gate: Gate, gated: str, page: Page
) -> None:
    load(page, gated)
    gate.cut(times=1)
    track(page, "Cut", 5, then="ask0.flush()")
    wait_for(lambda: [beacon.status for beacon in gate.beacons] == [0, 200], "the same beacon again")
    wait_until_arrived(stack, "Cut", 5)


def test_the_oldest_events_go_when_they_are_too_large_together(
    stack: Stack, gate: Gate, gated: str, page: Page
) -> None:
    load(page, gated)
    track_refused(gate, page, "Heavy", 1)
    track(page, "Heavy", 39, start=1, filler=30_000)
    dropped = page.evaluate("ask0.dropped")
    assert 0 < dropped < 40
    wait_until_arrived(stack, "Heavy", 40 - dropped)
    assert oldest(stack, "Heavy") == dropped


def test_an_event_is_either_stored_or_counted_as_dropped(stack: Stack, gate: Gate, gated: str, page: Page) -> None:
    def stored() -> int:
        return 60 - int(page.evaluate("ask0.dropped"))

    load(page, gated)
    track(page, "Burst", 60, filler=25_000)  # more than may wait, while the first of them are under way
    wait_for(lambda: arrived(stack, "Burst") == f"{stored()}\t{stored()}", "what was not dropped")
    wait_until_arrived(stack, "Burst", stored())
