"""Benchmarks with their bars, as a table: `python -m bench`, or with names of SECTIONS for some of them alone."""

import statistics
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from bench import api, console, erasure, freshness, identify, insights, pipeline, users
from bench.events import batch, single
from bench.stack import WRITE_KEY, WRITE_KEYS, ask0, load, server, wait_for
from bench.users import Measured

ROUNDS = 5
SECONDS = 2.0
CONNECTIONS = 1, 64, 256
USERS_BARS = {
    users.LIST: 100,
    users.LATE: 100,
    users.SEARCH: 150,
    users.PROFILE: 30,
    users.BEHAVIOUR: 1_000,
}  # ms
API_BARS = {api.ACCESS: 10, api.WRITE: 1_000, api.MOVE: 5_000, api.COUNT: 200, api.COUNTS: 500, api.BESIDE: 250}
CONSOLE_BARS = {console.FIRST: 300, console.LOADED: 1_000, console.SEARCH: 250}


def gateway(table: Table) -> None:
    """Rates of a yardstick and of the gateway in turn, so that a drifting machine hits both."""
    singles = [single(n, 1, WRITE_KEYS[n % len(WRITE_KEYS)]) for n in range(5_000)]
    batches = [batch(n * 100, 100, 2, WRITE_KEYS[n % len(WRITE_KEYS)]) for n in range(100)]
    with server("bare") as bare, server("decode") as decode, server("gateway") as ours:
        for connections in CONNECTIONS:
            name = f"one-event beacon, durable / bare ASGI 204, {connections} connections"
            compare(table, name, 0.5, bare, ours, Load(singles, 1, connections))
        name = "100-event batch, durable / read + orjson.loads, 64 connections"
        compare(table, name, 0.4, decode, ours, Load(batches, 100, 64))


class Load(NamedTuple):
    requests: list[bytes]
    events: int  # of each request
    connections: int


def compare(table: Table, name: str, bar: float, base: int, ours: int, asked: Load) -> None:
    def rate(port: int) -> float:
        count, seconds = load(port, asked.requests, seconds=SECONDS, connections=asked.connections)
        return count * asked.events / seconds

    rate(base), rate(ours)
    pairs = [(rate(ours), rate(base)) for _ in range(ROUNDS)]
    ratios = [mine / theirs for mine, theirs in pairs]
    row(
        table,
        name,
        bar,
        statistics.median(ratios),
        [f"{statistics.median(column):,.0f}/s" for column in zip(*pairs, strict=True)],
    )


def row(table: Table, name: str, bar: float, ratio: float, figures: list[str]) -> None:
    table.add_row(name, *figures, f"{ratio:.2f}", f"≥ {bar}", "met" if ratio >= bar else f"missed by {bar - ratio:.2f}")


def at_most(table: Table, name: str, value: float, limit: float, unit: str) -> None:
    verdict = "met" if value <= limit else f"missed by {value - limit:.1f} {unit}"
    table.add_row(name, f"{value:,.1f} {unit}", "", "", f"≤ {limit:g} {unit}", verdict)


def throughput(table: Table) -> None:
    ours, raw = pipeline.measure()
    row(table, "end to end, one process / raw columnar inserts", 0.45, ours / raw, [f"{ours:,.0f}/s", f"{raw:,.0f}/s"])


def latency(table: Table) -> None:
    for rate, size, limit in ((2_000, 1, 0.5), (10_000, 10, 1.0)):
        p50, p99 = freshness.measure(rate=rate, seconds=15, size=size)
        name = f"beacon of {size} to visible rows at {rate:,} events/s, p99 (p50 {p50:.2f} s)"
        at_most(table, name, p99, limit, "s")


def known_users(table: Table) -> None:
    rate = identify.measure()
    name = f"identify of known users, {identify.USERS:,} users present"
    table.add_row(name, f"{rate:,.0f}/s", "", "", "≥ 20,000/s", "met" if rate >= 20_000 else "missed")


def memory(table: Table) -> None:
    with ask0("serve") as stack:
        time.sleep(10)  # let start-up allocations settle: a figure, not a test
        at_most(table, "idle memory of `ask0 serve`", stack.resident_mb(), 400, "MB")
    events = pipeline.EVENTS
    with ask0("serve", ASK0_MAX_WAIT_SECONDS="0") as stack:
        load(stack.port, [batch(first, 100, 4, WRITE_KEY) for first in range(0, events, 100)], connections=16)
        wait_for(lambda: int(stack.query("SELECT count() FROM ask0.events")) >= events, "every event", timeout=300)
        at_most(table, f"memory after {events:,} events at full speed", stack.resident_mb(), 700, "MB")


def users_api(table: Table) -> None:
    """Medians, but for the first, which has a bar for its 95th percentile too."""
    with users.filled() as warehouse:
        for each in users.measure(warehouse):
            limit = USERS_BARS.get(each.name, 0)
            if limit:
                at_most(table, f"{each.name}, p50", each.p50, limit, "ms")
            else:
                table.add_row(f"{each.name}, p50", f"{each.p50:,.1f} ms", "", "", "", "")
            if each.name == users.LIST:
                at_most(table, f"{each.name}, p95", each.p95, 200, "ms")


def api_calls(table: Table) -> None:
    for each in api.measure():
        at_most(table, f"{each.name}, p99", each.p99, API_BARS[each.name], "ms")
        table.add_row(f"{each.name}, p50 · p95", f"{each.p50:,.1f} ms", f"{each.p95:,.1f} ms", "", "", "")


def live_segments(table: Table) -> None:
    """A quarter more for each event is four fifths of the events."""
    ours, without = api.live_segments()
    row(table, f"{api.SEGMENTS} live segments / none", 0.8, ours / without, [f"{ours:,.0f}/s", f"{without:,.0f}/s"])


def project_insights(table: Table) -> None:
    for each in insights.measure():
        if each.name == insights.ASKED:
            at_most(table, f"{each.name}, p95", each.p95, 500, "ms")
        else:
            table.add_row(f"{each.name}, found anew, p50", f"{each.p50:,.0f} ms", "", "", "", "")


def erasing(table: Table) -> None:
    found = erasure.measure()
    at_most(table, erasure.TIME, found.seconds, 60, "s")
    at_most(table, f"{found.writes.name}, p99", found.writes.p99, 2_000, "ms")


def list_of_users(table: Table) -> None:
    for each in console.measure():
        if isinstance(each, Measured):
            at_most(table, f"{each.name}, p50", each.p50, CONSOLE_BARS[each.name], "ms")
        else:
            at_most(table, f"{each.frames.name}, p95", each.frames.p95, 50, "ms")
            at_most(table, f"{each.stalls.name}, the longest", max(each.stalls.seconds) * 1000, 300, "ms")
            at_most(table, "console: rows in the page after that", each.rows_in_page, 60, "rows")


SECTIONS: dict[str, Callable[[Table], None]] = {
    "gateway": gateway,
    "pipeline": throughput,
    "freshness": latency,
    "identify": known_users,
    "memory": memory,
    "users": users_api,
    "api": api_calls,
    "segments": live_segments,
    "insights": project_insights,
    "erasure": erasing,
    "console": list_of_users,
}


def main() -> None:
    chosen = sys.argv[1:] or list(SECTIONS)
    unknown = set(chosen) - set(SECTIONS)
    if unknown:
        raise SystemExit(f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    table = Table("what", "ours", "yardstick", "ratio", "bar", "verdict", title="ask0 bench")
    for name in chosen:
        SECTIONS[name](table)
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
