"""auto.js: page views without a snippet, those of sites that never load a page anew among them."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page

from bench.stack import WRITE_KEY, Stack
from tests.browser.pages import BLANK, serve_pages
from tests.browser.visits import load, track, wait_until_arrived
from tests.browser.witness import NOTHING, Witness, state, traces

AUTO = "<script async src='{gateway}/auto.js' data-ask0={key}{more}></script>"
CORE = "<script async src='{gateway}/ask0.js#{key}'></script>"
SNIPPET = "<script src='{gateway}/snippet.js?writeKey={key}'></script>"
PAGES = {
    "/auto": AUTO,
    "/pending": AUTO.replace("{more}", " data-consent=pending"),
    "/denied": AUTO.replace("{more}", " data-consent=denied"),
    "/twice": AUTO + AUTO,
    "/core-twice": CORE + CORE,
    "/snippet-twice": SNIPPET + SNIPPET,
}


@pytest.fixture(scope="module")
def autos(stack: Stack) -> Iterator[str]:
    media_type, blank = BLANK
    values = {"gateway": stack.url, "key": WRITE_KEY, "more": ""}
    pages = {path: (media_type, blank + html.format(**values).encode()) for path, html in PAGES.items()}
    with serve_pages(pages) as site:
        yield site


def views(stack: Stack, guest: str) -> list[str]:
    """Where the guest's page views happened, and under which title."""
    return stack.query(
        "SELECT replaceRegexpOne(context.page.url::String, '^http://[^/]*', '') || ' ' || context.page.title::String"
        f" FROM ask0.events WHERE type = 'page' AND anonymous_id = '{guest}' ORDER BY message_id"
    ).splitlines()


def wait_for_views(stack: Stack, page: Page, event: str) -> list[str]:
    """All that the page has told of so far: what it tracks now comes after them."""
    track(page, event, 1, then="ask0.flush()")
    wait_until_arrived(stack, event, 1)
    return views(stack, state(page)["anonymousId"])


def go(page: Page, script: str) -> None:
    """A change of address; page views are told a moment after it."""
    page.evaluate(f"{script}; new Promise((done) => setTimeout(done))")


def test_each_view_of_a_page_that_never_loads_anew_is_told_once(stack: Stack, autos: str, page: Page) -> None:
    load(page, f"{autos}auto")
    for change in (
        "history.pushState({}, '', '/first'); document.title = 'First'",
        "history.pushState({}, '', '/first')",  # the same address
        "history.pushState({}, '', '#part')",
        "location.hash = 'other'",
        "history.replaceState({}, '', '/first?tab=2')",
        "history.replaceState({ scroll: 7 }, '')",
        "history.pushState({}, '', '/second'); document.title = 'Second'",
    ):
        go(page, change)
    page.evaluate("new Promise((done) => { addEventListener('popstate', () => setTimeout(done)); history.back(); })")
    assert wait_for_views(stack, page, "Viewed") == [
        "/auto Site",
        "/first First",
        "/first?tab=2 First",
        "/second Second",
        "/first?tab=2 Second",
    ]
    assert page.evaluate("history.state") == {"scroll": 7}, "the page's own history is whole"


def test_what_a_page_changes_at_once_is_one_view(stack: Stack, autos: str, page: Page) -> None:
    load(page, f"{autos}auto")
    go(page, "history.pushState({}, '', '/redirect'); history.replaceState({}, '', '/goal')")
    assert wait_for_views(stack, page, "Redirected") == ["/auto Site", "/goal Site"]


def test_pending_views_wait_for_consent(stack: Stack, autos: str, page: Page) -> None:
    witness = Witness(page)
    load(page, f"{autos}pending")
    go(page, "history.pushState({}, '', '/first')")
    assert traces(page) == NOTHING
    witness.settle()
    assert (witness.beacons, witness.renewals) == ([], [])
    page.evaluate("ask0.consent({ analytics: 'granted' }); 0")
    assert len(wait_for_views(stack, page, "Auto granted")) == 2


def test_no_views_are_told_of_who_denies(stack: Stack, autos: str, page: Page) -> None:
    witness = Witness(page)
    load(page, f"{autos}denied")
    go(page, "history.pushState({}, '', '/first')")
    page.goto(f"{autos}elsewhere")
    assert traces(page) == NOTHING
    witness.settle()
    assert (witness.beacons, witness.renewals) == ([], [])


@pytest.mark.parametrize("path", ["twice", "core-twice", "snippet-twice"])
def test_a_page_that_has_the_widget_twice_tells_once(
    stack: Stack, autos: str, context: BrowserContext, path: str
) -> None:
    page = context.new_page()
    witness = Witness(page)
    page.goto(f"{autos}{path}", wait_until="load")
    page.evaluate("ask0.ready()")
    page.evaluate("history.pushState({}, '', '/next'); new Promise((done) => setTimeout(done))")
    track(page, f"Loaded {path}", 2, then="ask0.flush()")
    wait_until_arrived(stack, f"Loaded {path}", 2)
    views = 2 if path == "twice" else 0
    assert [event["type"] for event in witness.events()] == ["page"] * views + ["track"] * 2
    assert witness.errors == []
