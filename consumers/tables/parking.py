"""Put the records of a poisoned project aside, durably, so that all others flow; and see when it may go on."""

import logging
import time
from collections.abc import Sequence
from typing import Any

from ask0.consumers.folds.records import Parked
from ask0.eventlog.log import Chunk
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.parking import read_parked, set_parked

LOOK_SECONDS = 5.0  # between looks at what other workers and `ask0 quarantine resume` have said

logger = logging.getLogger(__name__)

# A project is parked in the middle of a chunk: what of it is in the tables already goes, as its records will come again
# from another place on the log. What was folded into facts stays, as it adds up to the same.
FORGET = """
DELETE FROM {table} WHERE _log = {{log:String}} AND _partition = {{partition:UInt16}}
  AND _off >= {{lo:UInt64}} AND _off < {{hi:UInt64}} AND project_id IN {{projects:Array(String)}}
"""


class Parking:
    """Which projects are parked; as fresh as the last round while there are any, else some seconds old."""

    def __init__(self) -> None:
        self.projects: dict[str, str] = {}  # project → why
        self._looked = float("-inf")

    def look(self, warehouse: Warehouse) -> None:
        now = time.monotonic()
        if self.projects or now - self._looked > LOOK_SECONDS:
            self.projects = read_parked(warehouse)
            self._looked = now

    def park(self, warehouse: Warehouse, project_id: str, reason: str) -> None:
        logger.error("project %s is parked: %s; `ask0 quarantine resume %s` goes on", project_id, reason, project_id)
        set_parked(warehouse, project_id, parked=True, reason=reason)
        self.projects = {**self.projects, project_id: reason}


def put_aside(warehouse: Warehouse, records: Sequence[Parked], chunks: Sequence[Chunk], token: str) -> None:
    if not records:
        return
    projects = sorted({record.project_id for record in records})
    for chunk in chunks:
        if chunk.repeated:
            bounds: dict[str, Any] = {"log": chunk.log_id, "partition": chunk.partition, "lo": chunk.lo, "hi": chunk.hi}
            for table in ("events", "event_ids", "user_merges"):
                warehouse.command(FORGET.format(table=table), {**bounds, "projects": projects})
    columns: dict[str, list[Any]] = {
        "project_id": [record.project_id for record in records],
        "received_at": [record.received_at for record in records],
        "events": [record.events for record in records],
        "record": [record.value for record in records],
        "_log": [record.chunk.log_id for record in records],
        "_partition": [record.chunk.partition for record in records],
        "_off": [record.offset for record in records],
    }
    warehouse.insert("parked_records", columns, token=f"{token}:parked")
