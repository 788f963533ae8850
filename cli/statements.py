"""A statement to ClickHouse over its HTTP interface; the answer streams through, however large it is."""

import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

import httpx

from ask0.warehouse.errors import QueryFailed, Unavailable

CONNECT_SECONDS = 5
CUT = b"\r\n__exception__\r\n"  # what ClickHouse writes where an answer breaks off

_ERROR = re.compile(r"Code: (\d+)\. (?:DB::Exception: )?(.*)", re.DOTALL)


def stream(dsn: str, sql: str, fmt: str) -> Iterator[bytes]:
    """The answer in a format of ClickHouse's, piece by piece; a FORMAT clause in the statement wins. Raises
    QueryFailed, Unavailable."""
    url = urlsplit(dsn)
    parameters = {"database": unquote(url.path.strip("/")) or "ask0", "default_format": fmt}
    headers = {"X-ClickHouse-User": unquote(url.username or "default"), "X-ClickHouse-Key": unquote(url.password or "")}
    address = f"{url.scheme}://{url.netloc.rpartition('@')[2]}/"
    timeout = httpx.Timeout(None, connect=CONNECT_SECONDS)
    try:
        with httpx.stream(
            "POST", address, params=parameters, headers=headers, content=sql, timeout=timeout
        ) as response:
            if response.status_code != 200:
                raise _explain(response.read(), response.status_code)
            yield from _until_cut(response.iter_bytes())
    except httpx.TransportError as error:
        raise Unavailable(f"ClickHouse at {url.hostname} does not answer: {type(error).__name__}") from error


def _until_cut(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        rows, cut, message = piece.partition(CUT)
        yield rows
        if cut:
            raise _explain(message, 200)


def _explain(text: bytes, status: int) -> QueryFailed:
    message = text.decode(errors="replace").partition("\r\n__exception__")[0].strip()
    found = _ERROR.search(message)
    return QueryFailed(found[2], int(found[1])) if found else QueryFailed(f"status {status}: {message[:500]}")
