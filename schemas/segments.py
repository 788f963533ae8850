"""Segments and stages that every project has, in the language of filters."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ask0.schemas.filters import types
from ask0.schemas.filters.inline import Definitions, StageRule
from ask0.schemas.filters.parser import parse
from ask0.schemas.filters.types import Filter

PLAN = "seg_plan_"  # and the plan: everyone who is on it
UNPAID = ("free", "Free", "trial", "Trial")  # plans


class SystemSegment(NamedTuple):
    name: str
    filter: Filter


def _trait(name: str, op: str, value: object = None) -> dict[str, object]:
    return {"trait": name, "op": op} | ({} if value is None else {"value": value})


PAYS = {"all": [_trait("plan", "set"), _trait("plan", "notIn", [*UNPAID])]}

SYSTEM: Mapping[str, SystemSegment] = {
    id: SystemSegment(name, parse(filter))
    for id, name, filter in (
        ("seg_active", "Active", _trait("lastActiveAt", "inLast", "7d")),
        (
            "seg_at_risk",
            "At Risk",
            {"all": [_trait("lastActiveAt", "inLast", "30d"), _trait("lastActiveAt", "notInLast", "14d")]},
        ),
        (
            "seg_churned",
            "Churned",
            {"all": [_trait("lastActiveAt", "set"), _trait("lastActiveAt", "notInLast", "30d")]},
        ),
        ("seg_promoters", "Promoters", _trait("nps", "gte", 9)),
        ("seg_passives", "Passives", _trait("nps", "between", [7, 8])),
        ("seg_detractors", "Detractors", _trait("nps", "lte", 6)),
    )
}

# Of a project that has not defined its own. Tried in this order: the first that holds is the user's.
STAGES = tuple(
    StageRule(id, name, parse(filter))
    for id, name, filter in (
        (
            "stage_at_risk",
            "At Risk",
            {"all": [PAYS, {"any": [_trait("lastActiveAt", "notInLast", "14d"), _trait("satisfaction", "lt", 0.4)]}]},
        ),
        (
            "stage_champion",
            "Champion",
            {
                "all": [
                    PAYS,
                    _trait("satisfaction", "gte", 0.8),
                    _trait("conversations", "gte", 10),
                    _trait("lastActiveAt", "inLast", "14d"),
                ]
            },
        ),
        ("stage_customer", "Customer", PAYS),
        ("stage_trial", "Trial", {"status": ["Active", "Unconfirmed", "Deactivated"]}),
        ("stage_visitor", "Visitor", {"all": []}),
    )
)


class Segments(Mapping[str, Filter]):
    """The project's own, by id, and the product's."""

    def __init__(self, own: Mapping[str, Filter]) -> None:
        self._own = own

    def __getitem__(self, id: str) -> Filter:
        if own := self._own.get(id):
            return own
        if system := system_segment(id):
            return system.filter
        raise KeyError(id)

    def __iter__(self) -> Iterator[str]:
        yield from self._own
        yield from SYSTEM

    def __len__(self) -> int:
        return len(self._own) + len(SYSTEM)


def system_segment(id: str) -> SystemSegment | None:
    if id.startswith(PLAN) and len(id) > len(PLAN):
        plan = id.removeprefix(PLAN)
        return SystemSegment(f"{plan} users", types.Trait("plan", "is", plan))
    return SYSTEM.get(id)


def definitions(own: Mapping[str, Filter], stages: Sequence[StageRule] = STAGES) -> Definitions:
    """What a filter of the project may refer to."""
    return Definitions(Segments(own), stages)
