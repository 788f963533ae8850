"""Whatever a segment asks for, its members are those who match: after it changes, after they do, and as time passes."""

from collections.abc import Iterator, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ask0.catalog.definitions import LiveSegment
from ask0.consumers.membership import evaluation
from ask0.consumers.membership.evaluation import find_crossing, find_moved, move_all
from ask0.consumers.membership.tables import count_members, save_moves
from ask0.schemas.filters.dates import Clock
from ask0.schemas.filters.errors import FilterInvalid
from ask0.schemas.filters.parser import parse
from ask0.schemas.filters.types import Filter
from ask0.schemas.segment_moves import Move
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.filters import Compiling, compile_filter
from tests.consumers.beacons import NOW
from tests.schemas.filters import documents
from tests.warehouse.fixtures import create
from tests.warehouse.population import populate

USERS = 60
CLOCK = Clock(NOW, UTC)


@pytest.fixture(scope="module")
def people(engine: Warehouse, chdb_path: Path, schema: Sequence[str]) -> Iterator[Warehouse]:
    with Warehouse(f"chdb://{chdb_path}?database=membership") as warehouse:
        warehouse.create_database()
        create(warehouse, schema)
        for project in ("p", "other"):
            populate(warehouse, project, USERS, seed=1)
        yield warehouse
    engine.command("DROP DATABASE membership SYNC")


def readable(document: Any) -> Filter | None:
    try:
        filter = parse(document)
        compile_filter(filter, Compiling(CLOCK))
    except FilterInvalid:
        return None
    return filter


filters = documents.filters.map(readable).filter(lambda filter: filter is not None)


def matching(warehouse: Warehouse, filter: Filter, clock: Clock = CLOCK) -> set[str]:
    condition = compile_filter(filter, Compiling(clock))
    sql = (
        f"SELECT id FROM user_rows FINAL WHERE project_id = {{project:String}} AND merged_into = '' AND {condition.sql}"
    )
    return {id for (id,) in warehouse.query(sql, {"project": "p", **condition.parameters})}


def members(warehouse: Warehouse, segment: str = "s", project: str = "p") -> set[str]:
    sql = "SELECT user_id FROM segment_members WHERE project_id = {project:String} AND segment_id = {segment:String}"
    return {id for (id,) in warehouse.query(sql, {"project": project, "segment": segment})}


def live(*filters: Filter) -> list[LiveSegment]:
    return [LiveSegment(f"s{number}", "", filter, "") for number, filter in enumerate(filters)]


@given(before=filters, after=filters)
@settings(max_examples=30)
def test_a_segment_that_becomes_another_has_those_who_match(people: Warehouse, before: Filter, after: Filter) -> None:
    for filter in (before, after):
        move_all(people, "p", "s", filter, Compiling(CLOCK), "definition")
        expected = matching(people, filter)
        assert members(people) == expected
        assert count_members(people, ("p", "s")) == len(expected)
    assert not members(people, project="other")


@given(asked=st.lists(filters, min_size=1, max_size=6), seed=st.integers(0, 1_000))
@settings(max_examples=20)
def test_users_who_change_are_moved_to_where_they_belong(people: Warehouse, asked: list[Filter], seed: int) -> None:
    segments = live(*asked)
    for segment in segments:
        move_all(people, "p", segment.id, segment.filter, Compiling(CLOCK), "definition")
    populate(people, "p", USERS // 3, seed)
    changed = [f"u{number}" for number in range(USERS // 3)]
    version, found = find_moved(people, "p", segments, Compiling(CLOCK), changed)
    moves = [Move("p", one.user_id, one.segment_id, one.is_in, NOW, one.ended, "change") for one in found]
    save_moves(people, moves, version)
    for segment in segments:
        assert members(people, segment.id) == matching(people, segment.filter)
    assert not find_moved(people, "p", segments, Compiling(CLOCK), changed)[1]


def test_who_is_moved_by_another_worker_meanwhile_is_not_moved_again(
    people: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    everyone = parse({"all": []})
    segments = [LiveSegment("meanwhile", "", everyone, "")]
    read_ended = evaluation._read_ended

    def move_first(*asked: Any) -> Any:
        move_all(people, "p", "meanwhile", everyone, Compiling(CLOCK), "change")
        return read_ended(*asked)

    monkeypatch.setattr(evaluation, "_read_ended", move_first)
    assert find_moved(people, "p", segments, Compiling(CLOCK), ["u1", "u2"])[1] == []
    assert {"u1", "u2"} <= members(people, "meanwhile")


@given(filter=filters, passed=st.sampled_from((1, 59_999, 60_001, 36 * 3_600_000, 8 * 86_400_000)))
@settings(max_examples=60)
def test_whoever_is_moved_by_time_is_looked_at(people: Warehouse, filter: Filter, passed: int) -> None:
    later = Clock(NOW + passed, UTC)
    moved = matching(people, filter) ^ matching(people, filter, later)
    looked_at = find_crossing(people, "p", live(filter), Compiling(later), NOW)
    assert moved <= set(looked_at)
