"""What a page may read of its visitor with user(), and what on() tells it of its events."""

import pytest
from playwright.sync_api import Page, Route

from bench.stack import Stack, wait_for
from tests.browser.visits import load, track, wait_until_arrived, wait_until_live
from tests.browser.witness import Witness, state
from tests.gate import Gate
from tests.gateway.tokens import sign

TRAITS = "{ plan: 'pro', email: 'ada@example.com', teamSize: 7, firstName: 'Ada' }"


def test_a_guest_reads_their_own_traits_that_pages_may_read(strict: Stack, strict_site: str, page: Page) -> None:
    load(page, strict_site)
    assert page.evaluate("ask0.user()") is None
    page.evaluate(f"ask0.identify({TRAITS}); ask0.flush()")
    wait_for(lambda: page.evaluate("ask0.user()"), "the guest's traits")
    guest = state(page)["anonymousId"]
    assert page.evaluate("ask0.user()") == {"id": guest, "firstName": "Ada", "plan": "pro"}


@pytest.fixture(scope="module")
def ada(strict: Stack) -> str:
    """A user with traits; her token."""
    token = sign("ada")
    traits = {"plan": "pro", "email": "ada@example.com", "teamSize": 7}
    strict.post("/v1/identify", {"userId": "ada", "traits": traits, "userToken": token})
    wait_for(lambda: strict.query("SELECT plan FROM ask0.users WHERE id = 'ada'") == "pro", "the user")
    return token


@pytest.mark.parametrize("proof", ["", "{}", "{ token: '' }", "{ token: 'none' }", f"{{ token: '{sign('bob')}' }}"])
def test_a_known_user_is_not_shown_without_their_own_token(strict_site: str, page: Page, ada: str, proof: str) -> None:
    witness = Witness(page)
    load(page, strict_site)
    page.evaluate(f"ask0.identify({{ id: 'ada' }}, {proof}); 0")
    assert page.evaluate("ask0.user()") is None
    assert witness.errors == []


def test_a_verified_user_is_shown_until_the_page_forgets_them(strict_site: str, page: Page, ada: str) -> None:
    load(page, strict_site)
    page.evaluate(f"ask0.identify({{ id: 'ada' }}, {{ token: '{ada}' }}); 0")
    assert page.evaluate("ask0.user()") == {"id": "ada", "plan": "pro"}
    page.evaluate("ask0.identify({ id: 'bob' }); 0")
    assert page.evaluate("ask0.user()") is None
    page.evaluate(f"ask0.identify({{ id: 'ada' }}, {{ token: '{ada}' }}); 0")
    page.evaluate("ask0.reset()")
    assert page.evaluate("ask0.user()") is None
    load(page, strict_site)
    page.evaluate(f"ask0.identify({{ id: 'ada' }}, {{ token: '{ada}' }}); 0")
    load(page, strict_site)
    assert page.evaluate("ask0.user()") is None, "a token is kept nowhere"


def test_who_asks_before_the_bundle_is_there_is_answered(strict_site: str, page: Page, ada: str) -> None:
    held: list[Route] = []
    page.route("**/ask0.js", lambda route: held.append(route))
    page.goto(strict_site, wait_until="domcontentloaded")
    page.evaluate(f"ask0.identify({{ id: 'ada' }}, {{ token: '{ada}' }}); self.asked = ask0.user(); 0")
    while not held:  # it is asked for beside the page
        page.wait_for_timeout(10)
    held[0].continue_()
    assert page.evaluate("asked") == {"id": "ada", "plan": "pro"}


def test_without_the_gateway_there_is_nobody(strict_site: str, page: Page) -> None:
    witness = Witness(page)
    load(page, strict_site)
    page.route("**/more.*.js", lambda route: route.abort())
    assert page.evaluate("ask0.user()") is None
    page.unroute("**/more.*.js")
    page.route("**/v1/user", lambda route: route.abort())
    assert page.evaluate("ask0.user()") is None
    page.evaluate("ask0.reset()")
    assert witness.errors == []


def test_a_page_is_told_what_becomes_of_its_events(stack: Stack, gate: Gate, gated: str, page: Page) -> None:
    load(page, gated)
    page.evaluate(
        "self.told = []; for (const name of ['sent', 'delayed', 'dropped'])"
        " ask0.on(name, (...detail) => told.push([name, ...detail]))"
    )
    gate.refuse(503, times=1)
    track(page, "Told", 3, then="ask0.flush()")
    page.wait_for_function("told.length === 2")
    gate.refuse(400, times=1)
    track(page, "Told", 2, start=3, then="ask0.flush()")
    page.wait_for_function("told.length === 3")
    assert page.evaluate("told") == [["delayed", 3, 503], ["sent", 3], ["dropped", 2, 400]]
    wait_until_arrived(stack, "Told", 3)
    page.evaluate("ask0.batch([{ event: 'Told', n: 5 }, { event: 'Told', userId: 'x'.repeat(1000) }]); ask0.flush()")
    page.wait_for_function("told.length === 5")
    told = page.evaluate("told.slice(3)")
    assert sorted((name, events) for name, events, *_ in told) == [("dropped", 1), ("sent", 2)]
    assert page.evaluate("ask0.dropped") == 3


def test_who_listens_later_hears_of_what_was_before(stack: Stack, site: str, page: Page) -> None:
    page.goto(site)
    page.evaluate("ask0.track('Heard late', { n: 1 }); ask0.flush(); 0")
    wait_until_live(page)
    wait_until_arrived(stack, "Heard late", 1)
    assert page.evaluate("new Promise((done) => ask0.on('sent', done))") == 1
