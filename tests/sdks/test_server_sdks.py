"""Server-side SDKs, unchanged: every event of theirs is stored once, whatever happens on the way."""

import gzip
import json
import time
from collections.abc import Callable
from typing import NamedTuple
from uuid import uuid4

import pytest

from bench.stack import Stack, wait_for
from tests.gate import Gate, Seen
from tests.sdks.server_sdks import SDKS, Sdk, calling

TRACKS = 250  # three batches of 100, the largest any of them makes unless told
OTHERS = 6  # identify, group, page, screen, a track of the guest, alias
RETRY_AFTER = 1


class Trouble(NamedTuple):
    start: Callable[[Gate], None]
    refusals: int  # beacons that meet it before it is over
    says_when: bool = False  # whether it says when to try again


TROUBLES = {
    "a 503 period": Trouble(lambda gate: gate.refuse(503), 3),
    "a 429 with Retry-After": Trouble(lambda gate: gate.refuse(429, {"Retry-After": str(RETRY_AFTER)}), 1, True),
    "a connection cut after the body": Trouble(lambda gate: gate.cut(), 1),
}


@pytest.fixture
def run() -> str:
    """The user of one test, by whom its events are told apart: one stack serves all."""
    return f"run-{uuid4().hex[:12]}"


def ids(beacon: Seen) -> set[str]:
    body = gzip.decompress(beacon.body) if beacon.body.startswith(b"\x1f\x8b") else beacon.body
    return {event["messageId"] for event in json.loads(body)["batch"]}


def arrived(stack: Stack, run: str) -> str:
    """How many events, ids of theirs, and numbers n, which identify and alias have not."""
    return stack.query(
        "SELECT count(), uniqExact(message_id), uniqExact(properties.n.:Int64) FROM ask0.events"
        f" WHERE user_id = '{run}'"
    )


def wait_until_arrived(stack: Stack, run: str, tracks: int) -> None:
    """The guest's event too, since alias has made it the user's. A later event is the sign that whatever could come has
    come."""
    count = tracks + OTHERS
    expected = f"{count}\t{count}\t{count - 2}"
    wait_for(lambda: arrived(stack, run) == expected, f"{count} events of {run}")
    stack.post("/v1/track", {"event": "After", "userId": f"after-{run}"})
    sentinel = f"SELECT count() FROM ask0.events WHERE sent_user_id = 'after-{run}'"
    wait_for(lambda: stack.query(sentinel) == "1", "the sentinel")
    assert arrived(stack, run) == expected


def is_quiet(gate: Gate) -> bool:
    """Whether all that was under way at a refusal has been refused too. An SDK that has one of them accepted takes the
    limit as lifted, and would not wait out the rest of it."""
    return time.monotonic() - gate.beacons[-1].at > RETRY_AFTER / 2


@pytest.mark.parametrize("sdk", SDKS.values(), ids=SDKS)
def test_every_call_lands_where_it_belongs(stack: Stack, gate: Gate, run: str, sdk: Sdk) -> None:
    with calling(sdk, gate.url, run, TRACKS):
        pass
    wait_until_arrived(stack, run, TRACKS)
    assert gate.refused == 0
    events = stack.query(
        "SELECT type, event, group_id, properties.category, properties.path, properties.dark, properties.industry,"
        f" properties.email FROM ask0.events WHERE sent_user_id = '{run}' AND type != 'track' ORDER BY type"
    )
    no = r"\N"
    assert [line.split("\t") for line in events.splitlines()] == [
        ["alias", "", "", no, no, no, no, no],
        ["group", "", "acme", no, no, no, "tools", no],
        ["identify", "", "", no, no, no, no, f"{run}@example.com"],
        ["page", "Install", "", "Docs", "/install", no, no, no],
        ["screen", "Home", "", "App", no, "true", no, no],
    ]
    assert stack.query(f"SELECT email, plan, traits.seats, anonymous_ids FROM ask0.users WHERE id = '{run}'") == (
        f"{run}@example.com\tpro\t3\t['{run}-before']"
    )
    assert stack.query(f"SELECT user_id FROM ask0.conversations WHERE id = '{run}-talk'") == run
    assert stack.query(
        f"SELECT DISTINCT context.library.name, context.library.version FROM ask0.events WHERE user_id = '{run}'"
    ) == "\t".join(sdk.library)


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
@pytest.mark.parametrize("sdk", SDKS.values(), ids=SDKS)
def test_every_event_arrives_once_through(stack: Stack, gate: Gate, run: str, sdk: Sdk, trouble: Trouble) -> None:
    waits = trouble.says_when and sdk.keeps_retry_after
    trouble.start(gate)
    with calling(sdk, gate.url, run, TRACKS):
        wait_for(
            lambda: gate.refused >= trouble.refusals and (not waits or is_quiet(gate)), f"{trouble.refusals} refusals"
        )
        gate.open()
    wait_until_arrived(stack, run, TRACKS)
    taken = {message_id: beacon for beacon in gate.beacons if beacon.status == 200 for message_id in ids(beacon)}
    assert len(taken) == TRACKS + OTHERS
    if waits:
        first = gate.beacons[0]  # an SDK holds all back from the first refusal on
        assert all(taken[message_id].at - first.at > RETRY_AFTER - 0.01 for message_id in ids(first))


def test_ten_thousand_events_arrive_once(stack: Stack, run: str) -> None:
    with calling(SDKS["segment-analytics-python 2.4.0"], stack.url, run, 10_000):
        pass
    wait_until_arrived(stack, run, 10_000)
