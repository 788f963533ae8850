"""A server on a socket that answers beacons as a gateway does, or in the ways that gateways and networks fail."""

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Fault(NamedTuple):
    """What a request gets in place of an answer. With neither status nor raw bytes it hangs until the double closes."""

    status: int = 0
    headers: Mapping[str, str] = {}
    body: bytes = b""
    raw: bytes | None = None  # written as it is; then the connection ends


HANG = Fault()


class GatewayDouble:
    """`batches` holds what was accepted, `tries` all that came, with their time."""

    def __init__(self) -> None:
        self.url = ""
        self.batches: list[list[dict[str, Any]]] = []
        self.tries: list[tuple[float, list[dict[str, Any]]]] = []
        self.heads: list[Mapping[str, str]] = []
        self.refuses: Callable[[dict[str, Any]], bool] = lambda event: False
        self.fails_over: Callable[[dict[str, Any]], bool] = lambda event: False
        self.answers: dict[str, Any] = {}  # to what is no beacon
        self.closing = threading.Event()
        self._fault: Fault | None = None
        self._left = 0

    def fail(self, fault: Fault, times: int = 1_000_000) -> None:
        self._fault, self._left = fault, times

    def recover(self) -> None:
        self._fault = None

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for batch in self.batches for event in batch]

    def names(self) -> list[str]:
        return [event["event"] for event in self.events]

    def next_fault(self) -> Fault | None:
        if self._left == 0:
            self._fault = None
        self._left -= 1
        return self._fault

    def accept(self, events: list[dict[str, Any]]) -> tuple[int, Any]:
        self.batches.append([event for event in events if not self.refuses(event)])
        rejected = [
            {"index": index, "messageId": event["messageId"], "code": "invalid_id", "message": "no"}
            for index, event in enumerate(events)
            if self.refuses(event)
        ]
        if len(rejected) == len(events):
            return 400, {"code": "no_usable_event", "message": "no event is usable", "rejected": rejected}
        return 200, {"success": True, "accepted": len(events) - len(rejected), "rejected": rejected}


@contextmanager
def open_double() -> Iterator[GatewayDouble]:
    double = GatewayDouble()

    class Handler(_Handler):
        pass

    Handler.double = double
    with _Server(("127.0.0.1", 0), Handler) as server:
        double.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield double
        double.closing.set()
        server.shutdown()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients leave in the middle of things: that is what they are tested for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    double: GatewayDouble

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}"
        self._take(json.loads(gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body))

    do_GET = do_PUT = do_PATCH = do_POST

    def _take(self, said: dict[str, Any]) -> None:
        events = said.get("batch", [said])
        self.double.tries.append((time.monotonic(), events))
        self.double.heads.append(dict(self.headers.items()))
        fault = self.double.next_fault()
        if any(map(self.double.fails_over, events)):
            self._answer(500, {}, b'{"code":"internal_error","message":"ours"}')
        elif fault is None and self.double.answers and not self.path.endswith("/batch"):
            self._answer(200, {}, json.dumps(self.double.answers).encode())
        elif fault is None:
            status, answer = self.double.accept(events)
            self._answer(status, {}, json.dumps(answer).encode())
        elif fault.raw is not None:
            self.wfile.write(fault.raw)
            self.close_connection = True
        elif fault.status:
            self._answer(fault.status, fault.headers, fault.body)
        else:
            self.double.closing.wait(60)
            self.close_connection = True

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass
