"""Whether a value is what a project has defined its property to be."""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ask0.schemas.filters.values import moment
from ask0.schemas.properties import Property

NAMES = {
    "text": "text",
    "number": "a number",
    "boolean": "true or false",
    "date": "a date in ISO 8601, such as 2024-01-31 or 2024-01-31T12:00:00Z",
    "geo": "an object of lat (-90 to 90) and lon (-180 to 180)",
    "texts": "a list of texts",
    "numbers": "a list of numbers",
}


def problems(properties: Iterable[Property], traits: Mapping[str, Any], *, is_new: bool) -> Iterator[tuple[str, str]]:
    """The name and what is wrong, of each trait that does not fit. `is_new`: what is required has to be there."""
    for one in properties:
        value = traits.get(one.name)
        if value is None:
            if one.required and (is_new or one.name in traits):
                yield one.name, "this is required"
        elif message := _problem(one, value):
            yield one.name, message


def _problem(one: Property, value: Any) -> str:
    if not _has_type(one.type, value):
        return f"this is {NAMES[one.type]}"
    if one.type == "text":
        return _bounds(len(value), one.min_length, one.max_length, "characters")
    if one.type == "number":
        return _bounds(value, one.min_value, one.max_value, "")
    if one.type in ("texts", "numbers"):
        return _bounds(len(value), None, one.max_elements, "elements")
    return ""


def _bounds(value: float, least: float | None, most: float | None, unit: str) -> str:
    if least is not None and value < least:
        return f"at least {least:g} {unit}".strip()
    if most is not None and value > most:
        return f"at most {most:g} {unit}".strip()
    return ""


def _has_type(kind: str, value: Any) -> bool:
    match kind:
        case "text":
            return type(value) is str
        case "number":
            return _is_number(value)
        case "boolean":
            return type(value) is bool
        case "date":
            return type(value) is str and moment(value) is not None
        case "texts":
            return type(value) is list and all(type(item) is str for item in value)
        case "numbers":
            return type(value) is list and all(map(_is_number, value))
        case _:
            return (
                type(value) is dict
                and value.keys() == {"lat", "lon"}
                and all(
                    _is_number(value[name]) and abs(value[name]) <= most for name, most in (("lat", 90), ("lon", 180))
                )
            )


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
