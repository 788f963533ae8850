"""An HTTP request of ClickHouse's interface: who asks, what, in which format, with which settings and parameters."""

import binascii
import re
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

from ask0.clickhouse_http.codes import Code, failed

# Parameters that are about the transport. Sessions are accepted and keep nothing: every request stands alone.
TRANSPORT = frozenset(
    ("query", "database", "default_format", "user", "password", "quota_key", "role", "query_id", "stacktrace")
    + ("session_id", "session_timeout", "session_check", "compress", "decompress", "enable_http_compression")
    + ("wait_end_of_query", "buffer_size", "client_protocol_version", "close_session", "http_zlib_compression_level")
    + ("send_progress_in_http_headers", "http_headers_progress_interval_ms")
    + (
        "cancel_http_readonly_queries_on_client_close",
        "http_response_buffer_size",
        "http_write_exception_in_output_format",
    )
)
FRAMES = "frames"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TOKEN = re.compile(r"[A-Za-z0-9._:-]{1,128}")


@dataclass(frozen=True)
class User:
    """Who may query: a writable user does anything, any other one reads what the guard lets through."""

    name: str
    password: str = field(repr=False)
    writable: bool


@dataclass(frozen=True)
class Request:
    """One statement to run, as the client asked for it; `text` goes before the body."""

    user: User
    text: str
    database: str
    format: str
    query_id: str
    settings: Mapping[str, str]
    parameters: Mapping[str, str]
    may_write: bool
    database_given: bool = False
    answer_encoding: str = ""  # lz4, gzip, or frames for ClickHouse's own
    body_encoding: str = ""
    body_framed: bool = False
    protocol: int = 0
    waits_for_end: bool = False


def parse_request(scope: Mapping[str, Any], users: Sequence[User], database: str) -> Request:
    """The request without its body. Raises QueryFailed."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    try:
        query = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True, errors="strict"))
    except ValueError as error:
        raise failed(Code.BAD_ARGUMENTS, f"the URL is not UTF-8: {error}") from error
    user = authenticate(headers, query, users)
    settings = {name: value for name, value in query.items() if name not in TRANSPORT and not name.startswith("param_")}
    check_names(settings)
    query_id = query.get("query_id") or headers.get("x-clickhouse-query-id") or str(uuid4())
    fmt = headers.get("x-clickhouse-format") or query.get("default_format") or "TabSeparated"
    if not _TOKEN.fullmatch(query_id) or not _TOKEN.fullmatch(fmt):  # they go back in headers
        raise failed(Code.BAD_ARGUMENTS, "the query id and the format are made of letters, digits, . _ : and -")
    protocol = query.get("client_protocol_version", "0")
    asked_database = query.get("database") or headers.get("x-clickhouse-database")
    return Request(
        user=user,
        text=query.get("query", ""),
        database=asked_database or database,
        database_given=bool(asked_database),
        format=fmt,
        query_id=query_id,
        settings=settings,
        parameters=parameters_of(query.items()),
        may_write=user.writable and scope["method"] == "POST",
        answer_encoding=_answer_encoding(headers, query),
        waits_for_end=query.get("wait_end_of_query") in ("1", "true"),
        body_encoding=headers.get("content-encoding", "").strip().lower(),
        body_framed=query.get("decompress") == "1",
        protocol=int(protocol) if protocol.isdecimal() else 0,
    )


def encoding_of(scope: Mapping[str, Any]) -> str:
    """How the answer is to be encoded, also where the request is none."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    return _answer_encoding(headers, dict(parse_qsl(scope["query_string"].decode("latin-1"))))


def _answer_encoding(headers: Mapping[str, str], query: Mapping[str, str]) -> str:
    if query.get("compress") == "1":
        return FRAMES
    accepted = headers.get("accept-encoding", "") if query.get("enable_http_compression") == "1" else ""
    return next((encoding for encoding in ("lz4", "gzip") if encoding in accepted), "")


def parameters_of(fields: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name.removeprefix("param_"): value for name, value in fields if name.startswith("param_")}


def check_names(settings: Mapping[str, str]) -> None:
    for name in settings:
        if not _NAME.fullmatch(name):
            raise failed(Code.BAD_ARGUMENTS, f"{name!r} is not the name of a setting")


def authenticate(headers: Mapping[str, str], query: Mapping[str, str], users: Sequence[User]) -> User:
    name, password = _credentials(headers, query)
    for user in users:
        # Every password is compared, so that the time says nothing about which names exist.
        matches = compare_digest(user.password.encode(), password.encode())
        if compare_digest(user.name.encode(), name.encode()) and matches and user.password:
            return user
    raise failed(
        Code.AUTHENTICATION_FAILED,
        f"{name or 'default'}: Authentication failed: password is incorrect, or there is no user with such name.",
    )


def _credentials(headers: Mapping[str, str], query: Mapping[str, str]) -> tuple[str, str]:
    if "x-clickhouse-user" in headers:
        return headers["x-clickhouse-user"], headers.get("x-clickhouse-key", "")
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, password = b64decode(token.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise failed(Code.AUTHENTICATION_FAILED, "the Authorization header is not Basic authentication") from None
        return name, password
    return query.get("user", ""), query.get("password", "")


def form_fields(body: bytes, content_type: str) -> dict[str, str]:
    """The fields of a multipart body: a long query and its parameters. Files would be external tables."""
    boundary = re.search(r'boundary="?([^";]+)"?', content_type)
    fields: dict[str, str] = {}
    for part in body.split(b"--" + boundary[1].encode())[1:-1] if boundary else []:
        head, _, value = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = re.search(rb'[; ]name="([^"]*)"', head)
        if name is None or b"filename=" in head:
            raise failed(Code.NOT_IMPLEMENTED, "external tables are not supported here: insert the rows first")
        fields[name[1].decode()] = value.removesuffix(b"\r\n").decode()
    return fields
