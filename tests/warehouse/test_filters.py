"""SQL of a filter chooses the users that the filter means, whatever is stored and whatever is asked."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ask0.schemas.filters import types
from ask0.schemas.filters.dates import Clock
from ask0.schemas.filters.errors import FilterInvalid
from ask0.schemas.filters.evaluate import NothingKnown, happened, matches
from ask0.schemas.filters.inline import Definitions, StageRule, check
from ask0.schemas.filters.names import name_of
from ask0.schemas.filters.operands import OPERATORS
from ask0.schemas.filters.parser import parse
from ask0.schemas.filters.predicates import Kinds
from ask0.schemas.filters.types import Filter
from ask0.schemas.stages import settle
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.filters import Compiling, Condition, compile_filter
from ask0.warehouse.traits import quote_path
from tests.consumers.beacons import NOW
from tests.schemas.filters import documents
from tests.warehouse.fixtures import create
from tests.warehouse.population import acts, name_traits, populate, profiles

ZONES = [
    ZoneInfo(name)
    for name in ("UTC", "Europe/Berlin", "America/Sao_Paulo", "America/Havana", "Pacific/Apia", "Asia/Kolkata")
]
USERS = 120
PAYING = {
    "all": [
        {"trait": "plan", "op": "in", "value": ["pro", "enterprise"]},
        {"trait": "spend", "op": "gte", "value": 500},
    ]
}

# Names that some syntax of SQL, of ClickHouse's JSON or of the client might take for its own.
SYNTAX = (
    *("`", "\\", "'", '"', ".", "%2E", "%252E", "^`a`", "@`a`", ":`String`", "a[]", "{a:String}", "%(a)s"),
    *("\0", "\n", "--", "😀"),
)
STORED = (*SYNTAX, *(f"{one}{two}" for one in SYNTAX for two in SYNTAX[:5]))
keys = st.lists(st.sampled_from(SYNTAX) | st.text(max_size=2), min_size=1, max_size=3).map("".join).filter(bool)


class Acts(NothingKnown):
    """What one user did."""

    def __init__(self, events: Sequence[Mapping[str, Any]], clock: Clock) -> None:
        self._events, self._clock = events, clock

    def did(self, did: types.Did) -> bool:
        return happened(did, self._events, self._clock)


@dataclass(frozen=True, repr=False)
class Population:
    """A project's users, what each of them is and did."""

    warehouse: Warehouse
    profiles: dict[str, dict[str, Any]]
    acts: dict[str, list[dict[str, Any]]]
    named: dict[str, dict[str, Any]]  # of the project `names`

    def __repr__(self) -> str:
        return f"{len(self.profiles)} users"

    def answers(self, conditions: Sequence[Condition], project: str = "p") -> dict[str, list[bool]]:
        """By user, of each condition, in one statement."""
        columns = ", ".join(condition.sql for condition in conditions)
        parameters = {name: value for condition in conditions for name, value in condition.parameters.items()}
        rows = self.warehouse.query(
            f"SELECT id, {columns} FROM user_rows FINAL WHERE project_id = {{project:String}} AND merged_into = ''",
            {"project": project, **parameters},
        )
        return {id: [bool(answer) for answer in answers] for id, *answers in rows}


@pytest.fixture(scope="module")
def population(engine: Warehouse, chdb_path: Path, schema: Sequence[str]) -> Iterator[Population]:
    with Warehouse(f"chdb://{chdb_path}?database=population") as warehouse:
        warehouse.create_database()
        create(warehouse, schema)
        populate(warehouse, "p", USERS, seed=1)
        populate(warehouse, "q", 3, seed=2)
        name_traits(warehouse, "names", STORED, SYNTAX)
        found = profiles(warehouse, "p"), acts(warehouse, "p"), profiles(warehouse, "names")
        yield Population(warehouse, *found)
    engine.command("DROP DATABASE population SYNC")


def fitting(asked: Sequence[Any], kinds: Kinds, clock: Clock) -> list[Filter]:
    """Those of the documents that are filters of a project with these kinds."""
    found = []
    for document in asked:
        try:
            filter = parse(document)
            check(filter, kinds, clock)
        except FilterInvalid:
            continue
        found.append(filter)
    return found


