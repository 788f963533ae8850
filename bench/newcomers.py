"""How long a first request on a new connection waits while others are busy: `python -m bench.newcomers`.

The busy connections come from a process of their own, and send one-event beacons without a pause. Each second some
newcomers connect at once and send a beacon each, timed from before they connect to the whole answer.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time

from bench.events import single
from bench.stack import WRITE_KEY, server

CONNECTIONS = 1_024
SECONDS = 20.0
AT_ONCE = 100  # newcomers, each second


def main() -> None:
    requests = [single(n, 0, WRITE_KEY) for n in range(2_000)]
    with tempfile.NamedTemporaryFile("w") as file, server("gateway") as port:
        json.dump([request.decode() for request in requests], file)
        file.flush()
        command = [sys.executable, "-m", "bench.load", str(port), file.name, "--seconds", str(SECONDS)]
        with subprocess.Popen([*command, "--connections", str(CONNECTIONS)], stdout=subprocess.PIPE) as busy:
            time.sleep(SECONDS / 4)  # until all are connected
            waits = asyncio.run(_newcomers(port, requests[0], time.perf_counter() + SECONDS / 2))
            answer = json.loads(busy.communicate()[0])
    rate = answer["counts"].get("200", 0) / answer["seconds"]
    waits.sort()
    print(f"{CONNECTIONS:,} busy connections: {rate:,.0f} beacons a second, answers {answer['counts']}")
    p50, p99 = _share(waits, 0.5), _share(waits, 0.99)
    print(f"{len(waits)} newcomers: p50 {p50:.0f} ms, p99 {p99:.0f} ms, longest {waits[-1]:.0f} ms")


async def _newcomers(port: int, request: bytes, end: float) -> list[float]:
    waits: list[float] = []
    while time.perf_counter() < end:
        started = time.perf_counter()
        waits += await asyncio.gather(*(_visit(port, request) for _ in range(AT_ONCE)))
        await asyncio.sleep(max(0, started + 1 - time.perf_counter()))
    return waits


async def _visit(port: int, request: bytes) -> float:
    """In milliseconds."""
    started = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    if not (await reader.read(65_536)).startswith(b"HTTP/1.1 200"):
        raise SystemExit("a newcomer was not answered 200")
    writer.close()
    return (time.perf_counter() - started) * 1000


def _share(ordered: list[float], share: float) -> float:
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


if __name__ == "__main__":
    main()
