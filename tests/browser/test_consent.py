"""What is sent and stored, by what the site starts with, what the browser says and what the person chose."""

import json
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from bench.stack import WRITE_KEY, Stack, wait_for
from tests.browser.pages import BLANK, serve_pages
from tests.browser.visits import arrived, load, track, wait_until_arrived
from tests.browser.witness import CHOICE, NOTHING, WHO, Traces, Witness, state, traces, wait_until_answered

GPC = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { value: true });"
STATES = ("granted", "pending", "denied")
# By what counts before the choice, and the choice: requests, the numbers of the events, consent records.
# Number 2 is tracked after the choice, the others before it.
OUTCOMES: dict[tuple[str, str], tuple[int, list[int], int]] = {
    ("granted", ""): (1, [0, 1, 2], 0),
    ("granted", "granted"): (2, [0, 1, 2], 1),
    ("granted", "denied"): (1, [], 1),
    ("pending", ""): (0, [], 0),
    ("pending", "granted"): (2, [0, 1, 2], 1),
    ("pending", "denied"): (0, [], 0),
    ("denied", ""): (0, [], 0),
    ("denied", "granted"): (2, [2], 1),
    ("denied", "denied"): (0, [], 0),
}


@pytest.fixture(scope="module")
def sites(stack: Stack) -> Iterator[str]:
    """A site whose pages are named after the consent they start with."""
    media_type, blank = BLANK
    address = f"{stack.url}/snippet.js?writeKey={WRITE_KEY}&consent="
    pages = {
        f"/{start}": (media_type, blank + f'<script src="{address}{start}"></script>'.encode()) for start in STATES
    }
    with serve_pages(pages) as site:
        yield site


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[[bool], BrowserContext]]:
    """Makes a visitor, with Global Privacy Control or without."""
    made: list[BrowserContext] = []

    def make(gpc: bool) -> BrowserContext:
        context = browser.new_context(extra_http_headers={"Sec-GPC": "1"} if gpc else {})
        context.add_init_script(GPC if gpc else "")
        made.append(context)
        return context

    yield make
    for context in made:
        context.close()


def choose(page: Page, **choice: str) -> None:
    page.evaluate(f"ask0.consent({json.dumps(choice)}); 0")


def user(stack: Stack, id: str, columns: str = "consent") -> str:
    return stack.query(f"SELECT {columns} FROM ask0.users WHERE id = '{id}'")


@pytest.mark.parametrize("choice", ["", "granted", "denied"])
@pytest.mark.parametrize("gpc", [False, True], ids=["", "gpc"])
@pytest.mark.parametrize("start", STATES)
def test_no_more_is_sent_and_stored_than_was_agreed_to(
    stack: Stack, sites: str, visit: Callable[[bool], BrowserContext], start: str, gpc: bool, choice: str
) -> None:
    event = f"Start {start} gpc {gpc} choice {choice}"
    requests, numbers, records = OUTCOMES["denied" if gpc else start, choice]
    page = visit(gpc).new_page()
    witness = Witness(page)
    load(page, f"{sites}{start}")
    track(page, event, 2)
    if choice:
        choose(page, analytics=choice)
    track(page, event, 1, start=2, then="ask0.flush()")
    wait_until_answered(page)
    load(page, f"{sites}{start}")  # a page that is left sends what it has

    kept = {"consent": {"analytics": choice}} if choice else {}
    if numbers:
        left = traces(page)
        assert (left.session, set(left.local)) == ({}, {CHOICE, WHO} if kept else {WHO})
        assert {"said": 0, **kept} | state(page) == {**kept, "said": 0, "anonymousId": left.cookie[len("ask0=") :]}
    else:
        only = Traces({CHOICE: json.dumps({"analytics": choice}).replace(" ", "")}, {}, "")
        assert traces(page) == (only if kept else NOTHING)
    witness.settle()
    assert len(witness.beacons) == requests
    sent = witness.events()
    assert [message["properties"]["n"] for message in sent if message["type"] == "track"] == (numbers or [])
    assert [message["context"] for message in sent if message["type"] == "identify"] == [kept] * records
    wait_for(lambda: arrived(stack, event) == f"{len(numbers)}\t{len(numbers)}", "what was sent")


