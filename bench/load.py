"""A load generator cheaper than what it measures: raw bytes over keep-alive connections, in a process of its own."""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import cast

import uvloop


class Connection(asyncio.Protocol):
    """Sends one request after the other, each when the answer to the last is whole."""

    def __init__(self, requests: Iterator[bytes], counts: dict[bytes, int], finished: asyncio.Future[None]) -> None:
        self.requests = requests
        self.counts = counts
        self.finished = finished
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass of it
        self.send()

    def send(self) -> None:
        request = next(self.requests, None)
        if request is None:
            self.transport.close()
        else:
            self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        start = self.buffer.lower().find(b"content-length:", 0, end)
        length = int(self.buffer[start + 15 : self.buffer.index(b"\r\n", start)]) if start >= 0 else 0
        if len(self.buffer) < end + 4 + length:
            return
        status = self.buffer[9:12]
        self.counts[status] = self.counts.get(status, 0) + 1
        self.buffer = b""
        self.send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.finished.done():
            self.finished.set_result(None)


def http_request(path: str, body: bytes, write_key: str) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\nX-Write-Key: {write_key}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def drive(port: int, requests: Iterator[bytes], connections: int) -> tuple[dict[str, int], float]:
    """Sends every request over `connections` connections; answers by status, and the seconds it took."""
    loop = asyncio.get_running_loop()
    counts: dict[bytes, int] = {}
    finished = [loop.create_future() for _ in range(connections)]
    started = time.perf_counter()
    for done in finished:
        await loop.create_connection(lambda done=done: Connection(requests, counts, done), "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.gather(*finished)
    return {status.decode(): count for status, count in counts.items()}, time.perf_counter() - started


def until(deadline: float, requests: list[bytes]) -> Iterator[bytes]:
    for request in cycle(requests):
        if time.perf_counter() > deadline:
            return
        yield request


def main() -> None:
    """python -m bench.load PORT REQUESTS_FILE [--seconds S] [--connections N]: a JSON line with counts and seconds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("requests", type=Path, help="JSON list of request texts")
    parser.add_argument("--seconds", type=float, default=0, help="repeat the requests for so long; 0: each once")
    parser.add_argument("--connections", type=int, default=64)
    options = parser.parse_args()
    requests = [text.encode("latin-1") for text in json.loads(options.requests.read_text())]
    stream = until(time.perf_counter() + options.seconds, requests) if options.seconds else iter(requests)
    counts, seconds = uvloop.run(drive(options.port, stream, options.connections))
    json.dump({"counts": counts, "seconds": seconds}, sys.stdout)


if __name__ == "__main__":
    main()
