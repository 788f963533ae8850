"""The network is slow or gone, the API refuses or fails: it is said, what was typed stays, and it goes on then."""

import json
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, CDPSession, Route, expect

from tests.cli.processes import run
from tests.console.conftest import PROJECT, Console, Served, enter, watched

SLOW_MS = 10_000


@pytest.fixture
def network(console: Console) -> Iterator[CDPSession]:
    """Of this page alone."""
    session = console.page.context.new_cdp_session(console.page)
    session.send("Network.enable")
    yield session
    session.detach()


def slow_down(network: CDPSession, latency_ms: int) -> None:
    network.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": latency_ms, "downloadThroughput": -1, "uploadThroughput": -1},
    )


def answer_with(status: int, code: str, message: str, **headers: str) -> Callable[[Route], None]:
    """What the gateway sends then."""

    def answer(route: Route) -> None:
        body = json.dumps({"code": code, "message": message, "details": []})
        route.fulfill(status=status, body=body, headers={"content-type": "application/json", **headers})

    return answer


def test_while_the_network_is_slow_the_page_keeps_its_shape_and_its_ways(console: Console, network: CDPSession) -> None:
    page = console.page
    console.open("users")
    expect(page.locator(".rows-row").first).to_be_visible()
    console.open("dashboard")
    page.wait_for_load_state("networkidle")
    slow_down(network, SLOW_MS)
    page.get_by_role("link", name="Conversations", exact=True).click()
    expect(page.get_by_role("status", name="Loading").first).to_be_visible()
    console.check_with_axe()
    page.get_by_role("link", name="Dashboard", exact=True).click()  # it need not be waited for
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
    page.get_by_role("link", name="Conversations", exact=True).click()
    expect(page.locator("button.link").first).to_be_visible(timeout=4 * SLOW_MS)


def test_a_search_without_network_is_kept_and_tried_again(console: Console) -> None:
    page = console.page
    console.open("users")
    expect(page.locator(".rows-row").first).to_be_visible()
    page.context.set_offline(True)
    page.get_by_label("Search users").fill("demo-12@")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Ask0 cannot be reached", timeout=20_000)
    expect(page.get_by_label("Search users")).to_have_value("demo-12@")
    console.check_with_axe()
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".rows-row")).to_have_count(1)
    console.expected = ("ERR_INTERNET_DISCONNECTED",)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            answer_with(429, "too_many_requests", "too many calls: wait 7 seconds", **{"retry-after": "7"}),
            "wait 7 seconds",
        ),
        (answer_with(500, "internal", "internal error", **{"x-request-id": "req_77"}), "fault of Ask0’s.*req_77"),
        (answer_with(503, "unavailable", "the tables cannot be reached"), "cannot answer this now"),
    ],
)
def test_a_list_that_is_refused_says_why_and_is_asked_for_again(
    console: Console, answer: Callable[[Route], None], said: str
) -> None:
    page = console.page
    page.route(re.compile("/users\\?"), answer)
    console.open("users")
    expect(page.get_by_role("alert")).to_contain_text(re.compile(said), timeout=20_000)
    console.check_with_axe()
    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".rows-row").first).to_be_visible()
    console.expected = ("429", "500", "503")


def test_a_form_that_cannot_be_sent_keeps_what_was_typed(served: Served, console: Console) -> None:
    page = console.page
    console.open("users")
    page.get_by_role("button", name="New user").click()
    form = page.get_by_role("dialog", name="New user")
    form.get_by_label("Id", exact=True).fill("sent-in-the-end")
    form.get_by_label("Email").fill("sent@example.com")
    make = form.get_by_role("button", name="Make user")
    for status, code, said in (
        (429, "too_many_requests", "Wait 7 seconds"),
        (500, "internal", "fault of Ask0’s"),
        (503, "unavailable", "cannot answer this now"),
    ):
        page.route(re.compile("/users$"), answer_with(status, code, "wait 7 seconds"))
        make.click()
        expect(form.get_by_role("alert")).to_contain_text(said)
        page.unroute_all()
    served.call("PUT", "/users/sent-in-the-end", {"email": "other@example.com"})
    make.click()
    expect(form.get_by_role("alert")).to_contain_text("exists")
    form.get_by_label("Id", exact=True).fill("sent-in-the-very-end")
    expect(form.get_by_label("Email")).to_have_value("sent@example.com")
    make.click()
    expect(page.get_by_role("dialog", name="sent@example.com")).to_be_visible()
    console.expected = ("409", "429", "500", "503")


