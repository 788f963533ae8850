"""Pages of newest rows: whoever's place stands still is met exactly once, whatever is written meanwhile."""

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ask0.warehouse.newest import Candidate, Row, read_newest

IDS = "abcdef"


class Table:
    """Rows of (id, place, version) in memory; before each question somebody writes."""

    def __init__(self, writes: Sequence[tuple[str, int]]) -> None:
        self._versions = count(1)
        self._writes = iter(writes)
        self.stored: list[tuple[str, int, int]] = []

    def write(self, id: str, place: int) -> None:
        self.stored.append((id, place, next(self._versions)))

    def _meanwhile(self) -> None:
        for id, place in [write for write in [next(self._writes, None)] if write]:
            self.write(id, place)

    def candidates(self, beyond: Any, most: int, ids: Sequence[str] | None = None) -> list[Candidate]:
        self._meanwhile()
        rows = sorted(self.stored, key=lambda row: (row[1], row[0], -row[2]))
        found = [Candidate((place, id), id, version) for id, place, version in rows]
        return [one for one in found if (not beyond or one.place > beyond) and (ids is None or one.id in ids)][:most]

    def rows(self, ids: Sequence[str]) -> Mapping[str, Row]:
        self._meanwhile()
        newest: dict[str, Row] = {}
        for id, place, version in self.stored:
            if id in ids and version > newest.get(id, {"_version": 0})["_version"]:
                newest[id] = {"id": id, "place": place, "_version": version}
        return newest


places = st.integers(0, 2)
some = st.lists(st.tuples(st.sampled_from(IDS), places), max_size=12)


@given(some, some, st.integers(1, 4))
def test_everyone_who_stands_still_is_met_once(
    before: list[tuple[str, int]], meanwhile: list[tuple[str, int]], limit: int
) -> None:
    table = Table([])
    for id, place in before:
        table.write(id, place)
    newest = {id: place for id, place, _ in table.stored}
    still = {id for id in newest if all(place == newest[id] for other, place in meanwhile if other == id)}
    table._writes = iter(meanwhile)
    met: list[str] = []
    beyond: Any = None
    while page := read_newest(Beyond(table, beyond), limit):
        met += [row["id"] for _, row in page]
        beyond = page[-1][0]
    assert all(met.count(id) == 1 for id in still), (met, table.stored)


class Beyond:
    """What comes after a page."""

    def __init__(self, table: Table, first: Any) -> None:
        self._table, self._first = table, first

    def candidates(self, beyond: Any, most: int, ids: Sequence[str] | None = None) -> list[Candidate]:
        return self._table.candidates(beyond or self._first, most, ids)

    def rows(self, ids: Sequence[str]) -> Mapping[str, Row]:
        return self._table.rows(ids)


def test_a_row_that_is_stored_twice_is_met_once() -> None:
    table = Table([])
    table.stored = [("a", 0, 1), ("a", 0, 1), ("b", 0, 1)]
    assert [row["id"] for _, row in read_newest(table, 5)] == ["a", "b"]
