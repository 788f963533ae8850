"""The ASGI application: `/ping`, and queries at `/`, the way ClickHouse's own HTTP interface answers them."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping, Sequence
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast
from uuid import uuid4

from ask0.clickhouse_http.codes import Code, failed, message_of, status_of
from ask0.clickhouse_http.compression import compressor_of
from ask0.clickhouse_http.engine import Answer, Engine, Head
from ask0.clickhouse_http.execution import Limits, job, killing
from ask0.clickhouse_http.guard import MAX_TEXT_BYTES, READABLE, Guard
from ask0.clickhouse_http.request import FRAMES, Request, User, encoding_of, parse_request
from ask0.warehouse.errors import QueryFailed

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

READING_THREADS = 4
WRITING_THREADS = 2  # of their own, so that readers never keep the owner waiting
STUCK_SECONDS = 1.0  # and twice the time limit: a statement that still runs then is deaf to it
BODY_IN_MEMORY_BYTES = 8 << 20
MAX_SENT_BYTES = 1 << 30

CONTENT_TYPES = {
    "JSON": "application/json; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8",
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TSV": "text/tab-separated-values; charset=UTF-8",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "CSVWithNamesAndTypes": "text/csv; charset=UTF-8; header=present",
    "Native": "application/octet-stream",
    "RowBinary": "application/octet-stream",
    "RowBinaryWithNames": "application/octet-stream",
    "RowBinaryWithNamesAndTypes": "application/octet-stream",
    "Parquet": "application/octet-stream",
    "Arrow": "application/octet-stream",
    "ArrowStream": "application/octet-stream",
    "ORC": "application/octet-stream",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
}
# For tools in a browser. Who asks is said in every request, never by a cookie, so any page may ask.
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "X-ClickHouse-Query-Id, X-ClickHouse-Summary, X-ClickHouse-Format, "
    "X-ClickHouse-Exception-Code, X-ClickHouse-Timezone",
}
PREFLIGHT = CORS | {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "authorization, content-type, content-encoding, x-clickhouse-user, "
    "x-clickhouse-key, x-clickhouse-database, x-clickhouse-format, x-clickhouse-query-id",
    "Access-Control-Max-Age": "86400",
}
# What drivers send to cancel a query, and no other form of it.
KILL = re.compile(
    rb"\s*KILL\s+QUERY\s+WHERE\s+query_id\s*=\s*'([A-Za-z0-9._:-]{1,128})'(?:\s+(?:A?SYNC))?\s*;?\s*", re.I
)
MAX_KILL_BYTES = 512
WAITED_IN_MEMORY_BYTES = 8 << 20  # of an answer that is sent when it has ended; the rest lies in a file …
MAX_WAITED_BYTES = 256 << 20  # … up to this size; then it is sent as it comes


class Gone(Exception):
    """The client left before it had asked."""


def create_app(
    path: str,
    users: Sequence[User],
    *,
    database: str = "ask0",
    memory_mb: int = 1024,
    seconds: float = 30,
    readable: frozenset[str] = READABLE,
    threads: int = READING_THREADS,
) -> "Interface":
    """The interface over the chDB `path` of this process; `memory_mb` and `seconds` bound a read-only query."""
    return Interface(
        path, users, database, Guard(database, readable), Limits(memory_bytes=memory_mb << 20, seconds=seconds), threads
    )


class Interface:
    """Opens its engine at the lifespan's start; at its end no thread of it is left."""

    def __init__(
        self, path: str, users: Sequence[User], database: str, guard: Guard, limits: Limits, threads: int
    ) -> None:
        self._path = path
        self._users = users
        self._database = database
        self._guard = guard
        self._limits = limits
        self._threads = threads
        self._engines: dict[bool, Engine] = {}  # by whether they write
        self._running: dict[tuple[str, str], tuple[Engine, str, Answer]] = {}  # by user and query id
        self._timezone = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            patience = 2 * self._limits.seconds + STUCK_SECONDS
            for writes, threads, seconds in ((True, WRITING_THREADS, float("inf")), (False, self._threads, patience)):
                self._engines[writes] = await asyncio.to_thread(
                    Engine, self._path, threads=threads, patience_seconds=seconds
                )
            self._timezone = await asyncio.to_thread(self._engines[True].ask, "SELECT timezone()")
        except Exception as error:
            await self._close()
            await send({"type": "lifespan.startup.failed", "message": f"the ClickHouse interface: {error}"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _close(self) -> None:
        for engine in self._engines.values():
            await asyncio.to_thread(engine.close)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        if method == "OPTIONS":
            await _respond(send, 204, b"", PREFLIGHT)
            return
        if path in ("/ping", "/replicas_status") or (path == "/" and method != "POST" and not scope["query_string"]):
            await _respond(send, 200, b"Ok.\n", {})
            return
        if path != "/":
            await _respond(send, 404, f"There is no handler {path}: queries go to /\n".encode(), {})
            return
        headers = {"X-ClickHouse-Server-Display-Name": "ask0", "X-ClickHouse-Timezone": self._timezone}
        try:
            request = parse_request(scope, self._users, self._database)
            headers["X-ClickHouse-Query-Id"] = request.query_id
            with SpooledTemporaryFile(max_size=BODY_IN_MEMORY_BYTES) as body:
                limit = MAX_SENT_BYTES if request.user.writable else 2 * MAX_TEXT_BYTES
                await _receive_body(receive, cast(BinaryIO, body), limit)
                await self._answer(request, cast(BinaryIO, body), scope, receive, send, headers)
        except Gone:
            return
        except QueryFailed as failure:
            await _refuse(send, failure, headers, scope)

    async def _answer(
        self, request: Request, body: BinaryIO, scope: Scope, receive: Receive, send: Send, headers: dict[str, str]
    ) -> None:
        tag = uuid4().hex
        content_type = dict(scope["headers"]).get(b"content-type", b"").decode("latin-1")
        engine = self._engines[request.user.writable]
        killed = None if request.user.writable else _killed_id(request, body)
        if killed:  # by threads of their own, as those for reading may all be busy with what is to be killed
            engine = self._engines[True]
            answer = engine.run(tag, killing(request, killed, self._kill(request.user.name, killed)))
        else:
            answer = engine.run(tag, job(request, body, content_type, tag, self._guard, self._limits))
        self._running[request.user.name, request.query_id] = engine, tag, answer
        gone = asyncio.create_task(_disconnected(receive))
        gone.add_done_callback(lambda _: engine.stop(tag, answer))
        try:
            await _stream(send, answer, await _head(answer), request, headers)
        finally:
            gone.cancel()
            if self._running.get((request.user.name, request.query_id), ("", "", None))[2] is answer:
                del self._running[request.user.name, request.query_id]
            engine.stop(tag, answer)
            await answer.ended()  # the body is read until then

    def _kill(self, user: str, query_id: str) -> bool:
        """Whether the user has such a query, which then ends with an error of its own."""
        engine, tag, answer = self._running.get((user, query_id), (None, "", None))
        if engine is None or answer is None:
            return False
        engine.kill(tag, answer)
        return True


def _killed_id(request: Request, body: BinaryIO) -> str:
    """The query that is to be killed, empty if the statement is another one."""
    text = request.text.encode() or body.read(MAX_KILL_BYTES)
    body.seek(0)
    match = KILL.fullmatch(text)
    return match[1].decode() if match else ""


async def _receive_body(receive: Receive, body: BinaryIO, limit: int) -> None:
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        piece = message.get("body", b"")
        size += len(piece)
        if size > limit:
            raise failed(Code.QUERY_IS_TOO_LARGE, f"the body is more than {limit:,} bytes")
        body.write(piece)
        more = message.get("more_body", False)
    body.seek(0)


async def _head(answer: Answer) -> Head:
    try:
        return await answer.head()
    except asyncio.CancelledError as error:
        raise failed(Code.TOO_MANY_SIMULTANEOUS_QUERIES, "The process is ending") from error


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _stream(send: Send, answer: Answer, head: Head, request: Request, headers: dict[str, str]) -> None:
    headers |= {"X-ClickHouse-Summary": json.dumps(head.summary), "X-ClickHouse-Exception-Tag": head.tag}
    if head.format:
        headers["X-ClickHouse-Format"] = head.format
        headers["Content-Type"] = CONTENT_TYPES.get(head.format, "text/plain; charset=UTF-8")
    if request.answer_encoding not in ("", FRAMES):
        headers["Content-Encoding"] = request.answer_encoding
    pieces = _ended(answer.pieces()) if request.waits_for_end else answer.pieces()
    first = await anext(pieces, b"")
    second = await anext(pieces, b"")
    if not second:
        await _respond(send, 200, first, headers)
        return
    await send({"type": "http.response.start", "status": 200, "headers": _encoded({**CORS, **headers})})
    await send({"type": "http.response.body", "body": first, "more_body": True})
    await send({"type": "http.response.body", "body": second, "more_body": True})
    try:
        async for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    except QueryFailed:
        return  # without the last chunk, so that the client sees that the answer was cut off
    await send({"type": "http.response.body", "body": b""})


async def _ended(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces, but none before all are there or too many to keep: an error until then gets a status of its own."""
    with SpooledTemporaryFile(max_size=WAITED_IN_MEMORY_BYTES) as kept:
        async for piece in pieces:
            kept.write(piece)
            if kept.tell() > MAX_WAITED_BYTES:
                break
        kept.seek(0)
        while piece := kept.read(1 << 20):
            yield piece
    async for piece in pieces:
        yield piece


async def _refuse(send: Send, failure: QueryFailed, headers: dict[str, str], scope: Scope) -> None:
    """In the encoding that the client asked for: drivers read errors through the same decompressor."""
    status = status_of(failure)
    encoding = encoding_of(scope)
    anonymous = _is_anonymous(scope)
    headers = headers | {"X-ClickHouse-Exception-Code": str(failure.code), "Content-Type": "text/plain; charset=UTF-8"}
    if failure.code == Code.AUTHENTICATION_FAILED and anonymous:
        status = 401
        headers["WWW-Authenticate"] = 'Basic realm="ClickHouse server HTTP API"'
    compressor = compressor_of(encoding)
    if encoding not in ("", FRAMES):
        headers["Content-Encoding"] = encoding
    await _respond(send, status, compressor.compress(message_of(failure).encode()) + compressor.flush(), headers)


async def _respond(send: Send, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    encoded = _encoded({**CORS, **headers, "Content-Length": str(len(body))})
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})


def _is_anonymous(scope: Scope) -> bool:
    names = dict(scope["headers"]).keys()
    return not names & {b"authorization", b"x-clickhouse-user"} and b"user=" not in scope["query_string"]


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]
