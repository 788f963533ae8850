"""The first step of every fold: decode a round's records and say of each event where it lies and when it happened."""

from base64 import b64encode
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ask0.eventlog.log import Chunk
from ask0.schemas.conversations import UNDERSTOOD
from ask0.schemas.events import MAX_TIMESTAMP, Event
from ask0.schemas.ids import guest_id
from ask0.schemas.reasons import Reason
from ask0.schemas.records import Record, decode, heading
from ask0.schemas.user_changes import CHANGE

MAX_SKEW = 60_000  # ms; a client's clock that is further off is corrected
MAX_RECORD_EVENTS = 65_535  # positions in a record are UInt16

NOTHING: dict[str, Any] = {}
_UNDERSTOOD = frozenset(UNDERSTOOD)


class Placed(msgspec.Struct, frozen=True, gc=False):  # tens of thousands live at once, and hold no cycles
    """An event, where it lies on the log, and when it happened."""

    chunk: Chunk
    offset: int
    index: int
    record: Record
    event: Event
    occurred_at: int
    said: dict[str, Any]  # the properties of a conversation event, else NOTHING
    user_id: str  # whose event it is; empty: its guest's. What the client sent, unless nothing proves that


class Quarantined(msgspec.Struct, frozen=True):
    """Something that becomes no row but one of the quarantine. `part` tells apart what has the same place."""

    chunk: Chunk
    offset: int
    index: int  # in the record: its events first, then its rejects
    project_id: str
    received_at: int
    stage: str
    reason: str
    message: str
    message_id: str
    raw: str
    part: str = ""


class Parked(msgspec.Struct, frozen=True):
    """A record of a project whose records are not applied for now."""

    chunk: Chunk
    offset: int
    project_id: str
    received_at: int
    events: int  # and rejects
    value: str


@dataclass
class Decoded:
    """What a round's chunks hold."""

    events: list[Placed] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    parked: list[Parked] = field(default_factory=list)
    unreadable: int = 0  # records, and so rows of the quarantine


def read(chunks: Sequence[Chunk], parked: Collection[str] = ()) -> Decoded:
    """Every event and every reject of the chunks, in log order; of the `parked` projects the records as they are. Never
    raises for what the bytes hold."""
    decoded = Decoded()
    for chunk in chunks:
        for offset, value in chunk.records:
            try:
                value.decode()  # ClickHouse's JSON takes UTF-8 only, and msgspec leaves Raw fields unread
                record = decode(value)
                _check_ranges(record)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                decoded.unreadable += 1
                decoded.quarantined.append(_unreadable(chunk, offset, value, error))
            else:
                if record.project_id in parked:
                    decoded.parked.append(_parked(chunk, offset, record, value))
                    continue
                decoded.events += _place(chunk, offset, record)
                decoded.quarantined += _rejected(chunk, offset, record)
    return decoded


def user_key(placed: Placed) -> tuple[str, str]:
    """Project and user whose facts the event adds to: the user it is of, else the guest."""
    return placed.record.project_id, placed.user_id or guest_id(placed.event.anonymous_id)


def place_of(placed: Placed) -> tuple[str, int, int]:
    """Chunk, offset and index: what tells a round's events apart."""
    return placed.chunk.token, placed.offset, placed.index


def _place(chunk: Chunk, offset: int, record: Record) -> Iterator[Placed]:
    received_at, sent_at = record.received_at, record.sent_at
    skew = 0 if sent_at is None or abs(received_at - sent_at) <= MAX_SKEW else received_at - sent_at
    # Without this bound one clock that is years ahead would pin a trait for good: the last write wins by event time.
    latest = received_at + MAX_SKEW
    for index, event in enumerate(record.events):
        # A change has the time that the gateway has chosen, after what it was made from.
        occurred_at = event.timestamp if event.type == CHANGE else min(max(event.timestamp + skew, 0), latest)
        said = _properties(event) if event.event in _UNDERSTOOD and event.type == "track" else NOTHING
        yield Placed(chunk, offset, index, record, event, occurred_at, said, event.user_id)


def _properties(event: Event) -> dict[str, Any]:
    try:
        properties = msgspec.json.decode(event.properties)
    except msgspec.MsgspecError:
        return NOTHING  # ClickHouse refuses such an event by itself
    return properties if type(properties) is dict else NOTHING


def _check_ranges(record: Record) -> None:
    """What the event_ids and the quarantine need; what an event's own row does not take, ClickHouse refuses."""
    if not 0 <= record.received_at < MAX_TIMESTAMP:
        raise msgspec.ValidationError(f"received_at {record.received_at} is not between 1970 and 2099")
    if record.sent_at is not None and not 0 <= record.sent_at < MAX_TIMESTAMP:
        raise msgspec.ValidationError(f"sent_at {record.sent_at} is not between 1970 and 2099")
    if len(record.events) + len(record.rejects) > MAX_RECORD_EVENTS:
        raise msgspec.ValidationError(f"{len(record.events):,} events in one record")


def _parked(chunk: Chunk, offset: int, record: Record, value: bytes) -> Parked:
    items = len(record.events) + len(record.rejects)
    return Parked(chunk, offset, record.project_id, record.received_at, items, value.decode())


def _rejected(chunk: Chunk, offset: int, record: Record) -> Iterator[Quarantined]:
    for index, reject in enumerate(record.rejects, start=len(record.events)):
        yield Quarantined(
            chunk=chunk,
            offset=offset,
            index=index,
            project_id=record.project_id,
            received_at=record.received_at,
            stage="gateway",
            reason=reject.reason,
            message=reject.message,
            message_id=reject.message_id,
            raw=reject.raw,
        )


def _unreadable(chunk: Chunk, offset: int, value: bytes, error: Exception) -> Quarantined:
    project_id, received_at = heading(value)
    try:
        raw = value.decode()
    except UnicodeDecodeError:
        raw = f"base64:{b64encode(value).decode()}"
    return Quarantined(
        chunk=chunk,
        offset=offset,
        index=0,
        project_id=project_id,
        received_at=received_at,
        stage="worker",
        reason=Reason.UNREADABLE_RECORD,
        message=str(error),
        message_id="",
        raw=raw,
    )
