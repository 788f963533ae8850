"""Two users who are one, and two again: what the tables say then."""

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from ask0.consumers.tables.bounds import MAX_USER_GUESTS
from ask0.consumers.tables.rounds import Limits, apply
from ask0.consumers.tables.snapshots import rebuild
from ask0.schemas.reasons import LeftOut, Reason
from ask0.schemas.user_merges import MAX_DEPTH, MAX_FAMILY
from ask0.warehouse.connect import Warehouse
from tests.consumers.beacons import NOW, chunk, event, merge, record, store, tables, untimed

AT = 7  # the partition on which all merges of a project lie


def rows(warehouse: Warehouse, sql: str) -> list[tuple[Any, ...]]:
    return warehouse.query(sql)


def ask(conversation: str, **ids: str) -> Any:
    return event(event="Question Asked", properties={"conversationId": conversation, "text": "How?"}, **ids)


def say(**traits: Any) -> dict[str, Any]:
    return {"type": "identify", "traits": traits}


def two_users(warehouse: Warehouse) -> None:
    """Ada, with a guest, and ben, with another."""
    store(
        warehouse,
        chunk(
            record(
                ask("c-guest", anonymousId="a"),
                event(userId="ada", anonymousId="a", **say(plan="pro", seats=1), timestamp=NOW - 3_000),
                ask("c-ada", userId="ada"),
                event(userId="ben", anonymousId="b", **say(plan="free", city="Rome"), timestamp=NOW - 2_000),
                ask("c-ben", userId="ben"),
            )
        ),
    )


USERS = "SELECT id, plan, questions, conversations, anonymous_ids, merged_ids FROM users ORDER BY id"
APART: list[tuple[Any, ...]] = [("ada", "pro", 2, 2, ["a"], []), ("ben", "free", 1, 1, ["b"], [])]


def test_the_one_who_is_left_has_all_of_both_and_the_undo_takes_it_apart(warehouse: Warehouse) -> None:
    two_users(warehouse)
    before = tables(warehouse)
    assert rows(warehouse, USERS) == APART
    store(warehouse, chunk(record(merge("ada", "ben")), partition=AT))
    assert rows(warehouse, USERS) == [("ben", "free", 3, 3, ["a", "b"], ["ada"])]
    assert rows(warehouse, "SELECT DISTINCT user_id FROM events") == [("ben",)]
    assert rows(warehouse, "SELECT DISTINCT user_id FROM conversations") == [("ben",)]
    assert rows(warehouse, "SELECT DISTINCT sent_user_id FROM events ORDER BY 1") == [("",), ("ada",), ("ben",)]
    merged = tables(warehouse)
    rebuild(warehouse)
    assert tables(warehouse) == merged
    store(warehouse, chunk(record(merge("ada", "ben", undo=True)), lo=1, partition=AT))
    after = tables(warehouse)
    assert len(after.pop("changes")) == 4  # of each user two
    assert before.pop("changes") == []
    assert after == before


def test_what_comes_later_goes_to_the_one_who_is_left_and_stays_under_its_own_id(warehouse: Warehouse) -> None:
    two_users(warehouse)
    store(warehouse, chunk(record(merge("ada", "ben")), partition=AT))
    late = [
        ask("late-ada", userId="ada"),
        ask("late-guest", anonymousId="a"),
        ask("new", userId="ada", anonymousId="n"),
    ]
    store(warehouse, chunk(record(*late), lo=1))
    store(warehouse, chunk(record(ask("new-guest", anonymousId="n")), lo=2))
    assert rows(warehouse, USERS) == [("ben", "free", 7, 7, ["a", "b", "n"], ["ada"])]
    assert rows(warehouse, "SELECT DISTINCT user_id FROM events") == [("ben",)]
    assert rows(warehouse, "SELECT DISTINCT user_id FROM conversations") == [("ben",)]
    store(warehouse, chunk(record(merge("ada", "ben", undo=True)), lo=1, partition=AT))
    assert rows(warehouse, USERS) == [("ada", "pro", 6, 6, ["a", "n"], []), APART[1]]
    assert rows(warehouse, "SELECT user_id, count() FROM events GROUP BY 1 ORDER BY 1") == [("ada", 7), ("ben", 2)]
    assert rows(warehouse, "SELECT user_id, count() FROM conversations GROUP BY 1 ORDER BY 1") == [
        ("ada", 6),
        ("ben", 1),
    ]


def test_users_are_merged_one_after_the_other_and_each_undo_takes_those_below_along(warehouse: Warehouse) -> None:
    store(warehouse, chunk(record(*(ask(f"c-{id}", userId=id) for id in "abcd"))))
    merges = [merge("a", "b"), merge("b", "c"), merge("d", "c")]
    store(warehouse, chunk(record(*merges[:2]), record(merges[2]), partition=AT))
    owners = "SELECT sent_user_id, user_id FROM events ORDER BY 1"
    rows_of = "SELECT id, merged_into, merged_ids FROM user_rows FINAL ORDER BY id"
    assert rows(warehouse, owners) == [(id, "c") for id in "abcd"]
    assert rows(warehouse, rows_of) == [("a", "c", []), ("b", "c", []), ("c", "", ["a", "b", "d"]), ("d", "c", [])]
    store(warehouse, chunk(record(merge("b", "c", undo=True)), lo=2, partition=AT))
    assert rows(warehouse, owners) == [("a", "b"), ("b", "b"), ("c", "c"), ("d", "c")]
    assert rows(warehouse, rows_of) == [("a", "b", []), ("b", "", ["a"]), ("c", "", ["d"]), ("d", "c", [])]


