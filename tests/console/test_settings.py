"""What a project is told: keys, settings, properties and stages, changed as one does it, and obeyed."""

import re

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from bench.stack import wait_for
from tests.console.conftest import PROJECT, Console, Served, watched


@pytest.fixture
def context(context: BrowserContext) -> BrowserContext:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    return context


def listed(console: Console, secret: str) -> int:
    headers = {"authorization": f"Bearer {secret}"}
    return httpx.get(f"{console.url}/v1/projects/-/users?limit=1", headers=headers).status_code


def form(page: Page, name: str) -> None:
    """Is there, with what stands now."""
    expect(page.get_by_role("region", name=name).get_by_role("button", name="Save")).to_be_disabled()


def test_a_key_is_made_copied_used_and_revoked(console: Console) -> None:
    page = console.page
    console.open("settings?tab=keys")
    page.get_by_role("button", name="New key").click()
    page.get_by_label("Name").fill("Backend")
    page.get_by_label("read users").check()
    console.check_with_axe()
    page.get_by_role("button", name="Make key").click()
    told = page.get_by_role("dialog", name="Secret key")
    told.get_by_role("button", name="Copy", exact=True).click()
    expect(told.get_by_role("status")).to_have_text("Copied")
    secret = page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(r"sk_\w{40}", secret)
    console.check_with_axe()
    told.get_by_role("button", name="I have copied it").click()
    row = page.get_by_role("row", name="Backend")
    expect(row).to_contain_text("read users")
    assert secret not in page.content()
    assert listed(console, secret) == 200
    page.reload()
    expect(row).to_contain_text("just now")
    assert secret not in page.content()
    row.get_by_role("button", name="Revoke").click()
    confirm = page.get_by_role("dialog", name="Revoke: Backend")
    confirm.get_by_label("Type “Backend” to go on").fill("Backend")
    confirm.get_by_role("button", name="Revoke").click()
    expect(row).to_contain_text("Revoked")
    assert listed(console, secret) == 401


def test_two_who_change_one_setting_are_shown_both(served: Served, console: Console, context: BrowserContext) -> None:
    """And what is saved can be taken back."""
    page, other = console.page, watched(context.new_page(), served)
    for window in (console, other):
        window.open("settings?tab=chat")
        form(window.page, "Who may chat")
    other.page.get_by_label("Whoever is signed in").check()
    other.page.get_by_role("region", name="Who may chat").get_by_role("button", name="Save").click()
    expect(other.page.get_by_text("Who may chat: Saved.")).to_be_visible()
    assert served.call("GET", "/access?anonymous=g-1")[1]["permission"] == "login"
    page.get_by_label("Whoever has a verified email").check()
    page.get_by_role("region", name="Who may chat").get_by_role("button", name="Save").click()
    both = page.get_by_role("alert")
    expect(both).to_contain_text(re.compile("It is now:.*signed in on your site.*You wrote:.*verified email"))
    console.check_with_axe()
    page.get_by_role("button", name="Save mine all the same").click()
    expect(both).to_be_hidden()
    assert served.call("GET", "/settings/chat")[1]["permission"] == "user"
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_label("Whoever is signed in")).to_be_checked()
    assert served.call("GET", "/settings/chat")[1]["permission"] == "login"
    served.call("PUT", "/settings/chat", {"permission": "guest"}, if_match="*")
    other.check()
    console.expected = ("412",)


def test_retention_says_what_would_go_before_it_is_saved(served: Served, console: Console) -> None:
    page = console.page
    console.open("settings?tab=retention")
    form(page, "Retention")
    page.get_by_label("Conversations").fill("1")
    page.get_by_label("Audit log and history").fill("400")
    page.get_by_role("button", name="Save").click()
    dialog = page.get_by_role("dialog", name="Retention")
    expect(dialog.get_by_role("row", name="Conversations")).to_contain_text(re.compile(r"[1-9]\d*$"))
    expect(dialog.get_by_role("row", name="Audit log")).to_contain_text(re.compile(r"0$"))
    assert served.call("GET", "/settings/retention")[1]["conversations"] is None
    console.check_with_axe()
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Applied from")).to_be_visible()
    assert served.call("GET", "/settings/retention")[1]["conversations"] == 1
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_label("Conversations")).to_have_value("")
    assert served.call("GET", "/settings/retention")[1]["conversations"] is None


def test_verification_is_required_once_a_key_can_check_it(served: Served, console: Console) -> None:
    page = console.page
    console.open("settings?tab=chat")
    required = page.get_by_label("Tokens are required")
    expect(required).to_be_disabled()
    page.get_by_role("button", name="Add a verification key").click()
    page.get_by_role("button", name="Make key").click()
    expect(page.get_by_role("dialog", name="Secret key").locator("code")).to_have_text(re.compile(r"^vs_\w{43}$"))
    page.get_by_role("button", name="I have copied it").click()
    required.check()
    page.get_by_role("region", name="Verification").get_by_role("button", name="Save").click()
    expect(page.get_by_text("Verification: Saved.")).to_be_visible()
    assert served.call("GET", "/settings/verification")[1]["required"] is True
    page.get_by_role("button", name="Undo").click()
    expect(required).not_to_be_checked()
    page.get_by_role("button", name="Remove").click()
    (key,) = served.call("GET", "/settings/verification")[1]["keys"]
    confirm = page.get_by_role("dialog", name="Remove the verification key")
    confirm.get_by_label(f"Type “{key['id']}” to go on").fill(key["id"])
    confirm.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("There is none yet.")).to_be_visible()


