"""The canonical event: what every accepted shape of the wire becomes; the one place that says what is accepted."""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal, get_args

import msgspec
import orjson

from ask0.schemas.reasons import InvalidEvent, Reason

EventType = Literal["identify", "track", "page", "screen", "group", "alias"]
TYPES: frozenset[str] = frozenset(get_args(EventType))
# What the product itself puts among the events: see user_changes.py and segment_moves.py.
RecordedType = Literal[EventType, "change", "segment"]

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
    + ("customAttributes", "_metadata", "userToken")
)
TOKEN = "userToken"  # proves who sends an event: in the envelope or in the context, and stored nowhere
MASK = "…"  # stands in its place where a refused event is kept

# What programs write where they have no id: taken for one, it would make one user of all who had none.
NOBODY = frozenset(("[object Object]", "undefined", "null", "NaN", "None"))

EMPTY = msgspec.Raw(b"{}")


class Event(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """One event as it lies on the log. New fields go at the end, with a default: old records must decode."""

    type: RecordedType
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
    unverified: bool = False  # names a user without proof, where the project asks for one: it links no guest to them
    ignored: tuple[str, ...] = ()  # traits in it that its sender may not set, see gateway/ingest/trust.py


def parse_event(raw: object, *, kind: str | None, received_at: int, new_id: Callable[[], str]) -> Event:
    """One wire event, in any accepted shape, as a canonical event.

    `raw` is parsed JSON, `kind` the call its path named (None in a batch), `received_at` epoch ms. Raises InvalidEvent
    with one reason, and nothing else, whatever `raw` is.
    """
    if type(raw) is not dict:
        raise InvalidEvent(Reason.NOT_AN_OBJECT, f"an event is a JSON object, this is {_json_name(raw)}")
    # This is the hot path: the plain cases stand here in a row, each odd one has its function.
    get = raw.get
    given = get("type")
    event_type = given if type(given) is str and given in TYPES else _event_type(raw, kind)
    user_id = parse_id(value, "userId") if (value := get("userId")) is not None else ""
    anonymous_id = parse_id(value, "anonymousId") if (value := get("anonymousId")) is not None else ""
    flat_id = not user_id and event_type == "identify"
    if flat_id:
        user_id = parse_id(get("id"), "id")
    if user_id[:2] == "g-":  # a guest's id names a guest, wherever it stands
        user_id, anonymous_id = "", anonymous_id or user_id
    elif user_id in NOBODY:
        user_id = ""
    if not user_id and not anonymous_id:
        raise InvalidEvent(Reason.MISSING_USER, "an event needs a userId or an anonymousId")
    payload = get("properties") if event_type == "track" else None
    if type(payload) is not dict:
        payload = _payload(raw, event_type, flat_id)
    if TOKEN in payload:
        payload = _without_token(payload)
    name = _name(raw, event_type, payload)
    context = get("context")
    if context is not None:
        if type(context) is not dict:
            raise InvalidEvent(Reason.INVALID_PROPERTIES, f"context is an object, this is {_json_name(context)}")
        if TOKEN in context:
            context = _without_token(context)
    message_id = parse_id(get("messageId"), "messageId") or new_id()
    timestamp = parse_time(get("timestamp"))
    if timestamp is None:
        timestamp = parse_time(get("originalTimestamp"))
    previous_id = parse_id(get("previousId"), "previousId") if event_type == "alias" else ""
    group_id = parse_id(get("groupId"), "groupId") if event_type == "group" else ""
    conversation_id = parse_id(value, "conversationId") if (value := payload.get("conversationId")) is not None else ""
    properties = _encode(payload)
    context_json = _encode(context) if context else b"{}"
    both = properties + context_json
    size = len(both) + len(name)
    if size > MAX_EVENT_BYTES:  # before every value is looked at
        raise InvalidEvent(
            Reason.TOO_LARGE, f"the event is {size:,} bytes as JSON, at most {MAX_EVENT_BYTES:,} are taken"
        )
    if both.count(b"{") + both.count(b"[") > MAX_DEPTH or b"null" in both:
        check_values(payload, context)
    return Event(
        type=event_type,  # type: ignore[arg-type]  # TYPES holds exactly the literals
        message_id=message_id,
        timestamp=received_at if timestamp is None else timestamp,
        event=name,
        user_id=user_id,
        anonymous_id=anonymous_id,
        previous_id=previous_id,
        group_id=group_id,
        conversation_id=conversation_id,
        properties=msgspec.Raw(properties),
        context=msgspec.Raw(context_json),
    )


def parse_time(value: object) -> int | None:
    """ISO 8601 text or epoch ms as epoch ms; None for null. Raises InvalidEvent."""
    if value is None or value == "":
        return None
    if type(value) is str:
        try:
            when = datetime.fromisoformat(value)
        except ValueError:
            raise InvalidEvent(Reason.INVALID_TIMESTAMP, f"{value[:40]!r} is not an ISO 8601 time") from None
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC)
        try:
            ms = int(when.timestamp() * 1000 + 0.5)
        except (OverflowError, ValueError):
            ms = -1
        if ms == 0 and when.year < 1970:  # its last half millisecond
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


