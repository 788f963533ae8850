"""The npm package in a page that bundles it, with its seldom used part in a chunk of its own."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from bench.stack import WRITE_KEY, Stack, wait_for
from tests.browser.pages import BLANK, serve_pages
from tests.browser.visits import track, wait_until_arrived
from tests.browser.witness import Witness

WIDGET = Path(__file__).parents[2] / "widget"
APP = """
import { createAsk0, follow } from "@ask0/browser";

const ask0 = createAsk0({ host: HOST, writeKey: KEY });
ask0.track("Packaged", { n: 0 });
ask0.identify({ plan: "pro" });
follow(() => ask0.page("Followed"));
self.app = { ask0, again: createAsk0({ host: HOST, writeKey: KEY }) === ask0 };
"""


@pytest.fixture(scope="module")
def app(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a site that bundles the package, and the folder of its bundle."""
    assert (WIDGET / "dist/index.js").exists(), "the widget is not built: npm ci && npm run build in widget/"
    folder = tmp_path_factory.mktemp("app")
    (folder / "node_modules/@ask0").mkdir(parents=True)
    (folder / "node_modules/@ask0/browser").symlink_to(WIDGET)
    (folder / "app.js").write_text(APP.replace("HOST", f"'{stack.url}'").replace("KEY", f"'{WRITE_KEY}'"))
    options = "--bundle --splitting --format=esm --minify --outdir=out --log-level=warning"
    subprocess.run([WIDGET / "node_modules/.bin/esbuild", "app.js", *options.split()], cwd=folder, check=True)
    media_type, blank = BLANK
    pages = {"/": (media_type, blank + b"<script type=module src=/app.js></script>")}
    pages |= {f"/{file.name}": ("text/javascript", file.read_bytes()) for file in (folder / "out").iterdir()}
    with serve_pages(pages) as site:
        yield site, folder / "out"


def open_app(page: Page, site: str) -> None:
    page.goto(site)
    page.wait_for_function("self.app")


def test_events_arrive_from_a_page_that_bundles_the_package(stack: Stack, app: tuple[str, Path], page: Page) -> None:
    witness = Witness(page)
    open_app(page, app[0])
    assert page.evaluate("[app.again, 'ask0' in self]") == [True, False]
    page.evaluate("self.ask0 = app.ask0; 0")
    track(page, "Packaged", 1, start=1, then="ask0.flush()")
    page.evaluate("history.pushState({}, '', '/followed'); new Promise((done) => setTimeout(done))")
    track(page, "Packaged", 1, start=2, then="ask0.flush()")
    wait_until_arrived(stack, "Packaged", 3)
    assert [event["type"] for event in witness.events()] == ["track", "identify", "track", "page", "track"]
    assert witness.errors == []


def test_the_seldom_used_part_is_loaded_when_it_is_called(app: tuple[str, Path], page: Page) -> None:
    site, bundle = app
    chunks: set[str] = set()
    page.on("request", lambda request: chunks.add(request.url.removeprefix(site)))
    open_app(page, site)
    before = set(chunks)
    page.evaluate("app.ask0.flush()")
    wait_for(lambda: page.evaluate("app.ask0.user()"), "the guest's traits")
    lazy = {chunk for chunk in chunks - before if chunk.endswith(".js")}
    assert len(lazy) == 1
    assert not {file.name for file in bundle.iterdir()} - before - lazy