def test_a_property_is_defined_asked_of_new_users_changed_and_removed(served: Served, console: Console) -> None:
    page = console.page
    console.open("data?tab=properties")
    page.get_by_role("button", name="New property").click()
    page.get_by_label("Name").fill("seatsWanted")
    page.get_by_label("Type").select_option("number")
    page.get_by_label("At most").fill("50")
    page.get_by_label("Required of new users").check()
    console.check_with_axe()
    page.get_by_role("button", name="Save").click()
    row = page.get_by_role("row", name="seatsWanted")
    expect(row).to_contain_text("number, required, at most 50")
    console.open("users")
    page.get_by_role("button", name="New user").click()
    field = page.get_by_role("spinbutton", name="seatsWanted")
    expect(field).to_have_attribute("max", "50")
    console.open("data?tab=properties")
    row.get_by_role("button", name="Edit").click()
    page.get_by_label("Required of new users").uncheck()
    page.get_by_label("At most").fill("60")
    page.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("number, at most 60")
    row.get_by_role("button", name="Remove").click()
    confirm = page.get_by_role("dialog", name="Remove: seatsWanted")
    confirm.get_by_label("Type “seatsWanted” to go on").fill("seatsWanted")
    confirm.get_by_role("button", name="Remove").click()
    expect(row).to_be_hidden()
    assert served.call("GET", "/properties")[1]["properties"] == []


def test_the_rule_of_a_stage_is_changed_and_taken_back(served: Served, console: Console) -> None:
    before = served.call("GET", "/stages")[1]["stages"]
    page = console.page
    console.open("segments")
    stages = page.get_by_role("region", name="Stages")
    stages.get_by_role("button", name=f"Edit: {before[0]['name']}").click()
    page.get_by_label("Name").fill("Paying")
    page.get_by_role("button", name="Change the rule").click()
    for condition in page.get_by_role("button", name="Remove the condition").all()[1:]:
        condition.click()
    page.get_by_label("About").select_option("trait")
    page.get_by_label("Property", exact=True).fill("plan")
    page.get_by_label("Comparison").select_option("is")
    page.get_by_label("Value").fill("enterprise")
    console.check_with_axe()
    page.get_by_role("button", name="Use this rule").click()
    page.get_by_role("button", name="Save").click()
    expect(stages.get_by_role("listitem").first).to_contain_text("Paying plan is enterprise")
    now = served.call("GET", "/stages")[1]["stages"]
    assert [one["id"] for one in now] == [one["id"] for one in before]
    paying = served.call("GET", '/users?limit=1&filter={"trait":"plan","op":"is","value":"enterprise"}')[1]["users"]
    assert [one["stage"] for one in paying] == ["Paying"]
    page.get_by_role("button", name="Undo").click()
    expect(stages.get_by_role("listitem").first).to_contain_text(before[0]["name"])
    assert served.call("GET", "/stages")[1]["stages"] == before


def test_the_list_is_exported_as_csv_also_by_who_comes_back(served: Served, console: Console) -> None:
    page = console.page
    console.open("users?search=demo-7%40")
    expect(page.locator(".rows-row")).to_have_count(1)
    page.get_by_role("button", name="Export").click()
    dialog = page.get_by_role("dialog", name="Export as CSV")
    expect(dialog.get_by_text("Everybody in the list (1)")).to_be_visible()
    dialog.get_by_role("button", name="Make the export").click()
    expect(dialog.get_by_role("listitem")).to_contain_text("1 user just now · Ready")
    console.check_with_axe()
    console.open("dashboard")
    page.go_back()
    with page.expect_download() as download:
        dialog.get_by_role("link", name="Download").click()
    lines = download.value.path().read_text().splitlines()
    assert download.value.suggested_filename.endswith(".csv")
    assert len(lines) == 2
    assert "demo-7@" in lines[1]
    expect(dialog.get_by_role("listitem").first).to_contain_text("Downloaded")
    console.open("users?sort=email")
    for place in (0, 1):
        page.locator(".rows-row input[type=checkbox]").nth(place).check()
    page.get_by_role("button", name="Export").click()
    expect(dialog.get_by_label("Those chosen (2)")).to_be_checked()
    dialog.get_by_role("button", name="Make the export").click()
    expect(dialog.get_by_role("listitem").first).to_contain_text("2 users")
    wait_for(lambda: len(served.call("GET", "/jobs")[1]["jobs"]) >= 2, "the jobs")


def test_the_install_check_says_when_events_came(console: Console) -> None:
    console.open("settings?tab=install")
    expect(console.page.get_by_text("Events come in.")).to_be_visible()
    expect(console.page.locator(".snippet code")).to_contain_text(f"{console.url}/ask0.js#wk_")
    assert PROJECT in console.page.url
