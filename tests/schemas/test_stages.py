"""What a stage may ask for, and what becomes of one that cannot be asked any more."""

from datetime import UTC

import pytest

from ask0.schemas.documents import Stage, Stages
from ask0.schemas.filters import types
from ask0.schemas.filters.dates import Clock
from ask0.schemas.filters.errors import FilterInvalid
from ask0.schemas.filters.inline import StageRule
from ask0.schemas.filters.parser import parse
from ask0.schemas.filters.types import Filter
from ask0.schemas.stages import MAX_LEAVES, NOBODY, check, check_edited, check_together, rules_of, settle

CLOCK = Clock(1_760_000_000_000, UTC)
PRO = types.Trait("plan", "is", "pro")


def refusal(filter: object, **segments: object) -> str:
    with pytest.raises(FilterInvalid) as raised:
        check(parse(filter), parsed(segments), {}, CLOCK, "stages[0].filter")
    return str(raised.value)


def parsed(segments: dict[str, object]) -> dict[str, Filter]:
    return {id: parse(filter) for id, filter in segments.items()}


def test_a_stage_asks_for_traits_tags_and_segments_of_them() -> None:
    segments = parsed(
        {"a": {"any": [{"tag": "vip"}, {"segment": "b"}]}, "b": {"trait": "plan", "op": "is", "value": "pro"}}
    )
    found = check(types.Not(types.Segment(("a",))), segments, {}, CLOCK, "filter")
    assert found == types.Not(types.Any((types.Any((types.Tag(("vip",)), types.Any((PRO,)))),)))


def test_it_asks_for_no_stage_and_for_no_event_directly_or_not() -> None:
    assert refusal({"all": [{"tag": "a"}, {"stage": "Trial"}]}).startswith(
        "stages[0].filter.all[1]: this asks for a stage, which is decided by"
    )
    assert "what someone did" in refusal({"not": {"did": "Bought"}})
    assert refusal({"segment": "a"}, a={"stage": "Trial"}).startswith(
        "stages[0].filter.segment: segment a asks for a stage"
    )
    through = refusal({"segment": "a"}, a={"segment": "b"}, b={"segment": ["c", "b"]}, c={"did": "Bought"})
    assert "segment a, through segment c, asks for what someone did" in through


def test_it_is_told_what_else_is_wrong_with_it() -> None:
    assert 'there is no segment "x"' in refusal({"segment": "x"})
    assert "it refers to itself" in refusal({"segment": "a"}, a={"segment": "b"}, b={"segment": "a"})
    wrong = {"trait": "nps", "op": "contains", "value": "x"}
    assert refusal({"all": [wrong]}).startswith("stages[0].filter.all[0]")
    assert refusal({"segment": "a"}, a=wrong)


def test_a_segment_that_a_stage_asks_for_must_not_ask_for_more_than_the_stage_may() -> None:
    rules = [StageRule("s1", "One", parse({"segment": "a"})), StageRule("s2", "Two", PRO)]
    check_edited("b", rules, parsed({"a": {"segment": "b"}, "b": {"tag": "vip"}, "c": {"did": "Bought"}}))
    check_edited("c", rules, parsed({"a": {"segment": "b"}, "b": {"tag": "vip"}, "c": {"did": "Bought"}}))
    for edited in ({"stage": "Two"}, {"did": "Bought"}, {"segment": "d"}):
        with pytest.raises(FilterInvalid, match="stage s1 asks for this segment: segment b"):
            check_edited("b", rules, parsed({"a": {"segment": "b"}, "b": edited, "d": {"did": "Bought"}}))


def test_all_together_leave_room_in_the_filters_that_ask_for_them() -> None:
    check_together([StageRule("s1", "One", types.All((PRO,) * MAX_LEAVES))], "stages")
    long = types.Trait("plan", "in", tuple(f"plan-{number:03}" for number in range(999)))
    check_together([StageRule("s1", "One", long)], "stages")
    with pytest.raises(FilterInvalid, match="all stages together.*bytes"):
        check_together([StageRule("s1", "One", long), StageRule("s2", "Two", long)], "stages")
    with pytest.raises(FilterInvalid, match="all stages together"):
        check_together([StageRule("s1", "One", types.All((PRO,) * MAX_LEAVES)), StageRule("s2", "Two", PRO)], "stages")


def test_a_rule_that_cannot_be_asked_any_more_is_nobodys_and_the_others_stay() -> None:
    rules = [
        StageRule("s1", "Gone", types.Segment(("gone",))),
        StageRule("s2", "Moved", types.Segment(("a",))),
        StageRule("s3", "Typed", types.Trait("seats", "contains", "x")),
        StageRule("s4", "Pro", PRO),
    ]
    settled = settle(rules, {"a": types.Stage(("s4",))}, {"seats": "number"}, CLOCK)
    assert [rule.filter for rule in settled] == [NOBODY, NOBODY, NOBODY, PRO]
    assert [(rule.id, rule.name) for rule in settled] == [(rule.id, rule.name) for rule in rules]


def test_a_segment_that_grows_makes_the_stages_no_larger_than_they_may_be() -> None:
    rules = [StageRule("s1", "Large", types.Segment(("a",))), StageRule("s2", "Pro", PRO)]
    segments = {"a": types.All((PRO,) * MAX_LEAVES)}
    assert [rule.filter for rule in settle(rules, segments, {}, CLOCK)][1] == NOBODY
    larger = {"a": types.All((PRO,) * (MAX_LEAVES + 1))}
    assert [rule.filter for rule in settle(rules, larger, {}, CLOCK)] == [NOBODY, PRO]
    check_edited("a", rules[:1], segments)
    with pytest.raises(FilterInvalid, match="stage s1 asks for this segment: all stages together"):
        check_edited("a", rules, larger)


def test_a_stored_rule_that_only_newer_code_reads_is_nobodys() -> None:
    stored = Stages(
        project_id="p",
        stages=(
            Stage(id="s1", name="New", filter={"moonPhase": "full"}),
            Stage(id="s2", name="Pro", filter={"trait": "plan", "op": "is", "value": "pro"}),
        ),
    )
    assert [rule.filter for rule in rules_of(stored)] == [NOBODY, PRO]
