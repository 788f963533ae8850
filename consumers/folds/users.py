"""Rows of `user_facts`: what a round says about each user. Facts of any order and any number of times add up alike."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

import msgspec

from consumers.folds.events import Columns
from consumers.folds.records import NOTHING, Placed, user_key
from consumers.folds.talk import Talk
from schemas.events import EMPTY, MAX_ID_CHARS
from schemas.ids import short_key

MAX_TRAITS = 500  # of one event; the rest stay readable in the event's own row

Traits = dict[str, tuple[int, str]]  # (time, JSON) by name; of two the greater stays: the last write wins

_traits = msgspec.json.Decoder(dict[str, msgspec.Raw])


class UserFacts(NamedTuple):
    """Facts of one user, under the id the client sent: a guest's stay the guest's, the snapshot joins them."""

    traits: Traits
    anonymous_ids: Sequence[str]
    first_seen_at: int
    last_active_at: int
    conversations: Sequence[int]
    talk: Talk


def fold(events: Iterable[Placed]) -> dict[tuple[str, str], UserFacts]:
    by_user: dict[tuple[str, str], list[Placed]] = {}
    for placed in events:
        by_user.setdefault(user_key(placed), []).append(placed)
    return {key: _facts(own) for key, own in by_user.items()}


def fact_columns(users: Mapping[tuple[str, str], UserFacts]) -> Columns:
    facts = users.values()
    return {
        "project_id": [project_id for project_id, _ in users],
        "user_id": [user_id for _, user_id in users],
        "traits": [f.traits for f in facts],
        "anonymous_ids": [f.anonymous_ids for f in facts],
        "first_seen_at": [f.first_seen_at for f in facts],
        "last_active_at": [f.last_active_at for f in facts],
        "conversations": [f.conversations for f in facts],
        "questions": [f.talk.questions for f in facts],
        "answers": [f.talk.answers for f in facts],
        "answered": [f.talk.answered for f in facts],
        "ratings": [f.talk.ratings for f in facts],
    }


def _facts(events: Sequence[Placed]) -> UserFacts:
    times = [placed.occurred_at for placed in events]
    anonymous_ids = {placed.event.anonymous_id for placed in events}
    anonymous_ids.update(placed.event.previous_id for placed in events if placed.event.user_id)
    conversations = {placed.event.conversation_id for placed in events}
    return UserFacts(
        traits=_fold_traits(events),
        anonymous_ids=sorted(anonymous_id for anonymous_id in anonymous_ids if anonymous_id),
        first_seen_at=min(times),
        last_active_at=max(times),
        conversations=sorted(short_key(conversation) for conversation in conversations if conversation),
        talk=Talk.of([placed for placed in events if placed.said is not NOTHING]),
    )


def _fold_traits(events: Sequence[Placed]) -> Traits:
    traits: Traits = {}
    for placed in events:
        if placed.event.type != "identify" or placed.event.properties == EMPTY:
            continue
        try:
            given = _traits.decode(placed.event.properties)
        except msgspec.MsgspecError:
            continue  # ClickHouse refuses such an event by itself
        for name, value in islice(given.items(), MAX_TRAITS):
            fact = placed.occurred_at, str(value, "utf-8")
            name = name[:MAX_ID_CHARS]
            if fact[1] != "null" and traits.get(name, fact) <= fact:
                traits[name] = fact
    return traits
