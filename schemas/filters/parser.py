"""Filters from their canonical JSON. Whatever the JSON holds, reading costs little and raises FilterInvalid alone."""

from collections.abc import Callable
from typing import Any as Json

from ask0.schemas.filters import types
from ask0.schemas.filters.errors import Detail, FilterInvalid, invalid, shown
from ask0.schemas.filters.names import PRODUCT_EVENTS, keys_of
from ask0.schemas.filters.operands import (
    OPERATORS,
    read_operand,
    read_period,
    read_text,
    read_texts,
    read_when,
    size_of,
)
from ask0.schemas.filters.types import Filter

MAX_LEAVES = 64
MAX_DEPTH = 8
MAX_OPERAND_BYTES = 100_000  # of a filter's names and values
MAX_DETAILS = 20
MAX_TIMES = 1_000_000_000

STATUSES = ("Deactivated", "Guest", "Unconfirmed", "Active")
CONSENTS = ("granted", "pending", "denied")
ROOT = "filter"


def parse(document: object, at: str = ROOT) -> Filter:
    """The filter that a canonical JSON document says. Raises FilterInvalid; `at` begins the places in its details."""
    parsing = _Parsing()
    found = parsing.node(document, at, 1)
    if parsing.details or found is None:
        raise FilterInvalid(parsing.details)
    return found


class _TooMuch(Exception):
    """Nothing more is read."""


class _Parsing:
    """One document, what it has taken so far, and what is wrong with it."""

    def __init__(self) -> None:
        self.details: list[Detail] = []
        self._leaves = 0
        self._bytes = 0

    def node(self, document: object, at: str, depth: int) -> Filter | None:
        """None where a detail says why."""
        try:
            return self._read(document, at, depth, where=False)
        except _TooMuch:
            return None

    def _read(self, document: object, at: str, depth: int, *, where: bool) -> Filter | None:
        try:
            if depth > MAX_DEPTH:
                raise invalid(at, f"nested deeper than {MAX_DEPTH} levels: move a part into a segment")
            if type(document) is not dict:
                raise invalid(at, f"a filter is an object, this is {shown(document)}")
            known = WHERE_FORMS if where else FORMS
            kinds = [kind for kind in known if kind in document]
            if len(kinds) != 1:
                raise invalid(at, f"give exactly one of {', '.join(known)}")
            fields, read = known[kinds[0]]
            if unknown := [key for key in document if key not in fields]:
                raise invalid(at, f"{shown(unknown[0])} is not known here: {kinds[0]} goes with {_listed(fields)}")
            return read(self, document, at, depth)
        except FilterInvalid as error:
            self._add(error)
            return None

    def _add(self, error: FilterInvalid) -> None:
        self.details += error.details
        if len(self.details) >= MAX_DETAILS:
            raise _TooMuch

    def _leaf(self, at: str, *operands: object) -> None:
        """Counts a leaf and the bytes of what is given in it."""
        self._leaves += 1
        self._bytes += sum(map(size_of, operands))
        if self._leaves > MAX_LEAVES:
            self._add(invalid(at, f"more than {MAX_LEAVES} conditions: move some into a segment"))
            raise _TooMuch
        if self._bytes > MAX_OPERAND_BYTES:
            self._add(invalid(at, f"more than {MAX_OPERAND_BYTES:,} bytes of names and values in all"))
            raise _TooMuch

    def group(self, document: dict[str, Json], at: str, depth: int, *, where: bool = False) -> Filter | None:
        kind = "all" if "all" in document else "any"
        place, items = f"{at}.{kind}", document[kind]
        if type(items) is not list:
            raise invalid(place, f"give a list of filters, this is {shown(items)}")
        if len(items) > MAX_LEAVES:
            raise invalid(place, f"{len(items):,} conditions, at most {MAX_LEAVES} are taken")
        if not items:
            self._leaf(place)
        read = [self._read(item, f"{place}[{index}]", depth + 1, where=where) for index, item in enumerate(items)]
        filters = tuple(item for item in read if item is not None)
        return types.All(filters) if kind == "all" else types.Any(filters)

    def negation(self, document: dict[str, Json], at: str, depth: int, *, where: bool = False) -> Filter | None:
        inner = self._read(document["not"], f"{at}.not", depth + 1, where=where)
        return None if inner is None else types.Not(inner)

    def trait(self, document: dict[str, Json], at: str, depth: int) -> Filter:
        return types.Trait(*self._comparison("trait", document, at))

    def property(self, document: dict[str, Json], at: str, depth: int) -> Filter:
        return types.Property(*self._comparison("property", document, at))

    def _comparison(self, kind: str, document: dict[str, Json], at: str) -> tuple[str, str, types.Operand]:
        name = _name(document[kind], f"{at}.{kind}")
        op = document.get("op")
        if type(op) is not str or op not in OPERATORS:
            raise invalid(f"{at}.op", f"{shown(op)} is not an operator: use {', '.join(OPERATORS)}")
        value = read_operand(op, document.get("value"), f"{at}.value")
        self._leaf(at, name, value)
        return name, op, value

    def tag(self, document: dict[str, Json], at: str, depth: int) -> Filter:
        return types.Tag(self._texts(document, "tag", at))

    def stage(self, document: dict[str, Json], at: str, depth: int) -> Filter:
        return types.Stage(self._texts(document, "stage", at))

    def segment(self, document: dict[str, Json], at: str, depth: int) -> Filter:
        return types.Segment(self._texts(document, "segment", at))

    def status(self, document: dict[str, Json], at: str, depth: int) -> Filter:
        return types.Status(self._texts(document, "status", at, STATUSES))

    def consent(self, document: dict[str, Json], at: str, depth: int) -> Filter:
        category = read_text(document["consent"], f"{at}.consent").strip().lower()
        if not category:
            raise invalid(f"{at}.consent", 'give a category of consent, such as "marketing"')
        return types.Consent(category, self._texts(document, "is", at, CONSENTS))

    def _texts(
        self, document: dict[str, Json], key: str, at: str, known: tuple[str, ...] | None = None
    ) -> tuple[str, ...]:
        place = f"{at}.{key}"
        texts = read_texts(document.get(key), place)
        for text in texts:
            if known and text not in known:
                raise invalid(place, f"{shown(text)} is none of {', '.join(known)}")
        self._leaf(at, *document.values())
        return texts

    def did(self, document: dict[str, Json], at: str, depth: int) -> Filter:
        event = read_text(document["did"], f"{at}.did")
        if not event:
            raise invalid(f"{at}.did", "give the name of an event")
        if event in PRODUCT_EVENTS:
            raise invalid(f"{at}.did", f"{shown(event)} is the product's own event: name one of yours")
        self._leaf(at, event)
        where = None
        if "where" in document:
            where = self._read(document["where"], f"{at}.where", depth + 1, where=True)
        times = _times(document["times"], f"{at}.times") if "times" in document else types.Times()
        when = _when(document["when"], f"{at}.when") if "when" in document else None
        return types.Did(event, where, times, when)


