"""The quarantine as `ask0 quarantine` reads it."""

import time

from ask0.schemas.reasons import Reason
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.quarantine import list_quarantine, mark_replayed, show

NOW = time.time_ns() // 1_000_000 - 10_000  # what is old is not kept


def fill(warehouse: Warehouse) -> None:
    reasons = [Reason.MISSING_EVENT, Reason.TOO_DEEP, Reason.REFUSED_BY_CLICKHOUSE]
    warehouse.insert(
        "quarantine_rows",
        {
            "project_id": ["p", "q", "p"],
            "id": ["log:0:1:0", "log:0:2:0", "log:0:3:0"],
            "stage": ["gateway", "gateway", "worker"],
            "reason": list(reasons),
            "message": ["why"] * 3,
            "message_id": ["a", "b", "c"],
            "raw": ["{}"] * 3,
            "received_at": [NOW, NOW + 1_000, NOW + 2_000],
        },
        token="quarantine",
    )


def test_the_newest_are_listed_first_and_filtered(warehouse: Warehouse) -> None:
    fill(warehouse)
    assert [row.message_id for row in list_quarantine(warehouse)] == ["c", "b", "a"]
    assert [row.message_id for row in list_quarantine(warehouse, limit=1)] == ["c"]
    assert [row.message_id for row in list_quarantine(warehouse, project="p")] == ["c", "a"]
    assert [row.message_id for row in list_quarantine(warehouse, reason="too_deep")] == ["b"]


def test_one_is_shown_by_its_position(warehouse: Warehouse) -> None:
    fill(warehouse)
    row = show(warehouse, "log:0:2:0")
    assert row is not None
    assert (row.project_id, row.reason, row.replayed_at) == ("q", "too_deep", None)
    assert show(warehouse, "log:9:9:9") is None


def test_what_was_replayed_is_marked_and_can_be_left_out(warehouse: Warehouse) -> None:
    fill(warehouse)
    mark_replayed(warehouse, ["log:0:1:0"])
    mark_replayed(warehouse, ["log:0:1:0", "log:0:2:0"])
    assert [row.message_id for row in list_quarantine(warehouse, replayed=False)] == ["c"]
    assert [row.replayed_at is None for row in list_quarantine(warehouse)] == [True, False, False]


def test_an_event_that_claimed_its_message_id_is_replayed_under_another(warehouse: Warehouse) -> None:
    fill(warehouse)
    assert [row.replay_id for row in list_quarantine(warehouse)] == ["c:replay", "b", "a"]


def test_what_was_refused_is_kept_for_90_days_and_what_has_no_time_for_ever(warehouse: Warehouse) -> None:
    ages = {"new": NOW, "old": NOW - 200 * 86_400_000, "without a time": 0}
    count = len(ages)
    rows = {name: ["x"] * count for name in ("project_id", "stage", "reason", "message", "raw")}
    rows |= {"id": list(ages), "message_id": list(ages)}
    warehouse.insert("quarantine_rows", {**rows, "received_at": list(ages.values())}, token="ages")
    warehouse.command("OPTIMIZE TABLE quarantine_rows FINAL")
    assert {row.message_id for row in list_quarantine(warehouse)} == {"new", "without a time"}
