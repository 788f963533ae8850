"""Insert a chunk's events; when ClickHouse refuses the block, find the rows at fault and insert the others."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from consumers.folds.events import Columns, event_columns
from consumers.folds.identities import Guest
from consumers.folds.quarantine import refused
from consumers.folds.records import Placed, Quarantined
from consumers.poison import MOST_AT_ONCE, TooMuchPoison
from warehouse.connect import Warehouse
from warehouse.errors import Refused


def insert_events(
    warehouse: Warehouse, token: str, events: Sequence[Placed], owners: Mapping[Guest, str]
) -> list[Quarantined]:
    """Store the events of one chunk as one block under the chunk's token, and return those that no table takes.

    Halves go in under tokens that follow from the rows' places alone: a repeat is refused, halved and dropped alike.
    """
    culprits = []
    for place, message in _insert(warehouse, event_columns(events, owners), f"{token}:events", 0, len(events)):
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
