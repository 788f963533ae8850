"""Graphs say in their tables what the API answers, and lead on to what is behind them."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from playwright.sync_api import expect

from tests.console.conftest import Console


def answered(console: Console, what: str, do: Callable[[], object]) -> Any:
    """What the API answers of an insight when that is done."""
    with console.page.expect_response(re.compile(rf"/insights/{what}\?")) as answer:
        do()
    return answer.value.json()


def rows_of(console: Console, caption: str) -> list[list[str]]:
    """What is written in a table, without its head."""
    rows = console.page.locator("table", has=console.page.locator(f"caption:text-is('{caption}')")).locator("tbody tr")
    cells: list[list[str]] = rows.evaluate_all("rows => rows.map(row => [...row.cells].map(cell => cell.innerText))")
    return cells


def check_journeys(console: Console, answer: Any) -> None:
    """The tables and the graph."""
    console.page.locator("summary").click()
    nodes = [[one["step"], one["event"] or "all others", one["users"], one["ended"]] for one in answer["nodes"]]
    links = [[one[name] or "all others" for name in ("step", "from", "to", "users")] for one in answer["links"]]
    assert nodes
    assert links
    assert rows_of(console, "Steps") == [list(map(str, row)) for row in nodes]
    assert rows_of(console, "Journeys") == [list(map(str, row)) for row in links]
    drawn = console.page.locator(".sankey .node title").all_text_contents()
    assert drawn == [f"{name}: {users}" for _, name, users, _ in nodes]
    expect(console.page.locator(".ribbon")).to_have_count(len(links))


def test_the_graph_of_journeys_says_what_the_api_does(console: Console) -> None:
    page = console.page
    first = page.get_by_label("First event")
    whole = answered(console, "journeys", lambda: console.open("insights?tab=journeys&days=90&depth=6"))
    page.wait_for_selector(".sankey")
    check_journeys(console, whole)
    after = page.locator(".sankey .node", has_text="Answer Given").first
    begun = answered(console, "journeys", lambda: after.click())
    expect(first).to_have_value("Answer Given")
    assert "start=Answer+Given" in page.url
    assert begun["start"] == "Answer Given"
    expect(page.locator(".sankey .node").first).to_contain_text(f"Answer Given {begun['users']}")
    check_journeys(console, begun)
    console.check_with_axe()
    page.get_by_role("button", name="Question Asked").first.click()  # of the table, for who has no mouse
    expect(first).to_have_value("Question Asked")
    page.go_back()
    page.go_back()
    expect(first).to_have_value("")


def test_an_event_that_nobody_did_begins_no_journey(console: Console) -> None:
    console.open("insights?tab=journeys")
    console.page.get_by_label("First event").fill("Nobody Does This")
    console.page.get_by_role("button", name="Begin").click()
    expect(console.page.get_by_text("Nobody did “Nobody Does This” in these days.")).to_be_visible()


def test_the_table_of_cohorts_says_what_the_api_does(console: Console) -> None:
    cohorts = answered(console, "cohorts", lambda: console.open("insights?tab=cohorts"))["cohorts"]
    console.page.wait_for_selector(".heat")
    rows = rows_of(console, "Cohorts")
    assert [(row[0], row[1]) for row in rows] == [(one["month"], str(one["users"])) for one in cohorts]
    for row, cohort in zip(rows, cohorts, strict=True):
        told = [cell.split() for cell in row[4:] if cell]
        assert [int(active) for _, active in told] == (cohort["active"] if cohort["users"] else [])
        for (share, _), wanted in zip(told, cohort["shares"], strict=True):
            assert abs(int(share.removesuffix("%")) - 100 * wanted) <= 0.5


def test_a_tile_of_a_status_leads_to_who_has_it(console: Console) -> None:
    statuses = answered(console, "overview", lambda: console.open("dashboard"))["statuses"]
    standing = console.page.get_by_role("region", name="Users now")
    for status, users in statuses.items():
        expect(standing.get_by_role("link", name=re.compile(rf"^{status}\s*{users:,}$", re.I))).to_be_visible()
    expect(standing.get_by_role("link", name=re.compile("^NPS"))).to_be_visible()
    standing.get_by_role("link", name=re.compile(r"^Active\s*\d")).click()
    expect(console.page.locator(".rows-row").first).to_contain_text("Active")
    assert unquote(console.page.url).endswith('users?filter={"all":[{"status":"Active"}]}')
