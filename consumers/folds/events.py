"""Rows of `events` and `event_ids`: one for each event."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ask0.consumers.folds.json_columns import Fitted
from ask0.consumers.folds.records import Placed, Quarantined
from ask0.consumers.folds.user_agents import read_user_agent
from ask0.schemas.ids import guest_id

Columns = dict[str, list[Any]]
Fit = Callable[[str, bytes], Fitted]  # what of a column's JSON, by the column's name, goes into it


def event_columns(
    events: Sequence[Placed], owners: Mapping[tuple[str, str], str], fit_for: Callable[[str], Fit]
) -> Columns:
    """`owners` says which user a guest, (project, g-…), is known to be, and into whom a user is merged; `fit_for` what
    fits a project's columns."""
    properties, contexts = _fit_each(events, fit_for)
    clients = [read_user_agent(p.record.user_agent) for p in events]
    return {
        "project_id": [p.record.project_id for p in events],
        "type": [p.event.type for p in events],
        "event": [p.event.event for p in events],
        "user_id": [_owner(p, owners) for p in events],
        "sent_user_id": [p.event.user_id for p in events],
        "anonymous_id": [p.event.anonymous_id for p in events],
        "_of_guest": [not p.user_id for p in events],
        "message_id": [p.event.message_id for p in events],
        "timestamp": [p.event.timestamp for p in events],
        "occurred_at": [p.occurred_at for p in events],
        "received_at": [p.record.received_at for p in events],
        "sent_at": [p.record.sent_at for p in events],
        "conversation_id": [p.event.conversation_id for p in events],
        "group_id": [p.event.group_id for p in events],
        "properties": [fitted.json for fitted in properties],
        "context": [fitted.json for fitted in contexts],
        "sent_properties": [fitted.sent for fitted in properties],
        "sent_context": [fitted.sent for fitted in contexts],
        "ignored": [p.event.ignored for p in events],
        "ip": [p.record.ip for p in events],
        "user_agent": [p.record.user_agent for p in events],
        "browser": [client.browser for client in clients],
        "os": [client.os for client in clients],
        "device": [client.device for client in clients],
        **position_columns(events),
    }


def id_columns(events: Sequence[Placed], ids: Sequence[int]) -> Columns:
    """`ids` are the message keys of the events."""
    return {
        "project_id": [p.record.project_id for p in events],
        "id": list(ids),
        "received_at": [p.record.received_at for p in events],
        **position_columns(events),
    }


def position_columns(rows: Sequence[Placed | Quarantined]) -> Columns:
    """Where on the log each row comes from."""
    return {
        "_log": [row.chunk.log_id for row in rows],
        "_partition": [row.chunk.partition for row in rows],
        "_off": [row.offset for row in rows],
        "_idx": [row.index for row in rows],
    }


def _fit_each(events: Sequence[Placed], fit_for: Callable[[str], Fit]) -> tuple[list[Fitted], list[Fitted]]:
    """Properties and contexts."""
    fits = {project_id: fit_for(project_id) for project_id in {placed.record.project_id for placed in events}}
    return (
        [fits[p.record.project_id]("properties", bytes(p.event.properties)) for p in events],
        [fits[p.record.project_id]("context", bytes(p.event.context)) for p in events],
    )


def _owner(placed: Placed, owners: Mapping[tuple[str, str], str]) -> str:
    if placed.user_id:
        return owners.get((placed.record.project_id, placed.user_id), placed.user_id) if owners else placed.user_id
    if not placed.event.anonymous_id:
        return ""  # it names a user without proof, and no guest
    guest = guest_id(placed.event.anonymous_id)
    return owners.get((placed.record.project_id, guest), guest)
