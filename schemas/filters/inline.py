"""Segments and stages replaced by the filters that define them, so that a filter asks of one user alone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ask0.schemas.filters import types
from ask0.schemas.filters.dates import Clock
from ask0.schemas.filters.errors import Detail, FilterInvalid, invalid, shown
from ask0.schemas.filters.predicates import Kinds, question_of
from ask0.schemas.filters.types import Filter

MAX_INLINED_LEAVES = 512
MAX_INLINED_DEPTH = 16  # segments in segments


@dataclass(frozen=True)
class StageRule:
    """Stages are tried in order: the first whose filter holds is the user's."""

    id: str
    name: str
    filter: Filter


@dataclass(frozen=True)
class Definitions:
    """What a project defines: segments by id, and its stages in order."""

    segments: Mapping[str, Filter] = field(default_factory=dict)
    stages: Sequence[StageRule] = ()


def inline(filter: Filter, definitions: Definitions, at: str = "filter") -> Filter:
    """The filter without Segment and Stage. Raises FilterInvalid for one that is not defined, for one that refers to
    itself, directly or not, and where all of them together are too much."""
    return _Inlining(definitions).read(filter, at, ())


def leaves(filter: Filter, at: str = "filter") -> Iterator[tuple[str, Filter]]:
    """Each leaf with its place in the canonical JSON, those in the `where` of Did too."""
    match filter:
        case types.All(filters) | types.Any(filters):
            kind = "all" if isinstance(filter, types.All) else "any"
            for index, each in enumerate(filters):
                yield from leaves(each, f"{at}.{kind}[{index}]")
        case types.Not(inner):
            yield from leaves(inner, f"{at}.not")
        case _:
            yield at, filter
            if isinstance(filter, types.Did) and filter.where is not None:
                yield from leaves(filter.where, f"{at}.where")


def check(filter: Filter, kinds: Kinds, clock: Clock, at: str = "filter") -> None:
    """Raises FilterInvalid with each comparison that does not fit the kind of its trait."""
    details: list[Detail] = []
    for place, leaf in leaves(filter, at):
        if isinstance(leaf, types.Trait | types.Property):
            try:
                question_of(leaf, kinds, clock, place)
            except FilterInvalid as error:
                details += error.details
    if details:
        raise FilterInvalid(details)


class _Inlining:
    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._leaves = 0

    def read(self, filter: Filter, at: str, within: tuple[str, ...]) -> Filter:
        """`within` are the segments and stages whose definitions are being read."""
        match filter:
            case types.All(filters):
                return types.All(self._each(filters, f"{at}.all", within))
            case types.Any(filters):
                return types.Any(self._each(filters, f"{at}.any", within))
            case types.Not(inner):
                return types.Not(self.read(inner, f"{at}.not", within))
            case types.Segment(ids):
                return types.Any(tuple(self._segment(id, at, within) for id in ids))
            case types.Stage(ids):
                return self._stages(ids, at, within)
            case _:
                self._count(sum(1 for _ in leaves(filter)), at)
                return filter

    def _each(self, filters: Sequence[Filter], at: str, within: tuple[str, ...]) -> tuple[Filter, ...]:
        return tuple(self.read(each, f"{at}[{index}]", within) for index, each in enumerate(filters))

    def _segment(self, id: str, at: str, within: tuple[str, ...]) -> Filter:
        found = self._definitions.segments.get(id)
        if found is None:
            raise invalid(f"{at}.segment", f"there is no segment {shown(id)}")
        return self._defined(found, f"segment {id}", at, within)

    def _stages(self, ids: Sequence[str], at: str, within: tuple[str, ...]) -> Filter:
        """The first that holds is one of these: each rule is asked once, up to the last that is meant."""
        rules = self._definitions.stages
        for id in ids:
            if not any(id in (rule.id, rule.name) for rule in rules):
                raise invalid(f"{at}.stage", f"there is no stage {shown(id)}")
        meant = [rule.id in ids or rule.name in ids for rule in rules]
        while meant and not meant[-1]:
            meant.pop()
        asked = [self._defined(rule.filter, f"stage {rule.id}", at, within) for rule in rules[: len(meant)]]
        found: Filter = types.Any(())
        for filter, is_meant in zip(reversed(asked), reversed(meant), strict=True):
            found = types.Any((filter, found)) if is_meant else types.All((types.Not(filter), found))
        return found

    def _defined(self, found: Filter, name: str, at: str, within: tuple[str, ...]) -> Filter:
        if name in within:
            raise invalid(at, f"{' → '.join((*within[within.index(name) :], name))}: it refers to itself")
        if len(within) == MAX_INLINED_DEPTH:
            raise invalid(at, f"segments refer to segments more than {MAX_INLINED_DEPTH} times over")
        self._count(1, at)
        return self.read(found, at, (*within, name))

    def _count(self, conditions: int, at: str) -> None:
        self._leaves += conditions
        if self._leaves > MAX_INLINED_LEAVES:
            raise invalid(at, f"with its segments it has more than {MAX_INLINED_LEAVES} conditions")
