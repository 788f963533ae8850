"""Rows of `user_facts`: what a round says about each user. Facts of any order and any number of times add up alike."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeVar

import msgspec

from ask0.consumers.folds.conversation_stats import NO_TALK, Talk
from ask0.consumers.folds.events import Columns
from ask0.consumers.folds.gathering import SILENT, Gathering, gather
from ask0.consumers.folds.json_columns import fit
from ask0.consumers.folds.records import Placed, user_key
from ask0.schemas.consent import STATES, read_consent
from ask0.schemas.conversations import SURVEY
from ask0.schemas.events import EMPTY
from ask0.schemas.ids import short_key
from ask0.schemas.segment_moves import MOVE
from ask0.schemas.user_changes import CHANGE, UserChange, change_of

Traits = dict[str, tuple[int, str]]  # (time, text) by name; of two the greater stays: the last write wins
Consent = dict[str, tuple[int, int]]  # (time, state) by category, alike
Tags = dict[str, tuple[int, bool]]  # (time, whether it is on) by tag, alike

UNSET = "null"  # the text of a trait that a change has unset

GRANTED = STATES["granted"]
Said = TypeVar("Said", str, int, bool)


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
    tags: Tags
    confirmed_at: int | None
    nps: tuple[int, int]  # when it was answered, and what; zeros if never


# Never written to: most users of a round have nothing of most of these.
_NO_TRAITS: Traits = {}
_NO_CONSENT: Consent = {}
_NO_TAGS: Tags = {}
_NO_IDS: set[str] = set()
_NO_SCORE = 0, 0


class _Gathering(Gathering):
    """Of one user."""

    __slots__ = ("anonymous_ids", "confirmed_at", "consent", "conversations", "gpc", "nps", "tags", "traits")

    def __init__(self, at: int) -> None:
        self.first, self.last = at, 0
        self.talk = SILENT
        self.traits = _NO_TRAITS
        self.consent = _NO_CONSENT
        self.gpc = False
        self.anonymous_ids = self.conversations = _NO_IDS
        self.tags = _NO_TAGS
        self.confirmed_at: int | None = None
        self.nps = _NO_SCORE

    def add(self, placed: Placed) -> None:
        event = placed.event
        if event.type == CHANGE:  # which is nothing that the person did
            self.first = min(self.first, placed.occurred_at)
            if event.anonymous_id and placed.user_id:  # of an event that was dropped, see consents.py
                self._add_guest(event.anonymous_id)
            self._change(placed.occurred_at, change_of(event))
            return
        super().add(placed)
        if placed.record.gpc:
            self.gpc = True
        if event.anonymous_id:
            self._add_guest(event.anonymous_id)
        if event.previous_id and placed.user_id:
            self._add_guest(event.previous_id)
        if event.conversation_id:
            self.conversations = self.conversations or set()
            self.conversations.add(event.conversation_id)
        if event.type == "identify":
            self._add_traits(_said_at(placed), _traits_of(event.properties), ignored=event.ignored)
        elif event.event == SURVEY and (score := _nps_of(placed.said)) is not None:
            self.nps = max(self.nps, (_said_at(placed), score))
        if _says_consent(event.context):
            self._choose(choices(placed))

    def _add_guest(self, sent: str) -> None:
        self.anonymous_ids = self.anonymous_ids or set()
        self.anonymous_ids.add(sent)

    def _change(self, at: int, change: UserChange) -> None:
        self._add_traits(at, change.traits, unsets=True)
        self.tags = self.tags or {}
        for tag, is_on in change.tags.items():
            _keep_later(self.tags, tag, (at, is_on))
        self._choose(_changed_choices(at, change))

    def _choose(self, choices: Consent) -> None:
        self.consent = self.consent or {}
        for category, choice in choices.items():
            _keep_later(self.consent, category, choice)

    def _add_traits(
        self, at: int, given: Mapping[str, msgspec.Raw], *, ignored: Collection[str] = (), unsets: bool = False
    ) -> None:
        """An SDK's null says nothing, a change's unsets."""
        self.traits = self.traits or {}
        for name, value in given.items():
            text = _text_of(value)
            if name in ignored or (text == UNSET and not unsets):
                continue
            _keep_later(self.traits, name, (at, text))
            if name == "emailVerified" and text == "true":
                self.confirmed_at = at if self.confirmed_at is None else min(self.confirmed_at, at)


def fold(
    events: Iterable[Placed], strangers: Collection[tuple[str, str, str]] = ()
) -> dict[tuple[str, str], UserFacts]:
    """`strangers` are (project, user, anonymous id) of ids that a user does not gather."""
    # Coming into a segment is nothing that the person did or is: it would bring them to the segments again.
    keyed = ((user_key(p), p) for p in events if (p.user_id or p.event.anonymous_id) and p.event.type != MOVE)
    return {key: _facts(key, own, strangers) for key, own in gather(_Gathering, keyed).items()}


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
        "tags": [f.tags for f in facts],
        "confirmed_at": [f.confirmed_at for f in facts],
        "nps": [f.nps for f in facts],
    }


def _facts(key: tuple[str, str], own: _Gathering, strangers: Collection[tuple[str, str, str]]) -> UserFacts:
    anonymous_ids: Iterable[str] = own.anonymous_ids
    if strangers:
        anonymous_ids = (sent for sent in anonymous_ids if (*key, sent) not in strangers)
    return UserFacts(  # in their order, as names cost as much again
        own.traits,
        own.consent,
        own.gpc,
        sorted(anonymous_ids),
        own.first,
        own.last,
        sorted(map(short_key, own.conversations)) if own.conversations else (),
        Talk.of(own.talk) if own.talk else NO_TALK,
        own.tags,
        own.confirmed_at,
        own.nps,
    )


def trait_names(placed: Placed) -> Collection[str]:
    """The traits that an event or a change names."""
    if placed.event.type == CHANGE:
        return change_of(placed.event).traits.keys()
    if placed.event.type != "identify" or placed.event.properties == EMPTY:
        return ()
    return _traits_of(placed.event.properties).keys()


def _said_at(placed: Placed) -> int:
    """When an event says what it says: not after it was received, as a change made since then stands over it. The
    place in the record keeps events of a clock that is ahead in their order."""
    return min(placed.occurred_at, placed.record.received_at + placed.index)


def _keep_later(facts: dict[str, tuple[int, Said]], name: str, fact: tuple[int, Said]) -> None:
    if facts.get(name, fact) <= fact:
        facts[name] = fact


def _traits_of(properties: msgspec.Raw) -> Mapping[str, msgspec.Raw]:
    try:
        return _traits.decode(properties)
    except msgspec.MsgspecError:
        return {}  # ClickHouse refuses such an event by itself


def _nps_of(said: Mapping[str, object]) -> int | None:
    score = said.get("nps")
    whole = int(score) if type(score) in (int, float) and score == score // 1 else None  # type: ignore[operator]
    return whole if whole is not None and 0 <= whole <= 10 else None


def _text_of(value: msgspec.Raw) -> str:
    """A trait's JSON. Where a JSON column cannot say it, two lines: what the column gets, and what was sent."""
    text = str(value, "utf-8")
    if text[0] not in "{[":
        return text
    fitted = fit(bytes(value))
    return f"{fitted.json}\n{fitted.sent}" if fitted.sent else fitted.json


def choices(placed: Placed) -> Consent:
    """What an event or a change says of consent."""
    event = placed.event
    if event.type == CHANGE:
        return _changed_choices(placed.occurred_at, change_of(event))
    if not _says_consent(event.context):
        return {}
    try:
        said = _read_consent(bytes(_context.decode(event.context).consent))
    except msgspec.MsgspecError:
        return {}  # ClickHouse refuses such an event by itself
    at = _said_at(placed)
    # Anyone may restrict; to permit takes the user.
    return {category: (at, state) for category, state in said.items() if not event.unverified or state != GRANTED}


def _changed_choices(at: int, change: UserChange) -> Consent:
    return {category: (at, STATES[state]) for category, state in change.consent.items() if state in STATES}


@lru_cache(maxsize=256)  # most people choose alike
def _read_consent(consent: bytes) -> Mapping[str, int]:
    return read_consent(msgspec.json.decode(consent))
