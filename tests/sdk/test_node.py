"""The Node SDK against a running Ask0: what it says is stored once, what it asks is answered."""

import subprocess
import time
from collections.abc import Iterator
from os import environ
from pathlib import Path
from uuid import uuid4

import pytest

from bench.stack import Stack, wait_for
from tests.gate import Gate

SDK = Path(__file__).parent.parent.parent / "sdk" / "node"
SECRET_KEY = "sk_000000000000000000000000000000000000test"
EVENTS = 3_000  # more than one request holds


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Its project is the one that the documentation names."""
    settings = {"ASK0_BOOTSTRAP_PROJECT": "proj_123", "ASK0_BOOTSTRAP_SECRET_KEY": SECRET_KEY}
    with Stack(tmp_path_factory.mktemp("data"), **settings) as running:
        yield running


@pytest.fixture
def user() -> str:
    """Of one test, by whom its events are told apart."""
    return f"run-{uuid4().hex[:12]}"


def node(*command: str, **settings: str) -> "subprocess.Popen[str]":
    assert (SDK / "dist" / "esm" / "index.js").exists(), "the SDK is not built: npm test --prefix sdk/node"
    return subprocess.Popen(
        ["node", *command],
        cwd=SDK,
        env={**environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def end(process: "subprocess.Popen[str]") -> None:
    """Waits until it has ended well."""
    try:
        said, _ = process.communicate(timeout=120)
    except BaseException:
        process.kill()
        process.communicate()
        raise
    assert process.returncode == 0, said


def test_the_calls_of_the_documentation_and_their_refusals(stack: Stack) -> None:
    end(node("--test", "test/live/gateway.test.js", ASK0_HOST=stack.url, ASK0_SECRET_KEY=SECRET_KEY))
    library = "SELECT DISTINCT context.library.name FROM ask0.events"
    assert stack.query(library) == "@ask0/node"
    assert stack.query("SELECT count() FROM ask0.events WHERE event = 'Feature Used' AND user_id = 'user_123'") == "1"
    feature = "SELECT properties.feature, properties.success FROM ask0.events WHERE event = 'Feature Used'"
    assert stack.query(feature) == "API Integration\ttrue"
    assert stack.query("SELECT properties.page FROM ask0.events WHERE event = 'Page Viewed'") == "/docs"
    assert stack.query("SELECT name FROM ask0.users WHERE id = 'properties'") != ""


def test_the_users_api(stack: Stack) -> None:
    end(node("--test", "test/live/users.test.js", ASK0_HOST=stack.url, ASK0_SECRET_KEY=SECRET_KEY))


def arrived(stack: Stack, user: str) -> str:
    """How many events, ids of theirs, and numbers n."""
    return stack.query(
        "SELECT count(), uniqExact(message_id), uniqExact(properties.n.:Int64) FROM ask0.events"
        f" WHERE user_id = '{user}'"
    )


@pytest.mark.parametrize("trouble", ["503", "429", "cut", "drop", "413"])
def test_every_event_arrives_once_through_trouble(stack: Stack, gate: Gate, user: str, trouble: str) -> None:
    troubles = {
        "503": lambda: gate.refuse(503, times=3),
        "429": lambda: gate.refuse(429, {"Retry-After": "1"}, times=1),
        "cut": lambda: gate.cut(times=2),
        "drop": lambda: gate.drop(times=2),
        "413": lambda: gate.refuse(413, over=5_000),
    }
    troubles[trouble]()
    end(node("test/live/calls.js", gate.url, SECRET_KEY, user, str(EVENTS)))
    assert gate.refused >= 1
    expected = "\t".join([str(EVENTS)] * 3)
    wait_for(lambda: arrived(stack, user) == expected, f"{EVENTS} events of {user}")
    stack.post("/v1/track", {"event": "After", "userId": f"after-{user}"})
    wait_for(lambda: stack.query(f"SELECT 1 FROM ask0.events WHERE user_id = 'after-{user}'") == "1", "the sentinel")
    assert arrived(stack, user) == expected
    if trouble == "429":
        first, second = gate.beacons[:2]
        assert second.at - first.at > 0.99


def test_every_event_arrives_once_though_the_server_is_killed(stack: Stack, user: str) -> None:
    calls = node("test/live/calls.js", stack.url, SECRET_KEY, user, str(EVENTS))
    stack.kill()
    time.sleep(1)
    stack.start()
    end(calls)
    expected = "\t".join([str(EVENTS)] * 3)
    wait_for(lambda: arrived(stack, user) == expected, f"{EVENTS} events of {user}")
