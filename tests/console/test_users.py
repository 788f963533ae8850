"""The people of a project: found, sorted, read, taken out, given back and erased, as one does it."""

import json
import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from bench.stack import wait_for
from tests.console.conftest import PROJECT, Console, Served

HOSTILE = {
    "markup": "<img src=x onerror=\"console.error('run')\"><script>console.error('run')</script>",
    "turned": "\u202egnp.exe \u2066x",
    "long": "w" * 20_000,
    "emoji": "👩‍👩‍👧‍👦" * 50,
}


def rows(console: Console) -> list[str]:
    return console.page.locator(".row-link").all_inner_texts()


def test_every_header_sorts_and_turns_round(console: Console) -> None:
    console.open("users")
    for name, sort in (
        ("Email or guest", "email"),
        ("Customer ID", "customerId"),
        ("Status", "status"),
        ("Chats", "conversations"),
        ("Created", "createdAt"),
    ):
        header = console.page.get_by_role("columnheader", name=name)
        header.get_by_role("button").click()
        expect(header).to_have_attribute("aria-sort", "descending")
        assert f"sort=-{sort}" in console.page.url
        header.get_by_role("button").click()
        expect(header).to_have_attribute("aria-sort", "ascending")
        expect(console.page.locator(".rows-row").first).to_be_visible()
    console.picture("users-sorted")


def test_hundreds_are_scrolled_with_few_rows_in_the_page(console: Console) -> None:
    console.open("users?sort=id")
    region = console.page.get_by_role("region", name="List of users")
    expect(console.page.locator(".rows-row").first).to_be_visible()
    wanted = console.page.locator("[aria-rowindex='296']")
    while not wanted.count():
        region.evaluate("(rows) => rows.scrollBy(0, 900)")
        console.page.wait_for_timeout(30)  # as a hand takes between two turns of a wheel
        assert console.page.locator(".rows-row").count() < 60
    expect(wanted).to_be_attached()
    console.picture("users-scrolled")
    table = console.page.get_by_role("table", name="Users")
    assert int(table.get_attribute("aria-rowcount") or 0) > 300


def test_back_brings_the_place_in_the_list_and_who_was_chosen(console: Console) -> None:
    page = console.page
    console.open("users?sort=id")
    region = page.get_by_role("region", name="List of users")
    page.locator(".rows-row input[type=checkbox]").nth(1).check()
    expect(page.locator(".bulk", has_text="1 user")).to_be_visible()
    while region.evaluate("(rows) => rows.scrollTop") < 4_000:
        region.evaluate("(rows) => rows.scrollBy(0, 900)")
        page.wait_for_timeout(30)
    page.wait_for_function("() => history.state?.scrolled >= 4000")
    here = region.evaluate("(rows) => rows.scrollTop")
    page.get_by_role("link", name="Dashboard", exact=True).click()
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
    page.go_back()
    expect(page.locator(".rows-row").first).to_be_visible()
    page.wait_for_function("(here) => document.querySelector('.rows').scrollTop === here", arg=here)
    expect(page.locator(".bulk", has_text="1 user")).to_be_visible()
    page.get_by_role("link", name="Dashboard", exact=True).click()
    page.get_by_role("link", name="Users", exact=True).click()  # which is a new visit
    page.wait_for_function("() => document.querySelector('.rows')?.scrollTop === 0")
    expect(page.locator(".bulk", has_text="1 user")).to_be_hidden()


