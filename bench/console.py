"""The console's list over a million users, in a real Chromium: until rows are there, and how it scrolls."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from playwright.sync_api import Page

from bench.api import a_million_users
from bench.stack import Stack
from bench.users import Measured
from tests.browser.pages import open_browser
from tests.cli.processes import run
from tests.console.conftest import enter

FIRST = "console: first rows after navigation"
LOADED = "console: the Users page loaded anew, until its rows"
SEARCH = "console: Enter in the search until its rows"
FRAMES = "console: frames while 3,000 rows are scrolled"
STALLS = "console: scrolling on, each step of 400 px"
REPEATS = 12
ROWS = 3_000

# Every frame scrolls on; what cannot be, as the next rows are not there yet, is a stall.
SCROLL = """
async (rows) => {
  const region = document.querySelector(".rows");
  const frames = [], stalls = [];
  let before = performance.now(), moved = before, most = 0, place = -1;
  while (place < rows) {
    region.scrollBy(0, 400);
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    frames.push(now - before);
    before = now;
    const last = [...region.querySelectorAll("[data-place]")].at(-1);
    place = last ? Number(last.dataset.place) : place;
    if (region.scrollTop > most) {
      stalls.push(now - moved);
      [most, moved] = [region.scrollTop, now];
    }
  }
  return [frames, stalls, document.querySelectorAll(".rows-row").length];
}
"""


class Scrolled(NamedTuple):
    frames: Measured
    stalls: Measured
    rows_in_page: int


def measure() -> Iterator[Measured | Scrolled]:
    with a_million_users() as stack, open_browser() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 860})
        enter(page, invite(stack))
        page.wait_for_url("**/dashboard**")
        home = page.url.partition("/dashboard")[0]
        yield Measured(FIRST, [_timed(page, lambda: _go_to_users(page, home)) for _ in range(REPEATS)])
        yield Measured(LOADED, [_timed(page, lambda: _load(page, f"{home}/users")) for _ in range(REPEATS)])
        words = (f"person{number}" for number in range(1_000, 1_000 + REPEATS))
        yield Measured(SEARCH, [_timed(page, lambda word=word: _find(page, word)) for word in words])  # type: ignore[misc]
        _load(page, f"{home}/users?sort=-lastActiveAt")
        frames, stalls, rows = page.evaluate(SCROLL, ROWS)
        yield Scrolled(
            Measured(FRAMES, [one / 1000 for one in frames]), Measured(STALLS, [one / 1000 for one in stalls]), rows
        )


def invite(stack: Stack) -> str:
    made = run("member", "invite", "bench@example.com", settings=stack.environ)
    assert made.code == 0, made.err
    return made.out.strip()


def _timed(page: Page, work: Callable[[], None]) -> float:
    """Seconds, by the page's own clock between what begins it and what ends it, where it has both."""
    work()
    took: float = page.evaluate("performance.measure('x', 'begun', 'ended').duration")
    return took / 1000


# A row is there when it is painted: the mark is made in the frame after the one that has it.
WATCH = """
(word) => new Promise((done) => {
  const look = () => {
    const row = document.querySelector(".rows-row .row-link");
    const isThere = row && (!word || row.textContent.includes(word));
    if (isThere) requestAnimationFrame(() => (performance.mark("ended"), done()));
    else requestAnimationFrame(look);
  };
  look();
})
"""


def _go_to_users(page: Page, home: str) -> None:
    """From another page of the console, with nothing kept of the list."""
    page.goto(f"{home}/dashboard")
    page.get_by_role("link", name="Users", exact=True).wait_for()
    page.wait_for_load_state("networkidle")
    link = page.get_by_role("link", name="Users", exact=True)
    link.hover()  # as a hand does it: the pointer is there a moment before it presses
    page.wait_for_timeout(200)
    link.evaluate("(link) => (performance.mark('begun'), link.click())")
    page.evaluate(WATCH, "")


def _load(page: Page, address: str) -> None:
    page.goto(address, wait_until="commit")
    page.evaluate(WATCH, "")
    page.evaluate("performance.mark('begun', { startTime: 0 })")


def _find(page: Page, word: str) -> None:
    page.wait_for_load_state("networkidle")  # as long as somebody types
    page.get_by_label("Search users").fill(f"{word}@")
    page.evaluate("performance.mark('begun')")
    page.keyboard.press("Enter")
    page.evaluate(WATCH, f"{word}@")
