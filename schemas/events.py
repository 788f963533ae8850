"""The canonical event: what every accepted shape of the wire becomes; the one place that says what is accepted."""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal, get_args

import msgspec
import orjson

from schemas.reasons import InvalidEvent, Reason

EventType = Literal["identify", "track", "page", "screen", "group", "alias"]
TYPES: frozenset[str] = frozenset(get_args(EventType))

MAX_BODY_BYTES = 500_000  # after inflating
MAX_EVENT_BYTES = 32_768
MAX_BATCH_EVENTS = 2_500
MAX_DEPTH = 64
MAX_ID_CHARS = 255
MAX_TIMESTAMP = 4_102_444_800_000  # 2100-01-01 in epoch ms; ClickHouse's DateTime64 ends in 2299

# Keys of the envelope: in Ask0's flat forms every other key is a trait or a property.
ENVELOPE = frozenset(
    ("type", "event", "userId", "anonymousId", "messageId", "timestamp", "originalTimestamp", "sentAt", "receivedAt")
    + ("context", "integrations", "traits", "properties", "projectId", "writeKey", "groupId", "previousId", "channel")
    + ("customAttributes", "_metadata")
)

EMPTY = msgspec.Raw(b"{}")


class Event(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """One event as it lies on the log. New fields go at the end, with a default: old records must decode."""

    type: EventType
    message_id: str
    timestamp: int  # epoch ms UTC by the client's clock
    event: str = ""  # the event name; the page's or screen's name
    user_id: str = ""
    anonymous_id: str = ""
    previous_id: str = ""  # alias
    group_id: str = ""  # group
    conversation_id: str = ""
    properties: msgspec.Raw = EMPTY  # a JSON object; the traits for identify and group
    context: msgspec.Raw = EMPTY  # a JSON object


def parse_event(raw: object, *, kind: str | None, received_at: int, new_id: Callable[[], str]) -> Event:
    """One wire event, in any accepted shape, as a canonical event.

    `raw` is parsed JSON, `kind` the call its path named (None in a batch), `received_at` epoch ms. Raises InvalidEvent
    with one reason, and nothing else, whatever `raw` is.
    """
    if type(raw) is not dict:
        raise InvalidEvent(Reason.NOT_AN_OBJECT, f"an event is a JSON object, this is {_json_name(raw)}")
    event_type = _event_type(raw, kind)
    user_id = _id(raw, "userId")
    anonymous_id = _id(raw, "anonymousId")
    flat_id = not user_id and event_type == "identify"
    if flat_id:
        user_id = _id(raw, "id")
    if user_id.startswith("g-"):  # a guest's id names a guest, wherever it stands
        user_id, anonymous_id = "", anonymous_id or user_id
    if not user_id and not anonymous_id:
        raise InvalidEvent(Reason.MISSING_USER, "an event needs a userId or an anonymousId")
    payload = _payload(raw, event_type, flat_id)
    name = _name(raw, event_type, payload)
    context = raw.get("context")
    if context is not None and type(context) is not dict:
        raise InvalidEvent(Reason.INVALID_PROPERTIES, f"context is an object, this is {_json_name(context)}")
    event = Event(
        type=event_type,
        message_id=_id(raw, "messageId") or new_id(),
        timestamp=_timestamp(raw, received_at),
        event=name,
        user_id=user_id,
        anonymous_id=anonymous_id,
        previous_id=_id(raw, "previousId") if event_type == "alias" else "",
        group_id=_id(raw, "groupId") if event_type == "group" else "",
        conversation_id=_id(payload, "conversationId") if payload else "",
        properties=_encode(payload) if payload else EMPTY,
        context=_encode(context) if context else EMPTY,
    )
    size = len(event.properties) + len(event.context) + len(name)
    if size > MAX_EVENT_BYTES:
        raise InvalidEvent(
            Reason.TOO_LARGE, f"the event is {size:,} bytes as JSON, at most {MAX_EVENT_BYTES:,} are taken"
        )
    return event


def parse_time(value: object) -> int | None:
    """ISO 8601 text or epoch ms as epoch ms; None for null. Raises InvalidEvent."""
    if value is None or value == "":
        return None
    if type(value) is str:
        try:
            when = datetime.fromisoformat(value)
        except ValueError:
            when = None
        if when is None:
            raise InvalidEvent(Reason.INVALID_TIMESTAMP, f"{value[:40]!r} is not an ISO 8601 time")
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC)
        try:
            ms = int(when.timestamp() * 1000 + (0.5 if when.year >= 1970 else 0))
        except (OverflowError, ValueError):
            ms = -1
    elif type(value) is int or (type(value) is float and math.isfinite(value)):
        ms = int(value)
    else:
        raise InvalidEvent(
            Reason.INVALID_TIMESTAMP, f"a time is ISO 8601 text or epoch ms, this is {_json_name(value)}"
        )
    if not 0 <= ms < MAX_TIMESTAMP:
        raise InvalidEvent(Reason.TIMESTAMP_OUT_OF_RANGE, f"{str(value)[:40]} is not between 1970 and 2099")
    return ms


def _event_type(raw: Mapping[str, Any], kind: str | None) -> EventType:
    given = raw.get("type")
    if kind is None or given is not None:
        kind = given
        if kind is None:
            if raw.get("event") is not None:
                return "track"
            if raw.get("id") is not None or raw.get("traits") is not None:
                return "identify"
            raise InvalidEvent(Reason.UNKNOWN_TYPE, "an event without a type needs an event name, an id or traits")
    if type(kind) is not str or kind not in TYPES:
        raise InvalidEvent(Reason.UNKNOWN_TYPE, f"type is one of {', '.join(sorted(TYPES))}, not {str(given)[:40]!r}")
    return kind  # type: ignore[return-value]  # the set holds exactly the literals


