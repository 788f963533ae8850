"""One round: the chunks of one poll become rows of every table. All of it may be repeated, from any step, without harm.

The order is what makes it so. Ids are claimed before events go in, events before the facts that follow from them (an
event that ClickHouse refuses leaves none), facts before the links are read again, everything before the snapshots.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from consumers.dedup import claim_first
from consumers.folds import conversations, identities, users
from consumers.folds.identities import Guest, Link
from consumers.folds.quarantine import quarantine_columns
from consumers.folds.records import Placed, Quarantined, read
from consumers.keys import RoundKeys
from consumers.poison import PoisonLimit
from consumers.refusals import insert_events
from consumers.reown import Touched, read_links, reown
from consumers.snapshots import refresh_conversations, refresh_users
from eventlog.log import Chunk
from schemas.ids import guest_id
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
        events = claim_first(warehouse, keys, decoded.events, token)
        duplicates = len(decoded.events) - len(events)
    with timed("links"):
        links = identities.fold(events)
        guests = _guests(events).union(links)
        keys.add("anonymous", [(project_id, guest[2:]) for project_id, guest in guests])
        known = read_links(warehouse, keys, guests) if guests else {}
    with timed("events"):
        refused = _insert_events(warehouse, events, known)
        limits.refused.count(len(events), len(refused))
    if refused:
        culprits = {(row.chunk.token, row.offset, row.index) for row in refused}
        events = [p for p in events if (p.chunk.token, p.offset, p.index) not in culprits]
        links = identities.fold(events)
    with timed("facts"):
        touched = _insert_facts(warehouse, token, events)
        new = {guest: link for guest, link in links.items() if guest not in known or link < known[guest]}
        if new:
            warehouse.insert("identity_links", identities.link_columns(new), token=f"{token}:identity_links")
        quarantined = [*decoded.quarantined, *refused]
        if quarantined:
            warehouse.insert("quarantine_rows", quarantine_columns(quarantined), token=f"{token}:quarantine")
    with timed("reown"):
        if guests:
            # Rows of a repeated chunk may be in the table already, under the users of then.
            repeated = any(chunk.repeated for chunk in chunks)
            reown(warehouse, keys, guests, {} if repeated else known, touched)
    with timed("snapshots"):
        refresh_users(warehouse, keys, touched.users)
        refresh_conversations(warehouse, keys, touched.conversations)
        keys.check()
    return Applied(
        stored=len(events),
        duplicates=duplicates,
        quarantined=Counter(row.reason for row in quarantined),
        newest=max((placed.record.received_at for placed in events), default=0),
    )


def _guests(events: Sequence[Placed]) -> set[Guest]:
    return {
        (placed.record.project_id, guest_id(placed.event.anonymous_id)) for placed in events if not placed.event.user_id
    }


def _insert_events(warehouse: Warehouse, events: Sequence[Placed], known: Mapping[Guest, Link]) -> list[Quarantined]:
    owners = {guest: user_id for guest, (_, user_id) in known.items()}
    by_chunk: dict[str, list[Placed]] = {}
    for placed in events:
        by_chunk.setdefault(placed.chunk.token, []).append(placed)
    return [row for own in by_chunk.values() for row in insert_events(warehouse, own[0].chunk, own, owners)]


def _insert_facts(warehouse: Warehouse, token: str, events: Sequence[Placed]) -> Touched:
    """Store what the events say of users and conversations, and return whom they speak of."""
    by_user = users.fold(events)
    if by_user:
        warehouse.insert("user_facts", users.fact_columns(by_user), token=f"{token}:user_facts")
    by_conversation = conversations.fold(events)
    if by_conversation:
        columns = conversations.fact_columns(by_conversation)
        warehouse.insert("conversation_facts", columns, token=f"{token}:conversation_facts")
    return Touched(set(by_user), set(by_conversation))
