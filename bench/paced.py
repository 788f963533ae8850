"""Requests at a steady rate, each counted from when it was to be sent: a server that stalls is not let off."""

import asyncio
import time
from collections.abc import Sequence

import uvloop

CONNECTIONS = 16


def drive(port: int, requests: Sequence[bytes], rate: float, sent: list[float] | None = None) -> list[float]:
    """Seconds until each was answered, in the order of the requests. `sent` is filled with when each went out, by
    time.perf_counter; it has one place for each."""
    return uvloop.run(_drive(port, requests, rate, sent if sent is not None else [0.0] * len(requests)))


async def _drive(port: int, requests: Sequence[bytes], rate: float, sent: list[float]) -> list[float]:
    took = [0.0] * len(requests)
    waiting = iter(range(len(requests)))
    started = time.perf_counter()

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for n in waiting:
            due = started + n / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            sent[n] = time.perf_counter()
            writer.write(requests[n])
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 2"):
                raise SystemExit(f"a request was answered {head[:40]!r}")
            start = head.lower().index(b"content-length:") + 15
            await reader.readexactly(int(head[start : head.index(b"\r\n", start)]))
            took[n] = time.perf_counter() - due
        writer.close()

    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    return took
