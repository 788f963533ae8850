"""What is a filter is read and written back as it was; what is none is refused with the place and what to do."""

import math
import time
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ask0.schemas.filters import types
from ask0.schemas.filters.errors import Detail, FilterInvalid
from ask0.schemas.filters.operands import OPERATORS
from ask0.schemas.filters.parser import MAX_DEPTH, MAX_DETAILS, MAX_LEAVES, parse
from ask0.schemas.filters.types import Filter
from ask0.schemas.filters.writer import write
from tests.schemas.filters import documents

PLAN = {"trait": "plan", "op": "in", "value": ["pro", "enterprise"]}
json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(OPERATORS),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(("all", "any", "not", "trait", "op", "value", "did", "where", "times", "when", "tag", "is"))
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


def details(document: object) -> list[Detail]:
    with pytest.raises(FilterInvalid) as raised:
        parse(document)
    return list(raised.value.details)


def tried(document: object) -> tuple[Filter | None, Sequence[Detail]]:
    try:
        return parse(document), ()
    except FilterInvalid as error:
        return None, error.details


def refusal(document: object) -> Detail:
    (only,) = details(document)
    return only


def test_the_example_of_the_documentation_is_read() -> None:
    document = {
        "all": [
            PLAN,
            {"trait": "monthlySpend", "op": "gte", "value": 500},
            {"not": {"segment": "seg_churned"}},
            {
                "did": "Feature Used",
                "where": {"property": "feature", "op": "is", "value": "API"},
                "times": {"atLeast": 3},
                "when": {"last": "7d"},
            },
        ]
    }
    expected = types.All(
        (
            types.Trait("plan", "in", ("pro", "enterprise")),
            types.Trait("monthlySpend", "gte", 500),
            types.Not(types.Segment(("seg_churned",))),
            types.Did(
                "Feature Used",
                types.Property("feature", "is", "API"),
                types.Times("atLeast", 3),
                types.When("last", ("7d",)),
            ),
        )
    )
    assert parse(document) == expected
    assert write(expected) == document


@given(documents.filters_of_all_kinds)
def test_what_is_written_is_read_as_the_same(document: Any) -> None:
    filter, _ = tried(document)
    if filter is None:
        return
    again = parse(write(filter))
    assert again == filter
    assert write(again) == write(filter)


@given(json)
def test_any_json_is_a_filter_or_refused_with_details(document: Any) -> None:
    filter, refused = tried(document)
    assert (filter is None) == (0 < len(refused) <= MAX_DETAILS)
    assert filter is None or parse(write(filter)) == filter
    for detail in refused:
        assert detail.at.startswith("filter")
        assert detail.message
        f"{detail.at}{detail.message}".encode()


