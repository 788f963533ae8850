"""Rows of `user_facts`: what a round says about each user. Facts of any order and any number of times add up alike."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec

from ask0.consumers.folds.conversation_stats import Talk
from ask0.consumers.folds.events import Columns
from ask0.consumers.folds.json_columns import fit
from ask0.consumers.folds.records import NOTHING, Placed, user_key
from ask0.schemas.consent import STATES, read_consent
from ask0.schemas.events import EMPTY
from ask0.schemas.ids import short_key

Traits = dict[str, tuple[int, str]]  # (time, text) by name; of two the greater stays: the last write wins
Consent = dict[str, tuple[int, int]]  # (time, state) by category, alike

GRANTED = STATES["granted"]


class _Context(msgspec.Struct):
    consent: msgspec.Raw = EMPTY


_traits = msgspec.json.Decoder(dict[str, msgspec.Raw])
_context = msgspec.json.Decoder(_Context)
_says_consent = re.compile(b'"consent"').search  # cheaper than to parse contexts that say none


class UserFacts(NamedTuple):
    """Facts of one user, under the id the client sent: a guest's stay the guest's, the snapshot joins them."""

    traits: Traits
    consent: Consent
    gpc: bool
    anonymous_ids: Sequence[str]
    first_seen_at: int
    last_active_at: int
    conversations: Sequence[int]
    talk: Talk


def fold(
    events: Iterable[Placed], strangers: Collection[tuple[str, str, str]] = ()
) -> dict[tuple[str, str], UserFacts]:
    """`strangers` are (project, user, anonymous id) of ids that a user does not gather."""
    by_user: dict[tuple[str, str], list[Placed]] = {}
    for placed in events:
        if placed.user_id or placed.event.anonymous_id:
            by_user.setdefault(user_key(placed), []).append(placed)
    return {key: _facts(key, own, strangers) for key, own in by_user.items()}


def fact_columns(users: Mapping[tuple[str, str], UserFacts]) -> Columns:
    facts = users.values()
    return {
        "project_id": [project_id for project_id, _ in users],
        "user_id": [user_id for _, user_id in users],
        "traits": [f.traits for f in facts],
        "consent": [f.consent for f in facts],
        "gpc": [f.gpc for f in facts],
        "anonymous_ids": [f.anonymous_ids for f in facts],
        "first_seen_at": [f.first_seen_at for f in facts],
        "last_active_at": [f.last_active_at for f in facts],
        "conversations": [f.conversations for f in facts],
        "questions": [f.talk.questions for f in facts],
        "answers": [f.talk.answers for f in facts],
        "answered": [f.talk.answered for f in facts],
        "ratings": [f.talk.ratings for f in facts],
    }


def _facts(key: tuple[str, str], events: Sequence[Placed], strangers: Collection[tuple[str, str, str]]) -> UserFacts:
    times = [placed.occurred_at for placed in events]
    anonymous_ids = {placed.event.anonymous_id for placed in events}
    anonymous_ids.update(placed.event.previous_id for placed in events if placed.user_id)
    if strangers:
        anonymous_ids = {sent for sent in anonymous_ids if (*key, sent) not in strangers}
    conversations = {placed.event.conversation_id for placed in events}
    return UserFacts(
        traits=_fold_traits(events),
        consent=_fold_consent(events),
        gpc=any(placed.record.gpc for placed in events),
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
        for name, value in given.items():
            fact = placed.occurred_at, _text_of(bytes(value))
            if fact[1] != "null" and traits.get(name, fact) <= fact:
                traits[name] = fact
    return traits


def trait_names(placed: Placed) -> Collection[str]:
    """The traits that an event names."""
    if placed.event.type != "identify" or placed.event.properties == EMPTY:
        return ()
    try:
        return _traits.decode(placed.event.properties).keys()
    except msgspec.MsgspecError:
        return ()


def _text_of(value: bytes) -> str:
    """A trait's JSON. Where a JSON column cannot say it, two lines: what the column gets, and what was sent."""
    fitted = fit(value)
    return f"{fitted.json}\n{fitted.sent}" if fitted.sent else fitted.json


def _fold_consent(events: Sequence[Placed]) -> Consent:
    consent: Consent = {}
    for placed in events:
        event = placed.event
        if not _says_consent(event.context):
            continue
        try:
            said = _read_consent(bytes(_context.decode(event.context).consent))
        except msgspec.MsgspecError:
            continue  # ClickHouse refuses such an event by itself
        for category, state in said.items():
            fact = placed.occurred_at, state
            proven = not event.unverified or state != GRANTED  # anyone may restrict; to permit takes the user
            if proven and consent.get(category, fact) <= fact:
                consent[category] = fact
    return consent


@lru_cache(maxsize=256)  # most people choose alike
def _read_consent(consent: bytes) -> Mapping[str, int]:
    return read_consent(msgspec.json.decode(consent))
