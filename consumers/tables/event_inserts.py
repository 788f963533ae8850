"""Insert a chunk's events; when ClickHouse refuses the block, find the rows at fault and insert the others."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from ask0.consumers.folds.events import Columns
from ask0.consumers.folds.quarantine import refused
from ask0.consumers.folds.records import Placed, Quarantined
from ask0.consumers.tables.isolation import MOST_CULPRITS, is_of_the_data
from ask0.consumers.tables.poison import ProjectPoisoned
from ask0.eventlog.log import Chunk
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import QueryFailed, Refused, Unavailable

# ClickHouse writes a token down before the rows are in. A death between the two leaves the token spent and the rows
# missing; so what a repeated chunk did not find in the table goes in again under a token of its own, counted up until
# one was not spent in the same way. Whoever repeats counts alike, so that two who do it at once store the rows once.
MOST_TRIES = 8

STORED = """
SELECT _off, _idx FROM events
WHERE _log = {log:String} AND _partition = {partition:UInt16} AND _off >= {lo:UInt64} AND _off < {hi:UInt64}
  AND toYYYYMM(received_at) >= {month:UInt32}
"""

ToColumns = Callable[[Sequence[Placed]], Columns]

WITHDRAWN_AT_ONCE = 1_000
WITHDRAW = """
DELETE FROM events WHERE _log = {log:String} AND _partition = {partition:UInt16}
  AND (_off, _idx) IN (SELECT arrayJoin(arrayZip({offsets:Array(UInt64)}, {indexes:Array(UInt16)})))
"""


def insert_events(
    warehouse: Warehouse, chunk: Chunk, events: Sequence[Placed], to_columns: ToColumns, *, parked: bool
) -> list[Quarantined]:
    """Store the events of one chunk as one block under the chunk's token, and return those that no table takes.

    `parked` says that records of the chunk were put aside. An earlier attempt may have stored the others, in another
    block than this one: so what is there must be looked for first.
    """
    refused_rows: list[Quarantined] = []
    for attempt in range(MOST_TRIES + 1):
        missing = events
        if attempt or (parked and chunk.repeated):
            stored = stored_places(warehouse, chunk, events)
            missing = [placed for placed in events if (placed.offset, placed.index) not in stored]
            if not missing:
                return refused_rows
        token = f"{chunk.token}:events:again:{attempt}" if attempt else f"{chunk.token}:events"
        found = _store(warehouse, token, to_columns, missing)
        refused_rows += found
        if not chunk.repeated:
            return refused_rows
        culprits = {(row.offset, row.index) for row in found}
        events = [placed for placed in events if (placed.offset, placed.index) not in culprits]
    raise Unavailable(f"ClickHouse takes the rows of chunk {chunk.token} and does not have them afterwards")


def withdraw(warehouse: Warehouse, events: Sequence[Placed]) -> None:
    """Take the rows of some events out again: they are to be of the quarantine alone."""
    by_chunk: dict[str, list[Placed]] = {}
    for placed in events:
        by_chunk.setdefault(placed.chunk.token, []).append(placed)
    for own in by_chunk.values():
        for start in range(0, len(own), WITHDRAWN_AT_ONCE):
            page = own[start : start + WITHDRAWN_AT_ONCE]
            places = {"offsets": [p.offset for p in page], "indexes": [p.index for p in page]}
            log = {"log": own[0].chunk.log_id, "partition": own[0].chunk.partition}
            warehouse.command(WITHDRAW, {**log, **places})


def stored_places(warehouse: Warehouse, chunk: Chunk, events: Sequence[Placed]) -> set[tuple[Any, ...]]:
    """(offset, index) of the chunk's rows in the table."""
    first = min((placed.record.received_at for placed in events), default=0)
    month = datetime.fromtimestamp(first / 1000, UTC).strftime("%Y%m")
    bounds = {"log": chunk.log_id, "partition": chunk.partition, "lo": chunk.lo, "hi": chunk.hi, "month": int(month)}
    return set(warehouse.query(STORED, bounds))


def _store(warehouse: Warehouse, token: str, to_columns: ToColumns, events: Sequence[Placed]) -> list[Quarantined]:
    """Halves go in under tokens that follow from the rows' places alone: a repeat is refused, halved, dropped alike.
    They part the projects first, so that the neighbours are soon done."""
    events = sorted(events, key=lambda placed: placed.record.project_id)
    culprits = []
    by_project: Counter[str] = Counter()
    for place, message in _insert(warehouse, to_columns(events), token, 0, len(events)):
        project_id = events[place].record.project_id
        culprits.append(refused(events[place], message))
        by_project[project_id] += 1
        if by_project[project_id] > MOST_CULPRITS:  # each costs the neighbours' time
            raise ProjectPoisoned(project_id, f"ClickHouse refused more than {MOST_CULPRITS} events of one chunk")
    return culprits


def _insert(warehouse: Warehouse, columns: Columns, token: str, lo: int, hi: int) -> Iterator[tuple[int, str]]:
    """Insert rows [lo, hi) and yield the place of each that is refused."""
    whole = lo == 0 and hi == len(columns["_off"])
    rows: Columns = columns if whole else {name: column[lo:hi] for name, column in columns.items()}
    try:
        warehouse.insert("events", rows, token=token if whole else f"{token}:{lo}:{hi}")
    except (Refused, QueryFailed) as error:
        if not is_of_the_data(error):
            raise
        if hi - lo == 1:
            yield lo, str(error)
            return
        middle = (lo + hi) // 2
        yield from _insert(warehouse, columns, token, lo, middle)
        yield from _insert(warehouse, columns, token, middle, hi)
