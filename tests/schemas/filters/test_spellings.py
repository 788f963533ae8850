"""The other spellings say the same as the canonical one, and are refused by their own places."""

from typing import Any

import pytest

from ask0.schemas.filters import types
from ask0.schemas.filters.errors import FilterInvalid
from ask0.schemas.filters.operands import OPERATORS
from ask0.schemas.filters.spellings import CUSTOMFIT, read
from ask0.schemas.filters.types import Trait
from ask0.schemas.filters.writer import write

HIGH_VALUE = {
    "plan": ["pro", "enterprise"],
    "monthlySpend": {"gte": 500},
    "conversations": {"gte": 10},
    "satisfaction": {"gte": 0.8},
}


def leaves(document: object) -> tuple[types.Filter, ...]:
    filter = read(document)
    assert isinstance(filter, types.All)
    return filter.filters


def included(operator: str, value: object = None, **more: Any) -> dict[str, Any]:
    return {"mode": "include", "field": "user.x", "operator": operator, "value": value, **more}


def test_conditions_all_hold() -> None:
    expected = (
        Trait("plan", "in", ("pro", "enterprise")),
        Trait("monthlySpend", "gte", 500),
        Trait("conversations", "gte", 10),
        Trait("satisfaction", "gte", 0.8),
    )
    assert leaves(HIGH_VALUE) == expected
    assert leaves({"name": "High Value Users", "conditions": HIGH_VALUE}) == expected
    assert leaves({"plan": "pro", "lastActiveAfter": "2024-01-01"}) == (
        Trait("plan", "is", "pro"),
        Trait("lastActiveAt", "after", "2024-01-01"),
    )


def test_conditions_can_say_all_that_operators_can() -> None:
    document = {
        "seats": {"gt": 5, "lte": 10},
        "beta": True,
        "company": None,
        "phone": {"isNot": None},
        "tags": ["vip"],
        "createdBefore": "2024-01-01",
        "features": {"hasAny": "sso"},
        "a\\.b": {"STARTS_WITH": "x"},
        "role": {"in": "admin"},
    }
    assert leaves(document) == (
        Trait("seats", "gt", 5),
        Trait("seats", "lte", 10),
        Trait("beta", "is", True),
        Trait("company", "notSet"),
        Trait("phone", "set"),
        types.Tag(("vip",)),
        Trait("createdAt", "before", "2024-01-01"),
        Trait("features", "hasAny", ("sso",)),
        Trait("a\\.b", "startsWith", "x"),
        Trait("role", "is", "admin"),
    )


def test_no_conditions_are_everyone() -> None:
    assert read({}) == read([]) == types.EVERYONE


def test_an_array_includes_and_excludes() -> None:
    document = [
        {"mode": "include", "field": "user.company", "operator": "=", "value": "Mercury.ai"},
        {"mode": "exclude", "field": "user.lastName", "operator": "!=", "value": ["Doe"]},
        {"mode": "include", "field": "user.lastInteractionTime", "operator": ">=", "value": "2020-03-17"},
        {"mode": "include", "field": "user.traits.locale", "operator": "set"},
        {"mode": "include", "field": "user.userId", "operator": "=", "value": "db82"},
    ]
    assert leaves(document) == (
        Trait("company", "is", "Mercury.ai"),
        types.Not(Trait("lastName", "notIn", ("Doe",))),
        Trait("lastActiveAt", "gte", "2020-03-17"),
        Trait("traits.locale", "set"),
        Trait("id", "is", "db82"),
    )


@pytest.mark.parametrize(
    ("operator", "op"), [("=", "is"), ("!=", "isNot"), ("<", "lt"), ("<=", "lte"), (">", "gt"), (">=", "gte")]
)
def test_operators_may_be_signs(operator: str, op: str) -> None:
    assert leaves([included(operator, 5)]) == (Trait("x", op, 5),)


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("IS_ONE_OF", ["a"], Trait("x", "in", ("a",))),
        ("DOES_NOT_STARTS_WITH", "a", types.Not(Trait("x", "startsWith", "a"))),
        ("CONTAINS_IN_LIST", ["a"], Trait("x", "hasAny", ("a",))),
        ("GEO_DISTANCE_MAX", {"lat": 1, "lon": 2, "km": 3}, Trait("x", "within", types.Circle(1, 2, 3))),
        ("GEO_DISTANCE_MIN", {"lat": 1, "lon": 2, "km": 3}, types.Not(Trait("x", "within", types.Circle(1, 2, 3)))),
        ("EVENT_EXECUTED", "Bought", types.Did("Bought")),
        ("EVENT_NOT_EXECUTED", "Bought", types.Did("Bought", times=types.Times("exactly", 0))),
        ("EVENT_NOT_EXECUTED", None, types.Did("x", times=types.Times("exactly", 0))),
    ],
)
def test_customfits_operators_have_ours(operator: str, value: object, expected: types.Filter) -> None:
    assert leaves([included(operator, value)]) == (expected,)


def test_every_name_of_customfits_is_an_operator_of_ours() -> None:
    for words in CUSTOMFIT.values():
        assert words[-1] in OPERATORS


def test_one_canonical_key_makes_a_document_canonical() -> None:
    assert read({"status": "Active"}) == types.Status(("Active",))
    with pytest.raises(FilterInvalid):
        read({"status": "Active", "plan": "pro"})


def test_what_is_read_is_written_canonically() -> None:
    assert write(read({"plan": ["pro"], "beta": True})) == {
        "all": [{"trait": "plan", "op": "in", "value": ["pro"]}, {"trait": "beta", "op": "is", "value": True}]
    }


@pytest.mark.parametrize(
    ("document", "at", "message"),
    [
        ({"plan": {"like": "p"}}, "filter.plan", '"like" is not an operator: use ='),
        ({"plan": {"gte": []}}, "filter.plan", "give a number, or a date"),
        ({"plan": []}, "filter.plan", "the list is empty"),
        ({"": 1}, "filter", "the name is empty"),
        ({"lastActiveAfter": "soon"}, "filter.lastActiveAfter", "give a date such as"),
        ({"conditions": 5}, "filter.conditions", "give an object of conditions"),
        ({"conditions": {"conditions": {}}}, "filter.conditions", "give an object of conditions"),
        ({"conditions": {}, "plan": 1}, "filter", '"plan" is not known here'),
        ({"conditions": {"plan": []}}, "filter.conditions.plan", "the list is empty"),
        (dict.fromkeys(map(str, range(65))), "filter", "65 conditions, at most 64"),
        ([included("=", 1)] * 65, "filter", "65 conditions, at most 64"),
        ([5], "filter[0]", "give an object of mode, field, operator and value"),
        ([included("=", 1, mode="?")], "filter[0].mode", 'give "include" or "exclude"'),
        ([included("=", 1, field=5)], "filter[0]", "give the field and the operator as text"),
        ([included("~", 1)], "filter[0].operator", '"~" is not an operator'),
        ([included("=", 1, extra=1)], "filter[0]", "give an object of mode"),
        (5, "filter", "a filter is an object"),
    ],
)
def test_a_refusal_names_the_place_in_the_document_that_was_given(document: object, at: str, message: str) -> None:
    with pytest.raises(FilterInvalid) as raised:
        read(document)
    assert raised.value.details[0].at == at
    assert raised.value.details[0].message.startswith(message)
