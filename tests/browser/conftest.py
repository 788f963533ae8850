"""A whole running Ask0 and a real Chromium; each test gets a browser context, so a visitor, of its own."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from ask0.gateway.site.static import STATIC
from bench.stack import Stack, wait_for
from tests.browser.pages import open_browser, serve_pages
from tests.browser.visits import with_snippet
from tests.cli.processes import run
from tests.gate import Gate
from tests.gateway.tokens import SECRET_OF_SITE

VIOLATIONS = (
    "addEventListener('securitypolicyviolation', (event) => (self.violations ??= []).push(event.violatedDirective))"
)


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    assert (STATIC / "manifest.json").exists(), "the widget is not built: npm ci && npm run build in widget/"
    with Stack(tmp_path_factory.mktemp("data")) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context()
    context.add_init_script(VIOLATIONS)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture(scope="package")
def site(stack: Stack) -> Iterator[str]:
    """The address of a site of another origin whose first page has the snippet."""
    with serve_pages({"/": with_snippet(stack.url)}) as address:
        yield address


@pytest.fixture(scope="package")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An Ask0 that takes users for who they are only with a token, and is a part of the sites under site.example."""
    with Stack(tmp_path_factory.mktemp("strict"), ASK0_COOKIE_DOMAIN="site.example") as running:
        added = run("verification", "add", "--secret", "-", stdin=SECRET_OF_SITE.encode(), settings=running.environ)
        required = run("verification", "require", settings=running.environ)
        assert (added.code, required.code) == (0, 0), f"{added}{required}"
        probe = {"batch": [{"type": "identify", "userId": "probe"}]}
        wait_for(lambda: running.post("/v1/batch", probe)[1]["rejected"], "the gateway to require tokens")
        yield running


@pytest.fixture(scope="package")
def strict_site(strict: Stack) -> Iterator[str]:
    """A site of another origin whose first page has the snippet of the strict Ask0."""
    with serve_pages({"/": with_snippet(strict.url)}) as address:
        yield address


@pytest.fixture
def gated(gate: Gate) -> Iterator[str]:
    """The address of a site of another origin whose snippet sends through the gate, on its first page."""
    with serve_pages({"/": with_snippet(gate.url)}) as address:
        yield address
