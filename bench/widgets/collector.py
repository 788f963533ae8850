"""A collector that every widget takes for its own server, and the site that carries the widget."""

import base64
import gzip
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import unquote_plus


class Collector:
    """Takes events, or while it is `refusing` answers 503. Each event has a number, as the property `bench`."""

    def __init__(self, scripts: Mapping[str, bytes], tag: str) -> None:
        self.scripts = scripts
        self.tag = tag
        self.url = self.site = ""
        self.refusing = False
        self.taken: Counter[int] = Counter()  # how often each number got a 200
        self.requests = 0  # with events, refused ones too
        self.loaded: set[str] = set()  # of the scripts
        self.lock = Lock()

    @property
    def duplicates(self) -> int:
        return self.taken.total() - len(self.taken)

    def page(self) -> bytes:
        tag = self.tag.replace("COLLECTOR", self.url)
        return (
            '<!doctype html><meta charset="utf-8"><title>Site</title><h1>Site</h1>'
            f'{tag}<script type="module" src="{self.url}/entry.js"></script>'
        ).encode()

    def ask(self, path: str) -> tuple[int, str, bytes]:
        """(status, media type, body) of a GET."""
        with self.lock:
            if path in self.scripts:
                self.loaded.add(path)
                return 200, "text/javascript", self.scripts[path]
        if path == "/page":
            return 200, "text/html", self.page()
        settings = self.settings(path)
        return (200, "application/json", json.dumps(settings).encode()) if settings else (404, "text/plain", b"")

    def settings(self, path: str) -> dict[str, Any] | None:
        """What a widget asks for at load: to send everything here, and to load nothing else."""
        if path.startswith("/v1/projects/"):  # Segment
            destination = {"apiKey": "bench", "apiHost": f"{self.url.partition('//')[2]}/v1", "protocol": "http"}
            return {"integrations": {"Segment.io": destination}, "metrics": {"sampleRate": 0}}
        if path.rstrip("/") == "/sourceConfig":  # RudderStack
            source = {"id": "bench", "name": "bench", "workspaceId": "bench", "enabled": True, "config": {}}
            return {"source": {**source, "destinations": []}}
        if path.startswith("/array/"):  # PostHog
            return None if path.endswith(".js") else {"supportedCompression": ["gzip", "gzip-js"], "surveys": False}
        return None

    def take(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """(status, answer) of a POST."""
        found = list(numbers(decode(body)))
        with self.lock:
            self.requests += bool(found)
            if self.refusing:
                return 503, {}
            self.taken.update(found)
        return 200, answer(path, len(found))


def answer(path: str, events: int) -> dict[str, Any]:
    if path == "/v1/batch":  # Ask0
        return {"success": True, "accepted": events, "rejected": []}
    if path == "/track":  # OpenPanel
        return {"deviceId": "bench", "sessionId": "bench"}
    if path == "/api/send":  # Umami
        return {"cache": "bench", "sessionId": "bench"}
    if path.startswith("/flags"):  # PostHog
        return {"flags": {}, "featureFlags": {}, "errorsWhileComputingFlags": False}
    return {"success": True, "status": 1}


def decode(body: bytes) -> object:
    """The JSON of a body that may be compressed, or a form as old beacons are."""
    if body.startswith(b"\x1f\x8b"):
        body = gzip.decompress(body)
    if body.startswith(b"data="):
        body = base64.b64decode(unquote_plus(body[5:].decode().partition("&")[0]))
    try:
        return json.loads(body)
    except ValueError:
        return None


def numbers(value: object) -> Iterator[int]:
    """Of the events in a request, however its format nests them."""
    if isinstance(value, dict):
        if "bench" in value:
            yield int(value["bench"])
        value = list(value.values())
    if isinstance(value, list):
        for child in value:
            yield from numbers(child)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    collector: Collector

    def do_GET(self) -> None:
        self.reply(*self.collector.ask(self.path.partition("?")[0]))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        status, said = self.collector.take(self.path.partition("?")[0], body)
        self.reply(status, "application/json", json.dumps(said).encode())

    def do_OPTIONS(self) -> None:
        self.reply(204, "text/plain", b"")

    def reply(self, status: int, media_type: str, body: bytes) -> None:
        self.send_response(status)
        for name, value in {
            "access-control-allow-origin": self.headers.get("origin", "*"),
            "access-control-allow-credentials": "true",
            "access-control-allow-headers": self.headers.get("access-control-request-headers", "*"),
            "access-control-allow-methods": "GET, POST, OPTIONS",
            "access-control-max-age": "600",
            "cache-control": "no-store",
            "content-type": media_type,
            "content-length": str(len(body)),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A page that is left cuts its connections: nothing to report."""


@contextmanager
def open_collector(scripts: Mapping[str, bytes], tag: str) -> Iterator[Collector]:
    """On two ports, so that the site is of another origin than the collector."""
    collector = Collector(scripts, tag)
    handler = type("Bound", (Handler,), {"collector": collector})
    with Server(("127.0.0.1", 0), handler) as own, Server(("127.0.0.1", 0), handler) as site:
        collector.url = f"http://127.0.0.1:{own.server_port}"
        collector.site = f"http://127.0.0.1:{site.server_port}/page"
        for server in (own, site):
            Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield collector
        for server in (own, site):
            server.shutdown()
