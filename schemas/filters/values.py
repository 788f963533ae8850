"""What a stored value is read as, to be compared: as SQL reads it, too. None is missing."""

import math
from collections.abc import Sequence
from datetime import date
from typing import Any

from ask0.schemas.filters.dates import FIRST_INSTANT, LAST_INSTANT, read_date
from ask0.schemas.filters.names import Kind
from ask0.schemas.filters.predicates import TRUTHS, Values, number_in

RADIANS = math.pi / 180
EARTH_KM = 6371.0088


def at_path(value: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        if type(value) is not dict:
            return None
        value = value.get(key)
    return value


def is_present(value: Any) -> bool:
    """An object with nothing in it is missing, as a JSON column cannot tell the two apart."""
    if type(value) is dict:
        return any(map(is_present, value.values()))
    return value is not None


def number(value: Any, kind: Kind | None = None) -> float | None:
    if type(value) is int or type(value) is float:
        return float(value)
    return number_in(value) if kind == "number" and type(value) is str else None


def boolean(value: Any, kind: Kind | None = None) -> bool | None:
    if type(value) is bool:
        return value
    return TRUTHS.get(value) if kind == "boolean" and type(value) is str else None


def moment(value: Any, kind: Kind | None = None) -> date | int | None:
    """A day or an instant."""
    if type(value) is str:
        return read_date(value)
    ms = number(value) if kind == "date" else None
    return math.floor(ms) if ms is not None and FIRST_INSTANT <= ms <= LAST_INSTANT else None


def items(value: Any) -> Values:
    """Of a list, by type; a value that is no list is a list of one."""
    listed = value if type(value) is list else [value]
    return Values(
        tuple(item for item in listed if type(item) is str),
        tuple(float(item) for item in listed if type(item) is int or type(item) is float),
        tuple(item for item in listed if type(item) is bool),
    )


def kilometres(value: Any, lat: float, lon: float) -> float | None:
    """From a point `{lat, lon}` to another, along a great circle."""
    north, east = number(at_path(value, ("lat",))), number(at_path(value, ("lon",)))
    if north is None or east is None or abs(north) > 90 or abs(east) > 180:
        return None
    halves = math.sin((north - lat) * RADIANS / 2), math.sin((east - lon) * RADIANS / 2)
    squared = halves[0] * halves[0] + math.cos(lat * RADIANS) * math.cos(north * RADIANS) * (halves[1] * halves[1])
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(squared)))