@pytest.mark.parametrize(
    ("document", "at", "message"),
    [
        (None, "filter", "a filter is an object, this is null"),
        ([], "filter", "a filter is an object, this is a list"),
        ({}, "filter", "give exactly one of all, any, not, trait, tag"),
        ({"all": [], "any": []}, "filter", "give exactly one of"),
        ({"all": {}}, "filter.all", "give a list of filters, this is an object"),
        ({"all": [PLAN, {"not": 5}]}, "filter.all[1].not", "a filter is an object, this is a number"),
        ({**PLAN, "vaule": 1}, "filter", '"vaule" is not known here: trait goes with op, value'),
        ({**PLAN, "op": "regex"}, "filter.op", '"regex" is not an operator: use is, in'),
        ({**PLAN, "op": ["is"]}, "filter.op", "a list is not an operator"),
        ({"trait": "plan", "op": "is"}, "filter.value", "give text, a number, true or false, this is null: ask for"),
        ({**PLAN, "value": "pro"}, "filter.value", "give a list, this is"),
        ({**PLAN, "value": []}, "filter.value", "the list is empty"),
        ({**PLAN, "value": ["a", {}]}, "filter.value[1]", "give text, a number, true or false, this is an object"),
        ({**PLAN, "value": ["a"] * 1001}, "filter.value", "the list has 1,001 values, at most 1,000 are taken"),
        ({"trait": "", "op": "set"}, "filter.trait", "the name is empty, or has an empty part"),
        ({"trait": "a..b", "op": "set"}, "filter.trait", "the name is empty, or has an empty part"),
        ({"trait": "a\\", "op": "set"}, "filter.trait", "a backslash stands before a dot or a backslash"),
        ({"trait": "a" * 513, "op": "set"}, "filter.trait", "the name has 513 characters"),
        ({"trait": ".".join("a" * 33), "op": "set"}, "filter.trait", "the name has 33 parts"),
        ({"trait": 5, "op": "set"}, "filter.trait", "give text, this is a number"),
        ({"trait": "\ud800", "op": "set"}, "filter.trait", "the text holds half of a surrogate pair"),
        ({"trait": "a", "op": "is", "value": "\udc00"}, "filter.value", "the text holds half of a surrogate pair"),
        ({"trait": "a", "op": "set", "value": 1}, "filter.value", "set and notSet take no value"),
        ({"trait": "a", "op": "gt", "value": math.nan}, "filter.value", "the number is not finite"),
        ({"trait": "a", "op": "gt", "value": -math.inf}, "filter.value", "the number is not finite"),
        ({"trait": "a", "op": "gt", "value": 10**400}, "filter.value", "the number is not finite"),
        ({"trait": "a", "op": "gt", "value": True}, "filter.value", "give a number, or a date"),
        ({"trait": "a", "op": "between", "value": [1]}, "filter.value", "give a list of two"),
        ({"trait": "a", "op": "between", "value": [1, "2024-01-01"]}, "filter.value", "give two numbers, or two dates"),
        ({"trait": "a", "op": "contains", "value": 5}, "filter.value", "give text, this is a number"),
        ({"trait": "a", "op": "before", "value": "yesterday"}, "filter.value", 'give a date such as "2024-01-31"'),
        ({"trait": "a", "op": "on", "value": "2023-02-29"}, "filter.value", 'give a date such as "2024-01-31"'),
        ({"trait": "a", "op": "inLast", "value": "7 days"}, "filter.value", 'give a time such as "30m", "12h", "7d"'),
        ({"trait": "a", "op": "within", "value": {"lat": 1}}, "filter.value", 'give {"lat": degrees'),
        (
            {"trait": "a", "op": "within", "value": {"lat": 91, "lon": 0, "km": 1}},
            "filter.value.lat",
            "give degrees from -90 to 90",
        ),
        (
            {"trait": "a", "op": "within", "value": {"lat": 0, "lon": 0, "km": -1}},
            "filter.value.km",
            "give a distance that is not negative",
        ),
        ({"tag": 5}, "filter.tag[0]", "give text, this is a number"),
        ({"tag": []}, "filter.tag", "the list is empty"),
        ({"status": "active"}, "filter.status", '"active" is none of Deactivated, Guest, Unconfirmed, Active'),
        ({"consent": "marketing"}, "filter.is[0]", "give text, this is null"),
        ({"consent": " ", "is": "denied"}, "filter.consent", "give a category of consent"),
        ({"consent": "marketing", "is": "no"}, "filter.is", '"no" is none of granted, pending, denied'),
        ({"did": ""}, "filter.did", "give the name of an event"),
        ({"did": "Segment Entered"}, "filter.did", '"Segment Entered" is the product\'s own event'),
        ({"did": "x", "where": {"trait": "a", "op": "set"}}, "filter.where", "give exactly one of all, any, not, prop"),
        ({"property": "a", "op": "set"}, "filter", "give exactly one of all, any, not, trait"),
        ({"did": "x", "times": {}}, "filter.times", 'give one of {"exactly": n}'),
        ({"did": "x", "times": {"atLeast": 0}}, "filter.times.atLeast", "give a whole number from 1"),
        ({"did": "x", "times": {"exactly": True}}, "filter.times.exactly", "give a whole number from 0"),
        ({"did": "x", "when": {"last": "7d", "on": "2024-01-01"}}, "filter.when", 'give one of {"last": "7d"}'),
        ({"did": "x", "when": {"last": 7}}, "filter.when.last", "give text, this is a number"),
        ({"did": "x", "when": {"between": ["2024-01-01"]}}, "filter.when.between", "give a list of two dates"),
        ({"did": "x", "when": {"between": ["2024-01-01", ""]}}, "filter.when.between[1]", "give a date such as"),
    ],
)
def test_a_refusal_names_the_place_and_says_what_to_do(document: object, at: str, message: str) -> None:
    refused = refusal(document)
    assert refused.at == at
    assert refused.message.startswith(message)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    document = {"any": [{"trait": "a", "op": "?"}, PLAN, {"not": {"tag": 1}}, {}]}
    assert [detail.at for detail in details(document)] == [
        "filter.any[0].op",
        "filter.any[2].not.tag[0]",
        "filter.any[3]",
    ]


