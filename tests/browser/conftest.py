"""A whole running Ask0 and a real Chromium; each test gets a browser context, so a visitor, of its own."""

import json
import shutil
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from bench.stack import WRITE_KEY, Stack
from gateway.static import STATIC

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
)
VIOLATIONS = (
    "addEventListener('securitypolicyviolation', (event) => (self.violations ??= []).push(event.violatedDirective))"
)


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    assert (STATIC / "manifest.json").exists(), "the widget is not built: npm ci && npm run build in widget/"
    with Stack(tmp_path_factory.mktemp("data")) as running:
        yield running


@pytest.fixture(scope="module")  # while it is open, its event loop runs in this thread and no other test's can
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    assert path, f"none of {', '.join(CHROMIUM)} is installed"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS.split())
        yield browser
        browser.close()


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

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"<!doctype html><title>Site</title>{pages.get(self.path, '')}".encode()
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    # A real server: Chromium lets no page of unknown address, as an intercepted one is, ask a loopback address.
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
