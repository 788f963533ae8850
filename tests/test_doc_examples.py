"""Every code block of the documentation is run where it can be, and read by its own parser where it cannot."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from os import environ

import click
import httpx
import pytest
from playwright.sync_api import Page

from ask0.cli.main import main
from ask0.gateway.site.static import STATIC
from bench.stack import PASSWORD, SECRET_KEY, WRITE_KEY, Stack, wait_for
from tests.browser.pages import BLANK, open_browser, serve_pages
from tests.doc_pages import BLOCKS, ROOT, Block, blocks

ESBUILD = ROOT / "widget" / "node_modules" / ".bin" / "esbuild"
SECRET = "a secret that is long enough for HS256"
READ = ("sh", "sql", "python", "js", "ts", "tsx", "html", "http", "json")
# Their compilers are not needed here: the request they make is the one that the curl of their page makes.
FOREIGN = ("swift", "kotlin", "dart", "ruby", "php")
SDKS = ROOT / "tests" / "sdks" / "node"  # where their packages are
SERVER_SDKS = [block for block in blocks("js", "python") if '"Signed Up"' in block.text]
BROWSER_SDKS = [block for block in blocks("js") if re.search(r"analytics-next|analytics-js", block.text)]
CURLS = [block for block in blocks("sh") if "curl " in block.text]
SIGNERS = [block for block in blocks("js", "python") if "VERIFICATION_SECRET" in block.text]
SDK_PAGE = (BLANK[0], BLANK[1] + b'<script src="/sdk.js"></script>')
VIOLATIONS = "addEventListener('securitypolicyviolation', (event) => console.error(event.violatedDirective))"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Its project checks tokens against SECRET."""
    with Stack(tmp_path_factory.mktemp("data")) as running:
        command = [sys.executable, "-m", "ask0.cli.main", "verification", "add", "--secret", "-"]
        settings = {**environ, **running.environ}
        subprocess.run(command, env=settings, input=SECRET, text=True, check=True, capture_output=True)
        question = {"userId": "user_42", "userToken": sign(SIGNERS[0])}
        wait_for(lambda: running.post("/v1/user", question)[0] == 200, "the gateway to know the key")
        yield running


def sign(example: Block) -> str:
    """The token that this example of a site's server makes for user_42."""
    if example.language == "python":
        return run(sys.executable, "-c", f'{example.text}\nprint(token_for("user_42"))')
    return run("node", "--input-type=module", "--eval", f'{example.text}\nconsole.log(tokenFor("user_42"))')


