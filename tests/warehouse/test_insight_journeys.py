"""The ways of all users, held against plain Python over the same events."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from itertools import count, groupby, pairwise
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ask0.schemas.conversations import UNDERSTOOD
from ask0.schemas.insights import Journeys
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.insight_journeys import MOST_NAMES, read_journeys
from ask0.warehouse.insights import Period, period_of
from tests.gateway.api.rows import DAY, act, store
from tests.warehouse.fixtures import create

LAST = date(2025, 11, 2)
PERIOD = period_of(datetime(2025, 12, 1, tzinfo=UTC), 3, ZoneInfo("Europe/Berlin"), LAST)
START, END = PERIOD.now
NAMES = ("Question Asked", "Answer Given", "Conversation Started", "A", "b", "é 🦊", "", "page")
_projects = map("proj_way_{}".format, count())


class Done(NamedTuple):
    user: str
    at: int
    event: str
    type: str = "track"

    @property
    def name(self) -> str:
        return self.event or self.type


Step = tuple[int, str | None]


@pytest.fixture(scope="module")
def ways(engine: Warehouse, chdb_path: Path, schema: Sequence[str]) -> Iterator[Warehouse]:
    with Warehouse(f"chdb://{chdb_path}?database=ways") as warehouse:
        warehouse.create_database()
        create(warehouse, schema)
        yield warehouse
    engine.command("DROP DATABASE ways SYNC")


def found(ways: Warehouse, events: Sequence[Done], *, period: Period = PERIOD, **asks: Any) -> Journeys:
    project = next(_projects)
    rows = [act(one.event, one.at, one.user, type=one.type, project_id=project) for one in events]
    store(ways, "events", rows or [act("A", START - DAY, "earlier", project_id=project)])
    asks = {"start": None, "depth": 5, "limit": 8, **asks}
    answer = read_journeys(ways, project, period, **asks)
    return Journeys.model_validate({"tz": "UTC", "from": "", "until": "", "asOf": "", **answer})


def way_of(done: Sequence[Done], start: str | None, depth: int) -> list[str]:
    def order(one: Done) -> tuple[int, int, bytes]:
        place = UNDERSTOOD.index(one.name) if one.name in UNDERSTOOD else len(UNDERSTOOD)
        return one.at, place, one.name.encode()

    steps = [name for name, _ in groupby(one.name for one in sorted(done, key=order))]
    if start is not None:
        steps = steps[steps.index(start) :] if start in steps else []
    return steps[:depth]


def expected(
    events: Sequence[Done], start: str | None, depth: int, limit: int
) -> tuple[Counter[Step], Counter[tuple[Step, Step]]]:
    by_user: dict[str, list[Done]] = {}
    for one in events:
        if one.type in ("track", "page", "screen") and START <= one.at < END:
            by_user.setdefault(one.user, []).append(one)
    ways = [way_of(done, start, depth) for done in by_user.values()]
    all_steps = Counter(step for way in ways for step in enumerate(way, 1))

    def rank(name: str, step: int) -> tuple[int, int, int, bytes]:
        place = UNDERSTOOD.index(name) if name in UNDERSTOOD else len(UNDERSTOOD)
        return -all_steps[step, name], place == len(UNDERSTOOD), place, name.encode()

    shown: set[Step] = set()
    for step in range(1, depth + 1):
        names = sorted((name for number, name in all_steps if number == step), key=lambda name: rank(name, step))
        shown |= {(step, name) for name in names[:limit]}
    seen = [[(step, name if (step, name) in shown else None) for step, name in enumerate(way, 1)] for way in ways]
    return Counter(step for way in seen for step in way), Counter(link for way in seen for link in pairwise(way))


def same(answer: Journeys, events: Sequence[Done], start: str | None, depth: int, limit: int) -> None:
    nodes, links = expected(events, start, depth, limit)
    assert {(node.step, node.event): node.users for node in answer.nodes} == nodes
    told = {((link.step, link.from_event), (link.step + 1, link.to)): link.users for link in answer.links}
    assert told == links
    assert answer.users == sum(users for (step, _), users in nodes.items() if step == 1)
    for node in answer.nodes:
        gone = sum(link.users for link in answer.links if (link.step, link.from_event) == (node.step, node.event))
        assert node.ended == node.users - gone


happenings = st.builds(
    Done,
    user=st.integers(0, 9).map("way-{}".format),
    at=st.integers(0, 40).map(lambda step: START - 2 + step * ((END - START) // 39)),
    event=st.sampled_from(NAMES),
    type=st.sampled_from(("track", "page", "screen", "identify", "segment")),
).filter(lambda one: one.event != "" or one.type != "track")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    events=st.lists(happenings, max_size=120),
    start=st.none() | st.sampled_from(("Question Asked", "page", "A", "Nobody Does This")),
    depth=st.integers(2, 6),
    limit=st.integers(1, 4),
)
@example(events=[], start=None, depth=2, limit=1)
def test_each_user_has_one_way(ways: Warehouse, events: list[Done], start: str | None, depth: int, limit: int) -> None:
    same(found(ways, events, start=start, depth=depth, limit=limit), events, start, depth, limit)


def test_at_the_same_moment_a_conversation_goes_as_conversations_do(ways: Warehouse) -> None:
    names = ("Answer Given", "A", "Question Asked", "Conversation Started")
    answer = found(ways, [Done("one", START, name) for name in names], depth=6)
    assert [node.event for node in answer.nodes] == ["Conversation Started", "Question Asked", "Answer Given", "A"]


def test_of_more_names_than_are_told_apart_those_that_happen_least_are_one(ways: Warehouse) -> None:
    often = [Done(f"user-{number}", START + 1, f"Often {number}") for number in range(MOST_NAMES)] * 2
    rare = [Done(f"rare-{number}", START + number, f"Rare {number}") for number in range(40)]
    after = [Done(one.user, START + 99, "Often 0") for one in rare]
    twice = [Done("rare-0", START + 1, "Rare 1")]  # at once after another of them: no step of its own
    answer = found(ways, [*often, *rare, *after, *twice], depth=3, limit=20)
    assert answer.users == MOST_NAMES + len(rare)
    (second,) = (node for node in answer.nodes if node.step == 2)
    assert (second.event, second.users) == ("Often 0", len(rare))
    others = [node for node in answer.nodes if node.event is None]
    assert [(node.step, node.users) for node in others] == [(1, MOST_NAMES + len(rare) - 20)]
    (link,) = answer.links
    assert (link.step, link.from_event, link.to, link.users) == (1, None, "Often 0", len(rare))
    begun = found(ways, [*often, *rare, *after], start="Rare 7", depth=3)
    assert [(node.event, node.users) for node in begun.nodes] == [("Rare 7", 1), ("Often 0", 1)]
