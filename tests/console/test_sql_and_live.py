"""SQL of the project's own rows, and events as they come in, as one looks at them."""

import csv
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import BrowserContext, expect

from bench.stack import WRITE_KEY, wait_for
from tests.console.conftest import Console, Served

BY_PLAN = "SELECT plan, count() AS people FROM users WHERE plan != '' GROUP BY plan ORDER BY"


def send(served: Served, *events: dict[str, Any]) -> None:
    headers = {"x-write-key": WRITE_KEY}
    httpx.post(f"{served.stack.url}/v1/batch", json={"batch": list(events)}, headers=headers, timeout=30)


def test_a_statement_is_written_run_drawn_and_taken_out(console: Console, tmp_path: Path) -> None:
    page = console.page
    console.open("data?tab=sql")
    editor = page.get_by_label("Statement")
    tables = page.get_by_role("region", name="Tables")
    tables.get_by_text("users", exact=True).click()
    expect(tables.get_by_role("button", name="email", exact=True)).to_be_visible()
    editor.fill(f"{BY_PLAN} ")
    tables.get_by_role("button", name="plan", exact=True).click()
    expect(editor).to_have_value(
        "SELECT plan, count() AS people FROM users WHERE plan != '' GROUP BY plan ORDER BY plan"
    )
    editor.press("Control+Enter")
    answer = page.get_by_role("region", name="Answer")
    expect(answer.get_by_role("columnheader", name="people")).to_be_visible()
    expect(answer.get_by_role("cell", name="pro", exact=True)).to_be_visible()
    console.check_with_axe()
    page.get_by_role("button", name="Chart").click()
    expect(page.get_by_role("img", name="people")).to_be_visible()
    console.check_with_axe()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    download.value.save_as(tmp_path / "answer.csv")
    assert next(csv.reader((tmp_path / "answer.csv").read_text().splitlines())) == ["plan", "people"]
    page.reload()
    expect(editor).to_have_value(
        "SELECT plan, count() AS people FROM users WHERE plan != '' GROUP BY plan ORDER BY plan"
    )
    editor.press("Tab")
    expect(editor).not_to_be_focused()


def test_a_mistake_is_told_where_it_is_and_nothing_typed_is_lost(console: Console) -> None:
    page = console.page
    console.open("data?tab=sql")
    editor = page.get_by_label("Statement")
    editor.fill("SELECT id\nFROM users WHERE = 1")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("alert")).to_contain_text("Line 2:")
    expect(editor).to_have_value("SELECT id\nFROM users WHERE = 1")
    expect(editor).to_have_attribute("aria-invalid", "true")
    console.check_with_axe()
    editor.fill("SELECT number, toString(number) AS text FROM numbers(10000)")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("status").filter(has_text="10,000 rows")).to_be_visible()
    assert page.locator(".sql-row").count() < 60
    console.expected = ("422",)


@pytest.mark.parametrize("context", ["light", "dark"], indirect=True)
@pytest.mark.parametrize("path", ["live"])
def test_its_pages_are_for_everybody(context: BrowserContext, console: Console, path: str) -> None:
    console.open(path)
    expect(console.page.locator(".skeleton")).to_have_count(0)
    console.check_with_axe()
    console.page.set_viewport_size({"width": 320, "height": 700})
    assert console.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_events_are_seen_as_they_come_in_paused_and_filtered(served: Served, console: Console) -> None:
    page = console.page
    console.open("live")
    expect(page.get_by_text("Listening")).to_be_visible()
    rows = page.get_by_role("list", name="Events, the newest first").get_by_role("listitem")
    event = {"type": "track", "userId": "live-one", "properties": {"html": "<img src=x onerror=alert(1)>"}}
    send(served, {**event, "event": "Came First"}, {**event, "event": "Came Second"})
    expect(rows.first).to_contain_text("Came Second")
    rows.first.locator("summary").click()
    expect(rows.first.locator("pre")).to_contain_text('"html": "<img src=x onerror=alert(1)>"')
    console.check_with_axe()
    page.get_by_role("button", name="Pause").click()
    send(served, {**event, "event": "Came Third"})
    page.get_by_role("button", name="Go on, 1 new").click()
    expect(rows.first).to_contain_text("Came Third")
    page.get_by_label("User").fill("live-two")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_text("Listening")).to_be_visible()
    send(served, {**event, "event": "Not This"}, {**event, "event": "This", "userId": "live-two"})
    expect(rows).to_have_count(1)
    assert "user=live-two" in page.url


def test_what_was_refused_is_seen_mended_and_sent_again(served: Served, console: Console) -> None:
    page = console.page
    console.open("live")
    expect(page.get_by_text("Listening")).to_be_visible()
    send(served, {"type": "track", "userId": "live-mended"})
    expect(page.locator(".live .rejected")).to_contain_text("Refused")
    sql = "SELECT count() FROM ask0.quarantine WHERE raw LIKE '%live-mended%'"
    wait_for(lambda: served.stack.query(sql) == "1", "the quarantine to have it")
    page.get_by_role("tab", name="Quarantine").click()
    row = page.get_by_role("listitem").filter(has_text="missing_event")
    expect(row).to_be_visible(timeout=30_000)
    row.locator("summary").click()
    row.get_by_role("button", name="Mend and send again").click()
    dialog = page.get_by_role("dialog")
    console.check_with_axe()
    dialog.get_by_role("button", name="Send again").click()
    expect(dialog.get_by_role("alert")).to_contain_text("It was refused again")
    dialog.get_by_label("The event").fill('{"type": "track", "event": "Mended", "userId": "live-mended"}')
    dialog.get_by_role("button", name="Send again").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(row).to_contain_text("sent again")
    console.expected = ("422",)
