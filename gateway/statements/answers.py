"""The answer to a statement, made of what ClickHouse wrote: rows as JSON, whole numbers as text where JSON's readers
would round them, or as CSV whose cells are safe in a spreadsheet."""

import re
from typing import Any, NamedTuple

import msgspec
import orjson

from ask0.schemas.user_files import write_cells

SAFE = 1 << 53  # beyond it JavaScript rounds
LONG = re.compile(rb"[0-9]{16}")
READ_STEP = 10_000  # blocks hold rows of others too: how many exactly is not told


class Rows(NamedTuple):
    columns: list[dict[str, str]]
    lines: list[bytes]  # each a row, as a JSON array
    truncated: bool
    elapsed_ms: int
    read_rows: int


def rows_of(answer: bytes, limit: int) -> Rows:
    """Of JSONCompact, which has a row on each line: one more than `limit` was asked for."""
    head, _, rest = answer.partition(b'\n\t"data":\n\t[\n')
    data, _, tail = rest.partition(b"\n\t],\n")
    columns = orjson.loads(head.rstrip().rstrip(b",") + b"}")["meta"]
    statistics = orjson.loads(b"{" + tail)["statistics"]
    lines = [_exact(line.strip().rstrip(b",")) for line in data.split(b"\n") if line.strip()]
    return Rows(
        columns=columns,
        lines=lines[:limit],
        truncated=len(lines) > limit,
        elapsed_ms=round(statistics["elapsed"] * 1000),
        read_rows=-(-statistics["rows_read"] // READ_STEP) * READ_STEP,
    )


def write_json(rows: Rows) -> bytes:
    about = orjson.dumps(
        {"truncated": rows.truncated, "elapsedMs": rows.elapsed_ms, "readRows": rows.read_rows}
    ).removeprefix(b"{")
    return b'{"columns":%s,"rows":[%s],%s' % (orjson.dumps(rows.columns), b",".join(rows.lines), about)


def write_csv(rows: Rows) -> bytes:
    lines = [write_cells([column["name"] for column in rows.columns])]
    lines += [write_cells(msgspec.json.decode(line)) for line in rows.lines]
    return b"".join(lines)


def _exact(line: bytes) -> bytes:
    if not LONG.search(line):
        return line
    return msgspec.json.encode(_as_text(msgspec.json.decode(line)))


def _as_text(value: Any) -> Any:
    if isinstance(value, int) and not -SAFE <= value <= SAFE:
        return str(value)
    if isinstance(value, list):
        return [_as_text(item) for item in value]
    if isinstance(value, dict):
        return {name: _as_text(item) for name, item in value.items()}
    return value