def test_where_very_much_is_wrong_only_the_first_of_it_is_said() -> None:
    assert len(details({"all": [{}] * MAX_LEAVES})) == MAX_DETAILS


def nested(depth: int, inner: object) -> object:
    for _ in range(depth):
        inner = {"not": inner}
    return inner


@pytest.mark.parametrize("depth", [MAX_DEPTH, 50, 100_000])
def test_what_is_nested_too_deep_is_refused(depth: int) -> None:
    assert isinstance(parse(nested(MAX_DEPTH - 1, PLAN)), types.Not)
    assert refusal(nested(depth, PLAN)).message.startswith("nested deeper than 8 levels")


def test_the_where_of_a_did_is_a_level_too() -> None:
    where = {"property": "a", "op": "set"}
    assert refusal(nested(MAX_DEPTH - 1, {"did": "x", "where": where})).at.endswith(".where")


def test_more_conditions_than_there_may_be_are_refused() -> None:
    eight = {"any": [PLAN] * 8}
    parse({"all": [eight] * 8})
    assert refusal({"all": [*[eight] * 8, PLAN]}).message.startswith("more than 64 conditions")
    assert refusal({"all": [PLAN] * 65}) == Detail("filter.all", "65 conditions, at most 64 are taken")
    assert refusal({"all": [{"any": [{"all": []}] * 2}] * 33}).message.startswith("more than 64 conditions")


@pytest.mark.parametrize("value", ["x" * 100_001, "\\" * 30_000, "\0" * 20_000, "'" * 60_000, "😀" * 30_000])
def test_more_text_than_there_may_be_is_refused_by_its_bytes(value: str) -> None:
    assert "100,000 bytes" in refusal({"trait": "a", "op": "is", "value": value}).message


def test_reading_costs_no_more_than_the_document_is_long() -> None:
    hostile: list[Any] = [
        {"all": [{"all": [{"all": [{}] * 64}] * 64}] * 64},
        {"all": [PLAN] * 1_000_000},
        {"trait": "a", "op": "in", "value": ["x"] * 1_000_000},
        {"trait": "\\." * 1_000_000, "op": "set"},
        {"trait": "a", "op": "is", "value": 10**100_000},
        {"trait": "a", "op": "on", "value": "2024-01-01T00:00:00." + "1" * 1_000_000},
        dict.fromkeys(map(str, range(100_000))),
        {"tag": ["x" * 1_000] * 1_000},
    ]
    start = time.process_time()
    for document in hostile:
        assert details(document)
    assert time.process_time() - start < 2


def test_numbers_are_written_as_json_can_say_them() -> None:
    filter = parse({"trait": "a", "op": "in", "value": [5, 2**63, 10**300, -0.0]})
    assert write(filter) == {"trait": "a", "op": "in", "value": [5, 2.0**63, 1e300, -0.0]}


def test_one_text_and_a_list_of_one_are_the_same() -> None:
    of: list[Filter] = [parse({"tag": "vip"}), parse({"tag": ["vip"]})]
    assert of[0] == of[1]
    assert write(of[1]) == {"tag": "vip"}


def test_categories_of_consent_are_named_as_they_are_stored() -> None:
    assert parse({"consent": " Marketing ", "is": "denied"}) == types.Consent("marketing", ("denied",))