def test_what_waited_for_consent_has_its_own_times_and_order(stack: Stack, sites: str, page: Page) -> None:
    load(page, f"{sites}pending")
    page.evaluate("ask0.identify({ id: 'waited', plan: 'pro' }); ask0.page('Waited page')")
    track(page, "Waited long", 2)
    assert traces(page) == NOTHING
    granted_at = page.evaluate("new Promise((done) => setTimeout(() => done(Date.now()), 5))")
    choose(page, analytics="granted")
    track(page, "Waited long", 1, start=2, then="ask0.flush()")
    wait_until_arrived(stack, "Waited long", 3)
    rows = stack.query(
        "SELECT type, toUnixTimestamp64Milli(timestamp) FROM ask0.events WHERE sent_user_id = 'waited'"
        " ORDER BY message_id"
    )
    types, times = zip(*(row.split("\t") for row in rows.splitlines()), strict=True)
    assert types == ("identify", "page", "track", "track", "identify", "track")
    assert [int(time) < granted_at for time in times] == [True] * 4 + [False] * 2
    assert user(stack, "waited", "plan, consent") == "pro\t{'analytics':'granted'}"


def test_what_is_withdrawn_is_withdrawn_in_other_tabs_too(
    stack: Stack, sites: str, visit: Callable[[bool], BrowserContext]
) -> None:
    context = visit(False)
    other, page = context.new_page(), context.new_page()
    witness = Witness(other)
    load(other, f"{sites}granted")
    other.evaluate("self.setTimeout = () => 1")  # what is queued there stays queued
    track(other, "Withdrawn", 5)
    load(page, f"{sites}granted")
    page.evaluate("ask0.identify({ id: 'withdrew' }); 0")
    choose(page, analytics="denied")
    wait_for(lambda: len(traces(other).local) == 1, "the other tab to have heard")
    track(other, "Withdrawn", 20, start=5, then="ask0.flush()")
    load(other, f"{sites}granted")
    track(other, "Withdrawn", 20, start=25, then="ask0.flush()")
    only = Traces({CHOICE: '{"analytics":"denied"}'}, {}, "")
    assert (traces(page), traces(other), context.cookies()) == (only, only, [])
    witness.settle()
    assert witness.beacons == []
    wait_until_arrived(stack, "Withdrawn", 0)
    assert user(stack, "withdrew") == "{'analytics':'denied'}"


def test_what_is_granted_is_granted_in_other_tabs_too(
    stack: Stack, sites: str, visit: Callable[[bool], BrowserContext]
) -> None:
    context = visit(False)
    other, page = context.new_page(), context.new_page()
    load(other, f"{sites}pending")
    track(other, "Granted elsewhere", 2)
    load(page, f"{sites}pending")
    choose(page, analytics="granted")
    wait_for(lambda: other.evaluate("Object.keys(localStorage).length") > 1, "the other tab's queue")
    track(other, "Granted elsewhere", 1, start=2, then="ask0.flush()")
    wait_until_arrived(stack, "Granted elsewhere", 3)
    assert (
        stack.query(
            "SELECT uniqExact(anonymous_id) FROM ask0.events WHERE event = 'Granted elsewhere'"
            f" AND anonymous_id = '{state(page)['anonymousId']}'"
        )
        == "1"
    )


def test_who_changes_their_mind_is_another_guest(stack: Stack, sites: str, page: Page) -> None:
    load(page, f"{sites}granted")
    before = state(page)["anonymousId"]
    choose(page, analytics="denied")
    assert state(page) == {"consent": {"analytics": "denied"}}
    choose(page, analytics="granted")
    after = state(page)["anonymousId"]
    assert before != after
    track(page, "Changed", 1, then="ask0.flush()")
    wait_until_arrived(stack, "Changed", 1)
    assert stack.query("SELECT anonymous_id FROM ask0.events WHERE event = 'Changed'") == after
    assert user(stack, before) == "{'analytics':'denied'}"
    assert user(stack, after) == "{'analytics':'granted'}"


