"""Whatever a page passes: nothing comes back at it, nothing else is lost, and it can learn what was left out."""

import json

import pytest
from playwright.sync_api import Page

from bench.stack import Stack
from tests.browser.visits import load, wait_until_arrived
from tests.browser.witness import Witness

LEFT_OUT = "ask0: left out, because JSON cannot carry it or it is too large: "
# Traits as a page may pass them by accident, and what is stored of them.
PARTS = {
    "bigint": ("1n", None),
    "symbol": ("Symbol('no')", None),
    "function": ("() => 1", None),
    "node": ("document.body", None),
    "cycle": ("(() => { const loop = { a: 1 }; return (loop.loop = loop); })()", {"a": 1}),
    "proxy": ("new Proxy({ a: 1 }, { get() { throw new Error('a trap'); } })", None),
    "revoked proxy": ("(() => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy; })()", None),
    "throwing getter": ("{ get inner() { throw new Error('a getter'); } }", None),
    "a million characters": ("'x'.repeat(1e6)", None),
    "date": ("new Date(0)", "1970-01-01T00:00:00.000Z"),
    "invalid date": ("new Date(NaN)", None),
    "class instance": ("new (class { a = 1; #b = 2; })()", {"a": 1}),
    "no prototype": ("Object.assign(Object.create(null), { a: 1 })", {"a": 1}),
}
TOLD = [name for name, (_, stored) in PARTS.items() if name == "cycle" or not stored and name != "invalid date"]
LOUD = {*TOLD} - {"symbol", "function", "node"}  # those that JSON does not leave out in silence
POLLUTING = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"prototype":{"polluted":1}}'
WHOLE = (
    "",
    "null",
    "() => 1",
    "'text'",
    "10n",
    "Symbol('no')",
    "document.body",
    "new Date(NaN)",
    "[[]]",
    "PARTS.cycle",
    "PARTS.proxy",
    "PARTS['revoked proxy']",
    "{ get id() { throw new Error('a getter'); } }",
    "{ text: 'x'.repeat(1e6) }",
    f"JSON.parse('{POLLUTING}')",
    f"{{ ...JSON.parse('{POLLUTING}'), big: 1n }}",
    "deep",
    "{ id: 'deep', deep }",
    "Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => ['key' + n, n]))",
)
PREPARED = f"""
self.PARTS = {{ {", ".join(f"{json.dumps(name)}: {js}" for name, (js, _) in PARTS.items())} }};
self.deep = {{}};
for (let level = 0; level < 5_000; level++) deep = {{ deep }};
self.told = [];
self.known = Object.getOwnPropertyNames(Object.prototype).join();
"""
POLLUTED = "({}).polluted !== undefined || known !== Object.getOwnPropertyNames(Object.prototype).join()"


@pytest.fixture(params=["quiet", "debug"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def prepare(page: Page, site: str, mode: str) -> Witness:
    witness = Witness(page)
    load(page, site)
    page.evaluate(PREPARED)
    if mode == "debug":
        page.evaluate("ask0.debug()")
    page.evaluate("ask0.on('omitted', (path) => told.push(path))")
    return witness


def test_only_what_json_cannot_carry_of_a_user_is_left_out(stack: Stack, site: str, page: Page, mode: str) -> None:
    witness = prepare(page, site, mode)
    page.evaluate(
        f"""(async () => {{
          let n = 0;
          for (const [name, part] of Object.entries(PARTS)) {{
            ask0.track('Part {mode}', {{ n: n++ }});
            ask0.identify({{ id: `{mode} ${{name}}`, good: 1, [name]: part }});
            await new Promise((done) => setTimeout(done)); // one that is mended is a moment later
          }}
          ask0.flush();
        }})()"""
    )
    wait_until_arrived(stack, f"Part {mode}", len(PARTS))
    rows = stack.query(f"SELECT id, traits FROM ask0.users WHERE startsWith(id, '{mode} ') FORMAT JSONCompactEachRow")
    stored = {id.partition(" ")[2]: traits for id, traits in map(json.loads, rows.splitlines())}
    assert stored == {name: {"good": 1, **({name: value} if value else {})} for name, (_, value) in PARTS.items()}
    told = page.evaluate("told")
    assert [path.partition(".")[0] for path in told] == [name for name in TOLD if mode == "debug" or name in LOUD]
    said = [text.removeprefix(LEFT_OUT) for text in witness.console if text.startswith(LEFT_OUT)]
    assert said == (told if mode == "debug" else [])
    assert (witness.errors, page.evaluate(POLLUTED)) == ([], False)


@pytest.mark.parametrize("call", ["identify", "track", "page", "group", "alias", "batch"])
def test_nothing_passed_in_place_of_a_users_data_breaks_the_page(
    stack: Stack, site: str, page: Page, call: str
) -> None:
    witness = prepare(page, site, "quiet")
    event = f"Neighbour of {call}"
    numbers = iter(range(4 * len(WHOLE)))
    for mode in ("quiet", "debug"):
        for argument in WHOLE:
            page.evaluate(f"ask0.track('{event}', {{ n: {next(numbers)} }}); ask0.{call}({argument}); 0")
            page.evaluate(f"ask0.track('{event}', {{ n: {next(numbers)} }}); 0")
        if mode == "quiet":
            page.evaluate("ask0.debug()")
    page.evaluate("ask0.flush()")
    wait_until_arrived(stack, event, 4 * len(WHOLE))
    assert (witness.errors, page.evaluate(POLLUTED)) == ([], False)
    assert page.evaluate("ask0.dropped + told.length") > 0


def test_an_event_that_is_too_large_is_counted_and_told(stack: Stack, site: str, page: Page) -> None:
    witness = prepare(page, site, "debug")
    page.evaluate("ask0.on('dropped', (events, why) => (self.dropped = [events, why]))")
    page.evaluate("ask0.track('Bulky', { n: 0 })")
    page.evaluate("ask0.track('Bulky', Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => ['key' + n, n])))")
    page.evaluate("ask0.track('Bulky', { n: 1, text: 'x'.repeat(1e6) }); ask0.flush()")
    wait_until_arrived(stack, "Bulky", 2)
    assert page.evaluate("[ask0.dropped, told, dropped]") == [1, ["text"], [1, "too large"]]
    assert "ask0: events given up, and why: 1 too large" in witness.console
    assert witness.errors == []


def test_what_the_page_throws_itself_is_its_own(stack: Stack, site: str, page: Page) -> None:
    witness = Witness(page)
    page.goto(site)
    page.evaluate("ask0.ready(() => { throw new Error('in ready()'); }); 0")
    page.evaluate("ask0.on('sent', () => { throw new Error('in on()'); }); 0")
    page.evaluate("ask0.on('sent', (events) => (self.sent = events)); 0")
    page.evaluate("ask0.track('Own error', { n: 0 }); ask0.ready(ask0.flush); 0")
    page.wait_for_function("self.sent === 1")
    page.evaluate("ask0.track('Own error', { n: 1 }); ask0.flush()")
    wait_until_arrived(stack, "Own error", 2)
    witness.settle()
    assert sorted(set(witness.errors)) == ["in on()", "in ready()"]
