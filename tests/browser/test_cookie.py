"""The guest's cookie: one for a site's subdomains, and set by the site's own gateway for longer than a script can.

The hosts are made up, and plain http: a context without locks and randomUUID, unlike the other tests' loopback pages.
"""

import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from bench.stack import WRITE_KEY, Stack, wait_for
from tests.browser.pages import BLANK, open_browser, serve_pages
from tests.browser.visits import load, track, wait_until_arrived
from tests.browser.witness import WHO, Witness, state

DAY = 86_400
LATER = 400 * DAY
GATEWAY = "http://t.site.example:{port}"
HOSTS = "--host-resolver-rules=MAP *.example 127.0.0.1"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser(more=[HOSTS]) as browser:
        yield browser


@pytest.fixture(scope="module")
def port(strict: Stack) -> Iterator[int]:
    """Of a site that answers under every host, with a page for each way to have the cookie."""
    gateway = GATEWAY.format(port=strict.port)
    snippet = f"<script src='{gateway}/snippet.js?writeKey={WRITE_KEY}{{}}'></script>"
    auto = f"<script async src='{gateway}/auto.js' data-ask0={WRITE_KEY}{{}}></script>"
    pages = {
        "/shared": snippet.format("&cookieDomain=site.example"),
        "/own": snippet.format(""),
        "/auto": auto.format(" data-cookie-domain=site.example"),
        "/auto-own": auto.format(""),
        "/auto-pending": auto.format(" data-cookie-domain=site.example data-consent=pending"),
    }
    media_type, blank = BLANK
    with serve_pages({path: (media_type, blank + html.encode()) for path, html in pages.items()}) as site:
        yield urlsplit(site).port or 0


def cookie(context: BrowserContext) -> tuple[str, str, float]:
    """Domain, value, and for how many days, of the only one."""
    (found,) = context.cookies()
    return found["domain"], found["value"], (found["expires"] - time.time()) / DAY


def test_subdomains_share_the_guest_of_a_cookie_domain(strict: Stack, port: int, context: BrowserContext) -> None:
    hosts = ("site.example", "app.site.example", "deep.app.site.example")
    pages = [context.new_page() for _ in hosts]
    for number, (host, page) in enumerate(zip(hosts, pages, strict=True)):
        load(page, f"http://{host}:{port}/shared")
        track(page, "Shared", 1, start=number, then="ask0.flush()")
    wait_until_arrived(strict, "Shared", 3)
    assert len({state(page)["anonymousId"] for page in pages}) == 1
    domain, guest, days = cookie(context)
    assert (domain, guest, 340 < days < 366) == (".site.example", state(pages[0])["anonymousId"], True)
    assert strict.query("SELECT DISTINCT anonymous_id FROM ask0.events WHERE event = 'Shared'") == guest


def test_without_a_cookie_domain_each_host_has_its_own_guest(port: int, context: BrowserContext) -> None:
    guests = set()
    for host in ("site.example", "app.site.example"):
        page = context.new_page()
        load(page, f"http://{host}:{port}/own")
        guests.add(state(page)["anonymousId"])
    assert len(guests) == 2
    assert {found["domain"] for found in context.cookies()} == {"site.example", "app.site.example"}


def test_a_snippets_page_has_the_gateway_renew_the_cookie(port: int, context: BrowserContext) -> None:
    page = context.new_page()
    load(page, f"http://app.site.example:{port}/shared")
    guest = state(page)["anonymousId"]
    page.evaluate("ask0.renew?.()")
    assert renewed(context) == (".site.example", guest)


def renewed(context: BrowserContext) -> tuple[str, str]:
    """Domain and value of the cookie, once it is for 400 days."""
    wait_for(lambda: context.cookies() and cookie(context)[2] > 399, "the cookie from the gateway")
    assert cookie(context)[2] < 401
    return cookie(context)[:2]


def test_auto_js_has_the_gateway_renew_the_cookie(port: int, context: BrowserContext) -> None:
    page = context.new_page()
    witness = Witness(page)
    load(page, f"http://site.example:{port}/auto")
    guest = state(page)["anonymousId"]
    assert renewed(context) == (".site.example", guest)
    page.evaluate("localStorage.clear()")
    load(page, f"http://app.site.example:{port}/auto")
    assert state(page)["anonymousId"] == guest, "the cookie alone was left"
    assert (witness.errors, page.evaluate("self.violations")) == ([], None)


@pytest.mark.parametrize("where", ["site.example/auto-pending", "elsewhere.example/auto-own"])
def test_auto_js_asks_for_no_cookie_where_none_may_or_can_be_set(
    port: int, context: BrowserContext, where: str
) -> None:
    page = context.new_page()
    witness = Witness(page)
    host, _, path = where.partition("/")
    load(page, f"http://{host}:{port}/{path}")
    witness.settle()
    assert (witness.renewals, witness.errors) == ([], [])


def test_the_cookie_wins_over_storage(port: int, context: BrowserContext) -> None:
    page = context.new_page()
    load(page, f"http://site.example:{port}/shared")
    page.evaluate(f"localStorage['{WHO}'] = JSON.stringify({{ anonymousId: 'g-of-storage' }})")
    guest = cookie(context)[1]
    load(page, f"http://site.example:{port}/shared")
    assert (state(page)["anonymousId"], cookie(context)[1]) == (guest, guest)


def test_a_reset_and_a_withdrawal_reach_the_domains_cookie(port: int, context: BrowserContext, page: Page) -> None:
    load(page, f"http://app.site.example:{port}/shared")
    before = cookie(context)[1]
    page.evaluate("ask0.reset(); 0")
    assert cookie(context)[:2] == (".site.example", state(page)["anonymousId"])
    assert state(page)["anonymousId"] != before
    page.evaluate("ask0.consent({ analytics: 'denied' }); 0")
    assert context.cookies() == []
