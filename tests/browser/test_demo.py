"""The demo page: what a person does there is on the page, and in ClickHouse, as rows."""

import re

import httpx
from playwright.sync_api import Locator, Page, expect

from bench.stack import SECRET_KEY, Stack, wait_for

DONE = (
    "Help",
    "Conversation Started",
    "Question Asked",
    "Answer Given",
    "Feedback Given",
    "identify",
    "Conversation Closed",
)


def event_row(page: Page, name: str) -> Locator:
    return page.locator("#events tbody tr").filter(has=page.locator(".name", has_text=re.compile(f"^{name}$")))


def test_a_conversation_shows_as_rows(stack: Stack, page: Page) -> None:
    page.goto(f"{stack.url}/demo")
    page.get_by_role("button", name="How do I verify a webhook?").click()
    page.get_by_role("button", name="Helpful", exact=True).click()
    page.get_by_role("button", name="Jane Doe").click()
    page.get_by_role("button", name="Close conversation").click()

    for name in DONE:
        expect(event_row(page, name).locator(".after")).to_have_text(re.compile(r"^\d+ ms$"), timeout=30_000)
    expect(page.get_by_role("status")).to_contain_text("in ClickHouse after")
    expect(page.locator("#user")).to_contain_text("jane@acme.example")
    expect(page.locator("#conversations")).to_contain_text("resolved")
    expect(page.locator("#identities")).to_contain_text("user_jane")

    wait_for(
        lambda: stack.query("SELECT count() FROM ask0.events WHERE user_id = 'user_jane'") == str(len(DONE)),
        "the guest's events to be Jane's",
    )
    assert stack.query(
        "SELECT user_id, title, status, questions, answers, answered, satisfaction FROM ask0.conversations"
        " WHERE user_id = 'user_jane'"
    ) == "\t".join(("user_jane", "How do I verify a webhook?", "resolved", "1", "1", "1", "1"))
    assert (
        stack.query(
            "SELECT q.text FROM ask0.events AS a JOIN ask0.events AS q ON a.in_reply_to = q.message_id"
            " WHERE a.user_id = 'user_jane'"
        )
        == "How do I verify a webhook?"
    )
    assert stack.query("SELECT plan, company, traits.teamSize FROM ask0.users WHERE id = 'user_jane'") == (
        "pro\tAcme Corp\t10-50"
    )


def test_an_unknown_question_is_not_answered(stack: Stack, page: Page) -> None:
    page.goto(f"{stack.url}/demo")
    page.get_by_label("Your question").fill("Can you sing?")
    page.keyboard.press("Enter")
    expect(event_row(page, "Answer Given")).to_contain_text('"answered":false', timeout=30_000)


def test_a_deactivated_user_is_refused_until_let_in_again(stack: Stack, page: Page) -> None:
    """As somebody does it with curl, while the page is open."""
    page.goto(f"{stack.url}/demo")
    page.get_by_role("button", name="Omar Haddad").click()
    page.get_by_role("button", name="How do I verify a webhook?").click()
    expect(page.get_by_role("button", name="Helpful", exact=True)).to_be_visible()
    user = f"{stack.url}/v1/projects/-/users/user_omar"
    secret = {"authorization": f"Bearer {SECRET_KEY}"}
    wait_for(lambda: httpx.get(user, headers=secret).status_code == 200, "Omar to be known")
    assert httpx.post(f"{user}/deactivate", json={"reason": "spam"}, headers=secret).json()["status"] == "Deactivated"
    page.get_by_role("button", name="How do I verify a webhook?").click()
    expect(page.get_by_text("Your account is deactivated")).to_be_visible()
    assert httpx.post(f"{user}/reactivate", headers=secret).json()["status"] == "Active"
    page.get_by_role("button", name="How do I verify a webhook?").click()
    expect(page.get_by_role("button", name="Helpful", exact=True)).to_have_count(2)


def test_logging_in_as_the_same_person_again_sends_nothing(stack: Stack, page: Page) -> None:
    page.goto(f"{stack.url}/demo")
    page.get_by_role("button", name="Mei Tanaka").click()
    page.reload()
    page.get_by_role("button", name="Mei Tanaka").click()
    page.get_by_role("button", name="View pricing").click()
    expect(event_row(page, "Viewed Pricing")).to_be_visible(timeout=30_000)
    assert stack.query("SELECT count() FROM ask0.events WHERE sent_user_id = 'user_mei' AND type = 'identify'") == "1"


def test_who_logs_out_is_a_new_guest(stack: Stack, page: Page) -> None:
    page.goto(f"{stack.url}/demo")
    page.get_by_role("button", name="Omar Haddad").click()
    expect(event_row(page, "identify")).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("button", name="Send three at once").click()
    expect(page.locator("#account")).to_have_text("Guest")
    expect(event_row(page, "Article Read")).to_be_visible(timeout=30_000)
    expect(event_row(page, "identify")).to_have_count(0)
    assert stack.query(
        "SELECT event, user_id = 'user_omar', startsWith(user_id, 'g-') FROM ask0.events"
        " WHERE event IN ('Page Viewed', 'Article Read', 'Button Clicked') ORDER BY message_id"
    ).splitlines() == ["Page Viewed\t0\t1", "Article Read\t0\t1", "Button Clicked\t0\t1"]


def test_the_page_breaks_no_rule_of_its_security_policy(stack: Stack, page: Page) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(f"{stack.url}/demo")
    page.get_by_role("button", name="What are the API rate limits?").click()
    expect(event_row(page, "Answer Given")).to_be_visible(timeout=30_000)
    assert page.evaluate("self.violations") is None
    assert errors == []
    page.evaluate("document.body.setAttribute('style', 'color: red')")  # so that the silence means something
    assert page.evaluate("self.violations") == ["style-src-attr"]


def test_the_page_fits_a_narrow_screen(stack: Stack, page: Page) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(f"{stack.url}/demo")
    page.get_by_role("button", name="Can I change my plan?").click()
    expect(event_row(page, "Answer Given")).to_be_visible(timeout=30_000)
    expect(page.locator("#conversations tbody tr")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") == 320
