"""Segments and stages stand for the filters that define them, as far as that ends."""

import pytest

from ask0.schemas.filters import types
from ask0.schemas.filters.errors import FilterInvalid
from ask0.schemas.filters.inline import Definitions, StageRule, inline, leaves
from ask0.schemas.filters.types import Filter

PRO = types.Trait("plan", "is", "pro")
BUSY = types.Trait("conversations", "gte", 10)
STAGES = (StageRule("s1", "At Risk", types.Segment(("a",))), StageRule("s2", "Customer", PRO))


def segment(id: str) -> Filter:
    return types.Segment((id,))


def refusal(filter: Filter, **segments: Filter) -> str:
    with pytest.raises(FilterInvalid) as raised:
        inline(filter, Definitions(segments))
    return raised.value.details[0].message


def test_a_segment_is_its_filter_wherever_it_stands() -> None:
    defined = Definitions({"a": types.Not(segment("b")), "b": PRO})
    filter = types.All((types.Segment(("a", "b")), types.Not(BUSY)))
    assert inline(filter, defined) == types.All(
        (types.Any((types.Not(types.Any((PRO,))), PRO)), types.Not(BUSY)),
    )


def test_a_stage_is_the_first_whose_filter_holds() -> None:
    defined = Definitions({"a": BUSY}, STAGES)
    at_risk, customer = types.Any((BUSY,)), types.Any((PRO, types.Any(())))
    for name in ("s2", "Customer"):
        assert inline(types.Stage((name,)), defined) == types.All((types.Not(at_risk), customer))
    for names in (("At Risk",), ("s1", "At Risk")):
        assert inline(types.Stage(names), defined) == types.Any((at_risk, types.Any(())))
    assert inline(types.Stage(("Customer", "s1")), defined) == types.Any((at_risk, customer))


def test_each_rule_is_asked_once_however_many_stages_are_meant() -> None:
    rules = tuple(StageRule(f"s{number}", f"Stage {number}", types.All((PRO,) * 10)) for number in range(20))
    every = inline(types.Stage(tuple(rule.name for rule in rules)), Definitions(stages=rules))
    assert sum(1 for _ in leaves(every)) == 200


def test_what_is_not_defined_is_refused() -> None:
    assert refusal(segment("x"), a=PRO) == 'there is no segment "x"'
    assert refusal(types.Stage(("x",))) == 'there is no stage "x"'


def test_what_refers_to_itself_is_refused() -> None:
    assert refusal(segment("a"), a=types.Not(segment("a"))) == "segment a → segment a: it refers to itself"
    assert refusal(segment("c"), a=segment("b"), b=segment("a"), c=segment("a")).startswith("segment a → segment b →")
    with pytest.raises(FilterInvalid, match="stage s1 → segment a → stage s1: it refers to itself"):
        inline(types.Stage(("s2",)), Definitions({"a": types.Stage(("s1",))}, STAGES))


def test_what_grows_without_end_is_refused() -> None:
    chain = {f"s{number}": segment(f"s{number + 1}") for number in range(1000)}
    assert "more than 16 times over" in refusal(segment("s0"), **chain)
    twice = {f"s{number}": types.All((segment(f"s{number + 1}"),) * 2) for number in range(12)}
    assert "more than 512 conditions" in refusal(segment("s0"), **twice, s12=types.EVERYONE)
