"""Filters as their canonical JSON, as it is stored: what `parse` reads back as the same filter."""

from collections.abc import Sequence
from typing import Any as Json

from ask0.schemas.filters import types
from ask0.schemas.filters.types import Filter


def write(filter: Filter) -> dict[str, Json]:
    match filter:
        case types.All(filters):
            return {"all": [write(each) for each in filters]}
        case types.Any(filters):
            return {"any": [write(each) for each in filters]}
        case types.Not(inner):
            return {"not": write(inner)}
        case types.Trait(name, op, value):
            return {"trait": name, **_comparison(op, value)}
        case types.Property(name, op, value):
            return {"property": name, **_comparison(op, value)}
        case types.Consent(category, any_of):
            return {"consent": category, "is": _one_or_list(any_of)}
        case types.Did():
            return _did(filter)
        case _:
            return {type(filter).__name__.lower(): _one_or_list(filter.any_of)}


def _comparison(op: str, value: types.Operand) -> dict[str, Json]:
    if value is None:
        return {"op": op}
    if isinstance(value, types.Circle):
        return {"op": op, "value": {"lat": value.lat, "lon": value.lon, "km": value.km}}
    return {"op": op, "value": list(value) if isinstance(value, tuple) else value}


def _did(did: types.Did) -> dict[str, Json]:
    written: dict[str, Json] = {"did": did.event}
    if did.where is not None:
        written["where"] = write(did.where)
    if did.times != types.Times():
        written["times"] = {did.times.bound: did.times.count}
    if did.when is not None:
        written["when"] = {did.when.op: _one_or_list(did.when.values)}
    return written


def _one_or_list(values: Sequence[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)
