"""What a round's changes come to in the audit log. A round without changes does not look there at all."""

from collections.abc import Collection, Sequence
from itertools import groupby

from ask0.consumers.folds.audit import entries_of
from ask0.consumers.folds.records import Placed, Quarantined
from ask0.consumers.tables.event_inserts import MOST_TRIES
from ask0.eventlog.log import Chunk
from ask0.schemas.audit import Entry
from ask0.warehouse.audit_chain import append
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import Unavailable


def store_audit(warehouse: Warehouse, changes: Sequence[Placed], refused: Collection[Quarantined]) -> None:
    """All changes of the round that are the first of their id, chunk by chunk."""
    places = {(row.chunk.token, row.offset, row.index) for row in refused}
    for _, some in groupby(sorted(changes, key=_place), key=lambda placed: placed.chunk.token):
        own = list(some)
        if entries := entries_of(own, places):
            _store(warehouse, own[0].chunk, entries)


def _place(placed: Placed) -> tuple[str, int, int]:
    return placed.chunk.token, placed.offset, placed.index


def _store(warehouse: Warehouse, chunk: Chunk, entries: Sequence[Entry]) -> None:
    """Under the chunk's token: what an earlier attempt has stored stands, whatever this one would say. A token that
    was spent without its rows (see event_inserts.py) has others after it."""
    for attempt in range(MOST_TRIES + 1):
        token = f"{chunk.token}:audit:again:{attempt}" if attempt else f"{chunk.token}:audit"
        if not append(warehouse, entries, token) or not chunk.repeated:
            return
    raise Unavailable(f"ClickHouse takes the audit rows of chunk {chunk.token} and does not have them afterwards")