def test_somebody_is_found_read_taken_out_and_let_in_again(served: Served, console: Console) -> None:
    page = console.page
    console.open("users")
    page.keyboard.press("/")
    page.keyboard.type("demo-7@")
    page.keyboard.press("Enter")
    expect(page.locator(".rows-row")).to_have_count(1)
    page.keyboard.press("j")
    page.locator(".row-link").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog").first
    expect(dialog.get_by_role("tab", name="Profile")).to_be_visible()
    dialog.get_by_role("tab", name="Profile").focus()
    page.keyboard.press("ArrowRight")
    dialog.locator("button.link").first.click()
    expect(dialog.locator(".thread .question").first).to_be_visible()
    console.check_with_axe()
    dialog.get_by_role("button", name="Deactivate").click()
    page.get_by_label("Reason").fill("Abuse of the trial")
    page.get_by_role("dialog", name="Deactivate").get_by_role("button", name="Deactivate").click()
    expect(dialog.locator(".status").first).to_have_text("Deactivated")
    status, answer = served.call("GET", "/access?user=demo-7")
    assert (status, answer["allowed"]) == (200, False)
    dialog.get_by_role("tab", name="Audit").click()
    expect(dialog.get_by_text("user.deactivated")).to_be_visible()
    dialog.get_by_role("button", name="Reactivate").click()
    page.get_by_role("dialog", name="Reactivate").get_by_role("button", name="Reactivate").click()
    expect(dialog.locator(".status").first).not_to_have_text("Deactivated")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert re.search(r"/users/?\?search=demo-7", page.url)


def test_a_filter_is_built_says_what_it_means_and_becomes_a_segment(console: Console) -> None:
    page = console.page
    console.open("users")
    page.get_by_role("button", name="Filter", exact=True).click()
    page.get_by_label("Property", exact=True).fill("plan")
    page.get_by_label("Comparison").select_option("in")
    page.get_by_label("Value").fill("pro, enterprise")
    says = page.locator(".filter-says")
    expect(says).to_contain_text("plan is any of pro, enterprise")
    expect(says).to_contain_text(re.compile(r"[1-9]\d* users"))
    console.check_with_axe()
    page.get_by_role("button", name="Show them").click()
    expect(page.get_by_text("plan is any of pro, enterprise")).to_be_visible()
    page.reload()
    expect(page.get_by_text("plan is any of pro, enterprise")).to_be_visible()
    page.get_by_role("button", name="Save as segment").click()
    page.get_by_label("Name").fill("Who pays <b>much</b>")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("button", name="Who pays <b>much</b>")).to_have_attribute("aria-pressed", "true")


def test_two_who_edit_one_user_are_shown_both(served: Served, console: Console) -> None:
    served.call("PUT", "/users/edited", {"email": "edited@example.com", "plan": "free"})
    page = console.page
    page.goto(f"{console.url}/console/p/{PROJECT}/users/edited")
    page.get_by_role("button", name="Edit: Plan").click()
    page.get_by_role("textbox", name="Plan").fill("mine")
    served.call("PATCH", "/users/edited", {"plan": "theirs"})
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Somebody else changed this meanwhile.")).to_contain_text("theirs")
    expect(page.get_by_role("textbox", name="Plan")).to_have_value("mine")
    page.get_by_role("button", name="Save mine all the same").click()
    expect(page.get_by_role("textbox", name="Plan")).to_be_hidden()
    expect(page.locator(".lines > div", has_text="Plan").first).to_contain_text("mine")
    console.expected = ("412",)


def test_somebody_is_erased_by_name_and_a_receipt_is_left(served: Served, console: Console) -> None:
    served.call("PUT", "/users/doomed", {"email": "doomed@example.com"})
    page = console.page
    page.goto(f"{console.url}/console/p/{PROJECT}/users/doomed?tab=privacy")
    page.get_by_role("button", name="Erase…").click()
    confirm = page.get_by_role("dialog", name="Erase")
    confirm.get_by_label("Type “doomed@example.com” to go on").fill("doomed@example.co")
    confirm.get_by_role("button", name="Erase…").click()
    expect(confirm).to_be_visible()  # it is not the whole name
    confirm.get_by_label("Type “doomed@example.com” to go on").fill("doomed@example.com")
    confirm.get_by_role("button", name="Erase…").click()
    expect(page.get_by_text("They are erased.")).to_be_visible(timeout=60_000)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the receipt").click()
    receipt = json.loads(download.value.path().read_text())
    assert receipt["people"] == 1
    assert "doomed" not in str(receipt)


