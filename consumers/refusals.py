"""Insert a chunk's events; when ClickHouse refuses the block, find the rows at fault and insert the others."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from consumers.folds.events import Columns, event_columns
from consumers.folds.identities import Guest
from consumers.folds.quarantine import refused
from consumers.folds.records import Placed, Quarantined
from consumers.poison import MOST_AT_ONCE, TooMuchPoison
from eventlog.log import Chunk
from warehouse.connect import Warehouse
from warehouse.errors import Refused, Unavailable

# ClickHouse writes a token down before the rows are in. A death between the two leaves the token spent and the rows
# missing; so what a repeated chunk did not find in the table goes in again under a token of its own, counted up until
# one was not spent in the same way. Whoever repeats counts alike, so that two who do it at once store the rows once.
MOST_TRIES = 8

STORED = """
SELECT _off, _idx FROM events
WHERE _log = {log:String} AND _partition = {partition:UInt16} AND _off >= {lo:UInt64} AND _off < {hi:UInt64}
  AND toYYYYMM(received_at) >= {month:UInt32}
"""


def insert_events(
    warehouse: Warehouse, chunk: Chunk, events: Sequence[Placed], owners: Mapping[Guest, str]
) -> list[Quarantined]:
    """Store the events of one chunk as one block under the chunk's token, and return those that no table takes."""
    refused_rows = _store(warehouse, f"{chunk.token}:events", events, owners)
    if not chunk.repeated:
        return refused_rows
    culprits = {(row.offset, row.index) for row in refused_rows}
    expected = [placed for placed in events if (placed.offset, placed.index) not in culprits]
    for attempt in range(1, MOST_TRIES + 1):
        stored = _positions(warehouse, chunk, expected)
        missing = [placed for placed in expected if (placed.offset, placed.index) not in stored]
        if not missing:
            return refused_rows
        _store(warehouse, f"{chunk.token}:events:again:{attempt}", missing, owners)
    raise Unavailable(f"ClickHouse takes the rows of chunk {chunk.token} and does not have them afterwards")


def _positions(warehouse: Warehouse, chunk: Chunk, events: Sequence[Placed]) -> set[tuple[Any, ...]]:
    """(offset, index) of the chunk's rows in the table."""
    first = min((placed.record.received_at for placed in events), default=0)
    month = datetime.fromtimestamp(first / 1000, UTC).strftime("%Y%m")
    bounds = {"log": chunk.log_id, "partition": chunk.partition, "lo": chunk.lo, "hi": chunk.hi, "month": int(month)}
    return set(warehouse.query(STORED, bounds))


def _store(
    warehouse: Warehouse, token: str, events: Sequence[Placed], owners: Mapping[Guest, str]
) -> list[Quarantined]:
    """Halves go in under tokens that follow from the rows' places alone: a repeat is refused, halved, dropped alike."""
    culprits = []
    for place, message in _insert(warehouse, event_columns(events, owners), token, 0, len(events)):
        culprits.append(refused(events[place], message))
        if len(culprits) > MOST_AT_ONCE:
            raise TooMuchPoison(f"ClickHouse refused more than {MOST_AT_ONCE:,} events of one chunk: {message}")
    return culprits


def _insert(warehouse: Warehouse, columns: Columns, token: str, lo: int, hi: int) -> Iterator[tuple[int, str]]:
    """Insert rows [lo, hi) and yield the place of each that is refused."""
    whole = lo == 0 and hi == len(columns["_off"])
    rows: dict[str, list[Any]] = columns if whole else {name: column[lo:hi] for name, column in columns.items()}
    try:
        warehouse.insert("events", rows, token=token if whole else f"{token}:{lo}:{hi}")
    except Refused as error:
        if hi - lo == 1:
            yield lo, str(error)
            return
        middle = (lo + hi) // 2
        yield from _insert(warehouse, columns, token, lo, middle)
        yield from _insert(warehouse, columns, token, middle, hi)
