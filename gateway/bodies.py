"""From a request to parsed JSON: read with a cap, inflate with a cap, parse once and as leniently as safety allows."""

import asyncio
import json
import re
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import brotli
import orjson
import zstandard
from starlette.types import Receive

from ask0.gateway.errors import BadRequest, RequestTimeout, ServiceUnavailable, TooLarge
from ask0.schemas.events import MAX_BODY_BYTES, MAX_DEPTH

MAX_BYTES_IN_FLIGHT = 256_000_000  # of all bodies that arrive in pieces, with a write key in their heads
MAX_KEYLESS_BYTES_IN_FLIGHT = 64_000_000  # of those without one
MAX_ADDRESS_BYTES_IN_FLIGHT = 16_000_000  # of one sender's; proxies that are trusted may have them all
MAX_GZIP_MEMBERS = 16
MAX_BRACKETS = 50_000  # of JSON that only the lenient parser reads, and only after what lies too deep was cut
MAX_ODD_BODIES = 32  # that wait for the lenient parser
MAX_ZSTD_WINDOW = 1 << 23  # what RFC 8878 asks every decoder to hold
PRUNE_DEPTH = 2 * MAX_DEPTH  # more than any accepted event, less than any parser's limit
MAX_INTEGER_DIGITS = 100

LONG_INTEGER = re.compile(r"\d{19}")  # one that may not fit 64 bits
BOM = b"\xef\xbb\xbf"
TOKEN = re.compile(r'"(?:[^"\\]|\\.?)*+"?|[\[{]|[\]}]', re.DOTALL)  # possessive: linear on hostile text


class Document(NamedTuple):
    """Parsed JSON, and how many bytes it took after inflating."""

    value: Any
    size: int


class Sender(NamedTuple):
    """Whose body it is, as far as the head tells."""

    address: str  # empty where a trusted proxy does not say more: then only the common bounds hold
    has_key: bool
    most: int = MAX_BODY_BYTES  # bytes of the body, before inflating and after it


NOBODY = Sender("", has_key=False)


class BodyReader:
    """Reads and parses bodies: all of them together within a bound of memory, each within a bound of time."""

    def __init__(self) -> None:
        self._in_flight = Counter[str]()  # bytes, by address
        self._keyed = self._keyless = 0
        self._odd = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="odd-bodies")

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def parse(self, body: bytes, encoding: bytes | None) -> Document:
        """See parse_json. What is not plain JSON is parsed in a thread, one at a time: nobody else waits for it."""
        inflated = inflate(body, encoding)
        try:
            return Document(orjson.loads(inflated), len(inflated))
        except orjson.JSONDecodeError:
            if self._odd >= MAX_ODD_BODIES:
                raise ServiceUnavailable("too many bodies that are not plain JSON at once", retry_after=1) from None
            self._odd += 1
            try:
                value = await asyncio.get_running_loop().run_in_executor(self._thread, parse_json, inflated)
                return Document(value, len(inflated))
            finally:
                self._odd -= 1

    async def read(self, receive: Receive, headers: Mapping[bytes, bytes], sender: Sender = NOBODY) -> bytes:
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > sender.most:
            raise _too_large(sender.most)
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            body: bytes = message.get("body", b"")
            if len(body) > sender.most:
                raise _too_large(sender.most)
            return body
        return await self._read_pieces(receive, message, sender)

    async def _read_pieces(self, receive: Receive, message: Mapping[str, Any], sender: Sender) -> bytes:
        body = bytearray()
        try:
            while True:
                if message["type"] != "http.request":
                    raise RequestTimeout("the body ended before its announced length")
                piece = message.get("body", b"")
                body += piece
                self._take(sender, len(piece))
                if len(body) > sender.most:
                    raise _too_large(sender.most)
                self._check(sender)
                if not message.get("more_body"):
                    return bytes(body)
                message = await receive()
        finally:
            self._take(sender, -len(body))

    def _take(self, sender: Sender, size: int) -> None:
        if sender.address:
            self._in_flight[sender.address] += size
            if not self._in_flight[sender.address]:
                del self._in_flight[sender.address]
        if sender.has_key:
            self._keyed += size
        else:
            self._keyless += size

    def _check(self, sender: Sender) -> None:
        """Whoever holds much is refused first: a slow sender costs itself."""
        if self._in_flight[sender.address] > MAX_ADDRESS_BYTES_IN_FLIGHT:
            raise ServiceUnavailable("too many bodies of yours arrive at once")
        if (self._keyed if sender.has_key else self._keyless) > (
            MAX_BYTES_IN_FLIGHT if sender.has_key else MAX_KEYLESS_BYTES_IN_FLIGHT
        ):
            raise ServiceUnavailable("too many bodies at once")


def inflate(body: bytes, encoding: bytes | None, most: int = MAX_BODY_BYTES) -> bytes:
    """The body without its Content-Encoding. Never holds more than the cap, whatever the body promises."""
    if not encoding:
        return body
    name = encoding.strip().lower()
    if name == b"identity":
        return body
    decode = DECODERS.get(name)
    if decode is None:
        raise BadRequest(
            f"Content-Encoding is one of {', '.join(sorted(key.decode() for key in DECODERS))}, and only one",
            code="unsupported_encoding",
        )
    try:
        inflated = decode(body, most)
    except (zlib.error, brotli.error, zstandard.ZstdError, EOFError) as error:
        raise BadRequest(f"the body is not {name.decode()}: {error}", code="invalid_encoding") from error
    if len(inflated) > most:
        raise _too_large(most)
    return inflated


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"a body has at most {most:,} bytes after inflating: send smaller batches")


