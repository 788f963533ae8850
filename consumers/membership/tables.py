"""What is kept of segments: their members, their sizes, and marks of how far both are true."""

from collections.abc import Mapping, Sequence
from typing import Any

from ask0.consumers.membership.evaluation import read_now
from ask0.schemas.segment_moves import Move
from ask0.warehouse.connect import Warehouse

MARKS = "SELECT project_id, segment_id, definition, reached, swept FROM segment_marks FINAL"
MARK = """
SELECT definition FROM segment_marks FINAL WHERE project_id = {project:String} AND segment_id = {segment:String}
"""
SIZES = "SELECT project_id, segment_id, argMax(size, _at) FROM segment_sizes GROUP BY project_id, segment_id"
COUNT = """
SELECT count() FROM member_rows FINAL
WHERE project_id = {project:String} AND segment_id = {segment:String} AND is_member
"""
HOUR, HOUR_SECONDS = 3_600_000, 3_600

Segment = tuple[str, str]  # project, id


class Marks:
    """By segment the definition of which everyone is where they belong. Users refreshed before `reached` (µs) are, and
    those whom time moved before `swept` (ms)."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self.definitions: dict[Segment, str] = {}
        self.reached = self.swept = 0
        self.known = False

    def read(self) -> None:
        rows = {(project_id, id): rest for project_id, id, *rest in self._warehouse.query(MARKS)}
        if ("", "") not in rows:  # from now on, also for whoever goes on after this process
            now = read_now(self._warehouse)
            self.save(now, now // 1_000)
            rows["", ""] = ["", now, now // 1_000]
        _, self.reached, self.swept = rows.pop(("", ""))
        self.definitions = {segment: definition for segment, (definition, *_) in rows.items() if definition}
        self.known = True

    def look_again(self, segment: Segment) -> str:
        """Of which definition its members are: another worker may have led meanwhile."""
        rows = self._warehouse.query(MARK, {"project": segment[0], "segment": segment[1]})
        definition = str(rows[0][0]) if rows else ""
        if definition:
            self.definitions[segment] = definition
        return definition

    def save(self, reached: int, swept: int) -> None:
        self.reached = reached
        self._insert("", "", "", reached, swept)

    def settle(self, segment: Segment, definition: str) -> None:
        """No definition of one that is gone."""
        self._insert(*segment, definition, 0, 0)
        self.definitions.pop(segment, None)
        if definition:
            self.definitions[segment] = definition

    def _insert(self, project_id: str, segment_id: str, definition: str, reached: int, swept: int) -> None:
        version = read_now(self._warehouse)
        columns: dict[str, list[Any]] = {
            "project_id": [project_id],
            "segment_id": [segment_id],
            "definition": [definition],
            "reached": [reached],
            "swept": [swept],
            "_version": [version],
        }
        self._warehouse.insert("segment_marks", columns, token=f"marks:{project_id}:{segment_id}:{version}")


def count_members(warehouse: Warehouse, segment: Segment) -> int:
    return int(warehouse.query(COUNT, {"project": segment[0], "segment": segment[1]})[0][0])


def save_moves(warehouse: Warehouse, moves: Sequence[Move], version: int) -> None:
    """`version` is when the users were looked at, µs."""
    if not moves:
        return
    columns: dict[str, list[Any]] = {
        "project_id": [move.project_id for move in moves],
        "user_id": [move.user_id for move in moves],
        "segment_id": [move.segment_id for move in moves],
        "is_member": [move.is_member for move in moves],
        "since": [move.at for move in moves],
        "cause": [move.cause for move in moves],
        "_version": [version] * len(moves),
    }
    warehouse.insert("member_rows", columns, token=f"members:{moves[0].project_id}:{version}")


def read_sizes(warehouse: Warehouse) -> dict[Segment, int]:
    return {(project_id, id): int(size) for project_id, id, size in warehouse.query(SIZES)}


def save_sizes(warehouse: Warehouse, sizes: Mapping[Segment, int], at: int) -> None:
    """`at` is epoch ms: the last of an hour stands for it."""
    if not sizes:
        return
    columns: dict[str, list[Any]] = {
        "project_id": [project_id for project_id, _ in sizes],
        "segment_id": [segment_id for _, segment_id in sizes],
        "hour": [at // HOUR * HOUR_SECONDS] * len(sizes),
        "size": list(sizes.values()),
        "_at": [at] * len(sizes),
    }
    warehouse.insert("segment_sizes", columns, token=f"sizes:{at}")
