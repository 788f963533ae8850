"""The plain events: beacons whose every event has a usual shape, read from their bytes in one step of compiled code.

Only for speed: what is read here is what `parse_event` makes of the same bytes, and what is not plain is left to it.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, NamedTuple

import msgspec
import orjson

from ask0.schemas.events import MAX_BATCH_EVENTS, MAX_EVENT_BYTES, MAX_ID_CHARS, MAX_TIMESTAMP, NOBODY, TOKEN
from ask0.schemas.properties import ALWAYS_TRUSTED

# Types bound how deep a value lies, and let no null stand for a number that is none.
Scalar = str | int | float | bool | None
Inner = Scalar | list[Scalar] | dict[str, Scalar]
Outer = Scalar | list[Inner] | dict[str, Inner]
Value = Scalar | list[Outer] | dict[str, Outer]
Object = dict[str, Value]
Id = Annotated[str, msgspec.Meta(max_length=MAX_ID_CHARS)]
Time = str | int

EPOCH, DAY = datetime(1970, 1, 1, tzinfo=UTC), 86_400_000
KEY_FIRST = b'{"writeKey":"'  # how our own SDK begins a body
MAX_KEY_BYTES = 64


class PlainBeacon(NamedTuple):
    """Events as they lie on the log, the ids of those they are of, and the envelope's sentAt as epoch ms."""

    events: Sequence[bytes]
    users: Sequence[str]
    sent_at: int | None


class _Event(msgspec.Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    message_id: Id | None = None
    timestamp: Time | None = None
    type: str | None = None
    event: str = ""
    user_id: Id | None = None
    anonymous_id: Id | None = None
    name: str | msgspec.UnsetType = msgspec.UNSET  # a track call without properties would have it as one
    properties: Object | None = None
    traits: Object | None = None
    context: Object | None = None
    # These say nothing beside what stands above.
    channel: Value = None
    integrations: Value = None
    original_timestamp: Value = None
    received_at: Value = None
    metadata: Value = msgspec.field(default=None, name="_metadata")
    sent_at: Time | None = None


class _SingleEvent(_Event, rename="camel", forbid_unknown_fields=True, gc=False):
    write_key: str | None = None


class _Batch(msgspec.Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    batch: Annotated[list[_Event], msgspec.Meta(min_length=1, max_length=MAX_BATCH_EVENTS)]
    sent_at: Time | None = None
    write_key: str | None = None


_decode_single = msgspec.json.Decoder(_SingleEvent).decode
_decode_batch = msgspec.json.Decoder(_Batch).decode
_encode = orjson.dumps


class _NotPlain(Exception):
    pass


def write_key_of(body: bytes) -> str | None:
    """The write key that a body begins with, to be compared with what `read_plain` is told."""
    if not body.startswith(KEY_FIRST):
        return None
    start = len(KEY_FIRST)
    end = body.find(b'"', start, start + MAX_KEY_BYTES)
    return body[start:end].decode("latin-1") if end > 0 else None


def read_plain(
    body: bytes,
    kind: str | None,
    write_key: str | None,
    received_at: int,
    new_id: Callable[[int], str],
    trusted: frozenset[str] = ALWAYS_TRUSTED,
) -> PlainBeacon | None:
    """The events of an uncompressed body, sent to the path of `kind` (None: a batch) by whom `write_key` names. Ids for
    those without are made of `received_at`. None if one of them is not plain, as one that sets a `trusted` trait: then
    nothing is known about any."""
    users: list[str] = []
    try:
        if kind is None:
            batch = _decode_batch(body)
            if batch.write_key is not None and batch.write_key != write_key:
                return None
            events = [_read(event, event.type, received_at, new_id, users, trusted) for event in batch.batch]
            return PlainBeacon(events, users, None if batch.sent_at is None else _epoch_ms(batch.sent_at))
        single = _decode_single(body)
        if single.write_key is not None and single.write_key != write_key:
            return None
        kind = kind if single.type is None else single.type
        events = [_read(single, kind, received_at, new_id, users, trusted)]
        return PlainBeacon(events, users, None if single.sent_at is None else _epoch_ms(single.sent_at))
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError, TypeError, _NotPlain):
        return None  # ValueError is of text or a time, TypeError is orjson's, of an integer over 64 bits


def _read(
    event: _Event,
    kind: str | None,
    received_at: int,
    new_id: Callable[[int], str],
    users: list[str],
    trusted: frozenset[str],
) -> bytes:
    """The event as it lies on the log; whose it is goes to `users`. Raises _NotPlain."""
    user_id = event.user_id.strip() if event.user_id else ""
    anonymous_id = event.anonymous_id.strip() if event.anonymous_id else ""
    name, payload = "", event.properties
    if kind == "track":
        name = event.event
        if not name or event.name is not msgspec.UNSET:
            raise _NotPlain
    elif kind == "page" or kind == "screen":
        name = event.name or (payload.get("name") or "" if payload else "")  # type: ignore[assignment]  # looked at below
        if type(name) is not str:
            raise _NotPlain
    elif kind == "identify":
        payload = event.traits
        if not payload or not user_id or "customAttributes" in payload or not trusted.isdisjoint(payload):
            raise _NotPlain
    else:
        raise _NotPlain
    payload, context = payload or {}, event.context or {}
    conversation_id = payload.get("conversationId", "")
    whose = user_id or anonymous_id
    if (
        not whose
        or user_id[:2] == "g-"
        or user_id in NOBODY
        or TOKEN in payload
        or TOKEN in context
        or type(conversation_id) is not str
        or len(conversation_id) > MAX_ID_CHARS
    ):
        raise _NotPlain
    message_id = (event.message_id and event.message_id.strip()) or new_id(received_at)
    if event.timestamp is not None:
        at = _epoch_ms(event.timestamp)
    elif event.original_timestamp is None:
        at = received_at
    else:
        raise _NotPlain
    name, conversation_id = name[:MAX_ID_CHARS], conversation_id.strip()
    encoded = _encode(
        (kind, message_id, at, name, user_id, anonymous_id, "", "", conversation_id, payload, context, False)
    )
    if len(encoded) > MAX_EVENT_BYTES:  # more than what counts, so nothing too large passes
        raise _NotPlain
    users.append(whose)
    return encoded


def _epoch_ms(when: str | int) -> int:
    """As `parse_time`, which also judges what is odd: no time zone, the last millisecond before 1970, and halves of a
    millisecond, which it rounds as a floating-point number."""
    if isinstance(when, int):
        at = when
    else:
        time = datetime.fromisoformat(when)
        if time.tzinfo is None or time.microsecond % 1000 == 500:
            raise _NotPlain
        passed = time - EPOCH
        at = passed.days * DAY + passed.seconds * 1000 + (passed.microseconds + 500) // 1000
    if not 0 < at < MAX_TIMESTAMP:
        raise _NotPlain
    return at