def _id(raw: Mapping[str, Any], key: str) -> str:
    value = raw.get(key)
    if value is None:
        return ""
    if type(value) is int or (type(value) is float and math.isfinite(value)):
        value = str(value)
    elif type(value) is not str:
        raise InvalidEvent(Reason.INVALID_ID, f"{key} is text or a number, this is {_json_name(value)}")
    if len(value) > MAX_ID_CHARS:
        raise InvalidEvent(Reason.INVALID_ID, f"{key} has {len(value):,} characters, at most {MAX_ID_CHARS} are taken")
    _check_text(value)
    return value.strip()


def _name(raw: Mapping[str, Any], event_type: EventType, payload: Mapping[str, Any]) -> str:
    if event_type == "track":
        name = raw.get("event")
        if name is None or name == "":
            raise InvalidEvent(Reason.MISSING_EVENT, "a track call needs an event name")
    elif event_type in ("page", "screen"):
        name = raw.get("name") or payload.get("name") or ""
    else:
        return ""
    if type(name) is not str:
        raise InvalidEvent(Reason.MISSING_EVENT, f"the event name is text, this is {_json_name(name)}")
    _check_text(name)
    return name[:MAX_ID_CHARS]


def _payload(raw: dict[str, Any], event_type: EventType, flat_id: bool) -> dict[str, Any]:
    """The properties or traits object; in the flat forms, which have none, the keys outside the envelope."""
    key = "traits" if event_type in ("identify", "group") else "properties"
    payload = raw.get(key)
    if payload is None:
        named = ("name", "category") if event_type in ("page", "screen") else ("id",) if flat_id else ()
        payload = {k: v for k, v in raw.items() if k not in ENVELOPE and k not in named}
    elif type(payload) is not dict:
        raise InvalidEvent(Reason.INVALID_PROPERTIES, f"{key} is an object, this is {_json_name(payload)}")
    extra = raw.get("customAttributes") if key == "traits" else None
    nested = payload.get("customAttributes") if key == "traits" else None
    for attributes in (nested, extra):
        if attributes is None:
            continue
        if type(attributes) is not dict:
            raise InvalidEvent(
                Reason.INVALID_PROPERTIES, f"customAttributes is an object, this is {_json_name(attributes)}"
            )
        payload = {**{k: v for k, v in payload.items() if k != "customAttributes"}, **attributes}
    if event_type in ("page", "screen") and raw.get("category") is not None and "category" not in payload:
        payload = {**payload, "category": raw["category"]}
    if event_type == "alias" and raw.get("previousId") is not None:
        payload = {**payload, "previousId": raw["previousId"]}
    return payload


def _timestamp(raw: Mapping[str, Any], received_at: int) -> int:
    for key in ("timestamp", "originalTimestamp"):
        ms = parse_time(raw.get(key))
        if ms is not None:
            return ms
    return received_at


def _encode(value: Mapping[str, Any]) -> msgspec.Raw:
    """The object as JSON with each key once, finite numbers and at most 64 levels, as ClickHouse's JSON wants it."""
    try:
        data = orjson.dumps(value)
    except TypeError as error:  # orjson.JSONEncodeError: a lone surrogate, an integer over 64 bits, or far too deep
        raise _why_not_json(value) from error
    if (data.count(b"{") + data.count(b"[") > MAX_DEPTH) and _depth(value) > MAX_DEPTH:
        raise InvalidEvent(Reason.TOO_DEEP, f"nested deeper than {MAX_DEPTH} levels")
    if b"null" in data and not _finite(value):  # orjson writes null for a number that JSON cannot hold
        raise InvalidEvent(Reason.INVALID_NUMBER, "a number is not finite (NaN, an infinity, or beyond 1.8e308)")
    return msgspec.Raw(data)


def _why_not_json(value: object) -> InvalidEvent:
    if _depth(value) > MAX_DEPTH:
        return InvalidEvent(Reason.TOO_DEEP, f"nested deeper than {MAX_DEPTH} levels")
    if any(type(leaf) is int and not -(1 << 63) <= leaf < 1 << 64 for leaf in _leaves(value)):
        return InvalidEvent(Reason.INVALID_NUMBER, "a whole number does not fit 64 bits")
    return InvalidEvent(Reason.INVALID_TEXT, "a text holds half of a surrogate pair, which no UTF-8 can carry")


def _depth(value: object) -> int:
    """How many containers deep; walks level by level, so that no input reaches Python's recursion limit."""
    level: list[Any] = [value]
    depth = 0
    while level := [item for item in level if type(item) in (dict, list)]:
        depth += 1
        if depth > MAX_DEPTH:
            return depth
        level = [child for item in level for child in (item.values() if type(item) is dict else item)]
    return depth


def _leaves(value: object) -> list[Any]:
    """Every number and text of a value no deeper than MAX_DEPTH."""
    leaves: list[Any] = []
    level: list[Any] = [value]
    while level:
        children: list[Any] = []
        for item in level:
            if type(item) is dict:
                children += item.values()
            elif type(item) is list:
                children += item
            elif item is not None:
                leaves.append(item)
        level = children
    return leaves


def _finite(value: object) -> bool:
    return all(math.isfinite(leaf) for leaf in _leaves(value) if type(leaf) is float)


def _check_text(text: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InvalidEvent(
                Reason.INVALID_TEXT, "a text holds half of a surrogate pair, which no UTF-8 can carry"
            ) from None


def _json_name(value: object) -> str:
    if value is None:
        return "null"
    return {bool: "a boolean", str: "text", int: "a number", float: "a number", list: "a list", dict: "an object"}[
        type(value)
    ]