def write_time(epoch_ms: int) -> str:
    """ISO 8601 in UTC, as parse_time reads it."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _event_type(raw: Mapping[str, Any], kind: str | None) -> str:
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
    return kind


def parse_id(value: object, key: str) -> str:
    if type(value) is not str:
        if value is None:
            return ""
        if type(value) is not int and (type(value) is not float or not math.isfinite(value)):
            raise InvalidEvent(Reason.INVALID_ID, f"{key} is text or a number, this is {_json_name(value)}")
        value = str(value)
    if len(value) > MAX_ID_CHARS:
        raise InvalidEvent(Reason.INVALID_ID, f"{key} has {len(value):,} characters, at most {MAX_ID_CHARS} are taken")
    if not value.isascii():
        _check_text(value)
    return value.strip()


def _name(raw: Mapping[str, Any], event_type: str, payload: Mapping[str, Any]) -> str:
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
    if not name.isascii():
        _check_text(name)
    return name[:MAX_ID_CHARS]


def _payload(raw: dict[str, Any], event_type: str, flat_id: bool) -> dict[str, Any]:
    """The properties or traits object; in the flat forms, which have none, the keys outside the envelope."""
    key = "traits" if event_type in ("identify", "group") else "properties"
    payload = raw.get(key)
    if payload is None:
        named = ("name", "category") if event_type in ("page", "screen") else ("id",) if flat_id else ()
        payload = {k: v for k, v in raw.items() if k not in ENVELOPE and k not in named}
        if event_type == "identify":
            payload = {**_context_traits(raw), **payload}
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


def _without_token(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in value.items() if key != TOKEN}


def _context_traits(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Where RudderStack's SDKs put the traits of an identify call, and nowhere else."""
    context = raw.get("context")
    traits = context.get("traits") if type(context) is dict else None
    return traits if type(traits) is dict else {}


def _encode(value: Mapping[str, Any]) -> bytes:
    """The object as JSON with each key once, as ClickHouse's JSON wants it."""
    try:
        return orjson.dumps(value)
    except TypeError as error:  # orjson.JSONEncodeError: a lone surrogate, an integer over 64 bits, or far too deep
        raise _why_not_json(value) from error


def check_values(*values: object) -> None:
    """Refuses more than 64 levels, and a number that is not finite: orjson has written null for it."""
    if any(_depth(value) > MAX_DEPTH for value in values):
        raise InvalidEvent(Reason.TOO_DEEP, f"nested deeper than {MAX_DEPTH} levels")
    if not all(_finite(value) for value in values):
        raise InvalidEvent(Reason.INVALID_NUMBER, "a number is not finite (NaN, an infinity, or beyond 1.8e308)")


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
