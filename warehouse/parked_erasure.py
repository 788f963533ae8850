"""Erased people out of the records of a project that was stopped: they lie in ClickHouse as they came."""

from collections.abc import Collection
from typing import Any

import msgspec
from msgspec.structs import replace

from ask0.schemas import records
from ask0.schemas.events import Event
from ask0.schemas.ids import guest_id
from ask0.schemas.records import Record, Reject
from ask0.schemas.user_merges import merge_of
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.erasure import Run, read_ids
from ask0.warehouse.parking import ParkedRecord, read_records


def rewrite(warehouse: Warehouse, run: Run) -> int:
    """How many records named them."""
    pages = read_records(warehouse, run.project_id)
    first = next(pages, None)
    if first is None:
        return 0
    ids = {id for page in read_ids(warehouse, run) for id in page}
    changed = 0
    for page in (first, *pages):
        after = [(one, value) for one in page if (value := _without(one.value, ids)) != one.value]
        if after:
            _store(warehouse, run, after)
            changed += len(after)
    if changed:
        warehouse.command("OPTIMIZE TABLE parked_records FINAL")
    return changed


def _without(value: bytes | str, ids: Collection[str]) -> bytes | str:
    """The same object where nobody is named."""
    text = value if isinstance(value, str) else value.decode()
    try:
        record = records.decode(text.encode())
    except msgspec.MsgspecError:  # of a later version, which is left to it
        return value
    events = tuple(event for event in record.events if not _is_of(event, ids))
    rejects = tuple(reject for reject in record.rejects if not _mentions(reject, ids))
    if (len(events), len(rejects)) == (len(record.events), len(record.rejects)):
        return value
    left: Record = replace(record, events=events, rejects=rejects)
    return records.encode(left).decode()


def _is_of(event: Event, ids: Collection[str]) -> bool:
    merge = merge_of(event)
    named = (event.user_id, event.anonymous_id, event.previous_id, *((merge.from_id, merge.into) if merge else ()))
    return any(id and (id in ids or guest_id(id) in ids) for id in named)


def _mentions(reject: Reject, ids: Collection[str]) -> bool:
    return any(id in reject.raw for id in ids)


def _store(warehouse: Warehouse, run: Run, after: list[tuple[ParkedRecord, bytes | str]]) -> None:
    """In place of those of before: of the same place, the one that was stored last stays."""
    columns: dict[str, list[Any]] = {
        "project_id": [run.project_id] * len(after),
        "received_at": [0] * len(after),
        "events": [one.events for one, _ in after],
        "record": [value for _, value in after],
        "_log": [one.log_id for one, _ in after],
        "_partition": [one.partition for one, _ in after],
        "_off": [one.offset for one, _ in after],
    }
    warehouse.insert("parked_records", columns, token=f"erasure:{run.name}:{after[0][0].offset}")
