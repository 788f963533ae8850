"""What a beacon puts on the log: one record per project, user key (where keys matter) and beacon, as a JSON array."""

from collections.abc import Iterable, Sequence

import msgspec
from msgspec.structs import astuple

from ask0.schemas.events import MAX_TIMESTAMP, Event

VERSION = 1


class Reject(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An event the gateway refused: it travels the log too, so that the quarantine is as durable as the events."""

    reason: str
    message: str
    index: int  # position in the beacon
    message_id: str
    raw: str  # the event as JSON text, as it was sent


class Record(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """Everything the folds need: rows follow from the record alone, never from a clock. Times are epoch ms, UTC."""

    version: int = VERSION
    project_id: str
    received_at: int
    sent_at: int | None = None
    ip: str = ""  # already cut by the IP policy
    user_agent: str = ""
    events: tuple[Event, ...] = ()
    rejects: tuple[Reject, ...] = ()
    gpc: bool = False  # Sec-GPC: 1. New fields go here, at the end, with a default: old records must decode


_EVENTS = Record.__struct_fields__.index("events")
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Record)


def encode(record: Record) -> bytes:
    return _encoder.encode(record)


def encode_each(record: Record, groups: Iterable[Sequence[Event]]) -> list[bytes]:
    """The record once around each group of events, in place of its own."""
    return put_around(record, ([_encoder.encode(event) for event in events] for events in groups))


def put_around(record: Record, groups: Iterable[Sequence[bytes]]) -> list[bytes]:
    """The record once around each group of events, which are JSON already."""
    fields = astuple(record)
    start = _encoder.encode(fields[:_EVENTS])[:-1] + b",["
    end = b"]," + _encoder.encode(fields[_EVENTS + 1 :])[1:]
    return [b"".join((start, b",".join(events), end)) for events in groups]


def decode(value: bytes) -> Record:
    """Raises msgspec.DecodeError or msgspec.ValidationError when the bytes are not a record of this version."""
    record = _decoder.decode(value)
    if record.version != VERSION:
        raise msgspec.ValidationError(f"record version {record.version}, this code reads {VERSION}")
    return record


def partition_key(project_id: str, event: Event) -> bytes:
    """From client bytes only, so that a resend meets the first sending on the same partition."""
    return key_of(project_id, event.user_id or event.anonymous_id)


def key_of(project_id: str, user: str) -> bytes:
    """`user` is the userId or else the anonymousId, as they were sent."""
    return f"{project_id}\0{user}".encode()


def heading(value: bytes) -> tuple[str, int]:
    """Project and time (received_at) of a record, also of another version, whose first fields stand where ours do; else
    nothing."""
    try:
        match msgspec.json.decode(value):
            case [_, str(project_id), int(received_at), *_] if 0 <= received_at < MAX_TIMESTAMP:
                return project_id, received_at
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    return "", 0
