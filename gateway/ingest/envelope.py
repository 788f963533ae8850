"""Which shape a beacon has: one event, a list of them, or {"batch": […]}; and what its envelope says."""

from typing import Any, NamedTuple

from ask0.gateway.errors import BadRequest, TooLarge
from ask0.schemas.events import MAX_BATCH_EVENTS, parse_time
from ask0.schemas.reasons import InvalidEvent

# A document with one of these is an event itself, even if it has a trait or property called `batch`.
EVENT_KEYS = ("type", "event", "userId", "anonymousId", "id")


class Beacon(NamedTuple):
    """One request's events as parsed JSON, and what stood beside them."""

    events: list[Any]
    kind: str | None = None  # the call they are unless they say so themselves
    write_key: object = None
    project_id: object = None  # of a batch's envelope; a single event is its own envelope
    sent_at: int | None = None


def open_beacon(document: object, kind: str | None) -> Beacon:
    """`kind` is the call the path names, None for a batch. Raises BadRequest, TooLarge when no events are found."""
    if type(document) is list:
        return Beacon(_counted(document), kind)
    if type(document) is not dict:
        raise BadRequest("the body is a JSON object or a list of them", code="not_an_object")
    events = document.get("batch")
    if events is None or (kind and (type(events) is not list or any(key in document for key in EVENT_KEYS))):
        return Beacon([document], kind, write_key=document.get("writeKey"), sent_at=_sent_at(document.get("sentAt")))
    if type(events) is not list:
        raise BadRequest("batch is a list of events", code="not_a_list")
    return Beacon(
        _counted(events),
        write_key=document.get("writeKey"),
        project_id=document.get("projectId"),
        sent_at=_sent_at(document.get("sentAt")),
    )


def _counted(events: list[Any]) -> list[Any]:
    if not events:
        raise BadRequest("the batch is empty", code="no_events")
    if len(events) > MAX_BATCH_EVENTS:
        raise TooLarge(
            f"a batch has at most {MAX_BATCH_EVENTS:,} events, this one {len(events):,}", code="too_many_events"
        )
    return events


def _sent_at(value: object) -> int | None:
    """The time of sending only helps to correct clocks: one that cannot be read is as none."""
    try:
        return parse_time(value)
    except InvalidEvent:
        return None
