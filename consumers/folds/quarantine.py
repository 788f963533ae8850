"""Rows of `quarantine_rows`: what became no event, with the reason, the bytes and the place on the log."""

from collections.abc import Sequence

import msgspec

from ask0.consumers.folds.events import Columns, position_columns
from ask0.consumers.folds.records import Placed, Quarantined
from ask0.eventlog.log import Chunk
from ask0.schemas.events import Event
from ask0.schemas.ids import short_key
from ask0.schemas.reasons import Reason


def quarantine_columns(rows: Sequence[Quarantined]) -> Columns:
    return {
        "project_id": [row.project_id for row in rows],
        "id": [_id(row) for row in rows],
        "stage": [row.stage for row in rows],
        "reason": [row.reason for row in rows],
        "message": [row.message for row in rows],
        "message_id": [row.message_id for row in rows],
        "raw": [row.raw for row in rows],
        "received_at": [row.received_at for row in rows],
        **position_columns(rows),
    }


def refused(placed: Placed, message: str, reason: Reason = Reason.REFUSED_BY_CLICKHOUSE) -> Quarantined:
    """An event whose row, or whose facts, ClickHouse does not take."""
    return Quarantined(
        chunk=placed.chunk,
        offset=placed.offset,
        index=placed.index,
        project_id=placed.record.project_id,
        received_at=placed.record.received_at,
        stage="worker",
        reason=reason,
        message=message,
        message_id=placed.event.message_id,
        raw=_wire(placed.event),
    )


def unwritten(chunk: Chunk, received_at: int, kind: str, key: tuple[str, str], message: str) -> Quarantined:
    """A user, conversation or guest whose row ClickHouse does not write. Nothing of theirs is lost: events and facts
    are stored, and a replay writes the row again."""
    project_id, id = key
    return Quarantined(
        chunk=chunk,
        offset=chunk.lo,
        index=0,
        project_id=project_id,
        received_at=received_at,
        stage="worker",
        reason=Reason.ROW_NOT_WRITTEN,
        message=message,
        message_id="",
        raw=msgspec.json.encode({kind: id}).decode(),
        part=f"{kind}:{short_key(f'{project_id} {id}'):x}",
    )


def _id(row: Quarantined) -> str:
    place = f"{row.chunk.log_id}:{row.chunk.partition}:{row.offset}:{row.index}"
    return f"{place}:{row.part}" if row.part else place


def _wire(event: Event) -> str:
    """The event in Segment's shape, as the gateway would take it again."""
    payload = "traits" if event.type in ("identify", "group") else "properties"
    wire = {
        "type": event.type,
        "messageId": event.message_id,
        "timestamp": event.timestamp,
        "name" if event.type in ("page", "screen") else "event": event.event,
        "userId": event.user_id,
        "anonymousId": event.anonymous_id,
        "previousId": event.previous_id,
        "groupId": event.group_id,
    }
    told: dict[str, object] = {key: value for key, value in wire.items() if value != ""}
    return msgspec.json.encode({**told, payload: _said(event), "context": event.context}).decode()


def _said(event: Event) -> object:
    """Without what did not count: sent again with a secret key, it would."""
    if not event.ignored:
        return event.properties
    traits = msgspec.json.decode(event.properties, type=dict[str, msgspec.Raw])
    return {name: value for name, value in traits.items() if name not in event.ignored}
