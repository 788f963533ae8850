"""What a visitor's browser does, and what of it is to be found in ClickHouse."""

import json

from playwright.sync_api import Page

from bench.stack import WRITE_KEY, Stack, wait_for
from tests.browser.pages import BLANK
from tests.gate import Gate


def with_snippet(host: str, more: str = "") -> tuple[str, bytes]:
    """A page that has the widget from this host, and more HTML after it."""
    media_type, blank = BLANK
    return media_type, blank + f'<script src="{host}/snippet.js?writeKey={WRITE_KEY}"></script>{more}'.encode()


def load(page: Page, site: str) -> None:
    page.goto(site)
    wait_until_live(page)


def wait_until_live(page: Page) -> None:
    page.wait_for_function("self.ask0 && 'dropped' in ask0")


def track(page: Page, event: str, count: int, start: int = 0, filler: int = 0, then: str = "") -> None:
    """Events numbered from `start`, `filler` characters larger than they need to be."""
    page.evaluate(
        f"for (let n = {start}; n < {start + count}; n++)"
        f" ask0.track('{event}', {{ n, filler: 'x'.repeat({filler}) }}); {then}"
    )


def arrived(stack: Stack, event: str) -> str:
    return stack.query(f"SELECT count(), uniqExact(properties.n) FROM ask0.events WHERE event = '{event}'")


def wait_until_arrived(stack: Stack, event: str, count: int) -> None:
    """A later event is the sign that whatever could come has come."""
    expected = f"{count}\t{count}"
    try:
        wait_for(lambda: arrived(stack, event) == expected, f"{count} × {event}")
    except TimeoutError:
        assert arrived(stack, event) == expected
    wait_for_sentinel(stack, event)
    assert arrived(stack, event) == expected


def wait_for_sentinel(stack: Stack, event: str) -> None:
    stack.post("/v1/track", {"event": f"After {event}", "anonymousId": "sentinel", "properties": {"n": 1}})
    wait_for(lambda: arrived(stack, f"After {event}") == "1\t1", "the sentinel")


def taken(gate: Gate) -> list[int]:
    """The numbers of the events that the gateway answered: ClickHouse has an event once, but the wire may not."""
    batches = [json.loads(beacon.body)["batch"] for beacon in gate.beacons if beacon.status == 200]
    return sorted(event["properties"]["n"] for batch in batches for event in batch)
