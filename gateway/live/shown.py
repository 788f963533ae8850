"""What is shown of an event or of a rejected one: a line of server-sent events, made once for all who look."""

from collections.abc import Mapping, Set
from typing import Any, NamedTuple

import msgspec
import orjson

from ask0.schemas.consent import IN_FORCE, STATES, read_consent
from ask0.schemas.events import TYPES, Event, write_time
from ask0.schemas.ids import guest_id
from ask0.schemas.records import Record, Reject

DENIED = STATES["denied"]
NOT_KNOWN = "whether this person allows it is not known now"
NOT_ALLOWED = "this person has not allowed it"


class Line(NamedTuple):
    """`event` and `ids` are what it is chosen by; empty of what nobody can choose."""

    text: bytes
    event: str = ""
    ids: tuple[str, ...] = ()


def write_line(kind: str, said: Mapping[str, Any], id: str = "") -> bytes:
    named = f"id: {id}\n".encode() if id else b""
    return b"%sevent: %s\ndata: %s\n\n" % (named, kind.encode(), msgspec.json.encode(said))


def is_shown(event: Event) -> bool:
    """Changes by the API, and what is told to the audit log, are on the log too."""
    return event.type in TYPES


def ids_of(event: Event) -> tuple[str, ...]:
    """Under which consent, and what was erased, knows who it is of."""
    guests = (guest_id(sent) for sent in (event.anonymous_id, event.previous_id) if sent)
    return tuple(id for id in (event.user_id, *guests) if id)


def event_line(place: str, record: Record, event: Event, withheld: Set[str] | None) -> Line:
    """`withheld` are those who deny that it is stored; None if nobody can tell."""
    said: dict[str, Any] = {
        "messageId": event.message_id,
        "type": event.type,
        "receivedAt": write_time(record.received_at),
    }
    if withheld is None or not withheld.isdisjoint(ids_of(event)) or _denies(event):
        why = NOT_KNOWN if withheld is None else NOT_ALLOWED
        return Line(write_line("event", {**said, "withheld": why}, place))
    said |= {
        "event": event.event or None,
        "timestamp": write_time(event.timestamp),
        "userId": event.user_id or None,
        "anonymousId": event.anonymous_id or None,
        "conversationId": event.conversation_id or None,
        "groupId": event.group_id or None,
        "properties": event.properties,
        "context": event.context,
    }
    return Line(write_line("event", said, place), event.event, (event.user_id, event.anonymous_id))


def reject_line(place: str, id: str, record: Record, reject: Reject) -> Line:
    """`id` is what the quarantine will have it under."""
    return Line(
        write_line(
            "rejected",
            {
                "id": id,
                "reason": reject.reason,
                "message": reject.message,
                "messageId": reject.message_id or None,
                "raw": reject.raw,
                "receivedAt": write_time(record.received_at),
            },
            place,
        )
    )


def _denies(event: Event) -> bool:
    """By itself."""
    context = bytes(event.context)
    if b"consent" not in context:
        return False
    states = read_consent(orjson.loads(context).get("consent"))
    return any(states.get(category) == DENIED for category in IN_FORCE)
