"""Stages of a project: rules on what is known of a user, tried in order. The first that holds is the user's."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from ask0.schemas.documents import Stages
from ask0.schemas.filters import types
from ask0.schemas.filters.dates import Clock
from ask0.schemas.filters.errors import FilterInvalid, invalid
from ask0.schemas.filters.inline import Definitions, StageRule, inline, leaves
from ask0.schemas.filters.inline import check as check_kinds
from ask0.schemas.filters.parser import parse
from ask0.schemas.filters.predicates import Kinds
from ask0.schemas.filters.types import Filter
from ask0.schemas.filters.writer import write

NOBODY = types.Any(())
# Of all stages with their segments, as a profile is asked each time it is shown, two hundred of them in a list.
MAX_LEAVES = 100
MAX_BYTES = 20_000

# A stage is a part of every profile, so that it must follow from the profile alone.
NOT_ASKED = {
    types.Stage: "a stage, which is decided by the rules of stages and by nothing before them",
    types.Did: "what someone did, and a stage can only ask what is known of them",
}


def rules_of(stages: Stages) -> tuple[StageRule, ...]:
    """A rule that this version cannot read is nobody's."""
    return tuple(StageRule(stage.id, stage.name, _parsed(stage.filter)) for stage in stages.stages)


def settle(
    rules: Sequence[StageRule], segments: Mapping[str, Filter], kinds: Kinds, clock: Clock
) -> tuple[StageRule, ...]:
    """Without segments in them. A rule that cannot be asked, as what it refers to has changed, is nobody's; so is one
    with which they have become too many."""
    settled: list[StageRule] = []
    for rule in rules:
        try:
            found = StageRule(rule.id, rule.name, check(rule.filter, segments, kinds, clock, "filter"))
            check_together([*settled, found], "filter")
        except FilterInvalid:
            found = StageRule(rule.id, rule.name, NOBODY)
        settled.append(found)
    return tuple(settled)


def check(filter: Filter, segments: Mapping[str, Filter], kinds: Kinds, clock: Clock, at: str) -> Filter:
    """The filter of one stage without the segments in it. Raises FilterInvalid."""
    for place, leaf in leaves(filter, at):
        if why := NOT_ASKED.get(type(leaf)):
            raise invalid(place, f"this asks for {why}")
        if isinstance(leaf, types.Segment):
            for id in leaf.any_of:
                _check_segment(id, segments, place)
    check_kinds(filter, kinds, clock, at)
    inlined = inline(filter, Definitions(segments), at)
    check_kinds(inlined, kinds, clock, at)
    return inlined


def check_together(rules: Sequence[StageRule], at: str) -> None:
    """Of rules that are settled. Raises FilterInvalid."""
    count = sum(1 for rule in rules for _ in leaves(rule.filter))
    if count > MAX_LEAVES:
        raise invalid(at, f"all stages together, with their segments, have {count} conditions, at most {MAX_LEAVES}")
    size = sum(len(msgspec.json.encode(write(rule.filter))) for rule in rules)
    if size > MAX_BYTES:
        raise invalid(at, f"all stages together, with their segments, have {size:,} bytes, at most {MAX_BYTES:,}")


def check_edited(segment: str, rules: Sequence[StageRule], segments: Mapping[str, Filter]) -> None:
    """A segment that stages ask for, directly or not, asks for no more than they may. Raises FilterInvalid."""
    asking = [rule for rule in rules if segment in _reached(rule.filter, segments)]
    try:
        if asking:
            _check_segment(segment, segments, "filter")
            check_together([StageRule("", "", inline(rule.filter, Definitions(segments))) for rule in asking], "filter")
    except FilterInvalid as error:
        raise invalid("filter", f"stage {asking[0].id} asks for this segment: {error.details[0].message}") from None


def _check_segment(id: str, segments: Mapping[str, Filter], at: str) -> None:
    for name in (id, *_reached(segments.get(id, NOBODY), segments)):
        for _, leaf in leaves(segments.get(name, NOBODY)):
            if why := NOT_ASKED.get(type(leaf)):
                through = f"segment {id}" if name == id else f"segment {id}, through segment {name},"
                raise invalid(f"{at}.segment", f"{through} asks for {why}")


def _reached(filter: Filter, segments: Mapping[str, Filter]) -> Iterator[str]:
    """Ids of the segments that a filter asks for, each once, however they refer to each other."""
    seen: set[str] = set()
    waiting = [filter]
    while waiting:
        for _, leaf in leaves(waiting.pop()):
            for id in leaf.any_of if isinstance(leaf, types.Segment) else ():
                if id not in seen:
                    seen.add(id)
                    waiting.append(segments.get(id, NOBODY))
                    yield id


def _parsed(document: object) -> Filter:
    try:
        return parse(document)
    except FilterInvalid:
        return NOBODY