@given(
    asked=st.lists(documents.filters, min_size=1, max_size=12),
    kinds=documents.kinds,
    zone=st.sampled_from(ZONES),
)
@settings(max_examples=40)
def test_sql_and_python_choose_the_same_users(population: Population, asked: Any, kinds: Kinds, zone: ZoneInfo) -> None:
    clock = Clock(NOW, zone)
    chosen = fitting(asked, kinds, clock)
    conditions = [
        compile_filter(filter, Compiling(clock, kinds, prefix=f"f{number}")) for number, filter in enumerate(chosen)
    ]
    answers = population.answers(conditions) if chosen else {}
    for id, given_by_sql in answers.items():
        profile, known = population.profiles[id], Acts(population.acts.get(id, []), clock)
        for filter, answer in zip(chosen, given_by_sql, strict=True):
            assert matches(filter, profile, clock, kinds, known) == answer, (filter, profile)


ASKED: dict[str, Sequence[Any]] = {
    **dict.fromkeys(("is", "isNot"), (*documents.TEXTS, *documents.NUMBERS, True, False)),
    **dict.fromkeys(("in", "notIn"), (["a", 5, True], [0], ["ß", "Σ"])),
    **dict.fromkeys(("contains", "notContains", "startsWith", "endsWith"), documents.TEXTS),
    **dict.fromkeys(("gt", "gte", "lt", "lte"), (*documents.NUMBERS, *documents.DATES)),
    "between": ([0, 5], [-0.0, 0], [2**53, 2**63], ["2011-12-30", "2024-03-31"], ["2024-03-31T10:00:00Z"] * 2),
    **dict.fromkeys(("before", "after", "on"), documents.DATES),
    **dict.fromkeys(("inLast", "notInLast"), ("1000d", "5000d")),
    **dict.fromkeys(("set", "notSet"), (None,)),
    **dict.fromkeys(("hasAny", "hasAll"), (["a"], ["a", "A"], [5, 0], ["a", 5], [True, False], [True], ["a", 5, True])),
    "within": tuple({"lat": 52.5, "lon": 13.4, "km": km} for km in (0, 600, 6_000)),
}


@pytest.mark.parametrize("op", OPERATORS)
def test_each_operator_finds_the_same_users_and_not_all_of_them(population: Population, op: str) -> None:
    clock = Clock(NOW, ZONES[1])
    values = [{} if value is None else {"value": value} for value in ASKED[op]]
    filters = [parse({"trait": name, "op": op, **value}) for value in values for name in ("a", "b", "c", "a\\.b")]
    conditions = [compile_filter(each, Compiling(clock, prefix=f"f{number}")) for number, each in enumerate(filters)]
    found = population.answers(conditions)
    for id, profile in population.profiles.items():
        assert found[id] == [matches(each, profile, clock) for each in filters]
    assert {answer for answers in found.values() for answer in answers} == {True, False}


def compiled(document: Any, **more: Any) -> Condition:
    return compile_filter(parse(document), Compiling(Clock(NOW, ZONES[0]), **more))


def chosen(warehouse: Warehouse, condition: Condition, source: str = "user_rows FINAL") -> list[str]:
    rows = warehouse.query(
        f"SELECT id FROM {source} WHERE project_id = {{project:String}} AND merged_into = '' AND {condition.sql}"
        " ORDER BY id",
        {"project": "p", **condition.parameters},
    )
    return [id for (id,) in rows]


def insert(warehouse: Warehouse, **rows: Any) -> None:
    """Users by id, with their columns."""
    for number, (id, row) in enumerate(rows.items(), start=1):
        columns = {"project_id": "p", "id": id, "merged_into": "", "traits": "{}", "_version": number, **row}
        warehouse.insert("user_rows", {name: [value] for name, value in columns.items()}, token=id)


def test_users_are_chosen_in_process_and_over_http(warehouse: Warehouse) -> None:
    insert(
        warehouse,
        ada={"plan": "pro", "traits": '{"spend":500,"a.b":"It\'s \\u0000 é\\n"}'},
        bob={"plan": "pro", "traits": '{"spend":499.5}'},
        cem={"plan": "free", "traits": '{"spend":501}'},
        dan={"plan": "pro", "traits": '{"spend":900}', "merged_into": "ada"},
        eve={"plan": "pro", "traits": '{"spend":1}', "sent_traits": '{"spend":502,"%2E":"sent"}'},
    )
    assert chosen(warehouse, compiled(PAYING)) == ["ada", "eve"]
    assert chosen(warehouse, compiled({"trait": "a\\.b", "op": "is", "value": "It's \0 é\n"})) == ["ada"]
    assert chosen(warehouse, compiled({"trait": "%2E", "op": "startsWith", "value": "SENT"})) == ["eve"]
    of_alias = compiled(PAYING, row="u")
    assert chosen(warehouse, of_alias, "user_rows AS u FINAL") == ["ada", "eve"]


