"""A whole running Ask0 with people who have talked, and whoever looks at them in a real Chromium."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from ask0.gateway.console.pages import DIST
from bench.stack import SECRET_KEY, Stack, wait_for
from tests.browser.conftest import VIOLATIONS
from tests.browser.pages import open_browser
from tests.cli.processes import run
from tests.gateway.sessions.people import PASSWORD

expect.set_options(timeout=30_000)  # what a machine with much to do takes for an answer that waits for its rows

PROJECT = "proj_bench"
USERS = 320
PICTURES = Path(__file__).parents[2] / "build" / "pictures"
AXE = Path(__file__).parents[2] / "console" / "node_modules" / "axe-core" / "axe.min.js"


@dataclass
class Served:
    stack: Stack

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """As a server of the site does it: its changes are to be seen when it returns."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        headers = {"authorization": f"Bearer {SECRET_KEY}", **named}
        answer = httpx.request(method, f"{self.stack.url}/v1/projects/-{path}", json=body, headers=headers, timeout=30)
        return answer.status_code, answer.json()

    def define(self, *names: str, **more: Any) -> None:
        """These are the project's properties from now on, each with all that is named besides."""
        properties = [{"name": name, **more} for name in names]
        status, answer = self.call("PUT", "/properties", {"properties": properties}, if_match="*")
        assert status == 200, answer

    def link(self, email: str, role: str = "owner") -> str:
        """That lets them in."""
        made = run("member", "invite", email, "--role", role, settings=self.stack.environ)
        assert made.code == 0, made.err
        return made.out.strip()


@dataclass
class Console:
    """What somebody sees. In the end nothing may have been complained about."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()  # parts of complaints that are none of ours

    def open(self, path: str) -> None:
        """A page of the project."""
        self.page.goto(f"{self.url}/console/p/{PROJECT}/{path}")
        self.page.wait_for_selector("main h1")

    def check(self) -> None:
        found = [one for one in self.complaints if not any(part in one for part in self.expected)]
        assert found == []
        assert self.page.evaluate("self.violations ?? []") == []

    def fits(self) -> bool:
        """Nothing of the page is to be scrolled to at the side."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"))

    def enlarge_text(self, times: float = 2) -> None:
        """As somebody sets it in their browser."""
        session = self.page.context.new_cdp_session(self.page)
        session.send("Page.setFontSizes", {"fontSizes": {"standard": int(16 * times), "fixed": int(13 * times)}})
        session.detach()
        self.page.wait_for_function(
            "(size) => getComputedStyle(document.documentElement).fontSize === size", arg=f"{16 * times:g}px"
        )

    def picture(self, name: str) -> None:
        """What is to be seen now, in light, dark and on a small screen, for people to look at after CI."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        page, size = self.page, self.page.viewport_size
        for kind, scheme, width in (("light", "light", 1280), ("dark", "dark", 1280), ("small", "light", 320)):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.set_viewport_size({"width": width, "height": 860})
            page.screenshot(path=PICTURES / f"{name}-{kind}.png")
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(size or {"width": 1280, "height": 860})

    def check_with_axe(self) -> None:
        """As WCAG 2.2 AA has it."""
        self.page.evaluate(AXE.read_text())  # through the debugger, as no policy lets it in otherwise
        found = self.page.evaluate(
            "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})"
            ".then(({violations}) => violations.map(({id, nodes}) => `${id}: ${nodes[0].html}`))"
        )
        assert found == []


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    assert (DIST / "index.html").exists(), "the console is not built: make console"
    with Stack(tmp_path_factory.mktemp("console")) as stack:
        played = run("demo", "--url", stack.url, "--users", str(USERS), settings=stack.environ)
        assert played.code == 0, played.err
        wait_for(lambda: int(stack.query("SELECT count() FROM ask0.users")) >= 300, "the people")
        yield Served(stack)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def owner_state(served: Served, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a browser in which an owner has signed in."""
    state = tmp_path_factory.mktemp("states") / "owner.json"
    context = browser.new_context()
    page = context.new_page()
    enter(page, served.link(f"owner-{state.parent.name}-{id(browser)}@example.com"))
    page.wait_for_url("**/dashboard**")
    context.storage_state(path=state)
    context.close()
    return state


@pytest.fixture
def context(browser: Browser, owner_state: Path) -> Iterator[BrowserContext]:
    context = browser.new_context(
        storage_state=owner_state,
        color_scheme="light",
        viewport={"width": 1280, "height": 860},
        accept_downloads=True,
        timezone_id="UTC",
    )
    context.add_init_script(VIOLATIONS)
    yield context
    context.close()


@pytest.fixture
def console(served: Served, context: BrowserContext) -> Iterator[Console]:
    console = watched(context.new_page(), served)
    yield console
    console.check()


def watched(page: Page, served: Served) -> Console:
    console = Console(page, served.stack.url)

    def complain(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            console.complaints.append(message.text)

    page.on("console", complain)
    page.on("pageerror", lambda error: console.complaints.append(str(error)))
    return console


def enter(page: Page, link: str, password: str = PASSWORD) -> None:
    """Whoever was invited chooses a password."""
    page.goto(link)
    page.get_by_label("New password").fill(password)
    page.get_by_role("button", name="Set password and sign in").click()