def test_marketing_alone_says_nothing_of_analytics(stack: Stack, sites: str, page: Page) -> None:
    witness = Witness(page)
    load(page, f"{sites}pending")
    track(page, "Marketing", 1)
    choose(page, marketing="denied")
    choose(page, personalization="granted", marketing="granted")
    kept = {"marketing": "granted", "personalization": "granted"}
    assert state(page) == {"consent": kept}
    witness.settle()
    assert witness.beacons == []
    choose(page, analytics="granted")
    wait_until_arrived(stack, "Marketing", 1)
    guest = state(page)["anonymousId"]
    everything = "consent['analytics'], consent['marketing'], consent['personalization'], length(consent)"
    assert user(stack, guest, everything) == "granted\tgranted\tgranted\t3"
    choose(page, marketing="denied")
    track(page, "Marketing on", 1, then="ask0.flush()")
    wait_until_arrived(stack, "Marketing on", 1)
    assert user(stack, guest, everything) == "granted\tdenied\tgranted\t3"


def test_who_denies_personalization_is_not_asked_about(stack: Stack, sites: str, page: Page) -> None:
    witness = Witness(page)
    load(page, f"{sites}granted")
    page.evaluate("ask0.identify({ plan: 'pro' }); ask0.flush()")
    wait_for(lambda: page.evaluate("ask0.user()"), "the guest's own traits")
    asked = len(witness.questions)
    choose(page, personalization="denied")
    assert page.evaluate("ask0.user()") is None
    witness.settle()
    assert len(witness.questions) == asked
    track(page, "Impersonal", 1, then="ask0.flush()")
    wait_until_arrived(stack, "Impersonal", 1)


def test_the_server_knows_of_global_privacy_control_and_of_the_choice_against_it(
    stack: Stack, sites: str, visit: Callable[[bool], BrowserContext]
) -> None:
    page = visit(True).new_page()
    load(page, f"{sites}granted")
    page.evaluate("ask0.identify({ id: 'never said' }); 0")
    choose(page, analytics="granted")
    page.evaluate("ask0.identify({ id: 'private by choice' }); 0")
    track(page, "With GPC", 1, then="ask0.flush()")
    wait_until_arrived(stack, "With GPC", 1)
    denied = "gpc, consent['analytics'], consent['personalization'], consent['marketing']"
    assert user(stack, "private by choice", denied) == "true\tgranted\tdenied\tdenied"
    assert user(stack, "never said") == "", "it was said before anything was agreed to"
    choose(page, marketing="granted")
    track(page, "With GPC still", 1, then="ask0.flush()")
    wait_until_arrived(stack, "With GPC still", 1)
    assert user(stack, "private by choice", denied) == "true\tgranted\tdenied\tgranted"


def test_what_waited_when_the_person_denied_is_never_said(stack: Stack, sites: str, page: Page) -> None:
    witness = Witness(page)
    load(page, f"{sites}pending")
    track(page, "Denied later", 2)
    choose(page, analytics="denied")
    track(page, "Denied later", 1, start=2)
    choose(page, analytics="granted")
    track(page, "Denied later", 1, start=3, then="ask0.flush()")
    wait_until_arrived(stack, "Denied later", 1)
    assert [event["properties"]["n"] for event in witness.events() if event["type"] == "track"] == [3]


def test_nothing_of_a_pending_page_is_left_when_it_is_left(stack: Stack, sites: str, page: Page) -> None:
    witness = Witness(page)
    load(page, f"{sites}pending")
    track(page, "Never agreed", 30, then="ask0.identify({ id: 'nobody' }); location.href = '/elsewhere'")
    page.wait_for_url("**/elsewhere")
    assert traces(page) == NOTHING
    witness.settle()
    assert witness.beacons == []
    assert arrived(stack, "Never agreed") == "0\t0"
