"""A walk finds each row that was changed, added, moved, doubled or taken out. An erase is none of it."""

import pytest

from ask0.schemas.audit import chained
from ask0.warehouse.audit_check import Mark
from ask0.warehouse.connect import Warehouse
from tests.warehouse.audit_entries import change, check, copy_row, entry, fill, forget, problems


def test_chains_hold_as_they_were_written(warehouse: Warehouse) -> None:
    assert [fill(warehouse, *range(3)), fill(warehouse, 5, 9), fill(warehouse, 1, 2, project_id="q")] == [3, 2, 2]
    fill(warehouse, 1, 2, stream="documents")
    walked = check(warehouse)
    assert (walked.chains, walked.rows, walked.problems) == (3, 9, [])
    assert check(warehouse, "q").rows == 2
    assert warehouse.query("SELECT seq, off FROM audit WHERE project_id = 'p' AND stream = 'users' ORDER BY seq") == [
        (1, 0),
        (2, 1),
        (3, 2),
        (4, 5),
        (5, 9),
    ]


def test_what_is_stored_again_in_any_pieces_adds_nothing(warehouse: Warehouse) -> None:
    fill(warehouse, *range(10))
    assert [fill(warehouse, *range(10)), fill(warehouse, *range(4, 8)), fill(warehouse, *range(8, 12))] == [0, 0, 2]
    walked = check(warehouse)
    assert (walked.rows, walked.problems) == (12, [])


def test_two_who_store_the_same_at_once_are_one(warehouse: Warehouse) -> None:
    """Each has seen the chain before the other's rows were in."""
    fill(warehouse, 0)
    (head,) = warehouse.query("SELECT seq, digest FROM audit")
    fill(warehouse, 1, 2)
    for row in chained([entry(1), entry(2)], *head):
        columns = {name: [getattr(row, name)] for name in row.__struct_fields__}
        warehouse.insert("audit", columns, token=f"late:{row.off}")
    walked = check(warehouse)
    assert (walked.rows, walked.problems) == (3, [])


def test_more_rows_than_a_page(warehouse: Warehouse) -> None:
    fill(warehouse, *range(2_500))
    assert check(warehouse).rows == 2_500
    change(warehouse, "UPDATE actor = 'cli' WHERE seq = 1001")
    assert problems(warehouse) == [("changed", 1_001)]


@pytest.mark.parametrize(
    "column",
    [
        "at = at + 1",
        "id = 'x'",
        "action = 'user.viewed'",
        "actor = 'cli'",
        "entity = 'key'",
        "outcome = 'refused'",
        "request = ''",
        "ip = ''",
        "ip = '198.51.100.0'",
        "ip_salt = ''",
        "details = '{}'",
        "details = ''",
        "about = ['u9']",
        "about = []",
        "about = ['u3', 'u4']",
        "salt = ''",
        "salt = 'x'",
        "is_personal = 0",
        "sealed = ''",
        "sealed_ip = ''",
        "digest = repeat('0', 64)",
    ],
)
def test_a_changed_row_is_found(warehouse: Warehouse, column: str) -> None:
    fill(warehouse, *range(6))
    change(warehouse, f"UPDATE {column} WHERE seq = 4")
    found = problems(warehouse)
    assert found[0] == ("changed", 4)
    assert {seq for _, seq in found} <= {4, 5}


def test_a_row_that_was_changed_with_all_its_digests_breaks_the_next_one(warehouse: Warehouse) -> None:
    fill(warehouse, *range(6))
    (before,) = warehouse.query("SELECT digest FROM audit WHERE seq = 3")
    (row,) = chained([entry(3, actor="cli")], 3, before[0])
    change(warehouse, f"UPDATE actor = 'cli', digest = '{row.digest}' WHERE seq = 4")
    assert problems(warehouse) == [("changed", 5)]


@pytest.mark.parametrize("which", ["seq = 1", "seq = 3", "seq = 3 OR seq = 5"])
def test_a_missing_row_is_found(warehouse: Warehouse, which: str) -> None:
    fill(warehouse, *range(6))
    gone = [seq for (seq,) in warehouse.query(f"SELECT seq FROM audit WHERE {which} ORDER BY seq")]
    change(warehouse, f"DELETE WHERE {which}")
    assert problems(warehouse) == [("missing", seq) for seq in gone]


def test_rows_that_are_missing_together_are_one_problem_and_not_all_problems_are_told(warehouse: Warehouse) -> None:
    fill(warehouse, *range(1_000))
    change(warehouse, "DELETE WHERE seq BETWEEN 2 AND 500")
    (found,) = check(warehouse).problems
    assert (found.kind, found.seq, found.message) == ("missing", 2, "it and all up to 500 are not there")
    change(warehouse, "DELETE WHERE seq % 2 = 0")
    assert len(check(warehouse).problems) == 100