def test_a_null_in_a_list_is_no_item_not_even_an_empty_one(warehouse: Warehouse) -> None:
    nulls = ('[null,"a"]', "[null,1]", "[null,true]", '[null,"a",1,true]', "[null]", "[]")
    insert(warehouse, **{f"u{number}": {"traits": f'{{"a":{items}}}'} for number, items in enumerate(nulls)})
    insert(warehouse, full={"traits": '{"a":["",0,false]}'})
    for op in ("hasAny", "hasAll"):
        for empty in ("", 0, False):
            assert chosen(warehouse, compiled({"trait": "a", "op": op, "value": [empty]})) == ["full"], (op, empty)


def test_several_conditions_fit_in_one_statement(warehouse: Warehouse) -> None:
    insert(warehouse, ada={"plan": "pro", "traits": '{"since":"2024-03-31T10:00:00Z"}'}, bob={"plan": "free"})
    since = {"trait": "since", "op": "before", "value": "2024-04-01"}
    one = compiled({"all": [{"trait": "plan", "op": "is", "value": "pro"}, since]}, prefix="a")
    two = compiled({"all": [{"trait": "plan", "op": "isNot", "value": "free"}, since]}, prefix="b")
    both = Condition(f"{one.sql} AND {two.sql}", {**one.parameters, **two.parameters})
    assert not one.parameters.keys() & two.parameters.keys()
    assert chosen(warehouse, both) == ["ada"]


def test_segments_and_stages_are_asked_for_by_what_defines_them(population: Population) -> None:
    busy, tagged = parse({"did": "Bought"}), parse({"tag": "vip"})
    stages = (StageRule("s1", "Champion", busy), StageRule("s2", "Trial", parse({"segment": "seg"})))
    definitions = Definitions({"seg": tagged}, stages)
    every = set(population.profiles)
    ids = {
        name: set(chosen(population.warehouse, compiled(document, definitions=definitions)))
        for name, document in {
            "busy": {"did": "Bought"},
            "segment": {"segment": "seg"},
            "champion": {"stage": "Champion"},
            "trial": {"stage": "s2"},
            "neither": {"not": {"stage": ["s1", "Trial"]}},
        }.items()
    }
    assert ids["segment"] == {id for id, profile in population.profiles.items() if "vip" in profile["tags"]}
    assert ids["champion"] == ids["busy"]
    assert ids["trial"] == ids["segment"] - ids["busy"]
    assert ids["neither"] == every - ids["segment"] - ids["busy"]
    assert all(ids.values())


def readable(asked: Sequence[Any]) -> list[Filter]:
    found = []
    for document in asked:
        try:
            found.append(parse(document))
        except FilterInvalid:
            continue
    return found


@given(
    asked=st.lists(documents.filters_of_all_kinds, min_size=1, max_size=6),
    segments=st.fixed_dictionaries({"seg_a": documents.filters, "seg_b": documents.filters_of_all_kinds}),
    kinds=documents.kinds,
    zone=st.sampled_from(ZONES),
    meant=st.sets(st.integers(0, 5), min_size=1),
)
@settings(max_examples=30)
def test_sql_and_python_find_the_same_stage_of_everyone(
    population: Population, asked: Any, segments: Any, kinds: Kinds, zone: ZoneInfo, meant: set[int]
) -> None:
    clock = Clock(NOW, zone)
    known = {id: filter for id, document in segments.items() for filter in readable([document])}
    read = enumerate(readable(asked))
    rules = settle([StageRule(f"s{n}", f"Stage {n}", filter) for n, filter in read], known, kinds, clock)
    wanted: list[tuple[str, ...]] = [(f"s{n}",) for n in range(len(rules))]
    wanted.append(tuple(f"Stage {n}" for n in meant if n < len(rules)))
    conditions = [
        compile_filter(types.Stage(ids), Compiling(clock, kinds, Definitions(known, rules), prefix=f"f{number}"))
        for number, ids in enumerate(wanted)
    ]
    for id, given_by_sql in population.answers(conditions).items():
        profile = population.profiles[id]
        stage = next((rule for rule in rules if matches(rule.filter, profile, clock, kinds)), None)
        expected = [stage is not None and bool({stage.id, stage.name} & {*ids}) for ids in wanted]
        assert given_by_sql == expected, (rules, profile)


