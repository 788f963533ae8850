"""The other ways to write a filter, read as the canonical one: Ask0's conditions, an array of included and excluded
properties, and the operators' names of CustomFit."""

from collections.abc import Iterator
from typing import Any as Json

from ask0.schemas.filters.errors import SHOWN_CHARACTERS, Detail, FilterInvalid, invalid, shown
from ask0.schemas.filters.names import FIELDS
from ask0.schemas.filters.operands import OPERATORS
from ask0.schemas.filters.parser import FORMS, MAX_DETAILS, MAX_LEAVES, ROOT, parse
from ask0.schemas.filters.types import Filter

# Suffixes of conditions on a date: `lastActiveAfter` asks of `lastActiveAt`.
DATED = {
    f"{field.removesuffix('At')}{word}": (field, word.lower())
    for field, kind in FIELDS.items()
    if kind == "date"
    for word in ("After", "Before")
}
SYMBOLS = {"=": "is", "==": "is", "!=": "isNot", "<>": "isNot", "<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}

# CustomFit's names. One begins with `not` where no operator of ours says it in a word.
CUSTOMFIT: dict[str, tuple[str, ...]] = {
    "IS": ("is",),
    "IS_NOT": ("isNot",),
    "IS_ONE_OF": ("in",),
    "IS_NOT_ONE_OF": ("notIn",),
    "CONTAINS": ("contains",),
    "DOES_NOT_CONTAIN": ("notContains",),
    "DOES_NOT_CONTAINS": ("notContains",),
    "STARTS_WITH": ("startsWith",),
    "DOES_NOT_START_WITH": ("not", "startsWith"),
    "DOES_NOT_STARTS_WITH": ("not", "startsWith"),
    "ENDS_WITH": ("endsWith",),
    "DOES_NOT_END_WITH": ("not", "endsWith"),
    "DOES_NOT_ENDS_WITH": ("not", "endsWith"),
    "GREATER_THAN": ("gt",),
    "GREATER_THAN_OR_EQUAL_TO": ("gte",),
    "LESS_THAN": ("lt",),
    "LESS_THAN_OR_EQUAL_TO": ("lte",),
    "BETWEEN": ("between",),
    "BEFORE": ("before",),
    "AFTER": ("after",),
    "ON": ("on",),
    "CONTAINS_IN_LIST": ("hasAny",),
    "DOES_NOT_CONTAIN_IN_LIST": ("not", "hasAny"),
    "GEO_DISTANCE_MAX": ("within",),
    "GEO_DISTANCE_MIN": ("not", "within"),
}
EVENTS = {"EVENT_EXECUTED": {"atLeast": 1}, "EVENT_NOT_EXECUTED": {"exactly": 0}}
OF_LISTS = {"is": "in", "isNot": "notIn"}
OF_ONE = {"in": "is", "notIn": "isNot"}
OF_NULL = {"is": "notSet", "isNot": "set"}

OLD_NAMES = {"userId": "id", "lastInteractionTime": "lastActiveAt"}
USER = "user."


def read(document: object, at: str = ROOT) -> Filter:
    """The filter that a document in any of the spellings says. Raises FilterInvalid; its places are the document's."""
    if type(document) is list:
        return _parse(_of_array(document, at), at)
    if type(document) is not dict or any(key in document for key in FORMS):
        return parse(document, at)
    if "conditions" in document:
        return _named(document, at)
    return _parse(_of_conditions(document, at), at)


Placed = tuple[str, dict[str, Json]]  # the place in the given document, and the canonical JSON of it


def _parse(parts: Iterator[Placed], at: str) -> Filter:
    """All of the parts. Each is read by itself first, so that what is wrong with it is said of its place."""
    details: list[Detail] = []
    canonical: list[dict[str, Json]] = []
    try:
        for place, part in parts:
            canonical.append(part)
            try:
                parse(part, place)
            except FilterInvalid as error:
                details += (Detail(place, detail.message) for detail in error.details)
            if len(details) >= MAX_DETAILS:
                break
    except FilterInvalid as error:
        details += error.details
    if details:
        raise FilterInvalid(details)
    return parse({"all": canonical}, at)


def _named(document: dict[str, Json], at: str) -> Filter:
    """Ask0's `users.segment({name, conditions})`."""
    if unknown := [key for key in document if key not in ("name", "conditions")]:
        raise invalid(at, f"{shown(unknown[0])} is not known here: conditions go with a name alone")
    conditions = document["conditions"]
    if type(conditions) is not dict or "conditions" in conditions:
        raise invalid(f"{at}.conditions", f"give an object of conditions, this is {shown(conditions)}")
    return read(conditions, f"{at}.conditions")


def _of_conditions(document: dict[str, Json], at: str) -> Iterator[Placed]:
    """`{"plan": ["pro"], "monthlySpend": {"gte": 500}, "lastActiveAfter": "2024-01-01"}`: all must hold."""
    _bound(len(document), at)
    for name, value in document.items():
        place = f"{at}.{name}" if len(name) <= SHOWN_CHARACTERS and name.isidentifier() else at
        if name in DATED:
            field, op = DATED[name]
            yield place, {"trait": field, "op": op, "value": value}
        elif name == "tags":
            yield place, {"tag": value}
        elif type(value) is not dict:
            yield place, _comparison(name, "is", value, place)
        else:
            _bound(len(value), place)
            for op, operand in value.items():
                yield place, _comparison(name, op, operand, place)


def _of_array(document: list[Json], at: str) -> Iterator[Placed]:
    """`[{"mode": "include", "field": "user.company", "operator": "=", "value": "x"}]`: all must hold."""
    _bound(len(document), at)
    for index, item in enumerate(document):
        place = f"{at}[{index}]"
        if type(item) is not dict or not item.keys() <= {"mode", "field", "operator", "value"}:
            raise invalid(place, "give an object of mode, field, operator and value")
        mode, name, op = (item.get(key) for key in ("mode", "field", "operator"))
        if mode not in ("include", "exclude"):
            raise invalid(f"{place}.mode", f'give "include" or "exclude", this is {shown(mode)}')
        if type(name) is not str or type(op) is not str:
            raise invalid(place, "give the field and the operator as text")
        included = _comparison(field_of(name), op, item.get("value"), f"{place}.operator")
        yield place, included if mode == "include" else {"not": included}


def field_of(name: str) -> str:
    """Of `user.company`."""
    bare = name.removeprefix(USER)
    return OLD_NAMES.get(bare, bare)


def _comparison(name: str, op: str, value: Json, at: str) -> dict[str, Json]:
    """The canonical leaf of any operator's name."""
    if op in EVENTS:
        return {"did": name if value is None else value, "times": EVENTS[op]}
    words = CUSTOMFIT.get(op) or (SYMBOLS.get(op, op),)
    operator = words[-1]
    if operator not in OPERATORS:
        raise invalid(at, f"{shown(op)} is not an operator: use {', '.join((*SYMBOLS, *OPERATORS))}")
    if type(value) is list:
        operator = OF_LISTS.get(operator, operator)
    elif operator in ("hasAny", "hasAll"):
        value = [value]
    elif value is None:
        operator = OF_NULL.get(operator, operator)
    else:
        operator = OF_ONE.get(operator, operator)
    leaf = {"trait": name, "op": operator, **({} if value is None else {"value": value})}
    return {"not": leaf} if len(words) == 2 else leaf


def _bound(conditions: int, at: str) -> None:
    if conditions > MAX_LEAVES:
        raise invalid(at, f"{conditions:,} conditions, at most {MAX_LEAVES} are taken")
