"""Rows of `conversation_facts`: what a round says about each conversation. Facts add up alike in any order."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ask0.consumers.folds.conversation_stats import Talk, text_of
from ask0.consumers.folds.events import Columns
from ask0.consumers.folds.gathering import Gathering, gather
from ask0.consumers.folds.records import Placed
from ask0.schemas.conversations import ANSWER, CLOSED, DELETED, OUTCOMES, QUESTION, STARTED
from ask0.schemas.events import MAX_TIMESTAMP
from ask0.schemas.ids import guest_id

TITLE_CHARS = 120  # of a question that stands in for a title

NOBODY = -1, ""  # earlier than any event

Attributes = dict[str, tuple[int, str]]  # (time, text) by name; of two the greater stays: the last write wins


class ConversationFacts(NamedTuple):
    attributes: Attributes
    started_at: int
    last_at: int
    talk: Talk


class _Gathering(Gathering):
    """Of one conversation. Of several at the same time the greatest id is whose it is."""

    __slots__ = ("guest", "user")

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.user = self.guest = NOBODY

    def add(self, placed: Placed) -> None:
        super().add(placed)
        event, at = placed.event, placed.occurred_at
        if placed.user_id and (at, placed.user_id) > self.user:
            self.user = at, placed.user_id
        if event.anonymous_id and at >= self.guest[0]:
            self.guest = max(self.guest, (at, guest_id(event.anonymous_id)))


def fold(events: Iterable[Placed]) -> dict[tuple[str, str], ConversationFacts]:
    keyed = (((placed.record.project_id, id), placed) for placed in events if (id := placed.event.conversation_id))
    return {key: _facts(own) for key, own in gather(_Gathering, keyed).items()}


def fact_columns(conversations: Mapping[tuple[str, str], ConversationFacts]) -> Columns:
    facts = conversations.values()
    return {
        "project_id": [project_id for project_id, _ in conversations],
        "conversation_id": [conversation_id for _, conversation_id in conversations],
        "attributes": [f.attributes for f in facts],
        "started_at": [f.started_at for f in facts],
        "last_at": [f.last_at for f in facts],
        "questions": [f.talk.questions for f in facts],
        "answers": [f.talk.answers for f in facts],
        "answered": [f.talk.answered for f in facts],
        "ratings": [f.talk.ratings for f in facts],
    }


def _facts(own: _Gathering) -> ConversationFacts:
    attributes: Attributes = {}
    if own.user != NOBODY:
        attributes["user_id"] = own.user
    if own.guest != NOBODY:
        attributes["guest_id"] = own.guest
    for placed in own.talk:
        _describe(attributes, placed)
    return ConversationFacts(attributes, own.first, own.last, Talk.of(own.talk))


def _describe(attributes: Attributes, placed: Placed) -> None:
    name, at, said = placed.event.event, placed.occurred_at, placed.said
    if name in (STARTED, QUESTION, ANSWER):
        _set(attributes, "topic", at, text_of(said, "topic"))
    if name == STARTED:
        _set(attributes, "title", at, text_of(said, "title"))
        _set(attributes, "channel", at, text_of(said, "channel"))
    elif name == QUESTION:
        # The earliest question wins, as time runs backwards here.
        _set(attributes, "first_question", MAX_TIMESTAMP - at, text_of(said, "text", TITLE_CHARS))
    elif name == CLOSED:
        status = text_of(said, "status")
        _set(attributes, "status", at, status if status in OUTCOMES else "")
    elif name == DELETED:
        _set(attributes, "deleted", at, "true")


def _set(attributes: Attributes, name: str, at: int, text: str) -> None:
    fact = at, text
    if text and attributes.get(name, fact) <= fact:
        attributes[name] = fact
