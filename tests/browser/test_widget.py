"""The widget on a page of another origin, and what it does to that page."""

from playwright.sync_api import BrowserContext, Page, Route

from bench.stack import Stack, wait_for
from tests.browser.visits import load, track, wait_until_arrived, wait_until_live

NO_STORAGE = """
for (const name of ["localStorage", "sessionStorage"])
  Object.defineProperty(window, name, { get() { throw new DOMException("denied", "SecurityError"); } });
Object.defineProperty(Document.prototype, "cookie", { get() { throw new DOMException("denied", "SecurityError"); } });
"""
NO_LOCKS = "Object.defineProperty(Navigator.prototype, 'locks', { value: undefined });"


def test_a_reload_without_locks_keeps_the_queue(stack: Stack, site: str, context: BrowserContext) -> None:
    context.add_init_script(NO_LOCKS)
    page = context.new_page()
    load(page, site)
    page.route("**/v1/batch", lambda route: route.abort())
    with page.expect_request("**/v1/batch"):
        page.evaluate("ask0.track('Reloaded', { n: 0 }); ask0.flush()")
    page.unroute("**/v1/batch")
    load(page, site)
    wait_until_arrived(stack, "Reloaded", 1)


def test_calls_before_the_bundle_is_there_keep_order_and_time(stack: Stack, site: str, page: Page) -> None:
    held: list[Route] = []
    page.route("**/ask0.js", lambda route: held.append(route))
    page.goto(site, wait_until="domcontentloaded")
    page.evaluate("self.kept = ask0.track; ask0.track('Early', { n: 0 }); ask0.identify({ id: 'early' }); 0")
    page.evaluate("ask0.track('Early', { n: 1 }); 0")
    released_at = page.evaluate("new Promise((done) => setTimeout(() => done(Date.now()), 5))")
    held[0].continue_()
    wait_until_live(page)
    page.evaluate("kept('Early', { n: 2 })")
    wait_until_arrived(stack, "Early", 3)
    rows = stack.query(
        "SELECT properties.n, sent_user_id, toUnixTimestamp64Milli(timestamp) FROM ask0.events"
        " WHERE event = 'Early' ORDER BY message_id"
    )
    numbers, users, times = zip(*(row.split("\t") for row in rows.splitlines()), strict=True)
    assert (users, numbers) == (("", "early", "early"), ("0", "1", "2"))
    assert [int(time) < released_at for time in times] == [True, True, False]


def test_without_storage_and_cookies_events_still_arrive(stack: Stack, site: str, context: BrowserContext) -> None:
    context.add_init_script(NO_STORAGE)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    load(page, site)
    track(page, "Private", 20, then="ask0.identify({ id: 'private' }); ask0.track('Private', { n: 20 }); ask0.flush()")
    wait_until_arrived(stack, "Private", 21)
    assert stack.query(
        "SELECT uniqExact(anonymous_id), uniqExact(user_id) FROM ask0.events WHERE event = 'Private'"
    ) == ("1\t1")
    assert errors == []


def test_a_guest_keeps_the_id_when_only_the_cookie_or_only_storage_is_left(site: str, context: BrowserContext) -> None:
    def guest(page: Page) -> str:
        return str(page.evaluate("document.cookie.match(/ask0=([^;]+)/)[1]"))

    page = context.new_page()
    load(page, site)
    first = guest(page)
    page.evaluate("localStorage.clear()")
    load(page, site)
    assert guest(page) == first
    context.clear_cookies()
    load(page, site)
    assert guest(page) == first


def test_the_page_gets_one_global(site: str, page: Page) -> None:
    def names() -> set[str]:
        return set(page.evaluate("Object.getOwnPropertyNames(self)"))

    page.goto(f"{site}without")
    before = names()
    load(page, site)
    page.evaluate("ask0.identify({ id: 'global' }); ask0.track('Global'); ask0.flush()")
    assert names() - before == {"ask0"}


def test_a_refused_key_is_counted_and_identify_is_said_again(stack: Stack, site: str, page: Page) -> None:
    bodies: list[str] = []
    page.on("request", lambda request: bodies.append(request.post_data or "") if "/v1/batch" in request.url else None)
    load(page, site)
    page.route("**/v1/batch", lambda route: route.fulfill(status=401, headers={"access-control-allow-origin": "*"}))
    page.evaluate("ask0.identify({ id: 'refused' }); ask0.flush()")
    page.wait_for_function("ask0.dropped === 1")
    page.unroute("**/v1/batch")
    with page.expect_response(lambda response: "/v1/batch" in response.url and response.ok):
        page.evaluate("ask0.identify({ id: 'refused' }); ask0.flush()")
    assert len(bodies) == 2
    wait_for(lambda: stack.query("SELECT count() FROM ask0.users WHERE id = 'refused'") == "1", "the user")
