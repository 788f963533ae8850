"""The lane: a plain beacon goes from the parser to the log, and its answer back, without a task, a scope or messages.

Only for speed. Without this module every beacon goes through `Gateway` and is answered the same, and so is each that
is not plain, has not come in one piece or cannot be accepted.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from ask0.eventlog.log import LogUnavailable
from ask0.gateway.answers import error_answer
from ask0.gateway.dispatch import Gateway, check_head
from ask0.gateway.errors import GatewayError
from ask0.gateway.ingest.endpoint import Ingest, Kind
from ask0.gateway.ingest.intake import Taken
from ask0.gateway.ingest.keys import key_of_request
from ask0.gateway.responses import Headers, json_headers
from ask0.gateway.server import Protocol

logger = logging.getLogger(__name__)

NOBODY_WAITS = asyncio.Event()


class Beacon(NamedTuple):
    """One that the log has been given."""

    taken: Taken
    durable: "asyncio.Future[Any]"
    started: float  # by time.perf_counter
    cors: Headers


class Lane:
    def __init__(self, ingest: Ingest, paths: Mapping[str, Kind]) -> None:
        self.paths = {path.encode(): kind for path, kind in paths.items()}
        self._ingest = ingest
        self._heads: dict[int, bytes] = {}  # of answers that accept all, by their length
        self._made_for: tuple[Headers, Headers] = [], []  # what those heads hold

    def take(self, url: bytes, scope: Scope, sent: Sequence[tuple[bytes, bytes]], body: bytes) -> Beacon | None:
        """None if the beacon has to go the usual way; then nothing was done."""
        ingest = self._ingest
        headers = dict(sent)
        if b"content-length" not in headers or b"content-encoding" in headers:
            return None
        path, _, query = url.partition(b"?")
        try:
            check_head(sent)
            ingest.cors.check(headers)
            ingest.disk.check()
            taken = ingest.plain.take(body, self.paths[path], key_of_request(headers, query), scope, headers)
        except GatewayError:
            return None
        if taken is None:
            return None
        ingest.metrics.body_bytes += len(body)
        durable: asyncio.Future[Any]
        try:
            durable = asyncio.ensure_future(ingest.log.append(taken.entries))
        except LogUnavailable as error:
            durable = asyncio.get_running_loop().create_future()
            durable.set_exception(error)
        return Beacon(taken, durable, time.perf_counter(), ingest.cors.headers(headers))

    def answer(self, beacon: Beacon, default_headers: Headers) -> bytes:
        """All of it but a `connection: close`, once the log has said."""
        error = beacon.durable.exception()
        if error is not None:
            return self._refusal(error, beacon, default_headers)
        body = self._ingest.accept(beacon.taken, time.perf_counter() - beacon.started)
        self._ingest.metrics.beacons[200] += 1
        if self._made_for != (default_headers, beacon.cors):
            self._heads, self._made_for = {}, (default_headers, beacon.cors)
        head = self._heads.get(len(body))
        if head is None:
            head = self._heads[len(body)] = _head(200, [*default_headers, *json_headers(body), *beacon.cors])
        return head + body

    def _refusal(self, error: BaseException, beacon: Beacon, default_headers: Headers) -> bytes:
        refusal = self._ingest.refuse(error) if isinstance(error, LogUnavailable) else error
        status, headers, body = error_answer(refusal)
        self._ingest.metrics.beacons[status] += 1
        return _head(status, [*default_headers, *headers, *beacon.cors]) + body


def _head(status: int, headers: Headers) -> bytes:
    lines = b"".join(b"%b: %b\r\n" % header for header in headers)
    return b"%b%b\r\n" % (STATUS_LINE[status], lines)


class Cycle:
    """What uvicorn's protocol knows of a request that is under way."""

    __slots__ = ("disconnected", "keep_alive", "response_complete")
    message_event = NOBODY_WAITS
    response_started = False

    def __init__(self, keep_alive: bool) -> None:
        self.disconnected = self.response_complete = False
        self.keep_alive = keep_alive


class LaneProtocol(Protocol):
    lane: Lane  # of a server's own subclass
    _pieces: list[bytes] | None = None  # the body of a request that may take the lane
    _sender: Scope

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._sender = {"client": self.client}

    def on_message_begin(self) -> None:
        """What the usual way needs besides is made when it is taken."""
        self.url, self.headers, self.expect_100_continue = b"", [], False
        self.whole, self.head_bytes = False, 0

    def on_headers_complete(self) -> None:
        if self._may_take_lane():
            self._pieces = []
            self.head_bytes = -1
        else:
            self._begin_the_usual_way()

    def on_body(self, body: bytes) -> None:
        if self._pieces is None:
            super().on_body(body)
        else:
            self._pieces.append(body)

    def on_message_complete(self) -> None:
        if self._pieces is not None:
            if self._take_lane(b"".join(self._pieces)):
                self._pieces = None
                self.whole = True
                return
            self._begin_the_usual_way()
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._pieces is not None:  # there is more to come
            self._begin_the_usual_way()

    def _may_take_lane(self) -> bool:
        """Nothing is under way on this connection, and the head is a usual one."""
        return (
            (self.cycle is None or self.cycle.response_complete)
            and self.url.partition(b"?")[0] in self.lane.paths
            and self.parser.get_method() == b"POST"
            and self.parser.get_http_version() == "1.1"
            and not self.expect_100_continue
            and not self.parser.should_upgrade()
        )

    def _take_lane(self, body: bytes) -> bool:
        try:
            beacon = self.lane.take(self.url, self._sender, self.headers, body)
        except Exception as error:
            logger.error("the lane failed, the usual way is taken", exc_info=error)
            return False
        if beacon is None:
            return False
        cycle = Cycle(self.parser.should_keep_alive())
        self.cycle = cycle  # type: ignore[assignment]  # it has what the protocol uses
        beacon.durable.add_done_callback(partial(self._answer, cycle, beacon))
        return True

    def _answer(self, cycle: Cycle, beacon: Beacon, durable: "asyncio.Future[Any]") -> None:
        cycle.response_complete = True
        try:
            answer = b"" if durable.cancelled() else self.lane.answer(beacon, self.server_state.default_headers)
        except Exception as error:
            logger.error("a beacon could not be answered", exc_info=error)
            answer = b""
        if cycle.disconnected:
            return
        if not cycle.keep_alive:
            answer = answer.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n", 1)
        self.transport.write(answer)
        if not (cycle.keep_alive and answer):
            self.transport.close()
        self.on_response_complete()

    def _begin_the_usual_way(self) -> None:
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        pieces, self._pieces = self._pieces or (), None
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += headers  # which the scope holds
        super().on_headers_complete()
        for piece in pieces:
            super().on_body(piece)


def lane_protocol(app: Gateway) -> type[LaneProtocol]:
    """For `make_server`."""

    class WithLane(LaneProtocol):
        lane = Lane(app.ingest, app.paths)

    return WithLane
