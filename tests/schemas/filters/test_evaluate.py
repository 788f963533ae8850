"""What a filter means, rule by rule; that SQL means the same is in tests/warehouse."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ask0.schemas.filters import types
from ask0.schemas.filters.dates import Clock
from ask0.schemas.filters.errors import FilterInvalid
from ask0.schemas.filters.evaluate import NothingKnown, happened, matches
from ask0.schemas.filters.inline import check
from ask0.schemas.filters.names import Kind
from ask0.schemas.filters.operands import NEGATIONS
from ask0.schemas.filters.parser import parse

NOW = 1_711_879_200_000  # 2024-03-31T10:00:00Z, in Berlin the day that lost an hour
CLOCK = Clock(NOW, ZoneInfo("Europe/Berlin"))
DAY = 86_400_000
USER: dict[str, Any] = {
    "id": "u",
    "email": "Ada@Example.com",
    "plan": "pro",
    "company": None,
    "status": "Active",
    "tags": ["vip"],
    "createdAt": "2024-03-30T23:00:00.000Z",
    "conversations": 12,
    "satisfaction": 0.8,
    "consent": {"marketing": "denied"},
    "traits": {},
}


def holds(document: Any, traits: dict[str, Any] | None = None, **kinds: Kind) -> bool:
    return matches(parse(document), {**USER, "traits": traits or {}}, CLOCK, kinds)


def compares(value: object, op: str, operand: object = None, kind: Kind | None = None) -> bool:
    document = {"trait": "x", "op": op, **({} if operand is None else {"value": operand})}
    return holds(document, {"x": value}, **({"x": kind} if kind else {}))


@pytest.mark.parametrize(
    ("op", "operand"),
    [
        ("is", "a"),
        ("in", ["a", 1, True]),
        ("contains", ""),
        ("startsWith", ""),
        ("endsWith", ""),
        *((op, -1e308) for op in ("gt", "gte")),
        *((op, 1e308) for op in ("lt", "lte")),
        ("between", [-1e308, 1e308]),
        ("after", "1900-01-01"),
        ("before", "2299-12-31"),
        ("on", "2024-01-01"),
        ("inLast", "999999d"),
        ("set", None),
        ("hasAny", ["a", 1]),
        ("hasAll", ["a"]),
        ("within", {"lat": 0, "lon": 0, "km": 30_000}),
    ],
)
def test_a_leaf_on_a_missing_trait_is_false_and_its_negation_true(op: str, operand: object) -> None:
    document = {"trait": "traits.x", "op": op, **({} if operand is None else {"value": operand})}
    nothing: list[dict[str, Any]] = [{}, {"x": None}, {"x": {}}, {"x": {"a": {"b": None}}}]
    for traits in nothing:
        assert not holds(document, traits)
        assert holds({"not": document}, traits)
        for negation, positive in NEGATIONS.items():
            if positive == op:
                assert holds({**document, "op": negation}, traits)


@pytest.mark.parametrize("value", ["a", "b", 5, None, ["a"], {"a": 1}, True])
def test_a_negation_is_exactly_not_its_positive(value: object) -> None:
    for negation, positive, operand in (
        ("isNot", "is", "a"),
        ("notIn", "in", ["a", 5]),
        ("notContains", "contains", "A"),
        ("notInLast", "inLast", "7d"),
        ("notSet", "set", None),
    ):
        assert compares(value, negation, operand) is not compares(value, positive, operand)


def test_all_of_nothing_is_everyone_and_any_of_nothing_nobody() -> None:
    assert holds({"all": []})
    assert not holds({"any": []})


def test_a_field_comes_before_a_trait_of_its_name() -> None:
    assert holds({"trait": "plan", "op": "is", "value": "pro"}, {"plan": "free"})
    assert holds({"trait": "traits.plan", "op": "is", "value": "free"}, {"plan": "free"})


def test_dots_lead_into_objects_and_an_escaped_one_is_literal() -> None:
    traits = {"a": {"b": 1}, "a.b": 2}
    assert holds({"trait": "a.b", "op": "is", "value": 1}, traits)
    assert holds({"trait": "traits.a\\.b", "op": "is", "value": 2}, traits)


@pytest.mark.parametrize(("value", "operand"), [(5, "5"), ("5", 5), (True, 1), (1, True), ("true", True), (["a"], "a")])
def test_without_a_definition_types_are_kept_apart(value: object, operand: object) -> None:
    assert not compares(value, "is", operand)
    assert not compares(value, "in", [operand])


@pytest.mark.parametrize(
    ("value", "operand"), [(0.0, -0.0), (-0.0, 0), (2**53 + 1, 2**53), (2**64 - 1, 2.0**64), (5, 5.0)]
)
def test_numbers_are_doubles(value: object, operand: object) -> None:
    assert compares(value, "is", operand)
    assert compares([value], "hasAll", [operand])


def test_numbers_are_compared_with_and_without_their_bounds() -> None:
    expected = {"gt": (False, True), "gte": (True, True), "lt": (False, False), "lte": (True, False)}
    assert {op: (compares(500, op, 500), compares(501, op, 500)) for op in expected} == expected
    assert compares(1, "between", [1, 2])
    assert compares(2, "between", [1, 2])
    assert not compares(3, "between", [1, 2])
    assert not compares("500", "gte", 500)


@pytest.mark.parametrize(
    ("value", "part", "found"),
    [
        ("Straße", "STRASSE", False),
        ("Straße", "straße", True),
        ("STRAẞE", "straße", True),
        ("İstanbul", "i̇stan", True),
        ("İstanbul", "istan", False),
        ("ΟΔΥΣΣΕΥΣ", "οδυς", True),
        ("ΟΔΥΣ", "Σ", True),
        ("ǅ", "ǆ", True),
        ("café", "CAFÉ", True),
        ("café", "cafe\u0301", False),
        ("100%", "_", False),
        (5, "5", False),
        (["pro"], "pro", False),
    ],
)
def test_parts_of_text_are_found_in_any_case(value: object, part: str, found: bool) -> None:
    assert compares(value, "contains", part) is found


def test_text_is_itself_byte_by_byte() -> None:
    assert not compares("Pro", "is", "pro")
    assert not compares("é", "is", "e\u0301")


def test_a_scalar_is_a_list_of_one() -> None:
    assert compares("a", "hasAny", ["a", "b"])
    assert not compares("a", "hasAll", ["a", "b"])
    assert compares(["b", "a", None], "hasAll", ["a", "b"])
    assert compares(["a", 1, True], "hasAll", [1, True])
    assert not compares(["1", "true"], "hasAny", [1, True])


@pytest.mark.parametrize(
    ("op", "operand", "days"),
    [
        ("on", "2024-03-31", {"2024-03-31"}),
        ("on", "2024-03-31T21:59:59.999Z", {"2024-03-31"}),
        ("on", "2024-03-31T22:00:00Z", {"2024-04-01"}),
        ("after", "2024-03-31", {"2024-03-31", "2024-04-01"}),
        ("gte", "2024-03-31", {"2024-03-31", "2024-04-01"}),
        ("gt", "2024-03-31", {"2024-04-01"}),
        ("before", "2024-03-31", {"2024-03-30"}),
        ("lt", "2024-03-31", {"2024-03-30"}),
        ("lte", "2024-03-31", {"2024-03-30", "2024-03-31"}),
        ("between", ["2024-03-30", "2024-03-31"], {"2024-03-30", "2024-03-31"}),
        ("inLast", "1d", {"2024-03-31"}),
        ("inLast", "2d", {"2024-03-30", "2024-03-31"}),
    ],
)
def test_a_day_lies_at_its_first_instant_in_the_projects_zone(op: str, operand: object, days: set[str]) -> None:
    stored = ("2024-03-30", "2024-03-31", "2024-04-01")
    assert {day for day in stored if compares(day, op, operand)} == days


def test_between_two_days_the_last_one_is_whole() -> None:
    assert compares("2024-03-31T21:59:59Z", "between", ["2024-03-30", "2024-03-31"])
    assert not compares("2024-03-31T22:00:00Z", "between", ["2024-03-30", "2024-03-31"])


def test_seven_days_are_168_hours_until_now() -> None:
    assert holds({"trait": "x", "op": "inLast", "value": "7d"}, {"x": "2024-03-24T10:00:00Z"})
    assert not holds({"trait": "x", "op": "inLast", "value": "7d"}, {"x": "2024-03-24T09:59:59.999Z"})
    assert not holds({"trait": "x", "op": "inLast", "value": "7d"}, {"x": "2024-03-31T10:00:00.001Z"})


@pytest.mark.parametrize(
    ("kind", "value", "op", "operand", "expected"),
    [
        ("number", "5", "is", 5, True),
        ("number", "5", "is", "5.0", True),
        ("number", "1e1", "gte", 10, True),
        ("number", "5 ", "is", 5, False),
        ("number", "1e999", "gt", 0, False),
        ("number", True, "gte", 0, False),
        ("boolean", "true", "is", True, True),
        ("boolean", False, "in", ["false"], True),
        ("boolean", "TRUE", "is", True, False),
        ("text", 5, "is", "5", False),
        ("date", NOW, "on", "2024-03-31", True),
        ("date", NOW + 0.9, "is", "2024-03-31T10:00:00Z", True),
        ("date", 1e300, "after", "1900-01-01", False),
        ("date", "2024-03-31", "is", "2024-03-31", True),
        ("texts", ["a"], "hasAny", ["a"], True),
        ("numbers", [1.0], "hasAny", ["1"], True),
        ("geo", {"lat": 52.52, "lon": 13.4}, "within", {"lat": 52.52, "lon": 13.4, "km": 0}, True),
    ],
)
def test_a_definition_decides_what_a_value_is_read_as(
    kind: Kind, value: object, op: str, operand: object, expected: bool
) -> None:
    assert compares(value, op, operand, kind) is expected


@pytest.mark.parametrize(
    ("document", "at", "message"),
    [
        ({"trait": "x", "op": "is", "value": "many"}, "filter.value", "give a number, as the trait is"),
        ({"trait": "x", "op": "contains", "value": "5"}, "filter.op", "x is a number: use is, in, gt"),
        ({"trait": "plan", "op": "is", "value": 5}, "filter.value", "give text, as the trait is"),
        ({"trait": "createdAt", "op": "gte", "value": 5}, "filter.value", 'give a date such as "2024-01-31"'),
        ({"trait": "createdAt", "op": "contains", "value": "2024"}, "filter.op", "createdAt is a date: use is, before"),
        ({"trait": "y", "op": "gt", "value": "500"}, "filter.value", 'give a date such as "2024-01-31"'),
    ],
)
def test_what_does_not_fit_the_kind_of_a_trait_is_refused(document: Any, at: str, message: str) -> None:
    with pytest.raises(FilterInvalid) as raised:
        holds(document, x="number")
    assert [detail.at for detail in raised.value.details] == [at]
    assert raised.value.details[0].message.startswith(message)


def test_all_that_does_not_fit_is_said_at_once_with_its_place() -> None:
    wrong = {"trait": "plan", "op": "is", "value": 5}
    where = {"any": [{"property": "a", "op": "gt", "value": "x"}]}
    filter = parse({"all": [wrong, {"tag": "vip"}, {"not": wrong}, {"did": "x", "where": where}]})
    with pytest.raises(FilterInvalid) as raised:
        check(filter, {}, CLOCK)
    assert [detail.at for detail in raised.value.details] == [
        "filter.all[0].value",
        "filter.all[2].not.value",
        "filter.all[3].where.any[0].value",
    ]


@pytest.mark.parametrize(
    ("lat", "lon", "km", "inside"),
    [
        (52.52, 13.405, 504.3, True),
        (52.52, 13.405, 504.2, False),
        (0, 0, 20_016, True),
        (90, 0, 4_655, True),
    ],
)
def test_a_point_is_near_by_the_haversine(lat: float, lon: float, km: float, inside: bool) -> None:
    munich = {"lat": 48.1374, "lon": 11.5755}
    assert compares(munich, "within", {"lat": lat, "lon": lon, "km": km}) is inside


@pytest.mark.parametrize(
    "point", [{"lat": "1", "lon": 1}, {"lat": 91, "lon": 0}, {"lat": 0, "lon": 181}, {"lat": 0}, 5]
)
def test_what_is_no_point_is_nowhere(point: object) -> None:
    assert not compares(point, "within", {"lat": 0, "lon": 0, "km": 30_000})


def test_tags_status_and_consent_are_asked_for_by_their_own_leaves() -> None:
    assert holds({"tag": ["new", "vip"]})
    assert not holds({"tag": "new"})
    assert holds({"status": ["Guest", "Active"]})
    assert holds({"consent": "marketing", "is": "denied"})
    assert not holds({"consent": "analytics", "is": ["denied", "granted", "pending"]})


def test_what_else_is_known_of_a_user_is_looked_up() -> None:
    class Known(NothingKnown):
        def in_segment(self, id: str) -> bool:
            return id == "seg_a"

        def in_stage(self, id: str) -> bool:
            return id == "trial"

        def did(self, did: types.Did) -> bool:
            return did.event == "Bought"

    document = {"all": [{"segment": ["seg_b", "seg_a"]}, {"stage": "trial"}, {"did": "Bought"}]}
    assert matches(parse(document), USER, CLOCK, known=Known())
    assert not holds({"any": document["all"]})
    assert holds({"did": "Bought", "times": {"exactly": 0}})


EVENTS = [
    {"event": "Bought", "occurredAt": NOW - age * DAY, "properties": {"sum": sum}}
    for age, sum in ((0, 5), (1, 10), (8, 20))
]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({}, True),
        ({"times": {"atLeast": 4}}, False),
        ({"times": {"exactly": 3}}, True),
        ({"times": {"atMost": 2}}, False),
        ({"when": {"last": "7d"}, "times": {"exactly": 2}}, True),
        ({"when": {"on": "2024-03-30"}, "times": {"exactly": 1}}, True),
        ({"when": {"before": "2024-03-30"}, "times": {"exactly": 1}}, True),
        ({"when": {"after": "2024-03-30"}, "times": {"exactly": 2}}, True),
        ({"when": {"between": ["2024-03-23", "2024-03-30"]}, "times": {"exactly": 2}}, True),
        ({"where": {"property": "sum", "op": "gte", "value": 10}, "times": {"exactly": 2}}, True),
        ({"where": {"not": {"property": "plan", "op": "set"}}, "times": {"exactly": 3}}, True),
    ],
)
def test_what_a_user_did_is_counted(document: dict[str, Any], expected: bool) -> None:
    did = parse({"did": "Bought", **document})
    assert isinstance(did, types.Did)
    assert happened(did, [*EVENTS, {**EVENTS[0], "event": "Sold"}], CLOCK) is expected


def test_who_never_did_it_did_it_exactly_no_times() -> None:
    for times, expected in (({"exactly": 0}, True), ({"atMost": 3}, True), ({"atLeast": 1}, False)):
        did = parse({"did": "Bought", "times": times})
        assert isinstance(did, types.Did)
        assert happened(did, [], CLOCK) is expected
