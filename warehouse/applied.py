"""How far along the log the rows are."""

from collections.abc import Mapping
from typing import Any

from ask0.warehouse.connect import Warehouse

READ = "SELECT partition, max(next) FROM applied WHERE log = {log:String} GROUP BY partition"


def read_applied(warehouse: Warehouse, log_id: str) -> dict[int, int]:
    """By partition, the offset below which everything is in the tables."""
    return dict(warehouse.query(READ, {"log": log_id}))


def save_applied(warehouse: Warehouse, reached: Mapping[tuple[str, int], int], token: str) -> None:
    """`reached` is by log and partition. Harmless twice, and in any order."""
    columns: dict[str, list[Any]] = {
        "log": [log_id for log_id, _ in reached],
        "partition": [partition for _, partition in reached],
        "next": list(reached.values()),
    }
    warehouse.insert("applied", columns, token=token)