def test_rows_that_stand_in_another_order_are_found(warehouse: Warehouse) -> None:
    fill(warehouse, *range(6))
    copy_row(warehouse, 3, off="100")
    copy_row(warehouse, 4, off="2")
    change(warehouse, "DELETE WHERE (seq, off) IN ((3, 2), (4, 3))")
    copy_row(warehouse, 3, off="3")
    change(warehouse, "DELETE WHERE off = 100")
    found = problems(warehouse)
    assert ("reordered", 3) in found
    assert {seq for _, seq in found} <= {3, 4, 5}


def test_a_doubled_row_is_found(warehouse: Warehouse) -> None:
    fill(warehouse, *range(6))
    copy_row(warehouse, 3, off="77")
    assert problems(warehouse) == [("duplicated", 3)]


def test_another_row_in_the_same_place_is_found(warehouse: Warehouse) -> None:
    fill(warehouse, *range(6))
    copy_row(warehouse, 3, actor="'cli'")
    assert ("changed", 3) in problems(warehouse)
    warehouse.command("OPTIMIZE TABLE audit FINAL")
    assert problems(warehouse) == [("changed", 3)]


def test_a_row_without_a_number_may_stand_before_a_chain_alone(warehouse: Warehouse) -> None:
    fill(warehouse, 5, 6)
    copy_row(warehouse, 1, off="1", seq="0", digest="''")
    walked = check(warehouse)
    assert (walked.rows, walked.unchained, walked.problems) == (2, 1, [])
    copy_row(warehouse, 1, off="9", seq="0", digest="''")
    assert problems(warehouse) == [("unchained", 0)]


def test_a_chain_goes_on_after_rows_of_before(warehouse: Warehouse) -> None:
    fill(warehouse, 1)
    change(warehouse, "UPDATE seq = 0, digest = '' WHERE seq = 1")
    assert fill(warehouse, 1, 2, 3) == 2
    walked = check(warehouse)
    assert (walked.rows, walked.unchained, walked.problems) == (2, 1, [])


def test_an_erase_takes_what_was_said_and_the_chain_holds(warehouse: Warehouse) -> None:
    fill(warehouse, *range(6))
    fill(warehouse, *range(10, 12), about=("into", "u2"), details='{"from_id":"u2","into":"into"}')
    fill(warehouse, 20, entity="key", about=("u2",), is_personal=False, details="")
    forget(warehouse, "u2", "nobody", "'; DROP")
    walked = check(warehouse)
    assert (walked.rows, walked.erased, walked.problems) == (9, 3, [])
    gone = "SELECT count(), any(actor), max(ip) FROM audit WHERE empty(about) AND details = '' AND salt = ''"
    assert warehouse.query(gone) == [(3, "key:1", "203.0.113.0")]
    assert warehouse.query("SELECT count() FROM audit WHERE has(about, 'u2')") == [(1,)]
    forget(warehouse, "u2")
    change(warehouse, "UPDATE ip = '', ip_salt = '' WHERE 1")
    assert check(warehouse).problems == []
    assert fill(warehouse, 30) == 1
    assert check(warehouse).problems == []


def test_what_was_put_into_an_erased_row_is_found(warehouse: Warehouse) -> None:
    fill(warehouse, *range(6))
    forget(warehouse, "u2")
    change(warehouse, "UPDATE about = ['u9'] WHERE seq = 3")
    assert problems(warehouse) == [("changed", 3)]


def test_a_cut_off_end_is_found_by_what_was_signed(warehouse: Warehouse) -> None:
    fill(warehouse, *range(6))
    ((digest,),) = warehouse.query("SELECT digest FROM audit WHERE seq = 5")
    assert problems(warehouse, Mark(5, digest)) == []
    assert problems(warehouse, Mark(5, "0" * 64)) == [("changed", 5)]
    change(warehouse, "DELETE WHERE seq >= 4")
    assert problems(warehouse) == []
    assert problems(warehouse, Mark(5, digest)) == [("missing", 4)]


def test_a_beginning_that_retention_took_is_not_missed(warehouse: Warehouse) -> None:
    fill(warehouse, *range(6))
    ((digest,),) = warehouse.query("SELECT digest FROM audit WHERE seq = 3")
    start = Mark(3, digest)
    assert problems(warehouse, start=start) == []
    change(warehouse, "DELETE WHERE seq <= 2")
    assert problems(warehouse, start=start) == []  # it was cut while it went
    change(warehouse, "DELETE WHERE seq <= 3")
    assert problems(warehouse, start=start) == []
    change(warehouse, "UPDATE actor = 'cli' WHERE seq = 4")
    assert problems(warehouse, start=start) == [("changed", 4)]
    change(warehouse, "DELETE WHERE seq = 4")
    assert problems(warehouse, start=start) == [("missing", 4)]
