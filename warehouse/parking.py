"""Parked projects: whose records are put aside for now, and those records until they are put on the log again."""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from ask0.warehouse.connect import Warehouse

PAGE_RECORDS = 200  # a record is less than 1 MB

PARKED = "SELECT project_id, reason FROM parked_projects FINAL WHERE parked"
COUNTS = "SELECT project_id, count(), sum(events) FROM parked_records FINAL GROUP BY project_id"
PAGE = f"""
SELECT _log, _partition, _off, events, record FROM parked_records FINAL
WHERE project_id = {{project:String}}
  AND (_log, _partition, _off) > ({{log:String}}, {{partition:UInt16}}, {{off:UInt64}})
ORDER BY _log, _partition, _off LIMIT {PAGE_RECORDS}
"""


class ParkedRecord(NamedTuple):
    log_id: str
    partition: int
    offset: int
    events: int
    value: str


def read_parked(warehouse: Warehouse) -> dict[str, str]:
    """Why each parked project is parked."""
    return dict(warehouse.query(PARKED))


def count_parked(warehouse: Warehouse) -> dict[str, tuple[int, int]]:
    """Records and events put aside, by project."""
    return {project_id: (records, events) for project_id, records, events in warehouse.query(COUNTS)}


def set_parked(warehouse: Warehouse, project_id: str, *, parked: bool, reason: str = "") -> None:
    version = time.time_ns() // 1000
    columns: dict[str, list[Any]] = {
        "project_id": [project_id],
        "version": [version],
        "parked": [parked],
        "reason": [reason],
    }
    warehouse.insert("parked_projects", columns, token=f"parked:{project_id}:{version}")


def read_records(warehouse: Warehouse, project_id: str) -> Iterator[list[ParkedRecord]]:
    """In pages, in the order of the log."""
    last = ParkedRecord("", 0, 0, 0, "")
    while rows := warehouse.query(
        PAGE, {"project": project_id, "log": last.log_id, "partition": last.partition, "off": last.offset}
    ):
        page = [ParkedRecord(*row) for row in rows]
        yield page
        last = page[-1]


def forget_records(warehouse: Warehouse, project_id: str, through: ParkedRecord) -> None:
    """Those up to and with one of them, after they were put on the log again."""
    warehouse.command(
        """
        DELETE FROM parked_records
        WHERE project_id = {project:String}
          AND (_log, _partition, _off) <= ({log:String}, {partition:UInt16}, {off:UInt64})
        """,
        {"project": project_id, "log": through.log_id, "partition": through.partition, "off": through.offset},
    )
