"""What a filter means, of one user in memory: the reference that the SQL is held against."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any as Json
from typing import Protocol, TypeVar

from ask0.schemas.filters import types, values
from ask0.schemas.filters.dates import Clock, first_instant
from ask0.schemas.filters.names import Kind, keys_of, locate
from ask0.schemas.filters.predicates import (
    Holds,
    Kinds,
    Like,
    Near,
    Numbers,
    OneOf,
    Period,
    Predicate,
    Question,
    Values,
    period_of,
    question_of,
)
from ask0.schemas.filters.text import fold
from ask0.schemas.filters.types import Filter

Profile = Mapping[str, Json]  # a user as the API answers it: fields, and the site's own in `traits`
Item = TypeVar("Item")


class Known(Protocol):
    """What is known of the user beside their profile."""

    def in_segment(self, id: str) -> bool: ...

    def in_stage(self, id: str) -> bool:
        """`id` may be the stage's name."""

    def did(self, did: types.Did) -> bool: ...


class NothingKnown:
    """Of a user who is in no segment and no stage, and did nothing."""

    def in_segment(self, id: str) -> bool:
        return False

    def in_stage(self, id: str) -> bool:
        return False

    def did(self, did: types.Did) -> bool:
        return is_often(did.times, 0)


NOTHING = NothingKnown()
NO_KINDS: Kinds = {}


class Asking:
    """What comparisons ask, each worked out once: for filters that are asked of many users at one moment."""

    def __init__(self, clock: Clock, kinds: Kinds = NO_KINDS) -> None:
        self.clock = clock
        self._kinds = kinds
        self._questions: dict[int, tuple[Filter, Question]] = {}  # with the leaf, or its id were another's one day

    def question(self, leaf: types.Trait | types.Property) -> Question:
        """Raises FilterInvalid."""
        known = self._questions.get(id(leaf))
        if known is None:
            known = self._questions[id(leaf)] = leaf, question_of(leaf, self._kinds, self.clock)
        return known[1]


def matches(filter: Filter, user: Profile, clock: Clock, kinds: Kinds = NO_KINDS, known: Known = NOTHING) -> bool:
    """Raises FilterInvalid where a comparison does not fit the kind of its trait."""
    return meets(filter, user, Asking(clock, kinds), known)


def meets(filter: Filter, user: Profile, asking: Asking, known: Known = NOTHING) -> bool:
    """The same, of one of many users."""
    match filter:
        case types.All(filters):
            return all(meets(each, user, asking, known) for each in filters)
        case types.Any(filters):
            return any(meets(each, user, asking, known) for each in filters)
        case types.Not(inner):
            return not meets(inner, user, asking, known)
        case types.Trait() | types.Property():
            return _compares(asking.question(filter), _value_of(filter, user), asking.clock)
        case types.Tag(any_of):
            return not set(any_of).isdisjoint(user.get("tags") or ())
        case types.Status(any_of):
            return user.get("status") in any_of
        case types.Consent(category, any_of):
            return (user.get("consent") or {}).get(category) in any_of
        case types.Stage(any_of):
            return any(map(known.in_stage, any_of))
        case types.Segment(any_of):
            return any(map(known.in_segment, any_of))
        case types.Did():
            return known.did(filter)


def happened(did: types.Did, events: Iterable[Profile], clock: Clock) -> bool:
    """Whether a user with these events did it: `{event, occurredAt, properties}`, the time as epoch ms."""
    period = Period() if did.when is None else period_of(did.when, clock)
    count = sum(
        event["event"] == did.event
        and _lies_in(period, event["occurredAt"])
        and (did.where is None or matches(did.where, event, clock))
        for event in events
    )
    return is_often(did.times, count)


def is_often(times: types.Times, count: int) -> bool:
    if times.bound == "exactly":
        return count == times.count
    return count >= times.count if times.bound == "atLeast" else count <= times.count


def answers(predicate: Predicate, value: Json, kind: Kind | None, clock: Clock) -> bool:
    """Whether a question is answered yes of a value; None is missing."""
    match predicate:
        case OneOf(among):
            return _is_one_of(value, kind, among)
        case Holds(wanted, each):
            return _holds(values.items(value), wanted, each)
        case Like(part, text):
            return type(value) is str and _is_like(part, fold(value), fold(text))
        case Numbers(least, greatest):
            number = values.number(value, kind)
            return (
                number is not None and (least is None or number >= least) and (greatest is None or number <= greatest)
            )
        case Period():
            found = values.moment(value, kind)
            instant = first_instant(found, clock.zone) if isinstance(found, date) else found
            return instant is not None and _lies_in(predicate, instant)
        case Near(circle):
            distance = values.kilometres(value, circle.lat, circle.lon)
            return distance is not None and distance <= circle.km
        case _:
            return values.is_present(value)


def _value_of(leaf: types.Trait | types.Property, subject: Profile) -> Json:
    """Of a trait of a user, or of a property of an event."""
    if isinstance(leaf, types.Property):
        return values.at_path(subject["properties"], keys_of(leaf.name))
    found = locate(leaf.name)
    if isinstance(found, str):
        return subject.get(found)
    return values.at_path(subject.get("traits"), found)


def _compares(question: Question, value: Json, clock: Clock) -> bool:
    return answers(question.predicate, value, question.kind, clock) != question.negated


def _is_one_of(value: Json, kind: Kind | None, among: Values) -> bool:
    return (
        (type(value) is str and value in among.texts)
        or values.number(value, kind) in among.numbers
        or values.boolean(value, kind) in among.booleans
    )


def _holds(held: Values, wanted: Values, each: bool) -> bool:
    if not each:
        return any(_share(*pair) for pair in _by_type(held, wanted))
    return all(_covers(*pair) for pair in _by_type(held, wanted))


def _by_type(held: Values, wanted: Values) -> tuple[tuple[tuple[Json, ...], tuple[Json, ...]], ...]:
    return (held.texts, wanted.texts), (held.numbers, wanted.numbers), (held.booleans, wanted.booleans)


def _share(held: tuple[Item, ...], wanted: tuple[Item, ...]) -> bool:
    return not set(held).isdisjoint(wanted)


def _covers(held: tuple[Item, ...], wanted: tuple[Item, ...]) -> bool:
    return set(held).issuperset(wanted)


def _is_like(part: str, text: str, sought: str) -> bool:
    if part == "contains":
        return sought in text
    return text.startswith(sought) if part == "startsWith" else text.endswith(sought)


def _lies_in(period: Period, instant: int) -> bool:
    return (period.start is None or instant >= period.start) and (period.end is None or instant < period.end)
