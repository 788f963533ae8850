"""Entries of the audit log that a round's changes make: of users, and of what else is told beside the events."""

from collections.abc import Collection, Sequence

import msgspec

from ask0.consumers.folds.records import Placed, place_of
from ask0.schemas.audit import USERS, Entry, Told, salt_of
from ask0.schemas.ids import guest_id
from ask0.schemas.user_changes import origin_of
from ask0.schemas.user_merges import merge_of

_told = msgspec.json.Decoder(Told)


def entries_of(changes: Sequence[Placed], refused: Collection[tuple[str, int, int]]) -> list[Entry]:
    """Of all changes of one chunk, in its order. `refused` are the places of those that did not come to pass."""
    return [entry for placed in changes if (entry := _entry(placed, place_of(placed) in refused))]


def is_of_nobody(placed: Placed) -> bool:
    """Of a change: that it is no user's."""
    return not placed.event.user_id and not placed.event.anonymous_id


def _entry(placed: Placed, is_refused: bool) -> Entry | None:
    event, chunk, origin = placed.event, placed.chunk, origin_of(placed.event)
    subject = _subject(placed)
    if subject is None:
        return None
    entity, about, details, is_personal = subject
    return Entry(
        project_id=placed.record.project_id,
        stream=USERS,
        log=chunk.log_id,
        partition=chunk.partition,
        off=placed.offset,
        idx=placed.index,
        at=placed.occurred_at,
        id=event.message_id,
        action=event.event,
        actor=origin.actor,
        entity=entity,
        about=about,
        outcome="refused" if is_refused else "done",
        request=origin.request,
        ip=origin.ip,
        details=details,
        is_personal=is_personal,
        salt=origin.salt or salt_of(bytes(event.context), bytes(event.properties), event.message_id.encode()),
    )


def _subject(placed: Placed) -> tuple[str, tuple[str, ...], str, bool] | None:
    """What it is, ids, what was said, and whether the ids are people's; None of what cannot be read."""
    event = placed.event
    if merge := merge_of(event):
        return "user", (merge.into, merge.from_id), _text(event.properties), True
    if not is_of_nobody(placed):
        return "user", (placed.user_id or guest_id(event.anonymous_id),), _text(event.properties), True
    try:
        told = _told.decode(event.properties)
    except msgspec.MsgspecError:
        return None
    return told.entity, (told.id,), msgspec.json.encode(told.details).decode() if told.details else "", False


def _text(properties: msgspec.Raw) -> str:
    text = bytes(properties).decode()
    return "" if text == "{}" else text
