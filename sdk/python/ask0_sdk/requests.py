"""Requests and their answers as data: what is to be sent, and what an answer means. Nothing here sends."""

import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Generic, TypeVar
from urllib.parse import quote
from uuid import UUID

import httpx

from ask0_sdk.errors import NO_ANSWER, UNREADABLE, Ask0Error, NotJson
from ask0_sdk.files import CONTENT_TYPES, Format, Upload
from ask0_sdk.plain import to_json

T = TypeVar("T")
Json = dict[str, Any]
Id = str | int

MAX_BODY_CHARS = 4_000_000
MAX_ANSWER_BYTES = 64_000_000
MAX_RETRY_AFTER_SECONDS = 300.0


@dataclass(frozen=True)
class Request:
    method: str
    path: str  # from the host on, percent-encoded, with its query
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    beacon: bool = False  # events, which go to another door than the API
    upload: Upload | None = None  # in place of a body


@dataclass(frozen=True)
class Answer:
    status: int
    headers: httpx.Headers
    body: bytes = b""
    stream: httpx.Response | None = None  # of a download that has begun, in place of the body


@dataclass(frozen=True)
class NoAnswer:
    """Nothing came back, or not all of it: whether the server did it is not known."""

    why: str


Reply = Answer | NoAnswer


@dataclass(frozen=True)
class Call(Generic[T]):
    """A request, and how its answer is read. `read` raises Ask0Error."""

    request: Request
    read: Callable[[Reply], T]


def get(path: str, query: Mapping[str, object] | None = None) -> Call[Json]:
    return Call(Request("GET", path + query_text(query or {})), read_object)


def write(
    method: str,
    path: str,
    body: object = None,
    *,
    query: Mapping[str, object] | None = None,
    key: str | None = None,
    if_match: str | int | None = None,
) -> Call[Json]:
    """A change. Its key is made here, once: however often it is sent, it is done once. Raises NotJson, ValueError."""
    headers = {"idempotency-key": header_value("idempotency_key", key or new_id())}
    if if_match is not None:
        headers["if-match"] = entity_tag(if_match)
    if body is not None:
        headers["content-type"] = "application/json"
    content = None if body is None else body_bytes(body)
    return Call(Request(method, path + query_text(query or {}), headers, content), read_object)


def upload(path: str, file: Upload, format: Format | None, key: str | None) -> Call[Json]:
    """A change that is a file. Raises ValueError."""
    if format not in CONTENT_TYPES:
        raise ValueError(f"a file is csv or jsonl, and not {format!r}")
    headers = {"idempotency-key": header_value("idempotency_key", key or new_id())}
    headers["content-type"] = CONTENT_TYPES[format]
    return Call(Request("POST", path, headers, upload=file), read_object)


def question(path: str, body: object) -> Call[Json]:
    """A POST that only asks."""
    return Call(Request("POST", path, {"content-type": "application/json"}, body_bytes(body)), read_object)


def body_bytes(body: object) -> bytes:
    content, problems = to_json(body, MAX_BODY_CHARS)
    if problems:
        raise NotJson(problems)
    return content


def query_text(query: Mapping[str, object]) -> str:
    """None is left out, a list is joined by commas."""
    pairs = [f"{name}={quote(_query_value(value), safe='')}" for name, value in query.items() if value is not None]
    return "?" + "&".join(pairs) if pairs else ""


def _query_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def path_part(value: Id, what: str = "id") -> str:
    """One segment of a path. Raises ValueError for what no path can hold: `.` would name what is above it."""
    text = str(value) if type(value) in (str, int) else ""
    if text.strip() in ("", ".", ".."):
        raise ValueError(f"{value!r} cannot stand in a path as {what}")
    return quote(text, safe="")


def without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def entity_tag(version: str | int) -> str:
    text = header_value("if_match", str(version))
    return text if text == "*" or text.startswith(('"', 'W/"')) else f'"{text}"'


def header_value(name: str, value: str) -> str:
    if not (value and value.isascii() and value.isprintable()):
        raise ValueError(f"{name} is printable ASCII")
    return value


def new_id() -> str:
    """A UUIDv7, which tells times apart to a quarter of a microsecond: the ids of a thread's events are in their order.
    The rest is the system's randomness, so that forked processes make different ones."""
    ms, ns = divmod(time.time_ns(), 1_000_000)
    value = (ms & (1 << 48) - 1) << 80 | 0x7 << 76 | ns * 4096 // 1_000_000 << 64
    return str(UUID(int=value | 0b10 << 62 | secrets.randbits(62)))


def read_object(reply: Reply) -> Json:
    """The JSON object of a 2xx answer, {} if it has no body. Raises Ask0Error."""
    answer = succeeded(reply)
    if not answer.body:
        return {}
    document = parse(answer.body)
    if not isinstance(document, dict):
        raise unreadable(answer)
    return document


def succeeded(reply: Reply) -> Answer:
    if isinstance(reply, NoAnswer):
        raise Ask0Error(0, NO_ANSWER, reply.why)
    if not 200 <= reply.status < 300:
        raise error_of(reply)
    return reply


def parse(body: bytes) -> Any:
    """None if it is not JSON, however it is not."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def unreadable(answer: Answer) -> Ask0Error:
    start = answer.body[:60].decode(errors="replace")
    message = f"this is not what Ask0 answers: {start!r}"
    return Ask0Error(answer.status, UNREADABLE, message, (), answer.headers.get("x-request-id"))


def error_of(answer: Answer) -> Ask0Error:
    document = parse(answer.body)
    said = document if isinstance(document, dict) else {}
    details = said.get("details")
    return Ask0Error(
        answer.status,
        str(said.get("code") or f"http_{answer.status}"),
        str(said.get("message") or "the answer says no more"),
        details if isinstance(details, list) else (),
        answer.headers.get("x-request-id") or said.get("requestId"),
        retry_after(answer.headers.get("retry-after")),
        said.get("current"),
        said.get("report"),
    )


def retry_after(value: str | None) -> float | None:
    """Seconds, from a number or a date; None for anything else."""
    if value is None:
        return None
    try:
        seconds = float(value) if value.strip().isdigit() else parsedate_to_datetime(value).timestamp() - time.time()
    except (ValueError, OverflowError, TypeError):
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)


class Body:
    """An answer's body as it arrives. Raises Endless for one that is too large, or drips past the deadline."""

    def __init__(self, timeout_seconds: float) -> None:
        self._deadline = time.monotonic() + timeout_seconds
        self._chunks: list[bytes] = []
        self._size = 0

    def add(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self._size += len(chunk)
        if self._size > MAX_ANSWER_BYTES:
            raise Endless(f"the answer has more than {MAX_ANSWER_BYTES:,} bytes")
        if time.monotonic() > self._deadline:
            raise Endless("the answer did not end in time")

    def whole(self) -> bytes:
        return b"".join(self._chunks)


class Endless(httpx.TransportError):
    """An answer that is given up."""