def _name(value: object, at: str) -> str:
    name = read_text(value, at)
    try:
        keys_of(name)
    except ValueError as error:
        raise invalid(at, str(error)) from None
    return name


def _times(value: object, at: str) -> types.Times:
    if type(value) is not dict or len(value) != 1 or not value.keys() <= {"exactly", "atLeast", "atMost"}:
        raise invalid(at, 'give one of {"exactly": n}, {"atLeast": n}, {"atMost": n}')
    ((bound, count),) = value.items()
    if type(count) is not int or not 0 <= count <= MAX_TIMES or (bound == "atLeast" and not count):
        least = 1 if bound == "atLeast" else 0
        raise invalid(f"{at}.{bound}", f"give a whole number from {least} to {MAX_TIMES:,}")
    return types.Times(bound, count)


def _when(value: object, at: str) -> types.When:
    if type(value) is not dict or len(value) != 1 or not value.keys() <= {"on", "last", "between", "before", "after"}:
        raise invalid(at, 'give one of {"last": "7d"}, {"on": …}, {"before": …}, {"after": …}, {"between": […, …]}')
    ((op, given),) = value.items()
    place = f"{at}.{op}"
    if op == "last":
        return types.When(op, (read_period(given, place),))
    if op != "between":
        return types.When(op, (read_when(given, place),))
    if type(given) is not list or len(given) != 2:
        raise invalid(place, "give a list of two dates")
    return types.When(op, tuple(read_when(item, f"{place}[{index}]") for index, item in enumerate(given)))


def _listed(fields: tuple[str, ...]) -> str:
    return "nothing else" if len(fields) == 1 else ", ".join(fields[1:])


def _group_where(parsing: _Parsing, document: dict[str, Json], at: str, depth: int) -> Filter | None:
    return parsing.group(document, at, depth, where=True)


def _negation_where(parsing: _Parsing, document: dict[str, Json], at: str, depth: int) -> Filter | None:
    return parsing.negation(document, at, depth, where=True)


Read = Callable[[_Parsing, dict[str, Json], str, int], Filter | None]
# The key that says which form a part has → the keys that it may have, that one first, and how it is read.
FORMS: dict[str, tuple[tuple[str, ...], Read]] = {
    "all": (("all",), _Parsing.group),
    "any": (("any",), _Parsing.group),
    "not": (("not",), _Parsing.negation),
    "trait": (("trait", "op", "value"), _Parsing.trait),
    "tag": (("tag",), _Parsing.tag),
    "stage": (("stage",), _Parsing.stage),
    "status": (("status",), _Parsing.status),
    "segment": (("segment",), _Parsing.segment),
    "consent": (("consent", "is"), _Parsing.consent),
    "did": (("did", "where", "times", "when"), _Parsing.did),
}
WHERE_FORMS: dict[str, tuple[tuple[str, ...], Read]] = {
    "all": (("all",), _group_where),
    "any": (("any",), _group_where),
    "not": (("not",), _negation_where),
    "property": (("property", "op", "value"), _Parsing.property),
}
