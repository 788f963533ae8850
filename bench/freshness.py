"""From the moment a beacon is sent to the moment a SELECT from outside sees its row, under a steady load."""

import threading
import time

from bench.events import batch, single
from bench.paced import drive
from bench.stack import WRITE_KEY, Stack, ask0


def measure(*, rate: int, seconds: float, size: int = 1) -> tuple[float, float]:
    """p50 and p99 in seconds. Beacons of so many events, paced; visibility is sampled through ClickHouse's HTTP
    interface."""
    total = int(rate * seconds)
    if size == 1:
        requests = [single(n, 3, WRITE_KEY) for n in range(total)]
    else:
        requests = [batch(first, size, 3, WRITE_KEY) for first in range(0, total, size)]
    sent = [0.0] * len(requests)
    seen: list[float] = []
    with ask0("serve", ASK0_MAX_WAIT_SECONDS="0") as stack:  # late is late, and not turned away
        watcher = threading.Thread(target=_watch, args=(stack, total, seen), daemon=True)
        watcher.start()
        drive(stack.port, requests, rate / size, sent)
        watcher.join(60)
    if len(seen) < total:
        raise SystemExit(f"{total - len(seen)} events were not visible 60 s after the last was sent")
    delays = sorted(seen[n] - sent[n // size] for n in range(total))
    return delays[len(delays) // 2], delays[int(len(delays) * 0.99)]


def _watch(stack: Stack, total: int, seen: list[float]) -> None:
    """Notes when so many rows were there first. Rows come in the order of the log, which is that of sending but for the
    few beacons that are under way together; to look each number up would take a core from what is measured."""
    while len(seen) < total:
        rows = int(stack.query("SELECT count() FROM ask0.events"))
        seen += [time.perf_counter()] * (rows - len(seen))
        time.sleep(0.01)
