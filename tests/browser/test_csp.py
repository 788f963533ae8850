"""The widget under strict content security policies, and its scripts pinned by their integrity."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from ask0.gateway.site.static import STATIC
from bench.stack import WRITE_KEY, Stack, wait_for
from tests.browser.pages import BLANK, serve_pages
from tests.browser.visits import load, track, wait_until_arrived
from tests.browser.witness import Witness

NONCE = "bm9uY2Utb2YtdGhlLXBhZ2U"
MANIFEST = json.loads((STATIC / "manifest.json").read_text())
POLICIES = {
    "strict-dynamic": "script-src 'nonce-{nonce}' 'strict-dynamic'",
    "host": "script-src 'nonce-{nonce}' {gateway}",
    "nonce": "script-src 'nonce-{nonce}'",
}
INSTALLED = {
    "inline": "<script nonce={nonce}>{snippet}</script>",
    "external": "<script nonce={nonce} src='{gateway}/snippet.js?writeKey={key}'></script>",
    "auto": "<script nonce={nonce} async src='{gateway}/auto.js' data-ask0={key}></script>",
}


def document(html: str) -> tuple[str, bytes]:
    media_type, blank = BLANK
    return media_type, blank + html.encode()


@pytest.fixture(scope="module", params=POLICIES)
def guarded(request: pytest.FixtureRequest, stack: Stack, page_snippet: str) -> Iterator[tuple[str, str]]:
    """A policy's name, and the address of a site that has it, with a page for each way to install the widget."""
    values = {"nonce": NONCE, "gateway": stack.url, "key": WRITE_KEY}
    rest = f"default-src 'none'; connect-src {stack.url}; style-src 'self'"
    policy = f"{rest}; {POLICIES[request.param].format(**values)}"
    pages = {f"/{way}": document(html.format(snippet=page_snippet, **values)) for way, html in INSTALLED.items()}
    with serve_pages(pages, {"content-security-policy": policy}) as site:
        yield request.param, site


@pytest.fixture(scope="module")
def page_snippet(stack: Stack) -> str:
    """What a page carries: the built stub, as the install page has it."""
    filled = str(MANIFEST["snippet"]).replace("__ASK0_HOST__", stack.url)
    return filled.replace("__ASK0_KEY__", WRITE_KEY)


@pytest.mark.parametrize("way", INSTALLED)
def test_no_rule_of_a_strict_policy_is_broken(stack: Stack, guarded: tuple[str, str], page: Page, way: str) -> None:
    policy, site = guarded
    event = f"Under {policy} {way}"
    witness = Witness(page)
    page.goto(f"{site}{way}")
    wait_for(lambda: page.evaluate("!!self.ask0 && 'dropped' in ask0"), "the widget")
    page.evaluate("ask0.debug(); 0")
    page.evaluate("ask0.on('sent', (events) => (self.sent = (self.sent ?? 0) + events)); 0")
    assert page.evaluate("ask0.user()") is None
    track(page, event, 2, then="ask0.flush()")
    wait_until_arrived(stack, event, 2)
    wait_for(lambda: page.evaluate("self.sent"), "what on() tells")
    assert (page.evaluate("self.violations"), witness.errors) == (None, [])
    page.evaluate("document.body.setAttribute('style', 'color: red')")  # so that the silence means something
    assert page.evaluate("self.violations") == ["style-src-attr"]


@pytest.fixture(scope="module")
def pinned(stack: Stack) -> Iterator[str]:
    """A site with the versioned scripts: /ask0 and /auto as they are built, /wrong with the hashes mixed up."""
    core = f"{stack.url}/{MANIFEST['bundle']}#{WRITE_KEY}"
    auto = f"{stack.url}/{MANIFEST['auto']}"
    script = "<script src='{}' integrity='{}' crossorigin data-ask0='" + WRITE_KEY + "'></script>"
    own = "<script>self.own = 1</script>"
    right, other = MANIFEST["integrity"], MANIFEST["autoIntegrity"]
    pages = {
        "/ask0": document(script.format(core, right)),
        "/auto": document(script.format(auto, other)),
        "/wrong": document(script.format(core, other) + script.format(auto, right) + own),
    }
    with serve_pages(pages) as site:
        yield site


@pytest.mark.parametrize("name", ["ask0", "auto"])
def test_a_page_may_pin_a_version_by_its_integrity(stack: Stack, pinned: str, page: Page, name: str) -> None:
    load(page, f"{pinned}{name}")
    track(page, f"Pinned {name}", 1, then="ask0.flush()")
    wait_until_arrived(stack, f"Pinned {name}", 1)


def test_a_script_that_is_not_what_the_page_expects_does_nothing(pinned: str, page: Page) -> None:
    witness = Witness(page)
    page.goto(f"{pinned}wrong")
    assert page.evaluate("[self.own, 'ask0' in self, localStorage.length, document.cookie]") == [1, False, 0, ""]
    witness.settle()
    assert (witness.beacons, witness.errors) == ([], [])
    assert len([text for text in witness.console if "integrity" in text]) == 2
