"""Every page: for who hears it, reads it in the dark or on a small screen; and what each is for."""

import re

import httpx
import pytest
from playwright.sync_api import expect

from tests.cli.processes import run
from tests.console.conftest import PROJECT, Console, Served

PAGES = [
    "dashboard",
    "users",
    "users/demo-9",
    "users?exports=open",
    "segments",
    "segments?segment=seg_active",
    "conversations",
    "insights",
    "insights?tab=topics",
    "insights?tab=unanswered",
    "insights?tab=hours",
    "insights?tab=retention",
    "insights?tab=cohorts",
    "insights?tab=journeys&days=90",
    "insights?tab=funnel",
    "data",
    "data?tab=properties",
    "settings?tab=install",
    "settings?tab=keys",
    "settings?tab=chat",
    "settings?tab=privacy",
    "settings?tab=retention",
    "data?tab=sql",
    "live?tab=quarantine",
    "settings?tab=members",
    "settings?tab=roles",
    "settings?tab=jobs",
    "settings?tab=audit",
]


@pytest.mark.parametrize("path", PAGES)
def test_it_is_for_everybody(console: Console, path: str) -> None:
    """Also who needs the dark, the system's few colours, nothing that moves, large text, or has a small screen."""
    console.open(path)
    page = console.page
    page.wait_for_load_state("networkidle")
    console.check_with_axe()
    page.emulate_media(color_scheme="dark")
    console.check_with_axe()
    page.emulate_media(color_scheme="light", forced_colors="active", reduced_motion="reduce")
    console.check_with_axe()
    assert page.evaluate("document.getAnimations().length") == 0
    page.emulate_media(forced_colors="none", reduced_motion="no-preference")
    assert console.fits()
    console.enlarge_text()
    assert console.fits()
    console.enlarge_text(1)
    page.set_viewport_size({"width": 320, "height": 700})
    assert console.fits()


def test_a_new_project_says_what_to_paste_and_celebrates_its_first_event(served: Served, console: Console) -> None:
    made = run("project", "create", "Fresh", "--json", settings=served.stack.environ).json
    console.page.goto(f"{console.url}/console/p/{made['id']}/dashboard")
    console.page.get_by_role("heading", name="Nothing has happened here yet").wait_for()
    expect(console.page.locator(".snippet code")).to_contain_text(f"{served.stack.url}/ask0.js#{made['writeKey']}")
    console.check_with_axe()
    console.picture("first-run")
    event = {"type": "track", "event": "Began", "userId": "first-of-all"}
    sent = httpx.post(f"{console.url}/v1/track", json=event, headers={"x-write-key": made["writeKey"]})
    assert sent.status_code == 200
    expect(console.page.get_by_role("heading", name="The first event is here")).to_be_visible()
    console.picture("first-event")
    console.page.get_by_role("link", name="Look who it is").click()
    expect(console.page.locator(".row-link")).to_have_text("first-of-all")


def test_a_new_project_is_filled_with_demo_data_by_one_press(served: Served, console: Console) -> None:
    made = run("project", "create", "Filled", "--json", settings=served.stack.environ).json
    page = console.page
    page.goto(f"{console.url}/console/p/{made['id']}/dashboard")
    page.get_by_role("button", name="Fill it with demo data").click()
    expect(page.get_by_role("heading", name="The first event is here")).to_be_visible(timeout=30_000)
    page.get_by_role("link", name="Look who it is").click()
    expect(page.locator(".rows-row").first).to_be_visible()
    status, answer = served.call("POST", "/demo-data")  # to where there are people already
    assert (status, answer["code"]) == (409, "not_empty")


def test_a_tile_leads_to_who_is_behind_it(console: Console) -> None:
    console.open("dashboard")
    console.page.get_by_role("link", name=re.compile("^Active users")).click()
    expect(console.page.get_by_role("button", name="Active", exact=True)).to_have_attribute("aria-pressed", "true")
    console.page.go_back()
    expect(console.page.get_by_role("heading", name="Dashboard")).to_be_visible()


def test_numbers_are_those_of_the_tables(served: Served, console: Console) -> None:
    asked = f"SELECT count() FROM ask0.events WHERE project_id = '{PROJECT}' AND event = 'Question Asked'"
    questions = int(served.stack.query(asked))
    of_days = int(served.stack.query(f"{asked} AND toDate(occurred_at, 'UTC') > today() - 30"))
    console.open("data")
    row = console.page.get_by_role("row").filter(has_text="Question Asked")
    expect(row).to_contain_text(f"{questions:,}")
    row.get_by_text("Question Asked").click()
    expect(row.get_by_text("conversationId")).to_be_visible()
    console.open("insights?metric=questions&days=30")
    expect(console.page.locator(".tile-value")).to_have_text(f"{of_days:,}")


def test_a_segment_says_who_is_in_it_and_goes_by_its_name(served: Served, console: Console) -> None:
    served.call(
        "POST", "/segments", {"name": "Short-lived", "filter": {"all": [{"trait": "plan", "op": "is", "value": "pro"}]}}
    )
    page = console.page
    console.open("segments")
    row = page.get_by_role("row", name="Short-lived")
    expect(row).to_contain_text("plan is pro")
    expect(row).to_contain_text(re.compile(r"[1-9]\d*$"))
    page.get_by_role("button", name="Short-lived").click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_label("Type “Short-lived” to go on").fill("Short-lived")
    page.get_by_role("dialog", name="Delete: Short-lived").get_by_role("button", name="Delete").click()
    expect(row).to_be_hidden()


def test_a_funnel_is_asked_for_by_name(console: Console) -> None:
    console.open("insights?tab=funnel&days=90")
    expect(console.page.locator(".funnel li")).to_have_count(4)
    console.page.get_by_label("Steps").fill("Question Asked, Nobody Does This")
    console.page.get_by_role("button", name="Search").click()
    expect(console.page.locator(".funnel li")).to_have_count(2)
    expect(console.page.locator(".funnel li").last).to_contain_text("0 users")
    console.page.get_by_label("Steps").fill("Only one")
    console.page.get_by_role("button", name="Search").click()
    expect(console.page.get_by_role("alert")).to_contain_text("a funnel has 2 to 10 steps")
    console.expected = ("400",)


def test_a_conversation_is_found_by_what_it_was_about(console: Console) -> None:
    console.open("conversations?unanswered=true")
    console.page.locator("button.link").first.click()
    expect(console.page.get_by_role("dialog").get_by_text("Unanswered").first).to_be_visible()
    console.page.keyboard.press("Escape")
    expect(console.page.get_by_role("dialog")).to_have_count(0)
    assert "unanswered=true" in console.page.url
