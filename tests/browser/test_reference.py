"""/docs in a browser: it looks as it should under its own policy, and opens what is clicked."""

from playwright.sync_api import Page, expect

from bench.stack import Stack


def test_a_call_is_opened_and_leads_to_its_schema(stack: Stack, page: Page) -> None:
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.goto(f"{stack.url}/docs")
    call = page.locator("#getUsersById")
    call.locator("summary").click()
    expect(call.get_by_text("Percent-encoded, whatever is in it")).to_be_visible()
    call.get_by_role("link", name="Profile").first.click()
    expect(page).to_have_url(f"{stack.url}/docs#schema-Profile")
    assert page.evaluate("getComputedStyle(document.querySelector('table')).borderCollapse") == "collapse"
    assert page.evaluate("self.violations ?? []") == []
    assert [text for text in heard if "favicon" not in text] == []