def test_events_of_other_projects_and_names_are_not_counted(population: Population) -> None:
    did = compiled({"did": "Bought", "times": {"atLeast": 1}})
    expected = {id for id, events in population.acts.items() if any(event["event"] == "Bought" for event in events)}
    assert set(chosen(population.warehouse, did)) == expected & set(population.profiles)


def test_a_field_can_be_supplied_or_replaced(population: Population) -> None:
    status = {"status": "if({row}.id = 'u1', 'Deactivated', {row}.status)"}
    assert chosen(population.warehouse, compiled({"status": "Deactivated"}, columns=status)) == ["u1"]
    document = {"trait": "status", "op": "is", "value": "Deactivated"}
    assert chosen(population.warehouse, compiled(document, columns=status)) == ["u1"]


def test_the_largest_filters_are_answered(warehouse: Warehouse) -> None:
    insert(warehouse, ada={"traits": '{"k1":"2024-03-31"}'}, bob={})
    days = [f"2024-01-{number % 28 + 1:02}" for number in range(63)]
    dates = [{"trait": f"traits.k{number}.'", "op": "on", "value": day} for number, day in enumerate(days)]
    texts = ["'\\" * 10 + f"{number:03}" for number in range(1000)]
    for document in (
        {"any": [*dates, {"trait": "k1", "op": "on", "value": "2024-03-31"}]},
        {"any": [{"trait": "k1", "op": "in", "value": [*texts[:999], "2024-03-31"]}]},
        {"any": [{"trait": "k1", "op": "contains", "value": "😀" * 24_000}, {"trait": "k1", "op": "set"}]},
    ):
        condition = compiled(document)
        assert chosen(warehouse, condition) == ["ada"]


def test_what_is_too_large_with_its_segments_is_refused() -> None:
    large = {f"s{number}": types.Trait("plan", "is", f"{number}{'x' * 90_000}") for number in range(2)}
    with pytest.raises(FilterInvalid, match="with its segments it is too large"):
        compiled({"segment": ["s0", "s1"]}, definitions=Definitions(large))
    many = parse({"any": [{"trait": f"traits.'{'x' * 200}{n}", "op": "on", "value": "2024-01-01"} for n in range(64)]})
    with pytest.raises(FilterInvalid, match="with its segments it is too large"):
        compiled({"segment": ["a", "b", "c"]}, definitions=Definitions(dict.fromkeys("abc", many)))


def test_what_does_not_fit_is_refused_before_any_sql() -> None:
    with pytest.raises(FilterInvalid, match="plan, as the trait is|give text"):
        compiled({"trait": "plan", "op": "is", "value": 5})
    with pytest.raises(FilterInvalid, match="there is no segment"):
        compiled({"segment": "seg"})


@given(st.lists(keys, min_size=1, max_size=3).map(tuple))
def test_of_a_name_only_letters_digits_and_bytes_stand_in_sql(names: tuple[str, ...]) -> None:
    quoted = quote_path(names)
    assert re.fullmatch(r"`(\w|\\x[0-9a-f]{2})+`(\.`(\w|\\x[0-9a-f]{2})+`)*", quoted, re.ASCII)
    undone = [part.encode().decode("unicode_escape").encode("latin-1").decode() for part in quoted[1:-1].split("`.`")]
    assert undone == [re.sub("%((?:25)*2E)", r"%25\1", name).replace(".", "%2E") for name in names]


@given(asked=st.lists(st.lists(st.sampled_from(STORED) | keys, min_size=1, max_size=2).map(tuple), min_size=1))
def test_each_name_leads_to_its_own_trait_and_no_other(population: Population, asked: list[tuple[str, ...]]) -> None:
    filters = [
        types.Trait(f"traits.{name_of(names)}", *test)
        for names in asked
        for test in (("set",), ("is", " → ".join(names)))
    ]
    clock = Clock(NOW, ZONES[0])
    conditions = [compile_filter(each, Compiling(clock, prefix=f"f{number}")) for number, each in enumerate(filters)]
    answers = population.answers(conditions, "names")
    for id, profile in population.named.items():
        assert answers[id] == [matches(each, profile, clock) for each in filters]
