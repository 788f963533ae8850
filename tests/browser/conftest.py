"""A whole running Ask0 and a real Chromium; each test gets a browser context, so a visitor, of its own."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from bench.stack import WRITE_KEY, Stack
from gateway.static import STATIC
from tests.browser.pages import BLANK, open_browser, serve_pages
from tests.browser.visits import with_snippet
from tests.gate import Gate, open_gate

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
    """The address of a site of another origin: pages with the snippet, and /pinned with a versioned bundle."""
    manifest = json.loads((STATIC / "manifest.json").read_text())
    bundle, integrity = f"{stack.url}/{manifest['bundle']}#{WRITE_KEY}", manifest["integrity"]
    pages = {
        "/": f'<script src="{stack.url}/snippet.js?writeKey={WRITE_KEY}"></script>',
        "/pinned": f'<script src="{bundle}" integrity="{integrity}" crossorigin></script>',
    }
    media_type, blank = BLANK
    with serve_pages({path: (media_type, blank + script.encode()) for path, script in pages.items()}) as address:
        yield address


@pytest.fixture
def gate(stack: Stack) -> Iterator[Gate]:
    with open_gate(stack.port) as gate:
        yield gate


@pytest.fixture
def gated(gate: Gate) -> Iterator[str]:
    """The address of a site of another origin whose snippet sends through the gate, on its first page."""
    with serve_pages({"/": with_snippet(gate.url)}) as address:
        yield address
