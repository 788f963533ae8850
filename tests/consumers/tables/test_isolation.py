"""What ClickHouse refuses is found and put aside; nobody else waits for it, and nobody else is blamed."""

from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ask0.consumers.tables.isolation import MOST_CULPRITS, Key, isolate
from ask0.warehouse.errors import QueryFailed, Refused, TooLarge, Unavailable

UNKNOWN_IDENTIFIER = 47


def refusing(poison: set[Key], done: set[Key], error: Exception | None = None) -> Callable[[Sequence[Key]], None]:
    def do(keys: Sequence[Key]) -> None:
        if poison & set(keys):
            raise error or Refused("bad")
        done.update(keys)

    return do


keys = st.sets(st.tuples(st.sampled_from("pqr"), st.sampled_from("abcdefghijk")), min_size=1)


@given(keys, st.data())
def test_exactly_the_keys_at_fault_are_found_and_all_others_are_done(page: set[Key], data: st.DataObject) -> None:
    poison = data.draw(st.sets(st.sampled_from(sorted(page)), max_size=4))
    done: set[Key] = set()
    if page == poison and len({project for project, _ in page}) > 1:
        with pytest.raises(Refused):
            isolate("user", sorted(page), refusing(poison, done))
        return
    culprits = isolate("user", sorted(page), refusing(poison, done))
    assert {culprit.key for culprit in culprits} == poison
    assert done == page - poison


def test_a_project_with_many_culprits_is_given_up_and_its_neighbours_are_done() -> None:
    poison = {("bad", f"{n:04}") for n in range(5_000)}
    good = {(project, f"{n}") for project in ("a", "good", "z") for n in range(100)}
    done: set[Key] = set()
    tries = Counter[str]()
    do = refusing(poison, done)

    def count(page: Sequence[Key]) -> None:
        tries["all"] += 1
        do(page)

    culprits = isolate("user", sorted(poison | good), count)
    assert done == good
    assert {culprit.key for culprit in culprits} == poison
    assert sum("not tried" not in culprit.message for culprit in culprits) == MOST_CULPRITS
    assert tries["all"] < 60


def test_a_statement_that_is_wrong_for_everyone_is_nobodys_fault() -> None:
    page = [("p", "a"), ("q", "b")]
    with pytest.raises(QueryFailed):
        isolate("user", page, refusing({("p", "a")}, set(), QueryFailed("no such column", UNKNOWN_IDENTIFIER)))
    with pytest.raises(QueryFailed):
        isolate("user", page, refusing(set(page), set(), QueryFailed("some new error", 9_999)))


def test_what_waiting_heals_is_raised() -> None:
    with pytest.raises(Unavailable):
        isolate("user", [("p", "a"), ("p", "b")], refusing({("p", "a")}, set(), Unavailable("away")))


def test_a_page_that_takes_too_much_memory_is_done_in_parts() -> None:
    sizes: list[int] = []

    def do(page: Sequence[Key]) -> None:
        if len(page) > 3:
            raise TooLarge("Query memory limit exceeded", by_itself=True)
        sizes.append(len(page))

    assert isolate("user", [("p", str(n)) for n in range(100)], do) == []
    assert sum(sizes) == 100


def test_one_key_is_blamed_for_the_memory_that_it_takes_by_itself_and_not_for_that_of_others() -> None:
    poison = {("p", "huge")}
    page = [("p", "huge"), ("p", "small")]
    alone = TooLarge("Query memory limit exceeded", by_itself=True)
    assert [culprit.key for culprit in isolate("user", page, refusing(poison, set(), alone))] == [("p", "huge")]
    with pytest.raises(TooLarge):
        isolate("user", page, refusing(poison, set(), TooLarge("(total) memory limit exceeded")))
