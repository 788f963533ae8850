"""`python -m bench [gateway] [pipeline] [freshness] [memory]`: every bar of the product, as ratios within one run."""

import statistics
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from bench import freshness, pipeline
from bench.events import batch, single
from bench.stack import WRITE_KEY, ask0, load, server

ROUNDS = 5
SECONDS = 2.0
CONNECTIONS = 1, 64, 256


def gateway(table: Table) -> None:
    """Rates of a yardstick and of the gateway in turn, so that a drifting machine hits both."""
    singles = [single(n, 1, WRITE_KEY) for n in range(5_000)]
    batches = [batch(n * 100, 100, 2, WRITE_KEY) for n in range(100)]
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
    p50, p99 = freshness.measure(rate=2000, seconds=15)
    at_most(table, f"beacon to visible row at 2,000 events/s, p99 (p50 {p50:.2f} s)", p99, 0.5, "s")


def memory(table: Table) -> None:
    with ask0("serve") as stack:
        time.sleep(10)  # let start-up allocations settle: a figure, not a test
        at_most(table, "idle memory of `ask0 serve`", stack.resident_mb(), 400, "MB")


SECTIONS: dict[str, Callable[[Table], None]] = {
    "gateway": gateway,
    "pipeline": throughput,
    "freshness": latency,
    "memory": memory,
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
