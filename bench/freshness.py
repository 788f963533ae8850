"""From the moment a beacon is sent to the moment a SELECT from outside sees its row, under a steady load."""

import asyncio
import threading
import time

import uvloop

from bench.events import single
from bench.stack import WRITE_KEY, Stack, ask0

CONNECTIONS = 16


def measure(*, rate: int, seconds: float) -> tuple[float, float]:
    """p50 and p99 in seconds. One-event beacons, paced; visibility is sampled through ClickHouse's HTTP interface."""
    requests = [single(n, 3, WRITE_KEY) for n in range(int(rate * seconds))]
    sent = [0.0] * len(requests)
    seen: dict[int, float] = {}
    with ask0("serve") as stack:
        watcher = threading.Thread(target=_watch, args=(stack, len(requests), seen), daemon=True)
        watcher.start()
        uvloop.run(_send(stack.port, requests, sent, rate))
        watcher.join(60)
    if len(seen) < len(requests):
        raise SystemExit(f"{len(requests) - len(seen)} events were not visible 60 s after the last was sent")
    delays = sorted(seen[n] - sent[n] for n in range(len(requests)))
    return delays[len(delays) // 2], delays[int(len(delays) * 0.99)]


def _watch(stack: Stack, total: int, seen: dict[int, float]) -> None:
    """Notes when each number was first in the answer. `known` is the first number not yet seen."""
    known = 0
    while known < total:
        text = stack.query(f"SELECT properties.n::Int64 AS n FROM ask0.events WHERE n >= {known}")
        now = time.perf_counter()
        for line in text.split():
            seen.setdefault(int(line), now)
        while known in seen:
            known += 1
        time.sleep(0.01)


async def _send(port: int, requests: list[bytes], sent: list[float], rate: int) -> None:
    waiting = iter(range(len(requests)))
    started = time.perf_counter()

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for n in waiting:
            await asyncio.sleep(max(0.0, started + n / rate - time.perf_counter()))
            sent[n] = time.perf_counter()
            writer.write(requests[n])
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"a beacon was answered {head[:40]!r}")
            start = head.lower().index(b"content-length:") + 15
            await reader.readexactly(int(head[start : head.index(b"\r\n", start)]))
        writer.close()

    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
