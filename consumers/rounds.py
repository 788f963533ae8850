"""One round: the chunks of one poll become rows of every table. All of it may be repeated, from any step, without harm.

The order is what makes it so. Ids are claimed before events go in, events before the facts that follow from them (an
event that ClickHouse refuses leaves none), facts before the links are read again, everything before the snapshots.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Self

from consumers.beside import both
from consumers.dedup import claim, first_of_each
from consumers.folds import conversations, identities, users
from consumers.folds.identities import Guest, Link
from consumers.folds.quarantine import quarantine_columns
from consumers.folds.records import Placed, Quarantined, read
from consumers.keys import RoundKeys
from consumers.poison import PoisonLimit
from consumers.refusals import insert_events
from consumers.reown import Touched, read_links, reown
from consumers.snapshots import refresh
from eventlog.log import Chunk
from warehouse.connect import Warehouse

Timed = Callable[[str], AbstractContextManager[object]]


@dataclass
class Limits:
    """How much of the log may be bad before the worker stops."""

    unreadable: PoisonLimit = field(default_factory=PoisonLimit)
    refused: PoisonLimit = field(default_factory=PoisonLimit)


@dataclass
class Applied:
    """What a round came to: each event of it has one of these outcomes."""

    stored: int
    duplicates: int
    quarantined: Counter[str]  # by reason
    newest: int  # received_at of the newest event stored, 0 if none was


@dataclass
class Facts:
    """What a round's events say of users, conversations and who is who."""

    users: Mapping[tuple[str, str], users.UserFacts]
    conversations: Mapping[tuple[str, str], conversations.ConversationFacts]
    links: Mapping[Guest, Link]

    @classmethod
    def of(cls, events: Sequence[Placed]) -> Self:
        return cls(users.fold(events), conversations.fold(events), identities.fold(events))


def apply(warehouse: Warehouse, chunks: Sequence[Chunk], limits: Limits, timed: Timed) -> Applied:
    """Raises what the warehouse raises, and TooMuchPoison; then the same chunks must be applied again, as repeated."""
    keys = RoundKeys(warehouse)
    # Of everything but events: rows that are harmless twice, so each attempt stores its own. ClickHouse may have spent
    # a token of an earlier attempt and died before the rows were in.
    token = f"round:{keys.round}"
    with timed("decode"):
        decoded = read(chunks)
        limits.unreadable.count(len(decoded.events) + decoded.unreadable, decoded.unreadable)
    with timed("deduplicate"):
        first = first_of_each(decoded.events)
        guests = identities.guests(first.values())
        keys.add_ids("message", first)
        keys.add("guest", guests)
        keys.store()
        events, known = both(
            lambda: claim(warehouse, keys, first, token),
            lambda: read_links(warehouse, keys, guests) if guests else {},
        )
        duplicates = len(decoded.events) - len(events)
    with timed("events"):
        refused, facts = both(lambda: _insert_events(warehouse, events, known), lambda: Facts.of(events))
        limits.refused.count(len(events), len(refused))
    if refused:
        culprits = {(row.chunk.token, row.offset, row.index) for row in refused}
        events = [p for p in events if (p.chunk.token, p.offset, p.index) not in culprits]
        facts = Facts.of(events)
    quarantined = [*decoded.quarantined, *refused]
    with timed("facts"):
        _insert_facts(warehouse, token, facts, known, quarantined)
    touched = Touched(set(facts.users), set(facts.conversations))
    with timed("reown"):
        if guests:
            # Rows of a repeated chunk may be in the table already, under the users of then.
            repeated = any(chunk.repeated for chunk in chunks)
            reown(warehouse, keys, guests, {} if repeated else known, touched)
    with timed("snapshots"):
        refresh(warehouse, keys, touched)
        keys.check()
    return Applied(
        stored=len(events),
        duplicates=duplicates,
        quarantined=Counter(row.reason for row in quarantined),
        newest=max((placed.record.received_at for placed in events), default=0),
    )


def _insert_events(warehouse: Warehouse, events: Sequence[Placed], known: Mapping[Guest, Link]) -> list[Quarantined]:
    owners = {guest: user_id for guest, (_, user_id, _) in known.items()}
    by_chunk: dict[int, list[Placed]] = {}
    for placed in events:
        by_chunk.setdefault(id(placed.chunk), []).append(placed)
    return [row for own in by_chunk.values() for row in insert_events(warehouse, own[0].chunk, own, owners)]


def _insert_facts(
    warehouse: Warehouse, token: str, facts: Facts, known: Mapping[Guest, Link], quarantined: Sequence[Quarantined]
) -> None:
    new = {guest: link for guest, link in facts.links.items() if guest not in known or link < known[guest]}

    def insert_users() -> None:
        if facts.users:
            warehouse.insert("user_facts", users.fact_columns(facts.users), token=f"{token}:user_facts")
        if quarantined:
            warehouse.insert("quarantine_rows", quarantine_columns(quarantined), token=f"{token}:quarantine")

    def insert_others() -> None:
        if facts.conversations:
            columns = conversations.fact_columns(facts.conversations)
            warehouse.insert("conversation_facts", columns, token=f"{token}:conversation_facts")
        if new:
            warehouse.insert("identity_links", identities.link_columns(new), token=f"{token}:identity_links")

    both(insert_users, insert_others)