def test_tags_of_one_are_put_on_and_taken_off_where_they_stand(served: Served, console: Console) -> None:
    served.call("PUT", "/users/tagged", {"name": "Tagged", "tags": ["old", ".."]})
    page = console.page
    page.goto(f"{console.url}/console/p/{PROJECT}/users/tagged")
    tags = page.get_by_role("list", name="Tags")
    expect(tags.get_by_role("listitem")).to_have_count(2)
    page.get_by_label("Add a tag").fill("new & <b>")
    page.keyboard.press("Enter")
    expect(tags.get_by_text("new & <b>")).to_be_visible()
    expect(page.get_by_label("Add a tag")).to_have_value("")
    page.get_by_role("button", name="Remove the tag ..").click()
    expect(tags.get_by_role("listitem")).to_have_count(2)
    console.check_with_axe()
    _, answer = served.call("GET", "/users/tagged")
    assert sorted(answer["tags"]) == ["new & <b>", "old"]


def test_several_are_tagged_at_once(served: Served, console: Console) -> None:
    page = console.page
    console.open("users?sort=email")
    for place in (0, 1, 2):
        page.locator(".rows-row input[type=checkbox]").nth(place).check()
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_label("Tags, with commas between them").fill("met, at the fair")
    page.get_by_role("dialog").get_by_role("button", name="Tag").click()
    expect(page.get_by_text("Done.")).to_be_visible(timeout=60_000)
    wait_for(lambda: served.stack.query("SELECT count() FROM ask0.users WHERE has(tags, 'at the fair')") == "3", "tags")
    console.open("settings?tab=jobs")  # where it is found again by whoever has left the page
    expect(page.get_by_role("row", name=re.compile("^tag job_.* done 3", re.IGNORECASE))).to_be_visible()


def test_what_anybody_sends_is_shown_as_text(served: Served, console: Console) -> None:
    traits = {**HOSTILE, "__proto__": "x", HOSTILE["markup"]: "name", **{f"k{n}": n for n in range(500)}}
    name = HOSTILE["markup"]
    status, answer = served.call("PUT", "/users/hostile", {"name": name, "tags": ["<b>vip</b>"], "traits": traits})
    assert status in (200, 201), answer
    page = console.page
    page.goto(f"{console.url}/console/p/{PROJECT}/users/hostile")
    expect(page.get_by_role("dialog")).to_contain_text("onerror")
    expect(page.locator("dialog img, dialog script")).to_have_count(0)
    assert page.get_by_role("dialog").evaluate("(one) => one.scrollWidth <= one.clientWidth")
    console.open("users?columns=email,name,tags,traits.long,traits.markup&search=hostile")
    expect(page.locator(".rows-row").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("id", ["100%", "%41", "a%2Fb", "a/b?c#d", "../x", "%", "ü %00", "<i>"])
def test_whatever_an_id_holds_it_opens_that_user(served: Served, console: Console, id: str) -> None:
    name = f"Of {id.encode().hex()}"
    status, answer = served.call("POST", "/users/batch", {"users": [{"id": id, "name": name}]})
    assert status == 200, answer
    console.page.goto(f"{console.url}/console/p/{PROJECT}/users?{urlencode({'search': id, 'sort': '-createdAt'})}")
    expect(console.page.get_by_label("Search users")).to_have_value(id)
    console.page.get_by_role("link", name=name, exact=True).click()
    shown = console.page.get_by_role("dialog").get_by_text(id, exact=True)
    expect(shown.first).to_be_visible()
    console.page.reload()
    expect(console.page.get_by_role("dialog", name=name)).to_be_visible()
    expect(shown.first).to_be_visible()
    console.page.get_by_role("button", name="Close").click()
    expect(console.page.get_by_label("Search users")).to_have_value(id)


def test_what_finds_nobody_says_what_to_loosen(console: Console) -> None:
    console.open("users?search=nobody-at-all-is-called-this")
    expect(console.page.get_by_role("heading", name="Nobody is like that")).to_be_visible()
    console.check_with_axe()
    console.page.get_by_role("button", name="Clear the search").click()
    expect(console.page.locator(".rows-row").first).to_be_visible()
