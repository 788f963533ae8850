"""A body that is read while it arrives, by a thread, in constant memory. It may be as slow as a slow line."""

import asyncio
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from threading import get_ident
from typing import Self

from starlette.requests import Request

from ask0.gateway.errors import BadRequest, RequestTimeout, TooLarge
from ask0.gateway.responses import WHOLE

MAX_UPLOAD_BYTES = 1_000_000_000  # as it arrives, and after inflating
IDLE_SECONDS = 30.0  # without a byte
LEAST_BYTES_PER_SECOND = 10_000  # on average, of the time that we wait for the client
INFLATED_AT_ONCE = 65_536
GZIP = b"\x1f\x8b"
ENCODINGS = (b"", b"identity", b"gzip", b"x-gzip")
TOO_LARGE = f"a file has at most {MAX_UPLOAD_BYTES:,} bytes after inflating: send it in parts"


class ClientGone(Exception):
    """The connection ended before the body did."""


class Upload:
    """As a context: within it the body may take its time. The thread that reads it ends when the context does."""

    def __init__(self, request: Request) -> None:
        """Raises BadRequest, TooLarge."""
        self._receive = request.receive
        self._server = request.scope.get("extensions", {}).get(WHOLE, {})
        self._loop = asyncio.get_running_loop()
        self._received = 0
        self._waited = 0.0
        self._ended = False
        self._asked: Future[bytes] | None = None
        _check_head(dict(request.scope["headers"]))

    def __enter__(self) -> Self:
        if allow := self._server.get("unhurried"):
            allow(True)
        return self

    def __exit__(self, *exc_info: object) -> None:
        if allow := self._server.get("unhurried"):
            allow(False)
        self._ended = True
        if self._asked:
            self._asked.cancel()

    def pieces(self) -> Iterator[bytes]:
        """The body as it was before it was compressed. Not on the loop's own thread. Raises ClientGone, RequestTimeout,
        TooLarge, BadRequest."""
        return _bounded(_inflated(self._arriving()))

    def _arriving(self) -> Iterator[bytes]:
        while not self._ended:
            self._asked = asyncio.run_coroutine_threadsafe(self._next(), self._loop)
            if piece := self._asked.result():
                yield piece

    async def _next(self) -> bytes:
        """Empty where there is nothing in what has come."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                message = await self._receive()
        except TimeoutError:
            raise RequestTimeout(f"nothing came for {IDLE_SECONDS:g} s") from None
        if message["type"] != "http.request":
            raise ClientGone
        piece: bytes = message.get("body", b"")
        self._ended = self._ended or not message.get("more_body")
        self._received += len(piece)
        self._waited += time.monotonic() - started
        if self._received > MAX_UPLOAD_BYTES:
            raise TooLarge(TOO_LARGE)
        if self._waited > IDLE_SECONDS + self._received / LEAST_BYTES_PER_SECOND:
            raise RequestTimeout(f"the body came with less than {LEAST_BYTES_PER_SECOND:,} bytes a second")
        return piece


def _check_head(headers: Mapping[bytes, bytes]) -> None:
    length = headers.get(b"content-length", b"0")
    if not length.isdigit() or int(length) > MAX_UPLOAD_BYTES:
        raise TooLarge(TOO_LARGE)
    if headers.get(b"content-encoding", b"").strip().lower() not in ENCODINGS:
        raise BadRequest("a file comes plain or as gzip", code="unsupported_encoding")


def _inflated(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """By the first bytes, whatever the head says: a file may be packed already. It may have several members."""
    stream: zlib._Decompress | None = None
    head = b""
    for arrived in pieces:
        piece, head = head + arrived, b""
        if stream is None and len(piece) < len(GZIP) and GZIP.startswith(piece):
            head = piece
            continue
        if stream is None and not piece.startswith(GZIP):
            yield piece
            yield from pieces
            return
        try:
            is_more = bool(piece)
            while is_more:
                if stream is None or stream.eof:
                    stream = zlib.decompressobj(wbits=31)
                inflated = stream.decompress(piece, INFLATED_AT_ONCE)
                yield inflated
                piece = stream.unused_data if stream.eof else stream.unconsumed_tail
                is_more = bool(piece) or (len(inflated) == INFLATED_AT_ONCE and not stream.eof)
        except zlib.error as error:
            raise BadRequest(f"the file is not gzip: {error}", code="invalid_encoding") from error
    if head:
        yield head
    if stream is not None and not stream.eof:
        raise BadRequest("the file is not gzip: it ends too early", code="invalid_encoding")


def _bounded(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Half of the time its thread does nothing: all others want to be heard, whatever is in the file."""
    left = MAX_UPLOAD_BYTES
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            raise TooLarge(TOO_LARGE)
        thread, before = get_ident(), time.thread_time()
        yield piece
        if thread == get_ident():
            time.sleep(time.thread_time() - before)