def run(*command: str) -> str:
    settings = {**environ, "VERIFICATION_SECRET": SECRET}
    done = subprocess.run(command, env=settings, cwd=SDKS, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def parse(source: str, language: str) -> None:
    done = subprocess.run([ESBUILD, f"--loader={language}"], input=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def filled(text: str, stack: Stack) -> str:
    """With a real gateway, key and release in place of those that a reader replaces."""
    manifest = json.loads((STATIC / "manifest.json").read_text())
    values = {
        "https://ask0.example.com": stack.url,
        "http://127.0.0.1:8080": stack.url,
        "wk_…": WRITE_KEY,
        "$SECRET": SECRET_KEY,
        "$API": f"{stack.url}/v1/projects/-",
        "AUTO_INTEGRITY": manifest["autoIntegrity"],
        "MORE_INTEGRITY": manifest["moreIntegrity"],
        "auto.RELEASE.js": manifest["auto"],
        "more.MORE_HASH.js": manifest["more"],
        "port=8123": f"port={stack.clickhouse_port}",
        'password="…"': f'password="{PASSWORD}"',
    }
    for shown, value in values.items():
        text = text.replace(shown, value)
    return text


def test_every_block_says_its_language_and_is_looked_at() -> None:
    assert {block.language for block in BLOCKS} <= {*READ, *FOREIGN, ""}


@pytest.mark.parametrize("block", blocks("sh"), ids=str)
def test_a_shell_block_is_one_and_its_ask0_commands_exist(block: Block) -> None:
    assert subprocess.run(["bash", "-n"], input=block.text, text=True, capture_output=True).returncode == 0
    for line in re.findall(r"^ask0 .*", block.text, re.MULTILINE):
        words = shlex.split(line, comments=True)[1:]
        command: click.Command = main
        while isinstance(command, click.Group):
            found = command.get_command(click.Context(command), words.pop(0))
            assert found, line
            command = found
        context = click.Context(command)
        command.make_parser(context).parse_args(words)


@pytest.mark.parametrize("block", CURLS, ids=str)
def test_what_curl_sends_gets_a_200(stack: Stack, block: Block) -> None:
    """Or the status that a comment behind it names."""
    text = filled(block.text, stack).replace("$KEY", WRITE_KEY).replace("eyJ…", sign(SIGNERS[0]))
    for command in re.split(r"^curl ", text, flags=re.MULTILINE)[1:]:
        words = shlex.split(command, comments=True)
        address = next(word for word in words if word.startswith(stack.url))
        if SECRET_KEY in command:
            wait_for(partial(is_answered, address, words, re.findall(r"# (\d{3})$", command.strip())), command, 10)
        else:
            body = words[words.index("-d") + 1]
            assert stack.post(address.removeprefix(stack.url), body.encode())[0] == 200, command


def is_answered(address: str, words: list[str], status: list[str]) -> bool:
    """As the API does, once there is the user whom a block before this one has made."""
    given: dict[str, list[str]] = {"-X": ["GET"], "-d": [], "-H": [], "-u": []}
    for option, value in pairwise(words):
        given.setdefault(option, []).append(value)
    headers = dict(header.split(": ", 1) for header in given["-H"])
    key = given["-u"][0].rstrip(":") if given["-u"] else None
    answer = httpx.request(
        given["-X"][-1],
        address,
        content="".join(given["-d"]),
        headers=headers,
        auth=(key, "") if key else None,
        timeout=30,
    )
    return str(answer.status_code) in (status or ["200", "201"])


@pytest.mark.parametrize("block", blocks("sql"), ids=str)
def test_sql_is_answered_or_at_least_parsed(stack: Stack, block: Block) -> None:
    for statement in filter(None, map(str.strip, block.text.split(";\n"))):
        quoted = statement.replace("\\", r"\\").replace("'", r"\'")
        stack.query(statement if statement.startswith("SELECT") else f"SELECT formatQuery('{quoted}')")


@pytest.mark.parametrize(
    "block", [block for block in blocks("python") if block not in [*SIGNERS, *SERVER_SDKS]], ids=str
)
def test_python_runs_and_complains_of_nothing(stack: Stack, block: Block) -> None:
    assert run(sys.executable, "-c", filled(block.text, stack)) == ""


@pytest.mark.parametrize("block", blocks("js", "ts", "tsx"), ids=str)
def test_a_script_parses(block: Block) -> None:
    parse(block.text, block.language)


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_json_is_taken_as_an_event(stack: Stack, block: Block) -> None:
    text = block.text.replace("eyJ…", sign(SIGNERS[0]))
    assert stack.post("/v1/batch", f"[{text}]".encode()) == (200, {"success": True, "accepted": 1, "rejected": []})


@pytest.mark.parametrize("example", SIGNERS, ids=str)
def test_a_token_proves_the_user(stack: Stack, example: Block) -> None:
    identify = {"userId": "user_42", "traits": {"name": "Ada"}, "userToken": sign(example)}
    assert stack.post("/v1/identify", identify) == (200, {"success": True, "accepted": 1, "rejected": []})
    assert stack.post("/v1/user", {"userId": "user_42", "userToken": identify["userToken"]})[0] == 200


def test_the_function_for_react_native_delivers(stack: Stack) -> None:
    block = next(block for block in blocks("js") if "export async function send(" in block.text)
    event = '{ type: "screen", name: "React Native", messageId: "rn-1", anonymousId: "g-4f0e" }'
    said = run(
        "node",
        "--input-type=module",
        "--eval",
        f"{filled(block.text, stack)}\nconsole.log((await send([{event}])).status)",
    )
    assert said == "200"
    wait_for(lambda: stack.query("SELECT count() FROM ask0.events WHERE event = 'React Native'") == "1", "the screen")


@pytest.mark.parametrize("block", SERVER_SDKS, ids=str)
def test_the_lines_for_a_server_sdk_deliver(stack: Stack, block: Block) -> None:
    signed_up = "SELECT count() FROM ask0.events WHERE event = 'Signed Up'"
    before = int(stack.query(signed_up))
    evaluate = ("-c",) if block.language == "python" else ("--input-type=module", "--eval")
    program = sys.executable if block.language == "python" else "node"
    assert run(program, *evaluate, filled(block.text, stack)) == ""
    wait_for(lambda: int(stack.query(signed_up)) > before, "the event")


def test_the_lines_for_the_browser_sdks_deliver(stack: Stack) -> None:
    bundle = (str(ESBUILD), "--bundle", "--format=iife", "--log-level=error")
    with open_browser() as browser:
        for block in BROWSER_SDKS:
            source = f"{filled(block.text, stack)}\nanalytics.track('From {block}');"
            built = subprocess.run(bundle, input=source, cwd=SDKS, check=True, capture_output=True, text=True).stdout
            with serve_pages({"/sdk.js": ("text/javascript", built.encode()), "/": SDK_PAGE}) as site:
                browser.new_page().goto(site)
                count = f"SELECT count() FROM ask0.events WHERE event = 'From {block}'"
                wait_for(partial(stack.query, f"SELECT 1 WHERE ({count}) = 1"), f"the event of {block}")


def test_the_snippet_is_the_one_that_is_built() -> None:
    snippet: str = json.loads((STATIC / "manifest.json").read_text())["snippet"]
    shown = snippet.replace("__ASK0_HOST__", "https://ask0.example.com").replace("__ASK0_KEY__", "wk_…")
    assert f"<script>{shown}</script>\n" in (ROOT / "README.md").read_text()


def test_what_is_pasted_into_a_page_works_there(stack: Stack) -> None:
    """Each piece of HTML, and auto.js under each policy."""
    auto = f'<script async nonce="n" src="{stack.url}/auto.js" data-ask0="{WRITE_KEY}"></script>'
    pages = {f"/{block}": filled(block.text, stack) for block in blocks("html")}
    for block in blocks("http"):
        policy = filled(block.text, stack).partition(": ")[2].strip().replace("nonce-…", "nonce-n")
        pages[f"/{block}"] = f'<meta http-equiv="content-security-policy" content="{policy}">{auto}'
    served = {path: (BLANK[0], BLANK[1] + html.encode()) for path, html in pages.items()}
    with serve_pages(served) as site, open_browser() as browser:
        for path in pages:
            context = browser.new_context()
            context.add_init_script(VIOLATIONS)
            assert complaints(context.new_page(), site.rstrip("/") + path, f"From {path}") == [], path
            count = f"SELECT count() FROM ask0.events WHERE event = 'From {path}'"
            wait_for(partial(stack.query, f"SELECT 1 WHERE ({count}) = 1"), f"the event of {path}")
            context.close()


def complaints(page: Page, address: str, event: str) -> list[str]:
    """What the page throws, and writes to the console, while it loads all of the widget and sends this event."""
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.goto(address)
    page.wait_for_function("self.ask0 && 'dropped' in ask0")
    page.evaluate("event => { ask0.consent({ analytics: 'granted' }); ask0.track(event); ask0.flush(); }", event)
    page.evaluate("() => ask0.user()")
    return heard
