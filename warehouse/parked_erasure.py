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
from ask0.warehouse.erasure import LEAST_NEEDLE, Run, read_ids
from ask0.warehouse.parking import ParkedRecord, read_records


def rewrite(warehouse: Warehouse, run: Run) -> int:
    """How many records named them."""
    pages = read_records(warehouse, run.project_id)
    first = next(pages, None)
    if first is None:
        return 0
    ids = {id for page in read_ids(warehouse, run) for id in page}
    sent = {id.removeprefix("g-") for id in ids}
    changed = 0
    for page in (first, *pages):
        after = [(one, left) for one in page if (left := _without(one.value, ids, sent))]
        if after:
            _store(warehouse, run, after)
            changed += len(after)
    if changed:
        warehouse.command("OPTIMIZE TABLE parked_records FINAL")
    return changed


def _without(value: bytes | str, ids: Collection[str], sent: Collection[str]) -> Record | None:
    """What is left of the record; None where nobody is named, and of a later version, which is left to it."""
    try:
        record = records.decode(value.encode() if isinstance(value, str) else value)
    except msgspec.MsgspecError:
        return None
    events = tuple(event for event in record.events if not _is_of(event, ids))
    rejects = tuple(reject for reject in record.rejects if not _mentions(reject, sent))
    if (len(events), len(rejects)) == (len(record.events), len(record.rejects)):
        return None
    return replace(record, events=events, rejects=rejects)


def _is_of(event: Event, ids: Collection[str]) -> bool:
    merge = merge_of(event)
    named = (event.user_id, event.anonymous_id, event.previous_id, *((merge.from_id, merge.into) if merge else ()))
    return any(id and (id in ids or guest_id(id) in ids) for id in named)


def _mentions(reject: Reject, sent: Collection[str]) -> bool:
    """As a whole text, or anywhere if it is long enough to say whom it means."""
    return any(f'"{id}"' in reject.raw or (len(id) >= LEAST_NEEDLE and id in reject.raw) for id in sent)


def _store(warehouse: Warehouse, run: Run, after: list[tuple[ParkedRecord, Record]]) -> None:
    """In place of those of before: of the same place, the one that was stored last stays."""
    columns: dict[str, list[Any]] = {
        "project_id": [run.project_id] * len(after),
        "received_at": [left.received_at for _, left in after],
        "events": [len(left.events) + len(left.rejects) for _, left in after],
        "record": [records.encode(left).decode() for _, left in after],
        "_log": [one.log_id for one, _ in after],
        "_partition": [one.partition for one, _ in after],
        "_off": [one.offset for one, _ in after],
    }
    warehouse.insert("parked_records", columns, token=f"erasure:{run.name}:{after[0][0].offset}")
