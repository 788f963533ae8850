"""One statement, start to end, in a thread of the engine: read its text, guard it, run it, send what it gives."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from secrets import token_hex
from tempfile import NamedTemporaryFile
from typing import BinaryIO

import orjson
from chdb._exceptions import ChdbError
from chdb.state.sqlitelike import Connection

from ask0.clickhouse_http.codes import Code, failed, failure_block
from ask0.clickhouse_http.compression import compressor_of, inflated
from ask0.clickhouse_http.engine import Answer, Head, Job, as_query_failed, asking
from ask0.clickhouse_http.frames import unframed
from ask0.clickhouse_http.guard import MAX_TEXT_BYTES, Guard
from ask0.clickhouse_http.native import CUSTOM_SERIALIZATION, blocks
from ask0.clickhouse_http.request import Request, form_fields, parameters_of
from ask0.clickhouse_http.statement import STREAMED, Insert, find_insert, first_word, format_of, has_totals

MAX_BODY_BYTES = 4 << 30  # of rows to insert, after inflating; they are read as they are stored
MAX_STATEMENT_BYTES = 64 << 20
HEAD_BYTES = 256 << 10  # an INSERT names its format in its first bytes
PIECE_BYTES = 1 << 20
HEADS = {"RowBinaryWithNames": 1, "RowBinaryWithNamesAndTypes": 2}  # texts of each column in the head
KEYS_AS_SENT = {"json_type_escape_dots_in_keys": 1}  # our JSON columns keep a dot in a key as %2E
PARSING = {"max_query_size": 2 * MAX_TEXT_BYTES, "max_parser_depth": 500, "max_ast_elements": 50_000}

_SELECTS = frozenset((b"SELECT", b"WITH", b"FROM", b"("))
_RETURN_ROWS = _SELECTS | frozenset((b"SHOW", b"DESCRIBE", b"DESC", b"EXPLAIN", b"EXISTS", b"CHECK"))


@dataclass(frozen=True)
class Limits:
    """What a read-only user's query may use."""

    memory_bytes: int
    seconds: float


def job(request: Request, body: BinaryIO, content_type: str, tag: str, guard: Guard, limits: Limits) -> Job:
    def run(handle: Connection, answer: Answer) -> None:
        asked, pieces = _pieces(request, body, content_type)
        if asked.user.writable:
            enter(handle, asked)
            _run_any(handle, answer, asked, pieces, tag)
        else:
            _run_guarded(handle, answer, asked, pieces, tag, guard, limits)

    return run


def killing(request: Request, query_id: str, found: bool) -> Job:
    """What ClickHouse answers to KILL QUERY: a row for each query that is being ended."""

    def run(handle: Connection, answer: Answer) -> None:
        columns = f"{quoted(query_id, chr(39))} AS query_id, {quoted(request.user.name, chr(39))} AS user"
        sql = f"SELECT 'waiting' AS kill_status, {columns}, '' AS query WHERE {int(found)}"
        _query(handle, answer, replace(request, parameters={}), sql, request.format)

    return run


def enter(handle: Connection, request: Request) -> None:
    try:
        handle.query(f"USE {quoted(request.database, '`')}")
    except ChdbError as error:
        failure = as_query_failed(error)
        if failure.code != Code.UNKNOWN_DATABASE or request.database_given:
            raise failure from error


def set_all(handle: Connection, settings: Mapping[str, str | int | float]) -> None:
    values = ", ".join(f"{name} = {quoted(str(value), chr(39))}" for name, value in settings.items())
    handle.query(f"SET {values}")


def quoted(text: str, quote: str) -> str:
    escaped = text.replace("\\", "\\\\").replace(quote, f"\\{quote}")
    return f"{quote}{escaped}{quote}"