def test_what_a_property_asks_for_is_said_at_its_field(served: Served, console: Console) -> None:
    page = console.page
    served.define("nick", type="text", maxLength=20)
    try:
        console.open("users")
        page.get_by_role("button", name="New user").click()
        form = page.get_by_role("dialog", name="New user")
        form.get_by_label("Id", exact=True).fill("with-a-nick")
        nick = form.get_by_label("nick")
        nick.fill("far too long")
        served.define("nick", type="text", maxLength=5)  # by somebody else meanwhile
        form.get_by_role("button", name="Make user").click()
        expect(nick).to_have_attribute("aria-invalid", "true")
        expect(nick).to_have_accessible_description(re.compile("at most 5"))
        console.check_with_axe()
        nick.fill("Ann")
        form.get_by_role("button", name="Make user").click()
        expect(page.get_by_role("dialog", name="with-a-nick")).to_be_visible()
    finally:
        served.define()
    console.expected = ("422",)


@pytest.mark.parametrize(
    "path",
    [
        "/console//evil.example/",
        "/console/%2F%2Fevil.example/",
        "/console/p//evil.example",
        "/console/?to=https://evil.example/",
        "/console/p/proj_other/users?next=//evil.example/",
        "/console/\\evil.example",
    ],
)
def test_no_address_of_it_leads_out_of_it(console: Console, path: str) -> None:
    console.page.goto(console.url + path)
    console.page.wait_for_selector("main h1")
    assert console.page.url.startswith(f"{console.url}/console/p/{PROJECT}/")


def test_who_loses_a_scope_while_a_page_is_open_is_told_and_loses_nothing(served: Served, browser: Browser) -> None:
    context = browser.new_context()
    console = watched(context.new_page(), served)
    page = console.page
    enter(page, served.link("less@example.com", "editor"))
    page.get_by_role("link", name="Users", exact=True).click()
    page.get_by_role("button", name="New user").click()
    form = page.get_by_role("dialog", name="New user")
    form.get_by_label("Id", exact=True).fill("by-who-may-not")
    changed = run("member", "role", "less@example.com", "viewer", settings=served.stack.environ)
    assert changed.code == 0, changed.err
    make = form.get_by_role("button", name="Make user")
    make.click()
    expect(form.get_by_role("alert")).to_have_text(
        "Your role here does not include “users:write”. An owner or admin can change that."
    )
    expect(form.get_by_label("Id", exact=True)).to_have_value("by-who-may-not")
    page.reload()
    expect(page.locator(".rows-row").first).to_be_visible()
    expect(page.get_by_role("button", name="New user")).to_be_hidden()
    console.expected = ("403",)
    console.check()
    context.close()


def test_what_could_not_be_asked_again_stays_and_is_said_to_be_old(served: Served, console: Console) -> None:
    served.call("PUT", "/users/pinned", {"email": "pinned@example.com"})
    page = console.page
    page.goto(f"{console.url}/console/p/{PROJECT}/users/pinned")
    page.get_by_role("button", name="Pin: Email").click()
    expect(page.get_by_role("heading", name="Pinned", exact=True)).to_be_visible()
    page.get_by_role("tab", name="Configs").click()
    expect(page.get_by_text("They were served no config.")).to_be_visible()
    page.get_by_role("tab", name="Messages").click()
    expect(page.get_by_text("They were shown no message.")).to_be_visible()
    page.route(re.compile("/users\\?"), answer_with(503, "unavailable", "the tables cannot be reached"))
    page.get_by_label("Add a tag").fill("seen")
    page.keyboard.press("Enter")
    expect(page.get_by_text("What you see may be old")).to_be_attached()
    page.keyboard.press("Escape")
    expect(page.locator(".rows-row").first).to_be_visible()
    console.check_with_axe()
    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("What you see may be old")).to_be_hidden()
    page.goto(f"{console.url}/console/p/{PROJECT}/users/pinned")
    expect(page.get_by_role("heading", name="Pinned", exact=True)).to_be_visible()
    console.expected = ("503",)
