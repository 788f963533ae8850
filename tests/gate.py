"""A gate between a client and the gateway that fails in the ways a network and an overloaded server do."""

import http.client
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Literal, NamedTuple

CORS = {"access-control-allow-origin": "*", "access-control-expose-headers": "Retry-After"}
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "server", "date"}


class Fault(NamedTuple):
    """`status` is what a refused client is told; without one the connection ends and the client hears nothing."""

    status: int = 0
    headers: Mapping[str, str] = {}
    passed_on: bool = False  # whether the gateway gets the request all the same
    over: int = -1  # met only by bodies of more bytes


class Seen(NamedTuple):
    """A request that came to the gate, and the status its client got: 0 where the connection was cut."""

    method: Literal["GET", "POST", "OPTIONS"]
    path: str
    body: bytes
    status: int
    at: float  # time.monotonic()


class Gate:
    """Passes everything on to the gateway at `port`; while a fault is on, POSTs of beacons meet it.

    A fault stays until `open()`, or for the first `times` beacons. `seen` holds every request in the order answered.
    """

    def __init__(self, port: int) -> None:
        self.gateway_port = port
        self.url = ""
        self.seen: list[Seen] = []
        self._lock = Lock()
        self._fault: Fault | None = None
        self._left: int | None = None

    def refuse(
        self, status: int, headers: Mapping[str, str] | None = None, times: int | None = None, over: int = -1
    ) -> None:
        """Answer this status, to bodies of more bytes than `over`; the gateway hears nothing."""
        self._set(Fault(status, headers or {}, over=over), times)

    def drop(self, times: int | None = None) -> None:
        """Take the whole request and end the connection; the gateway hears nothing."""
        self._set(Fault(), times)

    def cut(self, times: int | None = None) -> None:
        """Let the gateway take the request, and end the connection in place of its answer: the events are durable,
        and the client cannot know it."""
        self._set(Fault(passed_on=True), times)

    def open(self) -> None:
        self._set(None, None)

    @property
    def beacons(self) -> list[Seen]:
        return [seen for seen in self.seen if is_beacon(seen.method, seen.path)]

    @property
    def refused(self) -> int:
        """How many beacons met a fault."""
        return sum(seen.status != 200 for seen in self.beacons)

    def next_fault(self, size: int) -> Fault | None:
        """What a beacon of this many bytes meets."""
        with self._lock:
            if self._left == 0:
                self._fault = self._left = None
            if self._fault is None or size <= self._fault.over:
                return None
            if self._left is not None:
                self._left -= 1
            return self._fault

    def _set(self, fault: Fault | None, times: int | None) -> None:
        with self._lock:
            self._fault, self._left = fault, times


def is_beacon(method: str, path: str) -> bool:
    return method == "POST" and path.partition("?")[0].rstrip("/").rpartition("/")[2] not in ("m", "rsaMetrics", "user")


@contextmanager
def open_gate(port: int) -> Iterator[Gate]:
    """A gate in front of the gateway at `port`, on a port of its own."""
    gate = Gate(port)

    class Handler(_Handler):
        pass

    Handler.gate = gate
    with _Server(("127.0.0.1", 0), Handler) as server:
        gate.url = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()  # s until it sees a shutdown
        yield gate
        server.shutdown()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Browsers leave in the middle of things: that is what they are tested for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    gate: Gate

    def do_GET(self) -> None:
        self._handle()

    do_POST = do_OPTIONS = do_GET

    def _handle(self) -> None:
        body = self._read()
        fault = self.gate.next_fault(len(body)) if is_beacon(self.command, self.path) else None
        if fault is None:
            self._answer(body, *self._ask(body))
        elif fault.status:
            self._answer(body, fault.status, {**CORS, **fault.headers}, b'{"code":"refused","message":"by the gate"}')
        else:
            if fault.passed_on:
                self._ask(body)
            self._note(body, 0)
            self.close_connection = True

    def _read(self) -> bytes:
        if "chunked" in self.headers.get("transfer-encoding", ""):
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def _ask(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.gate.gateway_port, timeout=30)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
            connection.request(self.command, self.path, body, {**headers, "content-length": str(len(body))})
            answer = connection.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP}
            return answer.status, kept, answer.read()
        finally:
            connection.close()

    def _answer(self, sent: bytes, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self._note(sent, status)
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _note(self, body: bytes, status: int) -> None:
        self.gate.seen.append(Seen(self.command, self.path, body, status, time.monotonic()))  # type: ignore[arg-type]

    def log_message(self, format: str, *args: object) -> None:
        pass
