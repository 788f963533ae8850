"""uvicorn as the gateway runs it: uvloop, httptools, bounded heads and reading times, errors in our own form."""

import asyncio
import socket
from functools import partial
from typing import Any, ClassVar

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from ask0.gateway.connections import Connections, Listener
from ask0.gateway.errors import BadRequest, GatewayError, RequestTimeout
from ask0.gateway.responses import ENDING, WHOLE, Headers

MAX_HEAD_BYTES = 65_536
REQUEST_SECONDS = 30.0  # for a request to arrive, first byte to last
BACKLOG = 2048  # who may wait to be accepted
SHUTDOWN_SECONDS = 3  # for answers under way after SIGTERM


class Protocol(HttpToolsProtocol):
    """Nothing a client sends, or does not send, holds memory or a connection for long."""

    everyone: Connections  # of a server's own subclass
    ending: dict[object, object]  # likewise
    address = ""
    head_bytes = 0
    whole = True  # whether no request is half here
    unhurried = False  # whether whoever reads the body looks at how long it takes
    deadline: asyncio.TimerHandle | None = None
    answered_at: float | None = None  # by the loop's clock, since nothing has come

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.everyone.add(self, self.address)
        self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self.everyone.remove(self)
        self._clear_deadline()
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
        super().connection_lost(exc)

    @property
    def idle_since(self) -> float | None:
        """By the loop's clock; None while a request is here. Half a head counts as idle: it may never become whole."""
        if self.cycle is not None and not self.cycle.response_complete:
            return None
        if self.deadline is not None:
            return self.deadline.when() - REQUEST_SECONDS
        return self.answered_at

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.whole:
            if self.deadline is not None:
                self._clear_deadline()
            return
        if self.deadline is None and not self.unhurried:
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
        whole: dict[object, object] = {"send": partial(_send_whole, self.cycle), "unhurried": self.set_unhurried}
        self.scope["extensions"] = {WHOLE: whole, ENDING: self.ending}

    def set_unhurried(self, unhurried: bool) -> None:
        """From now on, until it is set back, the body that arrives may take as long as its reader lets it."""
        self.unhurried = unhurried
        self._clear_deadline()
        if not (unhurried or self.whole or self.transport.is_closing()):
            self._set_deadline()

    def on_message_complete(self) -> None:
        self.whole = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """One timer for all of a connection's answers: a new one for each took a twentieth of a beacon's time."""
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        self.answered_at = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._close_when_idle_for(self.timeout_keep_alive)

    def timeout_keep_alive_handler(self) -> None:
        self.timeout_keep_alive_task = None
        if self.answered_at is None:
            return
        left = self.answered_at + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._close_when_idle_for(left)
        else:
            super().timeout_keep_alive_handler()

    def _close_when_idle_for(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _unset_keepalive_if_required(self) -> None:
        self.answered_at = None

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


def _send_whole(cycle: RequestResponseCycle, status: int, headers: Headers, body: bytes) -> None:
    """What two messages to `send` do, for a third of their time: one write, and no look for bad headers."""
    if cycle.disconnected:
        return
    cycle.response_started = cycle.response_complete = True
    pieces = [STATUS_LINE[status]]
    for name, value in (*cycle.default_headers, *headers):
        pieces += (name, b": ", value, b"\r\n")
    pieces += (b"\r\n", body) if cycle.keep_alive else (b"connection: close\r\n\r\n", body)
    cycle.transport.write(b"".join(pieces))
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()


class Server(uvicorn.Server):
    """`uvicorn.Server` on sockets that are bound already, which it reads with a Listener of ours."""

    def __init__(self, config: uvicorn.Config, connections: Connections, protocol: type[Protocol]) -> None:
        super().__init__(config)
        self._connections = connections
        self._protocol = protocol

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=[])
        self.started = False
        for sock in sockets or []:
            sock.listen(BACKLOG)

            def connect(address: str) -> asyncio.Protocol:
                protocol = self._protocol(
                    config=self.config, server_state=self.server_state, app_state=self.lifespan.state
                )
                protocol.address = address
                return protocol

            self.servers.append(Listener(sock, connect, self._connections))  # type: ignore[arg-type]
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._connections.are_ending = True
        await super().shutdown(sockets)


def make_server(app: ASGIApp, connections: Connections, protocol: type[Protocol] = Protocol, **options: Any) -> Server:
    """With everything that matters pinned; `serve()` or `run()` it with bound sockets."""

    class Connected(protocol):  # type: ignore[valid-type,misc]
        everyone = connections
        ending: ClassVar = {"connections": connections}

    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=Connected,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        **options,
    )
    return Server(config, connections, Connected)
