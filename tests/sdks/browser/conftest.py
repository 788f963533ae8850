"""The browser SDKs of Segment and RudderStack, bundled as their customers do, on pages of another origin."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.pages import open_browser, serve_pages
from tests.gate import Gate
from tests.sdks.browser.visitor import Visitor

PAGES = Path(__file__).parent
PACKAGES = PAGES.parent / "node" / "node_modules"


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a site with a page for each SDK."""
    esbuild = PACKAGES / ".bin" / "esbuild"
    assert esbuild.exists(), "the SDKs are not installed: npm ci in tests/sdks/node/"
    folder = tmp_path_factory.mktemp("bundles")
    sources = sorted(PAGES.glob("*.js"))
    subprocess.run(
        [esbuild, *sources, "--bundle", "--format=iife", "--log-level=warning", f"--outdir={folder}"],
        env={**os.environ, "NODE_PATH": str(PACKAGES)},
        check=True,
    )
    pages = {}
    for source in sources:
        html = f'<!doctype html><title>{source.stem}</title><script src="/{source.name}"></script>'
        pages[f"/{source.stem}"] = ("text/html", html.encode())
        pages[f"/{source.name}"] = ("text/javascript", (folder / source.name).read_bytes())
    with serve_pages(pages) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture
def visitor(browser: Browser, site: str, gate: Gate) -> Iterator[Visitor]:
    context = browser.new_context()
    yield Visitor(context, site, gate)
    context.close()
