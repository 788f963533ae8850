"""What may happen to a page with events to send, in Chromium; and how many of them arrived."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from bench.widgets.collector import Collector, open_collector
from bench.widgets.peers import Peer

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
)
LOAD_SECONDS = 1.0  # for what a widget asks for at load: settings, more scripts
TRY_SECONDS = 4.0  # on the page while it cannot send: longer than any of them gathers a batch
LEFT_SECONDS = 4.0  # for what was sent on leaving
RETURN_SECONDS = 20.0  # for what an earlier page has left behind
DUPLICATE_SECONDS = 1.5  # for what comes twice
POLL_SECONDS = 0.1
LARGE = 12_000
RUN_SECONDS = 120.0


@dataclass
class Visit:
    """One visitor of the site. `marks` are the counts of what has arrived at each point of interest."""

    context: BrowserContext
    collector: Collector
    sent: int = 0
    marks: list[int] = field(default_factory=list)

    async def open(self) -> Page:
        """A page whose widget has done whatever it does at load."""
        page = await self.context.new_page()
        await self.load(page)
        return page

    async def load(self, page: Page) -> None:
        await page.goto(self.collector.site)
        await page.wait_for_function("!!self.send")
        await asyncio.sleep(LOAD_SECONDS)

    async def send(self, page: Page, count: int, filler: int = 0, then: str = "") -> None:
        start, self.sent = self.sent, self.sent + count
        await page.evaluate(
            f"() => {{ for (let n = {start}; n < {self.sent}; n++) send(n, 'x'.repeat({filler})); {then} }}"
        )

    async def leave(self, page: Page, count: int, filler: int) -> None:
        await self.send(page, count, filler, then="location.href = 'about:blank'")
        await page.wait_for_url("about:blank")

    async def settle(self, seconds: float) -> None:
        """Until everything has arrived, or for so long; marks what has."""
        for _ in range(round(seconds / POLL_SECONDS)):
            if len(self.collector.taken) >= self.sent:
                break
            await asyncio.sleep(POLL_SECONDS)
        await asyncio.sleep(DUPLICATE_SECONDS)
        self.marks.append(len(self.collector.taken))


async def stay(visit: Visit) -> None:
    await visit.send(await visit.open(), 20)
    await visit.settle(TRY_SECONDS)


async def navigate(visit: Visit, count: int = 20, filler: int = 0) -> None:
    page = await visit.open()
    await visit.leave(page, count, filler)
    await visit.settle(LEFT_SECONDS)
    await visit.load(page)
    await visit.settle(RETURN_SECONDS)


async def navigate_large(visit: Visit) -> None:
    await navigate(visit, 10, LARGE)


async def close(visit: Visit) -> None:
    page = await visit.open()
    await visit.send(page, 20)
    await page.close()
    await visit.settle(LEFT_SECONDS)
    await visit.open()
    await visit.settle(RETURN_SECONDS)


async def outage(visit: Visit) -> None:
    page = await visit.open()
    visit.collector.refusing = True
    await visit.send(page, 5)
    await asyncio.sleep(6)
    visit.collector.refusing = False
    await asyncio.sleep(24)
    await visit.settle(0)


async def come_back(visit: Visit) -> None:
    page = await visit.open()
    visit.collector.refusing = True
    await visit.send(page, 5)
    await asyncio.sleep(TRY_SECONDS)
    await page.goto("about:blank")
    visit.collector.refusing = False
    await visit.load(page)
    await visit.settle(RETURN_SECONDS)


async def offline(visit: Visit) -> None:
    page = await visit.open()
    await visit.context.set_offline(True)
    await visit.send(page, 5)
    await asyncio.sleep(TRY_SECONDS)
    await page.close()
    await asyncio.sleep(0.5)
    await visit.context.set_offline(False)
    await visit.open()
    await visit.settle(RETURN_SECONDS)


async def tabs(visit: Visit) -> None:
    pages = [await visit.open(), await visit.open()]
    visit.collector.refusing = True
    for page in pages:
        await visit.send(page, 5)
    await asyncio.sleep(TRY_SECONDS)
    for page in pages:
        await page.close()
    visit.collector.refusing = False
    await asyncio.gather(*(visit.open() for _ in range(3)))
    await visit.settle(RETURN_SECONDS)


Scenario = Callable[[Visit], Awaitable[None]]
SCENARIOS: Mapping[str, tuple[str, Scenario]] = {
    "navigate": ("20 events, then navigate away → revisit", navigate),
    "close": ("20 events, then close the tab → reopen", close),
    "outage": ("5 events, 503 for 6 s, stay until 30 s", outage),
    "come-back": ("5 events on 503, leave, come back", come_back),
    "offline": ("5 events offline, close, reopen", offline),
    "large": ("10 × 12 kB, then navigate away → revisit", navigate_large),
    "tabs": ("two tabs × 5 on 503, close, open three", tabs),
}


@dataclass(frozen=True)
class Outcome:
    marks: tuple[int, ...]
    sent: int
    duplicates: int
    requests: int
    loaded: frozenset[str]


@asynccontextmanager
async def open_browser() -> AsyncIterator[Browser]:
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        raise SystemExit(f"none of {', '.join(CHROMIUM)} is installed")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS.split())
        yield browser
        await browser.close()


async def run(browser: Browser, peer: Peer, scripts: Mapping[str, bytes], scenario: Scenario) -> Outcome:
    """With a visitor and a collector of its own: nothing late from one run is counted in another."""
    with open_collector(scripts, peer.tag) as collector:
        context = await browser.new_context()
        try:
            visit = Visit(context, collector)
            await asyncio.wait_for(scenario(visit), RUN_SECONDS)
        finally:
            await context.close()
        return Outcome(
            tuple(visit.marks), visit.sent, collector.duplicates, collector.requests, frozenset(collector.loaded)
        )
