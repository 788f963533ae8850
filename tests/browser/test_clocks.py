"""A visitor's wrong clock: events arrive once and in order, and ClickHouse has the true time beside the sent one."""

import pytest
from playwright.sync_api import BrowserContext

from bench.stack import Stack, wait_for
from tests.browser.visits import load, track, wait_until_arrived
from tests.gate import Gate

DAY = 86_400_000  # ms
MINUTE = 60_000
SHIFTED = """
const now = Date.now;
self.Date = class extends Date {
  constructor(...time) { super(...(time.length ? time : [now() + SHIFT])); }
  static now() { return now() + SHIFT; }
};
"""


@pytest.mark.parametrize(("event", "shift"), [("Ahead", DAY), ("Behind", -DAY)])
def test_the_time_is_corrected_when_the_clock_is_a_day_off(
    stack: Stack, gate: Gate, gated: str, context: BrowserContext, event: str, shift: int
) -> None:
    context.add_init_script(SHIFTED.replace("SHIFT", str(shift)))
    page = context.new_page()
    load(page, gated)
    track(page, event, 5, then="ask0.flush()")
    wait_for(lambda: gate.beacons, "the first request")
    track(page, event, 5, start=5, then="ask0.flush()")
    wait_until_arrived(stack, event, 10)
    rows = stack.query(
        "SELECT toInt32(properties.n), toUnixTimestamp64Milli(occurred_at) - toUnixTimestamp64Milli(received_at),"
        " toUnixTimestamp64Milli(timestamp) - toUnixTimestamp64Milli(received_at)"
        f" FROM ask0.events WHERE event = '{event}' ORDER BY occurred_at, message_id"
    )
    numbers, corrected, sent = zip(*(map(int, row.split("\t")) for row in rows.splitlines()), strict=True)
    assert numbers == tuple(range(10))
    assert all(abs(error) < MINUTE for error in corrected)
    assert all(abs(error - shift) < MINUTE for error in sent)
