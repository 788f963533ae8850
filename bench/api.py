"""The users API of a running `ask0 serve`: access, writes, lists beside events; and what live segments take."""

import base64
import json
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ask0.warehouse.connect import Warehouse
from bench import users
from bench.events import batch, single
from bench.paced import drive
from bench.pipeline import EVENTS
from bench.stack import SECRET_KEY, WRITE_KEY, Stack, ask0, load, wait_for
from bench.users import Measured

BASIC = base64.b64encode(f"{SECRET_KEY}:".encode()).decode()
BASE = "/v1/projects/-"

ACCESS = "access at 500/s"
WRITE = "a write until everyone reads it, at 20/s"
MOVE = "a change until its user is in the segment, 50 live ones, beside 2,000 events/s"
COUNT = "count of a live segment of a million users"
COUNTS = "ten such counts at once, the last of them"
BESIDE = "list, plan and spend, beside 2,000 events/s"
SEGMENTS = 50
MOVERS = 150
WARM = 20_000  # events, before anything is measured


def measure() -> Iterator[Measured]:
    with ask0("serve") as stack:
        known = [put(f"user_{number}", {"plan": "pro"}) for number in range(200)]
        yield Measured(WRITE, drive(stack.port, known, 20))
        asked = [get(f"/access?user=user_{number % 200}") for number in range(5_000)]
        yield Measured(ACCESS, drive(stack.port, asked, 500))
    yield _moves()
    with a_million_users() as stack:
        yield from _counts(stack)
        yield _lists_beside_events(stack)


@contextmanager
def a_million_users() -> Iterator[Stack]:
    """Of the project of the keys."""
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), "-m", "ask0.cli.main", "serve") as stack:
        project = call(stack, "GET", "/me")["project"]
        stack.stop()
        with Warehouse(f"chdb://{Path(folder) / 'clickhouse'}") as warehouse:
            users.fill(warehouse, project)
            # A table that has stood for a day has no merges left of a million rows a second.
            wait_for(lambda: warehouse.query("SELECT count() FROM system.merges") == [(0,)], "the merges", timeout=300)
        stack.start()
        yield stack


def _counts(stack: Stack) -> Iterator[Measured]:
    """Of a segment that is kept."""
    made = call(stack, "POST", "/segments", {"name": "Spenders", "conditions": users.SPENDERS})
    wait_for(partial(_is_settled, stack, made["id"]), "its members")
    count = get(f"/segments/{made['id']}/count")
    yield Measured(COUNT, [drive(stack.port, [count], 1)[0] for _ in range(40)])
    yield Measured(COUNTS, [max(drive(stack.port, [count] * 10, 1_000_000)) for _ in range(10)])


def _lists_beside_events(stack: Stack) -> Measured:
    filter = quote(json.dumps(users.SPENDERS))
    asked = [get(f"/users?filter={filter}&sort=-lastActiveAt&limit=30") for _ in range(100)]
    events = [single(n, 6, WRITE_KEY) for n in range(60_000)]
    sender = threading.Thread(target=drive, args=(stack.port, events, 2_000))
    sender.start()
    took = drive(stack.port, asked, 4)
    sender.join()
    return Measured(BESIDE, took)


def live_segments() -> tuple[float, float]:
    """Events a second that one process takes in and shows: with so many live segments, and without."""
    return _pipeline(SEGMENTS), _pipeline(0)


def _moves() -> Measured:
    """Of users whom a change brings into a segment, until the row says so, beside 2,000 events/s."""
    events = [single(n, 8, WRITE_KEY) for n in range(WARM + 40_000)]
    changes = [put(f"mover_{number}", {"traits": {"seats": 99}}) for number in range(MOVERS)]
    sent, seen = [0.0] * MOVERS, list[float]()
    with ask0("serve") as stack:
        load(stack.port, events[:WARM], connections=16)
        _wait_for_events(stack, WARM)
        for number in range(SEGMENTS):
            made = call(stack, "POST", "/segments", {"name": f"Segment {number}", "filter": _filter(number)})
            wait_for(partial(_is_settled, stack, made["id"]), "its members")
        beside = threading.Thread(target=drive, args=(stack.port, events[WARM:], 2_000))
        beside.start()
        changing = threading.Thread(target=drive, args=(stack.port, changes, 10, sent))
        changing.start()
        while len(seen) < MOVERS:
            rows = int(stack.query("SELECT uniqExact(user_id) FROM ask0.segment_members WHERE user_id LIKE 'mover%'"))
            seen += [time.perf_counter()] * (rows - len(seen))
            time.sleep(0.05)
        changing.join()
        beside.join()
    return Measured(MOVE, [after - before for before, after in zip(sent, sorted(seen), strict=True)])


def _pipeline(segments: int) -> float:
    """Of known users, as segments have had their members before."""
    requests = [batch(first, 100, 7, WRITE_KEY) for first in range(0, WARM + EVENTS, 100)]
    with ask0("serve", ASK0_MAX_WAIT_SECONDS="0") as stack:
        load(stack.port, requests[: WARM // 100], connections=16)
        _wait_for_events(stack, WARM)
        for number in range(segments):
            made = call(stack, "POST", "/segments", {"name": f"Segment {number}", "filter": _filter(number)})
            wait_for(partial(_is_settled, stack, made["id"]), "its members")
        started = time.perf_counter()
        load(stack.port, requests[WARM // 100 :], connections=16)
        _wait_for_events(stack, WARM + EVENTS)
        return EVENTS / (time.perf_counter() - started)


def _wait_for_events(stack: Stack, events: int) -> None:
    counted = "SELECT count() FROM ask0.events WHERE type != 'segment'"
    wait_for(lambda: int(stack.query(counted)) >= events, "every event", timeout=300)


def _is_settled(stack: Stack, segment: str) -> bool:
    return call(stack, "GET", f"/segments/{segment}/history?days=1")["history"][0]["size"] is not None


def _filter(number: int) -> Any:
    """Of the kinds that people make."""
    kinds = (
        {"all": [{"trait": "questions", "op": "gte", "value": 10 + number}]},
        {"all": [{"trait": "lastActiveAt", "op": "inLast", "value": f"{number + 1}d"}]},
        {"any": [{"trait": "plan", "op": "is", "value": "pro"}, {"tag": f"tag {number}"}]},
        {"all": [{"trait": "traits.seats", "op": "gt", "value": number}, {"status": "Active"}]},
        {"did": "Plan Opened", "times": {"atLeast": number}, "when": {"last": "30d"}},
    )
    return kinds[number % len(kinds)]


def call(stack: Stack, method: str, path: str, body: Any = None) -> Any:
    headers = {"authorization": f"Basic {BASIC}", "content-type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(stack.url + BASE + path, data, headers, method=method)
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return json.load(answer)


def get(path: str) -> bytes:
    return request("GET", path, b"")


def put(id: str, body: Any) -> bytes:
    return request("PUT", f"/users/{id}", json.dumps(body).encode())


def request(method: str, path: str, body: bytes) -> bytes:
    head = f"{method} {BASE}{path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Basic {BASIC}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
