"""Getting into the console, and out of it: as people do it."""

import pyotp
from playwright.sync_api import Browser, expect

from tests.console.conftest import PROJECT, Console, Served, enter, watched
from tests.gateway.sessions.people import PASSWORD


def test_somebody_who_was_invited_chooses_a_password_and_comes_again(served: Served, browser: Browser) -> None:
    context = browser.new_context()
    console = watched(context.new_page(), served)
    page = console.page
    enter(page, served.link("new@example.com", "support"))
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
    expect(page.get_by_role("link", name="Settings")).to_be_visible()
    page.get_by_role("button", name="new@example.com").click()
    page.get_by_role("button", name="Sign out").last.click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    console.check_with_axe()
    page.goto(f"{served.stack.url}/console/p/{PROJECT}/users?search=ada")
    page.get_by_label("Email").fill("new@example.com")
    page.get_by_label("Password").fill("wrong password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("The email or the password is wrong")
    console.check_with_axe()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{served.stack.url}/console/p/{PROJECT}/users?search=ada")  # where they wanted to go
    expect(page.get_by_label("Search users")).to_have_value("ada")
    console.expected = ("401",)
    console.check()
    context.close()


def test_a_link_works_once(served: Served, browser: Browser) -> None:
    context = browser.new_context()
    console = watched(context.new_page(), served)
    link = served.link("once@example.com", "viewer")
    enter(console.page, link)
    expect(console.page.get_by_role("heading", name="Dashboard")).to_be_visible()
    other = browser.new_context()
    again = watched(other.new_page(), served)
    again.page.goto(link)
    expect(again.page.get_by_role("heading", name="This link does not work any more")).to_be_visible()
    again.check_with_axe()
    again.expected = ("410",)
    again.check()
    console.check()
    context.close()
    other.close()


def test_codes_are_turned_on_and_asked_for(served: Served, browser: Browser) -> None:
    context = browser.new_context()
    console = watched(context.new_page(), served)
    page = console.page
    enter(page, served.link("codes@example.com", "viewer"))
    page.get_by_role("button", name="codes@example.com").click()
    page.get_by_role("button", name="Turn on").click()
    secret = (page.locator("code.secret").text_content() or "").replace(" ", "")
    page.get_by_label("One-time code").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_text("On: you are asked for a code when you sign in.")).to_be_visible()
    console.check_with_axe()
    page.get_by_role("button", name="Sign out").last.click()
    page.get_by_label("Email").fill("codes@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("One-time code").fill("000000")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("code is wrong")
    console.expected = ("401",)
    console.check()
    context.close()


def test_a_session_that_ends_in_the_middle_of_a_form_loses_nothing_of_it(served: Served, browser: Browser) -> None:
    context = browser.new_context()
    console = watched(context.new_page(), served)
    page = console.page
    enter(page, served.link("middle@example.com", "editor"))
    page.get_by_role("link", name="Users", exact=True).click()
    page.get_by_role("button", name="New user").click()
    page.get_by_label("Id", exact=True).fill("made-in-the-middle")
    page.get_by_label("Email").fill("middle-made@example.com")
    context.clear_cookies()
    page.get_by_role("button", name="Make user").click()
    again = page.get_by_role("dialog", name="Sign in again")
    expect(again).to_be_visible()
    again.get_by_label("Password").fill(PASSWORD)
    again.get_by_role("button", name="Sign in").click()
    expect(again).to_be_hidden()
    expect(page.get_by_label("Email")).to_have_value("middle-made@example.com")
    page.get_by_role("button", name="Make user").click()
    expect(page.get_by_role("dialog", name="middle-made@example.com")).to_be_visible()
    console.expected = ("401",)
    console.check()
    context.close()


def test_somebody_who_is_removed_is_out(served: Served, browser: Browser, console: Console) -> None:
    context = browser.new_context()
    leaving = watched(context.new_page(), served)
    enter(leaving.page, served.link("leaving@example.com", "viewer"))
    expect(leaving.page.get_by_role("heading", name="Dashboard")).to_be_visible()
    console.open("settings?tab=members")
    row = console.page.get_by_role("row", name="leaving@example.com")
    row.get_by_role("button", name="Remove").click()
    console.page.get_by_label("Type “leaving@example.com” to go on").fill("leaving@example.com")
    console.page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(row).to_be_hidden()
    leaving.page.get_by_role("link", name="Users", exact=True).click()
    expect(leaving.page.get_by_role("dialog", name="Sign in again")).to_be_visible()
    leaving.expected = ("401",)
    leaving.check()
    context.close()


def test_a_role_sees_what_it_may(served: Served, browser: Browser) -> None:
    context = browser.new_context()
    console = watched(context.new_page(), served)
    enter(console.page, served.link("looks@example.com", "viewer"))
    console.page.get_by_role("link", name="Users", exact=True).click()
    expect(console.page.locator(".rows-row").first).to_be_visible()
    expect(console.page.get_by_role("button", name="New user")).to_be_hidden()
    console.page.locator(".row-link").first.click()
    expect(console.page.get_by_role("tab", name="Conversations")).to_be_visible()
    expect(console.page.get_by_role("tab", name="Audit")).to_be_hidden()
    expect(console.page.get_by_role("button", name="Deactivate")).to_be_hidden()
    console.check()
    context.close()
