"""One event for each (project, messageId): the first on the log stays, what a client sent again is dropped."""

from collections.abc import Iterable

from ask0.consumers.folds.events import id_columns
from ask0.consumers.folds.records import Placed
from ask0.consumers.tables.round_keys import RoundKeys, among
from ask0.schemas.ids import message_key
from ask0.warehouse.connect import Warehouse

First = dict[tuple[str, int], Placed]  # by project and message key

FIND = f"""
SELECT project_id, id, _log, _partition, _off, _idx FROM event_ids WHERE {among("project_id", "id", "message", "id")}
"""


def first_of_each(events: Iterable[Placed]) -> First:
    first: First = {}
    for placed in events:
        first.setdefault((placed.record.project_id, message_key(placed.event.message_id)), placed)
    return first


def claim(warehouse: Warehouse, keys: RoundKeys, first: First, token: str) -> list[Placed]:
    """The events that no earlier round has stored. Their ids are stored when it returns; the round's set `message`
    holds the keys of `first`.

    Ids go in before events: after a crash between the two, the repeat finds its own position and goes on. A resend
    lies on the partition of the first sending, so no other worker can claim the id between look-up and insert.
    """
    if not first:
        return []
    known: dict[tuple[str, int], set[tuple[str, int, int, int]]] = {}
    for project_id, number, *position in warehouse.query(FIND, {"round": keys.round}):
        known.setdefault((project_id, number), set()).add(tuple(position))
    keys.check()
    fresh = {key: placed for key, placed in first.items() if key not in known} if known else first
    if fresh:
        columns = id_columns(list(fresh.values()), [number for _, number in fresh])
        warehouse.insert("event_ids", columns, token=f"{token}:event_ids")
    if not known:
        return list(first.values())
    return [placed for key, placed in first.items() if key not in known or _position(placed) in known[key]]


def _position(placed: Placed) -> tuple[str, int, int, int]:
    return placed.chunk.log_id, placed.chunk.partition, placed.offset, placed.index
