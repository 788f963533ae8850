"""The few questions that every comparison comes down to. Python and ClickHouse both answer these, and no others.

A question about a value that is missing, or cannot be read as what is asked for, is answered no. What negates is asked
by its positive question, and `Question.negated` turns the answer round.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ask0.schemas.filters.dates import Clock, day_of, read_date, read_duration, whole
from ask0.schemas.filters.errors import invalid, shown
from ask0.schemas.filters.names import FIELDS, Kind, own_name
from ask0.schemas.filters.operands import NEGATIONS
from ask0.schemas.filters.types import Circle, Operand, Property, Scalar, Trait, When

Kinds: TypeAlias = Mapping[str, Kind]  # of the traits that a project defines, by their names without `traits.`

# Where a trait is defined as a number, text is read as one that JSON would.
NUMBER_GRAMMAR = "-?(?:0|[1-9][0-9]*)(?:[.][0-9]+)?(?:[eE][+-]?[0-9]+)?"
MAX_NUMBER_CHARACTERS = 400
_number = re.compile(NUMBER_GRAMMAR)
TRUTHS = {"true": True, "false": False}


@dataclass(frozen=True)
class Values:
    """What a list holds, by type."""

    texts: tuple[str, ...] = ()
    numbers: tuple[float, ...] = ()
    booleans: tuple[bool, ...] = ()


@dataclass(frozen=True)
class OneOf:
    """The value is one of these."""

    values: Values


@dataclass(frozen=True)
class Holds:
    """The list holds one of these, or each of them. A value that is no list is a list of one."""

    values: Values
    each: bool


@dataclass(frozen=True)
class Like:
    """The text has this in it, at its start or at its end, in whatever case."""

    part: Literal["contains", "startsWith", "endsWith"]
    text: str


@dataclass(frozen=True)
class Numbers:
    """The number lies from `least` to `greatest`, both included."""

    least: float | None = None
    greatest: float | None = None


@dataclass(frozen=True)
class Period:
    """The date lies at `start` or later and before `end`, epoch ms. A day lies where its first instant does."""

    start: int | None = None
    end: int | None = None


@dataclass(frozen=True)
class Near:
    """The point lies within the circle."""

    circle: Circle


@dataclass(frozen=True)
class Present:
    """There is a value: neither null nor an object with nothing in it."""


Predicate: TypeAlias = OneOf | Holds | Like | Numbers | Period | Near | Present


@dataclass(frozen=True)
class Question:
    """A comparison to be made: of a value that is defined to be of a kind, or of any value (None)."""

    predicate: Predicate
    kind: Kind | None
    negated: bool


ORDER = ("gt", "gte", "lt", "lte", "between")
LISTS = ("hasAny", "hasAll")
TAKES: dict[Kind, tuple[str, ...]] = {
    "text": ("is", "in", "contains", "startsWith", "endsWith", *LISTS),
    "number": ("is", "in", *ORDER, *LISTS),
    "boolean": ("is", "in"),
    "date": ("is", "before", "after", "on", "inLast", *ORDER),
    "geo": ("within",),
    "texts": LISTS,
    "numbers": LISTS,
}
NAMES: dict[Kind, str] = {
    "text": "text",
    "number": "a number",
    "boolean": "true or false",
    "date": "a date",
    "geo": "a point",
    "texts": "a list of texts",
    "numbers": "a list of numbers",
}


def kind_of(leaf: Trait | Property, kinds: Kinds) -> Kind | None:
    """What a field always is, or a trait is defined to be."""
    if isinstance(leaf, Property):
        return None
    return FIELDS.get(leaf.name) or kinds.get(own_name(leaf.name))


def question_of(leaf: Trait | Property, kinds: Kinds, clock: Clock, at: str = "filter") -> Question:
    """Raises FilterInvalid where the operator or the value does not fit the kind of the trait."""
    kind = kind_of(leaf, kinds)
    op = NEGATIONS.get(leaf.op, leaf.op)
    negated = op != leaf.op
    if op == "set":
        return Question(Present(), kind, negated)
    if kind is not None and op not in TAKES[kind]:
        raise invalid(f"{at}.op", f"{leaf.name} is {NAMES[kind]}: use {', '.join((*TAKES[kind], 'set'))}, or not …")
    try:
        return Question(_predicate(op, leaf.value, kind, clock), kind, negated)
    except ValueError as error:
        raise invalid(f"{at}.value", str(error)) from None


def period_of(when: When, clock: Clock) -> Period:
    """The time that `when` of a `did` names."""
    return _period("inLast" if when.op == "last" else when.op, when.values, clock)


def _predicate(op: str, value: Operand, kind: Kind | None, clock: Clock) -> Predicate:
    """Raises ValueError."""
    if isinstance(value, Circle):
        return Near(value)
    operands = value if isinstance(value, tuple) else (value,) if value is not None else ()
    if op in ("contains", "startsWith", "endsWith"):
        return Like(op, str(value))  # type: ignore[arg-type]  # which are those of Like
    if op in LISTS:
        return Holds(_values(operands, _item_kind(kind)), each=op == "hasAll")
    if op in ("before", "after", "on", "inLast") or (kind == "date" and op in ("is", *ORDER)):
        return _period(op, operands, clock)
    if op in ORDER:
        return _ordered(op, operands, kind, clock)
    return OneOf(_values(operands, kind))


def _item_kind(kind: Kind | None) -> Kind | None:
    return "text" if kind == "texts" else "number" if kind == "numbers" else kind


def _values(operands: tuple[Scalar, ...], kind: Kind | None) -> Values:
    converted = [convert(operand, kind) for operand in operands]
    return Values(
        tuple(dict.fromkeys(each for each in converted if isinstance(each, str))),
        tuple(dict.fromkeys(each + 0.0 for each in converted if not isinstance(each, str | bool))),  # -0 becomes 0
        tuple(dict.fromkeys(each for each in converted if isinstance(each, bool))),
    )


def convert(operand: Scalar, kind: Kind | None) -> Scalar:
    """A value that stands in a filter, as the kind of the trait. Raises ValueError."""
    if kind is None:
        return operand
    if kind == "text" and isinstance(operand, str):
        return operand
    if kind == "number" and not isinstance(operand, bool):
        number = number_in(operand) if isinstance(operand, str) else operand
        if number is not None:
            return number
    if kind == "boolean":
        truth = TRUTHS.get(operand) if isinstance(operand, str) else operand
        if isinstance(truth, bool):
            return truth
    raise ValueError(f"give {NAMES[kind]}, as the trait is, not {shown(operand)}")


def number_in(text: str) -> float | None:
    """The number that a text holds."""
    if len(text) > MAX_NUMBER_CHARACTERS or not _number.fullmatch(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def _ordered(op: str, operands: tuple[Scalar, ...], kind: Kind | None, clock: Clock) -> Predicate:
    if kind == "number" or not isinstance(operands[0], str):
        numbers = [float(convert(operand, "number")) for operand in operands]
        return NUMBERS[op](*numbers)
    return _period(op, operands, clock)


# Of doubles, more than a number is at least the next one.
NUMBERS: dict[str, Callable[..., Numbers]] = {
    "gt": lambda bound: Numbers(least=math.nextafter(bound, math.inf)),
    "gte": lambda bound: Numbers(least=bound),
    "lt": lambda bound: Numbers(greatest=math.nextafter(bound, -math.inf)),
    "lte": lambda bound: Numbers(greatest=bound),
    "between": lambda least, greatest: Numbers(least, greatest),
}


def _period(op: str, operands: tuple[Scalar, ...], clock: Clock) -> Period:
    if op == "inLast":
        length = read_duration(str(operands[0]))
        if length is None:
            raise ValueError(f'give a time such as "7d", this is {shown(operands[0])}')
        return Period(clock.now - length, clock.now + 1)
    dates = [read_date(operand) if isinstance(operand, str) else None for operand in operands]
    for operand, found in zip(operands, dates, strict=True):
        if found is None:
            raise ValueError(
                f'give a date such as "2024-01-31" or "2024-01-31T10:00:00Z", or a number; this is {shown(operand)}'
            )
    spans = [whole(found, clock.zone) for found in dates if found is not None]
    starts, ends = [span[0] for span in spans], [span[1] for span in spans]
    match op:
        case "before" | "lt":
            return Period(end=starts[0])
        case "after" | "gte":
            return Period(start=starts[0])
        case "gt":
            return Period(start=starts[0] + 1)
        case "lte":
            return Period(end=starts[0] + 1)
        case "on":
            return Period(*day_of(dates[0], clock.zone))  # type: ignore[arg-type]  # looked at above
        case _:
            return Period(starts[0], ends[-1])
