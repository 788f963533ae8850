"""uvicorn as the gateway runs it: uvloop, httptools, bounded heads and reading times, errors in our own form."""

import asyncio
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.errors import BadRequest, GatewayError, RequestTimeout

MAX_HEAD_BYTES = 65_536
REQUEST_SECONDS = 30.0  # for a request to arrive, first byte to last
SHUTDOWN_SECONDS = 3  # for answers under way after SIGTERM


class JoinedWrites:
    """A transport that sends together what is written in one turn of the loop: uvicorn writes head and body of an
    answer apart, and for a short one the second system call would cost as much as all else."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._pieces:
            self._loop.call_soon(self._flush)
        self._pieces.append(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._pieces:
            self._transport.write(b"".join(self._pieces))
            self._pieces.clear()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class Protocol(HttpToolsProtocol):
    """Nothing a client sends, or does not send, holds memory or a connection for long."""

    head_bytes = 0
    whole = True  # whether no request is half here
    deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(JoinedWrites(transport, self.loop))  # type: ignore[arg-type]
        self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._clear_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.whole:
            if self.deadline is not None:
                self._clear_deadline()
            return
        if self.deadline is None:
            self._set_deadline()
        if self.head_bytes >= 0:
            self.head_bytes += len(data)
            if self.head_bytes > MAX_HEAD_BYTES:
                self._refuse(BadRequest("the head of a request has at most 64 KB", code="head_too_large"))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.whole = False
        self.head_bytes = 0

    def on_headers_complete(self) -> None:
        self.head_bytes = -1
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self.whole = True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(BadRequest("this is not HTTP", code="not_http"))

    def _set_deadline(self) -> None:
        self.deadline = self.loop.call_later(REQUEST_SECONDS, self._too_slow)

    def _clear_deadline(self) -> None:
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None

    def _too_slow(self) -> None:
        self._refuse(RequestTimeout(f"the request did not arrive within {REQUEST_SECONDS:g} s"))

    def _refuse(self, error: GatewayError) -> None:
        """Answer without the application, unless it has begun to, and close."""
        waiting = self.cycle is None or self.cycle.response_complete or not self.cycle.response_started
        if waiting and not self.transport.is_closing():
            self.transport.write(
                b"HTTP/1.1 %d \r\ncontent-type: application/json\r\ncontent-length: %d\r\n"
                b"access-control-allow-origin: *\r\nconnection: close\r\n\r\n%s"
                % (error.status, len(error.body), error.body)
            )
        self.transport.close()


def make_server(app: ASGIApp, *, host: str, port: int, **options: Any) -> uvicorn.Server:
    """`uvicorn.Server` with everything that matters pinned; `serve()` or `run()` it."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=Protocol,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        **options,
    )
    return uvicorn.Server(config)
