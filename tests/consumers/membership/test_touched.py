"""Rows that were written lately are told once, also those that are seen late, and of any number."""

from typing import Any

import pytest

from ask0.consumers.membership import touched
from ask0.consumers.membership.touched import SETTLING, Touched
from ask0.warehouse.connect import Warehouse

SECOND = 1_000_000


def write(warehouse: Warehouse, *versions: tuple[str, int], project: str = "p") -> None:
    columns: dict[str, list[Any]] = {
        "project_id": [project] * len(versions),
        "id": [id for id, _ in versions],
        "status": ["Active"] * len(versions),
        "merged_into": [""] * len(versions),
        "_version": [version for _, version in versions],
    }
    warehouse.insert("user_rows", columns, token=f"{project}:{versions}")


def test_each_version_is_told_once(embedded: Warehouse) -> None:
    rows = Touched(0)
    write(embedded, ("a", 100), ("b", 101))
    assert rows.read(embedded, ["p"], 200) == [("p", "a"), ("p", "b")]
    write(embedded, ("a", 102))
    assert rows.read(embedded, ["p"], 200) == [("p", "a")]
    assert rows.read(embedded, ["p"], 200) == []


def test_a_row_that_is_seen_late_is_told_all_the_same(embedded: Warehouse) -> None:
    rows = Touched(0)
    write(embedded, ("a", 5 * SECOND))
    assert rows.read(embedded, ["p"], 6 * SECOND) == [("p", "a")]
    write(embedded, ("b", 2 * SECOND))
    assert rows.read(embedded, ["p"], 7 * SECOND) == [("p", "b")]


def test_what_has_settled_is_not_read_again(embedded: Warehouse) -> None:
    rows = Touched(0)
    write(embedded, ("a", SECOND))
    rows.read(embedded, ["p"], 2 * SECOND + SETTLING)
    assert rows.reached == 2 * SECOND
    assert rows.read(embedded, ["p"], 3 * SECOND + SETTLING) == []


def test_only_projects_that_are_asked_for_are_told(embedded: Warehouse) -> None:
    write(embedded, ("a", 1))
    write(embedded, ("a", 1), project="q")
    assert Touched(0).read(embedded, ["q"], 10) == [("q", "a")]


@pytest.mark.parametrize("page", [1, 2, 3, 7])
def test_more_than_a_page_is_told_over_several_looks(
    embedded: Warehouse, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(touched, "PAGES", 2)
    monkeypatch.setattr(touched, "PAGE", page)
    monkeypatch.setattr(touched, "READ", touched.READ.replace("50000", str(page)))
    write(embedded, *((f"u{number}", 10 + number // 3) for number in range(12)))
    rows, found = Touched(0), []
    for _ in range(20):
        found += rows.read(embedded, ["p"], SECOND + SETTLING)
    assert sorted(found) == sorted(("p", f"u{number}") for number in range(12))