def _gunzip(body: bytes, most: int) -> bytes:
    inflated = b""
    members = 0
    while body:  # a gzip file may have several members
        members += 1
        if members > MAX_GZIP_MEMBERS:  # each costs a copy of all that follow
            raise EOFError(f"it has more than {MAX_GZIP_MEMBERS} members")
        stream = zlib.decompressobj(wbits=31)
        inflated += stream.decompress(body, most + 1 - len(inflated))
        if len(inflated) > most:
            return inflated
        body = _rest(stream)
    return inflated


def _inflate_deflate(body: bytes, most: int) -> bytes:
    """RFC 9110 means zlib by "deflate"; some clients send the bare stream."""
    try:
        return _inflate_zlib(body, most, 15)
    except zlib.error:
        return _inflate_zlib(body, most, -15)


def _inflate_zlib(body: bytes, most: int, wbits: int) -> bytes:
    stream = zlib.decompressobj(wbits=wbits)
    inflated = stream.decompress(body, most + 1)
    if len(inflated) <= most:
        _rest(stream)
    return inflated


def _rest(stream: "zlib._Decompress") -> bytes:
    if not stream.eof:
        raise EOFError("it ends too early")
    return stream.unused_data


def _inflate_brotli(body: bytes, most: int) -> bytes:
    stream = brotli.Decompressor()
    inflated: bytes = stream.process(body, output_buffer_limit=most + 1)
    while len(inflated) <= most and not stream.can_accept_more_data():
        inflated += stream.process(b"", output_buffer_limit=most + 1 - len(inflated))
    if len(inflated) <= most and not stream.is_finished():
        raise EOFError("it ends too early")
    return inflated


def _inflate_zstd(body: bytes, most: int) -> bytes:
    decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_ZSTD_WINDOW)
    with decompressor.stream_reader(body, read_across_frames=True) as stream:
        return stream.read(most + 1)


DECODERS: dict[bytes, Callable[[bytes, int], bytes]] = {
    b"gzip": _gunzip,
    b"x-gzip": _gunzip,
    b"deflate": _inflate_deflate,
    b"br": _inflate_brotli,
    b"zstd": _inflate_zstd,
}


def parse_json(body: bytes) -> Any:
    """The document, under any Content-Type.

    What strict JSON forbids but only spoils one event (a NaN, 1e400, half a surrogate pair, absurd depth) is let
    through here for ask0.schemas.events to refuse there, so that the other events of a batch are not lost with it.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if not body.strip():
            raise BadRequest("the body is empty, it should be JSON", code="not_json") from None
        return _parse_leniently(body.removeprefix(BOM), str(error))


def json_text(value: object) -> str:
    """A parsed value as JSON again, whatever is in it (NaN too, which orjson would make null), for the quarantine."""
    try:
        text = _to_json(value)
    except RecursionError:
        text = _to_json(_prune(value, PRUNE_DEPTH))
    return text.encode("utf-8", "backslashreplace").decode()  # half of a surrogate pair becomes \udXXX


def _to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _parse_leniently(body: bytes, why: str) -> Any:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise BadRequest("the body is not UTF-8", code="not_utf8") from None
    parse_int = _parse_int if LONG_INTEGER.search(text) else None
    try:
        try:
            return json.loads(text, parse_int=parse_int)
        except RecursionError:
            if text.count("[") + text.count("{") > MAX_BRACKETS:
                raise BadRequest("the body is not JSON, or nested too deep to be read", code="not_json") from None
            return json.loads(_prune_text(text), parse_int=parse_int)
    except (ValueError, RecursionError):
        raise BadRequest(f"the body is not JSON: {why}", code="not_json") from None


def _parse_int(digits: str) -> int | float:
    """As orjson: beyond 64 bits a float. (Python refuses to make an int of thousands of digits.)"""
    value = int(digits) if len(digits) < MAX_INTEGER_DIGITS else float(digits)
    return value if -(1 << 63) <= value < 1 << 64 else float(value)


def _prune_text(text: str) -> str:
    """The JSON text without what lies deeper than PRUNE_DEPTH: still too deep for an event, no longer for a parser."""
    kept: list[str] = []
    depth = start = 0
    for token in TOKEN.finditer(text):
        mark = text[token.start()]
        if mark == '"':
            continue
        if mark in "[{":
            depth += 1
            if depth == PRUNE_DEPTH + 1:
                kept += (text[start : token.start()], "null")
        else:
            if depth == PRUNE_DEPTH + 1:
                start = token.end()
            depth -= 1
    return "".join((*kept, text[start:])) if depth <= PRUNE_DEPTH else text


def _prune(value: object, levels: int) -> object:
    if type(value) is dict:
        return {key: _prune(item, levels - 1) for key, item in value.items()} if levels else None
    if type(value) is list:
        return [_prune(item, levels - 1) for item in value] if levels else None
    return value