def _pieces(request: Request, body: BinaryIO, content_type: str) -> tuple[Request, Iterator[bytes]]:
    """The statement's text and data: what the URL says, then the body; or the fields of a form."""
    pieces = inflated(body, request.body_encoding, MAX_BODY_BYTES)
    if request.body_framed:
        pieces = unframed(pieces)
    if content_type.startswith("multipart/form-data"):
        limit = MAX_STATEMENT_BYTES if request.user.writable else 2 * MAX_TEXT_BYTES
        fields = form_fields(_all(pieces, limit), content_type)
        text = request.text + fields.get("query", "")
        parameters = {**request.parameters, **parameters_of(fields.items())}
        return replace(request, parameters=parameters), iter((text.encode(),))
    if not request.text:
        return request, pieces
    first = next(pieces, b"")
    opening = request.text.encode() + (b"\n" if first else b"")
    return request, itertools.chain((opening, first), pieces)


def _all(pieces: Iterator[bytes], limit: int) -> bytes:
    text = bytearray()
    for piece in pieces:
        text += piece
        if len(text) > limit:
            raise failed(Code.QUERY_IS_TOO_LARGE, f"the statement is more than {limit:,} bytes")
    return bytes(text)


def _text(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise failed(Code.SYNTAX_ERROR, f"the statement is not UTF-8: {error}") from error
    if not text.strip():
        raise failed(Code.SYNTAX_ERROR, "Empty query")
    return text


def _run_any(handle: Connection, answer: Answer, request: Request, pieces: Iterator[bytes], tag: str) -> None:
    settings: dict[str, str | int | float] = {**KEYS_AS_SENT, **request.settings, "log_comment": tag}
    if not request.may_write:
        settings |= {"readonly": 2}  # as ClickHouse does for GET
    set_all(handle, settings)
    head = bytearray()
    while len(head) < HEAD_BYTES and (piece := next(pieces, None)) is not None:
        head += piece
    insert = find_insert(bytes(head))
    if insert:
        _insert(handle, answer, request, insert, itertools.chain((bytes(head[insert.data_at :]),), pieces))
    else:
        text = _text(bytes(head) + _all(pieces, MAX_STATEMENT_BYTES))
        ends_in = format_of(bytes(head)) if len(text) < HEAD_BYTES else None  # beyond that it is rows as VALUES
        if ends_in:
            request = replace(request, format=ends_in, protocol=0)  # _native() chooses the format itself
        _query(handle, answer, request, text, request.format)


def _run_guarded(
    handle: Connection,
    answer: Answer,
    request: Request,
    pieces: Iterator[bytes],
    tag: str,
    guard: Guard,
    limits: Limits,
) -> None:
    answer.may_be_killed = True
    text = _text(_all(pieces, MAX_TEXT_BYTES))
    handle.query(f"USE {quoted(guard.database_of(request), chr(96))}")
    set_all(handle, {"log_comment": tag, "max_execution_time": limits.seconds, **PARSING})
    checked = guard.check(asking(handle), text, request)
    set_all(handle, {**KEYS_AS_SENT, **checked.settings, **guard.limits(limits.memory_bytes, limits.seconds, checked)})
    _query(handle, answer, request, checked.sql, checked.format)


def _insert(handle: Connection, answer: Answer, request: Request, insert: Insert, pieces: Iterator[bytes]) -> None:
    """Through a file, as clickhouse-connect does: chDB's send_insert says it has written rows that it then drops, when
    there are too many parts or a constraint is violated."""
    with NamedTemporaryFile() as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        source = f"FROM INFILE {quoted(file.name, chr(39))} COMPRESSION 'none' {insert.settings}"
        sql = f"{insert.into} {source} FORMAT {insert.format}"
        result = handle.query(sql, "Null", params=request.parameters)
    written = _summary(written_rows=result.rows_read(), written_bytes=result.bytes_read())
    _send(answer, request, "", written, ())


def _query(handle: Connection, answer: Answer, request: Request, text: str, fmt: str) -> None:
    returns_rows = first_word(text.encode()) in _RETURN_ROWS
    answer.may_be_killed = returns_rows
    if fmt == "Native" and returns_rows and request.protocol >= CUSTOM_SERIALIZATION:
        _native(handle, answer, request, text)
        return
    if fmt in STREAMED and returns_rows and not has_totals(text.encode()):
        try:
            stream = handle.send_query(text, fmt, params=request.parameters)
        except ChdbError as error:
            if "Streaming query is not supported" not in str(error):
                raise
        else:
            with stream:
                pieces = _without_repeated_head((bytes(block.bytes()) for block in stream), HEADS.get(fmt, 0))
                first = next(pieces, b"")
                if first or fmt not in HEADS:
                    _send(answer, request, fmt, {}, itertools.chain((first,), pieces))
                    return
    result = handle.query(text, fmt, params=request.parameters)
    data = bytes(result.bytes() or b"")
    summary = _summary(
        read_rows=result.storage_rows_read(),
        read_bytes=result.storage_bytes_read(),
        written_rows=result.rows_written(),
        written_bytes=result.bytes_written(),
        result_rows=result.rows_read(),
        result_bytes=result.bytes_read(),
        elapsed_ns=int(result.elapsed() * 1e9),
    )
    _send(answer, request, fmt if data or returns_rows else "", summary, (data,))


def _without_repeated_head(pieces: Iterator[bytes], texts: int) -> Iterator[bytes]:
    """The pieces of a binary stream; its head, of so many texts for each column, stands before the first rows only."""
    first = next((piece for piece in pieces if piece), b"")
    yield first
    head = first[: _head_length(first, texts)] if texts else b""
    for piece in pieces:
        yield piece.removeprefix(head)


def _head_length(data: bytes, texts: int) -> int:
    columns, at = _varint(data, 0)
    for _ in range(columns * texts):
        length, at = _varint(data, at)
        at += length
    return at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    return value, at


def _native(handle: Connection, answer: Answer, request: Request, text: str) -> None:
    parameters = request.parameters
    if first_word(text.encode()) in _SELECTS:
        rows = handle.query(f"DESCRIBE TABLE ({text}\n)", "JSONCompactEachRow", params=parameters).bytes().splitlines()
        columns = [(row[0], row[1]) for row in map(orjson.loads, rows)]
        with handle.send_query(text, "Buffers", params=parameters) as stream:
            _send(answer, request, "Native", {}, blocks(columns, (bytes(piece.bytes()) for piece in stream)))
    else:  # a short list, such as SHOW TABLES gives, and no subquery to describe
        head = handle.query(text, "JSONCompactEachRowWithNamesAndTypes", params=parameters).bytes().splitlines()
        columns = list(zip(orjson.loads(head[0]), orjson.loads(head[1]), strict=True))
        data = bytes(handle.query(text, "Buffers", params=parameters).bytes() or b"")
        _send(answer, request, "Native", {}, blocks(columns, (data,)))


def _summary(**counts: int) -> dict[str, str]:
    return {name: str(count) for name, count in counts.items()}


def _send(answer: Answer, request: Request, fmt: str, summary: dict[str, str], pieces: Iterable[bytes]) -> None:
    """The head only once the first piece is there, so that a query that fails early gets its status."""
    compressor = compressor_of(request.answer_encoding)
    ahead = _sliced(pieces)
    first = next(ahead, b"")
    head = Head(fmt, summary, tag=token_hex(8))
    answer.send(head)
    try:
        for piece in itertools.chain((first,), ahead):
            if data := compressor.compress(piece):
                answer.send(data)
    except ChdbError as error:
        answer.send(compressor.compress(failure_block(as_query_failed(error), head.tag)) + compressor.flush())
        raise
    if data := compressor.flush():
        answer.send(data)


def _sliced(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        for at in range(0, len(piece), PIECE_BYTES):
            yield piece[at : at + PIECE_BYTES]
