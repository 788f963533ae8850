"""With a provider and a mail server: in by the button on the sign-in page, and who is invited has mail."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from bench.stack import Stack
from tests.browser.conftest import VIOLATIONS
from tests.console.conftest import Console, Served, enter, watched
from tests.mailbox import Mailbox, serving
from tests.oidc.provider import OpenIdProvider, open_provider

pytestmark = pytest.mark.apart  # the provider is a program of its own


@pytest.fixture(scope="module")
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    with serving() as found:
        yield found


@pytest.fixture(scope="module")
def known(
    mailbox: tuple[Mailbox, int], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Served, OpenIdProvider]]:
    """A running Ask0, and the provider of its members."""
    stack = Stack(tmp_path_factory.mktemp("provider"))
    with open_provider(stack.url) as provider:
        stack.environ |= {f"ASK0_{name.upper()}": value for name, value in provider.settings.items()}
        stack.environ |= {
            "ASK0_SMTP_URL": f"smtp://127.0.0.1:{mailbox[1]}",
            "ASK0_MAIL_FROM": "Ask0 <ask0@example.com>",
            "ASK0_PUBLIC_URL": stack.url,
        }
        with stack:
            yield Served(stack), provider


def opened(served: Served, browser: Browser) -> Console:
    context = browser.new_context()
    context.add_init_script(VIOLATIONS)
    return watched(context.new_page(), served)


def go_through(page: Page, login: str) -> None:
    page.get_by_role("link", name="Sign in with 127.0.0.1").click()
    page.get_by_label("Login").fill(login)
    page.get_by_role("button", name="Continue").click()


def test_a_member_signs_in_by_the_button_and_is_where_they_wanted_to_go(
    known: tuple[Served, OpenIdProvider], browser: Browser
) -> None:
    served, provider = known
    served.link("olga@example.com")
    provider.set({"olga": {"sub": "1", "email": "olga@example.com", "email_verified": True, "name": "Olga"}})
    console = opened(served, browser)
    page = console.page
    wanted = f"{served.stack.url}/console/p/proj_bench/settings?tab=members"
    page.goto(wanted)
    expect(page.get_by_role("link", name="Sign in with 127.0.0.1")).to_be_visible()
    console.check_with_axe()
    go_through(page, "olga")
    expect(page).to_have_url(wanted)
    expect(page.get_by_role("cell", name="Olga", exact=False).first).to_be_visible()
    console.check()
    page.context.close()


def test_somebody_whom_nobody_invited_is_told_who_can(known: tuple[Served, OpenIdProvider], browser: Browser) -> None:
    served, provider = known
    provider.set({"zed": {"sub": "2", "email": "zed@example.com", "email_verified": True}})
    console = opened(served, browser)
    page = console.page
    page.goto(f"{served.stack.url}/console/")
    go_through(page, "zed")
    expect(page.get_by_role("alert")).to_contain_text("Ask an owner or admin of your project")
    expect(page).to_have_url(f"{served.stack.url}/console/")  # which says it no more when it is loaded again
    console.check_with_axe()
    console.check()
    page.context.close()


def test_who_was_invited_has_mail_and_comes_by_the_link_or_with_their_account(
    known: tuple[Served, OpenIdProvider], mailbox: tuple[Mailbox, int], browser: Browser
) -> None:
    served, provider = known
    provider.set({"ivy": {"sub": "3", "email": "ivy@example.com", "email_verified": True}})
    console = opened(served, browser)
    page = console.page
    enter(page, served.link("inviter@example.com"))
    page.wait_for_url("**/dashboard**")
    console.open("settings?tab=members")
    page.get_by_role("button", name="Invite", exact=True).click()
    page.get_by_label("Email").fill("ivy@example.com")
    page.get_by_role("dialog").get_by_role("button", name="Invite").click()
    expect(page.get_by_text("Sent by mail to ivy@example.com.")).to_be_visible()
    console.check_with_axe()
    console.check()
    page.context.close()
    (message,) = mailbox[0].to("ivy@example.com")
    assert f"sign in with 127.0.0.1 at {served.stack.url}/console/\r\n" in message.get_content()
    link = re.search(r"http\S+#\S+", message.get_content())
    assert link
    invited = opened(served, browser)
    invited.page.goto(link[0])
    expect(invited.page.get_by_label("New password")).to_be_visible()
    go_through(invited.page, "ivy")
    expect(invited.page.get_by_role("heading", name="Dashboard")).to_be_visible()
    invited.check()
    invited.page.context.close()


def test_a_session_that_ends_goes_on_once_somebody_has_signed_in_in_another_tab(
    known: tuple[Served, OpenIdProvider], browser: Browser
) -> None:
    served, provider = known
    served.link("tabs@example.com")
    provider.set({"tabs": {"sub": "4", "email": "tabs@example.com", "email_verified": True}})
    console = opened(served, browser)
    page = console.page
    page.goto(f"{served.stack.url}/console/")
    go_through(page, "tabs")
    page.wait_for_url("**/dashboard**")
    page.context.clear_cookies()
    page.get_by_role("link", name="Users", exact=True).dispatch_event("click")  # whether the dialog is there already
    again = page.get_by_role("dialog", name="Sign in again")
    with page.context.expect_page() as tab:
        again.get_by_role("link", name="Sign in with 127.0.0.1").click()
    tab.value.get_by_label("Login").fill("tabs")
    tab.value.get_by_role("button", name="Continue").click()
    tab.value.wait_for_url("**/dashboard**")
    page.bring_to_front()
    page.evaluate("dispatchEvent(new Event('focus'))")  # which a browser without a window does not tell
    expect(again).to_be_hidden()
    console.expected = ("401",)
    console.check()
    page.context.close()
