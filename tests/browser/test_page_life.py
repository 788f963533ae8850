"""Pages that the browser keeps, prepares or loses: the back/forward cache, prerendering, a crash."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page

from bench.stack import Stack, wait_for
from tests.browser.pages import ARGUMENTS, BLANK, chromium, open_browser, serve_pages
from tests.browser.visits import (
    arrived,
    load,
    taken,
    track,
    wait_for_sentinel,
    wait_until_arrived,
    wait_until_live,
    with_snippet,
)
from tests.gate import Gate

LISTENING = """
self.heard = [];
const listen = EventTarget.prototype.addEventListener;
EventTarget.prototype.addEventListener = function (type, ...rest) {
  heard.push(type);
  return listen.call(this, type, ...rest);
};
"""
MARKED = "self.marked = true; addEventListener('pageshow', (event) => (self.restored = event.persisted));"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Playwright turns the back/forward cache off; here it is on, as for everyone."""
    with open_browser(without=["--disable-back-forward-cache"]) as browser:
        yield browser


def go_back(page: Page) -> None:
    """To a page that does not load again: Playwright's own call would wait for that."""
    page.evaluate("setTimeout(() => history.back())")  # so that the call has returned before its page is left


def crash(page: Page) -> None:
    with page.expect_event("crash"), suppress(Error):
        page.goto("chrome://crash")


def test_events_before_and_after_the_back_forward_cache_arrive(
    stack: Stack, gate: Gate, gated: str, context: BrowserContext
) -> None:
    context.add_init_script(LISTENING)
    page = context.new_page()
    load(page, gated)
    page.evaluate(MARKED)
    track(page, "Restored", 5)
    page.goto(f"{gated}elsewhere")
    go_back(page)
    page.wait_for_function("self.marked && self.restored")
    track(page, "Restored", 5, start=5)
    wait_until_arrived(stack, "Restored", 10)
    assert taken(gate) == list(range(10))
    assert {"unload", "beforeunload"}.isdisjoint(page.evaluate("heard"))
    assert len(gate.beacons) == 2


def test_what_a_page_in_the_cache_could_not_send_arrives(stack: Stack, gate: Gate, gated: str, page: Page) -> None:
    load(page, gated)
    page.evaluate(MARKED)
    gate.refuse(503)
    track(page, "Cached", 5, then="ask0.flush()")
    wait_for(lambda: gate.refused, "a refused beacon")
    page.goto(f"{gated}elsewhere")
    gate.open()
    go_back(page)
    page.wait_for_function("self.marked && self.restored")
    wait_until_arrived(stack, "Cached", 5)
    assert taken(gate) == list(range(5))


def test_the_next_page_takes_over_from_a_page_in_the_cache(stack: Stack, gate: Gate, gated: str, page: Page) -> None:
    load(page, gated)
    gate.refuse(503)
    track(page, "Taken over", 5, then="ask0.flush()")
    wait_for(lambda: gate.refused, "a refused beacon")
    gate.open()
    load(page, f"{gated}?next")
    wait_until_arrived(stack, "Taken over", 5)
    go_back(page)
    wait_until_live(page)
    track(page, "Taken over", 1, start=5, then="ask0.flush()")
    wait_until_arrived(stack, "Taken over", 6)
    assert taken(gate) == list(range(6))


def test_a_new_tab_sends_what_a_crashed_one_could_not(
    stack: Stack, gate: Gate, gated: str, context: BrowserContext
) -> None:
    page = context.new_page()
    load(page, gated)
    gate.refuse(503)
    track(page, "Crashed", 5)
    crash(page)
    gate.open()
    load(context.new_page(), gated)
    wait_until_arrived(stack, "Crashed", 5)
    assert taken(gate) == list(range(5))


@contextmanager
def unattended(address: str, profile: Path) -> Iterator[None]:
    """A Chromium that nobody drives: an attached Playwright holds prerendered pages back."""
    command = [chromium(), "--headless", *ARGUMENTS.split(), f"--user-data-dir={profile}", address]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def test_a_prerendered_page_sends_nothing_until_it_is_shown(stack: Stack, gate: Gate, tmp_path: Path) -> None:
    def prepared(event: str) -> tuple[str, bytes]:
        report = f"fetch(`{gate.url}/prepared/${{document.prerendering}}/{event}`, {{ mode: 'no-cors' }})"
        calls = f"ask0.page(); ask0.track('{event}', {{ n: 0 }}); onload = () => {{ ask0.flush(); {report}; }};"
        return with_snippet(gate.url, f"<script>{calls}</script>")

    media_type, blank = BLANK
    rules = '{"prerender": [{"urls": ["/shown", "/never"], "eagerness": "immediate"}]}'
    poll = "const poll = async () => { if ((await fetch('go')).headers.get('content-type') === 'text/plain')"
    again = "setTimeout(() => location.reload(), 15000);"  # a busy machine's Chromium may decline to prerender at first
    follow = f"{again} {poll} location.href = '/shown'; else setTimeout(poll, 50); }}; poll();"
    lead = f"<script type=speculationrules>{rules}</script><script>{follow}</script>"
    pages = {
        "/": (media_type, blank + lead.encode()),
        "/shown": prepared("Shown"),
        "/never": prepared("Never shown"),
    }
    with serve_pages(pages) as site, unattended(site, tmp_path):
        ready = {f"/prepared/true/{event}" for event in ("Shown", "Never%20shown")}
        wait_for(lambda: ready <= {seen.path for seen in gate.seen}, "both pages to be ready", timeout=120)
        assert gate.beacons == []
        pages["/go"] = ("text/plain", b"")
        wait_until_arrived(stack, "Shown", 1)
        wait_for_sentinel(stack, "Never shown")
    assert arrived(stack, "Never shown") == "0\t0"
    assert (
        stack.query(f"SELECT count() FROM ask0.events WHERE type = 'page' AND context.page.url LIKE '{site}%'") == "1"
    )