def test_what_does_not_fit_is_refused_and_changes_nothing(warehouse: Warehouse) -> None:
    store(warehouse, chunk(record(*(ask(f"c-{id}", userId=id) for id in "abc"))))
    wrong = [
        merge("b", "a"),  # a circle
        merge("a", "c"),  # a was merged before
        merge("a", "c", undo=True),  # not into c
        merge("c", "c"),
        merge("c", "a", undo=True),  # never merged
    ]
    applied = store(warehouse, chunk(record(merge("a", "b"), *wrong), partition=AT))
    assert (applied.stored, applied.quarantined) == (1, {Reason.MERGE_REFUSED: 5})
    assert rows(warehouse, "SELECT sent_user_id, user_id FROM events ORDER BY 1") == [
        ("a", "b"),
        ("b", "b"),
        ("c", "c"),
    ]
    assert rows(warehouse, "SELECT user_id, action, merged_from, merged_into FROM user_changes ORDER BY 1") == [
        ("a", "user.merged", "a", "b"),
        ("b", "user.merged", "a", "b"),
    ]


def test_a_repeat_decides_as_the_first_attempt_did(warehouse: Warehouse) -> None:
    merges = record(merge("a", "b"), merge("b", "a"), merge("a", "b", undo=True), merge("b", "a"))
    for repeated in (False, True, True):
        applied = store(warehouse, chunk(merges, partition=AT, repeated=repeated))
        assert (applied.stored, applied.quarantined) == (3, {Reason.MERGE_REFUSED: 1})
    standing = "SELECT from_id, argMax(into, at) FROM user_merges WHERE id = from_id GROUP BY 1 ORDER BY 1"
    assert rows(warehouse, standing) == [("a", ""), ("b", "a")]
    assert rows(warehouse, "SELECT count() FROM user_changes FINAL") == [(6,)]


def test_a_family_is_neither_too_large_nor_too_deep(warehouse: Warehouse) -> None:
    wide = [merge(f"u{n}", "top") for n in range(MAX_FAMILY)]
    deep = [merge(f"d{n}", f"d{n + 1}") for n in range(MAX_DEPTH + 1)]
    applied = store(warehouse, chunk(record(*wide, *deep), partition=AT))
    assert applied.quarantined == {Reason.MERGE_REFUSED: 2}
    standing = "SELECT left(from_id, 1), count() FROM user_merges WHERE id = from_id GROUP BY 1 ORDER BY 1"
    assert rows(warehouse, standing) == [("d", MAX_DEPTH), ("u", MAX_FAMILY - 1)]


def test_two_projects_do_not_meet(warehouse: Warehouse) -> None:
    for lo, project in enumerate("pq"):
        store(warehouse, chunk(record(ask("c", userId="a"), ask("d", userId="b"), project=project), lo=lo))
    store(warehouse, chunk(record(merge("a", "b")), partition=AT))
    store(warehouse, chunk(record(ask("e", userId="a"), project="q"), record(ask("e", userId="a")), lo=2))
    assert rows(warehouse, "SELECT project_id, user_id, count() FROM events GROUP BY 1, 2 ORDER BY 1, 2") == [
        ("p", "b", 3),
        ("q", "a", 2),
        ("q", "b", 1),
    ]


def test_an_event_without_proof_stays_its_guests(warehouse: Warehouse) -> None:
    """It names ada, and nothing shows that it is hers."""
    store(warehouse, chunk(record(replace(ask("c", userId="ada", anonymousId="x"), unverified=True))))
    store(warehouse, chunk(record(ask("d", userId="ada")), lo=1))
    store(warehouse, chunk(record(merge("ada", "ben")), partition=AT))
    assert rows(warehouse, "SELECT user_id, _of_guest FROM events ORDER BY 1") == [("ben", False), ("g-x", True)]
    store(warehouse, chunk(record(merge("ada", "ben", undo=True)), lo=1, partition=AT))
    assert rows(warehouse, "SELECT user_id, _of_guest FROM events ORDER BY 1") == [("ada", False), ("g-x", True)]
    store(warehouse, chunk(record(event(userId="eve", anonymousId="x", type="identify")), lo=2))
    assert rows(warehouse, "SELECT DISTINCT user_id FROM events WHERE anonymous_id = 'x'") == [("eve",)]


def test_together_they_gather_no_more_than_one_may(warehouse: Warehouse) -> None:
    def log_in(user: str, guests: Iterable[int]) -> bytes:
        return record(*(event(userId=user, anonymousId=f"a{n}", type="identify") for n in guests))

    half = MAX_USER_GUESTS // 2
    for lo in (0, 1):
        store(warehouse, chunk(log_in("ben", range(lo * half, (lo + 1) * half)), lo=lo))
    store(warehouse, chunk(record(ask("c", userId="ada")), lo=2))
    store(warehouse, chunk(record(merge("ada", "ben")), partition=AT))
    limits = Limits(merging={"p"})  # of a worker that has met the project
    applied = apply(warehouse, [chunk(log_in("ada", [MAX_USER_GUESTS]), lo=3)], limits, untimed)
    assert applied.left_out == {LeftOut.TOO_MANY_GUESTS: 1}
    assert rows(warehouse, "SELECT length(anonymous_ids) FROM users") == [(MAX_USER_GUESTS,)]
    store(warehouse, chunk(record(merge("ada", "ben", undo=True)), lo=1, partition=AT))
    applied = apply(warehouse, [chunk(log_in("ada", [MAX_USER_GUESTS]), lo=4)], limits, untimed)
    assert not applied.left_out
