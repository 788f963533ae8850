"""Moves as events on the log."""

from collections.abc import Iterator, Mapping, Sequence

from ask0.eventlog.log import Entry, Log
from ask0.schemas import records
from ask0.schemas.events import Event
from ask0.schemas.records import Record
from ask0.schemas.segment_moves import Move, move_event

AT_ONCE = 300  # in one record, which Kafka takes up to 1 MiB of


async def tell(log: Log, moves: Sequence[Move], names: Mapping[str, str]) -> None:
    """Durable when it returns. `names` are those of the segments, by id. Raises LogUnavailable."""
    if moves:
        await log.start()
        await log.append(list(_entries(moves, names, partitioned=log.partitioned)))


def _entries(moves: Sequence[Move], names: Mapping[str, str], *, partitioned: bool) -> Iterator[Entry]:
    groups: dict[tuple[str, bytes], list[Event]] = {}
    for move in moves:
        event = move_event(move, names[move.segment_id])
        key = records.partition_key(move.project_id, event) if partitioned else b""
        groups.setdefault((move.project_id, key), []).append(event)
    received_at = max(move.at for move in moves)
    for (project_id, key), events in groups.items():
        for start in range(0, len(events), AT_ONCE):
            some = tuple(events[start : start + AT_ONCE])
            record = Record(project_id=project_id, received_at=received_at, events=some)
            yield Entry(key, records.encode(record), len(some))
