"""How the list of users is looked at: columns and their widths, and views that are kept of it."""

import re

from playwright.sync_api import Page, expect

from tests.console.conftest import Console


def width_of(page: Page, header: str) -> float:
    box = page.get_by_role("columnheader", name=header).bounding_box()
    assert box
    return box["width"]


def test_columns_are_chosen_put_in_order_and_made_wide(console: Console) -> None:
    page = console.page
    console.open("users")
    page.get_by_role("button", name="Columns").click()
    dialog = page.get_by_role("dialog", name="Columns")
    dialog.get_by_label("Add a column").select_option("plan")
    dialog.get_by_role("button", name="Leave out Customer ID").click()
    dialog.get_by_role("button", name="Move Plan up").click()
    dialog.get_by_label("Width of Plan in px").fill("222")
    console.check_with_axe()
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("columnheader")).to_have_text(
        ["", "Email or guest", "Status", "Chats", "Created", "Plan", re.compile("^Last activity")]
    )
    assert width_of(page, "Plan") == 222
    page.reload()
    expect(page.get_by_role("columnheader", name="Plan")).to_be_visible()
    assert width_of(page, "Plan") == 222
    page.goto(page.url.partition("?")[0])  # as this browser's user left them, also without the address
    expect(page.get_by_role("columnheader", name="Plan")).to_be_visible()


def test_a_column_is_pulled_wider_by_its_edge_and_is_not_sorted_by_that(console: Console) -> None:
    page = console.page
    console.open("users?columns=email,plan:120,status&sort=email")
    box = page.get_by_role("columnheader", name="Plan").bounding_box()
    assert box
    edge, middle = box["x"] + box["width"], box["y"] + box["height"] / 2
    page.mouse.move(edge, middle)
    page.mouse.down()
    page.mouse.move(edge + 40, middle, steps=4)
    page.mouse.move(edge + 80, middle, steps=4)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"plan%3A200"))
    assert width_of(page, "Plan") == 200
    assert "sort=email" in page.url


def test_a_view_is_saved_opened_by_somebody_else_changed_and_deleted(console: Console) -> None:
    page = console.page
    filter = '{"all":[{"trait":"plan","op":"is","value":"pro"}]}'
    console.open(f"users?search=demo&filter={filter}&sort=email&columns=email,traits.a%252Cb:150,plan")
    page.get_by_role("button", name="Save view").click()
    page.get_by_label("Name").fill("Pros <i>by name</i>")
    page.get_by_role("dialog").get_by_role("button", name="Save", exact=True).click()
    chip = page.get_by_role("group", name="Saved views").get_by_role("button", name="Pros <i>by name</i>")
    expect(chip).to_have_attribute("aria-pressed", "true")
    console.picture("users-saved-view")

    console.open("users")
    chip.click()
    expect(page.get_by_label("Search users")).to_have_value("demo")
    expect(page.get_by_text("plan is pro")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Email or guest")).to_have_attribute("aria-sort", "ascending")
    expect(page.get_by_role("columnheader", name="a,b")).to_be_visible()
    assert width_of(page, "a,b") == 150

    page.get_by_role("button", name="Clear the filter").click()
    page.get_by_role("button", name="Save view").click()
    console.check_with_axe()
    page.get_by_label("Name").fill("All by name")
    page.get_by_role("button", name="Save changes").click()
    renamed = page.get_by_role("button", name="All by name")
    expect(renamed).to_have_attribute("aria-pressed", "true")
    expect(chip).to_be_hidden()
    assert "filter=" not in page.url

    page.get_by_role("button", name="Save view").click()
    page.get_by_role("button", name="Delete view").click()
    expect(renamed).to_be_hidden()
