"""What stands beside an operator: which operators there are, and what each takes as its value."""

import math
from collections.abc import Callable
from typing import NoReturn

import orjson

from ask0.schemas.filters.dates import read_date, read_duration
from ask0.schemas.filters.errors import invalid, shown
from ask0.schemas.filters.types import Circle, Operand, Scalar

MAX_VALUES = 1_000  # of a list
EXACT_INTEGER = 1 << 53  # a double holds every whole number up to here

# The operators that only negate another one.
NEGATIONS = {"isNot": "is", "notIn": "in", "notContains": "contains", "notInLast": "inLast", "notSet": "set"}
SCALARS = "text, a number, true or false"


def read_operand(op: str, value: object, at: str) -> Operand:
    """Raises FilterInvalid for a value that the operator does not take, `at` its place. An operator that there is not
    is the caller's to refuse."""
    return READERS[NEGATIONS.get(op, op)](value, at)


def size_of(value: object) -> int:
    """Bytes of a value as JSON, as the client for ClickHouse sends it: with a backslash before what is special."""
    json = orjson.dumps(value)
    return len(json) + sum(map(json.count, (b"\\", b"'", b"`")))


def read_text(value: object, at: str) -> str:
    if type(value) is not str:
        raise invalid(at, f"give text, this is {shown(value)}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise invalid(at, "the text holds half of a surrogate pair, which no UTF-8 can carry") from None
    return value


def read_texts(value: object, at: str) -> tuple[str, ...]:
    """A text, or a list of them."""
    return tuple(read_text(item, place) for item, place in _items(value if type(value) is list else [value], at))


def read_number(value: object, at: str) -> float:
    if type(value) is int:
        if abs(value) <= EXACT_INTEGER:
            return value
        try:
            return float(value)
        except OverflowError:
            value = math.inf
    if type(value) is not float:
        raise invalid(at, f"give a number, this is {shown(value)}")
    if not math.isfinite(value):
        raise invalid(at, "the number is not finite (NaN, an infinity, or beyond 1.8e308)")
    return value


def _scalar(value: object, at: str) -> Scalar:
    if type(value) is str:
        return read_text(value, at)
    if type(value) is bool:
        return value
    if type(value) is int or type(value) is float:
        return read_number(value, at)
    hint = ": ask for a missing value by notSet" if value is None else ""
    raise invalid(at, f"give {SCALARS}, this is {shown(value)}{hint}")


def _items(value: object, at: str) -> list[tuple[object, str]]:
    """Each item of a list, with its place."""
    if type(value) is not list:
        raise invalid(at, f"give a list, this is {shown(value)}")
    if not value:
        raise invalid(at, "the list is empty: give at least one value")
    if len(value) > MAX_VALUES:
        raise invalid(at, f"the list has {len(value):,} values, at most {MAX_VALUES:,} are taken")
    return [(item, f"{at}[{index}]") for index, item in enumerate(value)]


def _scalars(value: object, at: str) -> tuple[Scalar, ...]:
    return tuple(_scalar(item, place) for item, place in _items(value, at))


def _bound(value: object, at: str) -> Scalar:
    """A number or a date; a text that is neither may be the number of a trait that is defined as one."""
    if type(value) is str:
        return read_text(value, at)
    if type(value) is not int and type(value) is not float:
        raise invalid(at, f'give a number, or a date such as "2024-01-31", this is {shown(value)}')
    return read_number(value, at)


def _between(value: object, at: str) -> tuple[Scalar, ...]:
    items = _items(value, at)
    if len(items) != 2:
        raise invalid(at, f"give a list of two, the least and the greatest; this one has {len(items)}")
    least, greatest = (_bound(item, place) for item, place in items)
    if (type(least) is str) != (type(greatest) is str):
        raise invalid(at, "give two numbers, or two dates")
    return least, greatest


def read_when(value: object, at: str) -> str:
    """A date that can be read, as it was given."""
    text = read_text(value, at)
    if read_date(text) is None:
        raise invalid(at, f'give a date such as "2024-01-31" or "2024-01-31T10:00:00Z", this is {shown(text)}')
    return text


def read_period(value: object, at: str) -> str:
    text = read_text(value, at)
    if read_duration(text) is None:
        raise invalid(at, f'give a time such as "30m", "12h", "7d" or "4w", this is {shown(text)}')
    return text


def _circle(value: object, at: str) -> Circle:
    if type(value) is not dict or value.keys() != {"lat", "lon", "km"}:
        raise invalid(at, 'give {"lat": degrees, "lon": degrees, "km": radius}')
    circle = Circle(**{key: read_number(value[key], f"{at}.{key}") for key in ("lat", "lon", "km")})
    for key, size, most in (("lat", circle.lat, 90), ("lon", circle.lon, 180)):
        if abs(size) > most:
            raise invalid(f"{at}.{key}", f"give degrees from -{most} to {most}")
    if circle.km < 0:
        raise invalid(f"{at}.km", "give a distance that is not negative")
    return circle


def _nothing(value: object, at: str) -> None:
    if value is not None:
        _refuse_value(at)


def _refuse_value(at: str) -> NoReturn:
    raise invalid(at, "set and notSet take no value: leave it out")


READERS: dict[str, Callable[[object, str], Operand]] = {
    "is": _scalar,
    "in": _scalars,
    **dict.fromkeys(("contains", "startsWith", "endsWith"), read_text),
    **dict.fromkeys(("gt", "gte", "lt", "lte"), _bound),
    "between": _between,
    **dict.fromkeys(("before", "after", "on"), read_when),
    "inLast": read_period,
    "set": _nothing,
    **dict.fromkeys(("hasAny", "hasAll"), _scalars),
    "within": _circle,
}
OPERATORS = (*READERS, *NEGATIONS)
