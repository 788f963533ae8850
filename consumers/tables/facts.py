"""What a round's events say of users, conversations and who is who: folded within bounds, stored or withdrawn."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Self, TypeVar

from ask0.consumers.folds import conversations, identities, users
from ask0.consumers.folds.events import Columns
from ask0.consumers.folds.identities import Guest, Link
from ask0.consumers.folds.quarantine import refused
from ask0.consumers.folds.records import Placed, Quarantined, place_of, user_key
from ask0.consumers.tables.bounds import Heavy
from ask0.consumers.tables.event_inserts import withdraw
from ask0.consumers.tables.isolation import Culprit, isolate
from ask0.consumers.tables.run_both import run_both
from ask0.schemas.events import MAX_TIMESTAMP
from ask0.schemas.ids import guest_id
from ask0.schemas.reasons import Reason
from ask0.warehouse.connect import Warehouse

Key = tuple[str, str]  # project, id
Row = TypeVar("Row")

LATEST: Link = (MAX_TIMESTAMP, "", "")  # later than any link


@dataclass
class Facts:
    """By user, by conversation and by guest."""

    users: Mapping[Key, users.UserFacts]
    conversations: Mapping[Key, conversations.ConversationFacts]
    links: Mapping[Guest, Link]

    @classmethod
    def of(cls, events: Sequence[Placed], heavy: Heavy) -> Self:
        """Without what goes over a bound; `heavy` counts it."""
        heavy.left_out.clear()
        strangers = heavy.guests_of(events)
        of_users, of_conversations = users.fold(events, strangers), conversations.fold(events)
        for key, facts in of_users.items():
            of_users[key] = heavy.cut_user(key, facts)
        for key, talk in of_conversations.items():
            of_conversations[key] = heavy.cut_conversation(key, talk)
        return cls(of_users, of_conversations, identities.fold(events, strangers))


def insert_facts(
    warehouse: Warehouse, token: str, facts: Facts, known: Mapping[Guest, Link], events: Sequence[Placed]
) -> list[Quarantined]:
    """The events whose facts no table takes: they are of the quarantine then, and of no other table. `known` are links
    that stand already."""
    new = {guest: link for guest, link in facts.links.items() if link < known.get(guest, LATEST)}
    attempts = count()

    def insert(
        kind: str, table: str, rows: Mapping[Key, Row], columns: Callable[[Mapping[Key, Row]], Columns]
    ) -> list[Culprit]:
        def insert_some(keys: Sequence[Key]) -> None:
            some = rows if len(keys) == len(rows) else {key: rows[key] for key in keys}
            warehouse.insert(table, columns(some), token=f"{token}:{table}:{next(attempts)}")

        return isolate(kind, list(rows), insert_some) if rows else []

    of_users, (of_conversations, of_links) = run_both(
        lambda: insert("user", "user_facts", facts.users, users.fact_columns),
        lambda: (
            insert("conversation", "conversation_facts", facts.conversations, conversations.fact_columns),
            insert("guest", "identity_links", new, identities.link_columns),
        ),
    )
    messages = {(culprit.kind, *culprit.key): culprit.message for culprit in (*of_users, *of_conversations, *of_links)}
    if not messages:
        return []
    at_fault = {
        place_of(placed): (placed, messages[said]) for placed in events for said in _said(placed) if said in messages
    }
    withdraw(warehouse, [placed for placed, _ in at_fault.values()])
    return [refused(placed, message, Reason.FACTS_REFUSED) for placed, message in at_fault.values()]


def _said(placed: Placed) -> Iterator[tuple[str, str, str]]:
    """Whose facts an event adds to."""
    event, project_id = placed.event, placed.record.project_id
    yield ("user", *user_key(placed))
    yield "conversation", project_id, event.conversation_id
    for sent in (event.anonymous_id, event.previous_id):
        yield "guest", project_id, guest_id(sent)
