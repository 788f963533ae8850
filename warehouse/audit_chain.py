"""Puts entries into the audit log, each chained to the one before it.

A chain only grows: what lies at or before its last row was decided when that was stored, and is passed over. So whoever
stores the same entries again, after a crash or beside another worker, adds nothing, or the same rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from ask0.schemas.audit import Entry, Row, chained
from ask0.warehouse.connect import Warehouse

PROJECTS_AT_ONCE = 20  # whose last rows are asked for in one statement, each read by its key alone
COLUMNS = tuple(Row.__struct_fields__)

LAST = """
(SELECT project_id, off, idx, seq, digest FROM audit
 WHERE project_id = {{p{number}:String}} AND stream = {{stream:String}} AND log = {{log:String}}
   AND partition = {{partition:UInt16}}
 ORDER BY off DESC, idx DESC LIMIT 1)
"""


class Head(NamedTuple):
    """The last row of a chain."""

    off: int
    idx: int
    seq: int
    digest: str


NONE = Head(-1, 0, 0, "")


def append(warehouse: Warehouse, entries: Sequence[Entry], token: str) -> int:
    """How many were not there yet. All of them lie in one partition of one stream, in its order."""
    first = entries[0]
    projects = sorted({entry.project_id for entry in entries})
    heads = read_heads(warehouse, projects, first.stream, first.log, first.partition)
    rows: list[Row] = []
    for project_id, own in groupby(sorted(entries, key=attrgetter("project_id")), key=attrgetter("project_id")):
        head = heads.get(project_id, NONE)
        missing = [entry for entry in own if (entry.off, entry.idx) > (head.off, head.idx)]
        rows += chained(missing, head.seq, head.digest)
    if rows:
        warehouse.insert("audit", _columns(rows), token=token)
    return len(rows)


def read_heads(
    warehouse: Warehouse, projects: Sequence[str], stream: str, log: str, partition: int
) -> Mapping[str, Head]:
    """By project, of those that have any rows there."""
    found: dict[str, Head] = {}
    for some in _pages(projects):
        sql = " UNION ALL ".join(LAST.format(number=number) for number in range(len(some)))
        bound: dict[str, Any] = {f"p{number}": project_id for number, project_id in enumerate(some)}
        rows = warehouse.query(sql, {**bound, "stream": stream, "log": log, "partition": partition})
        found |= {project_id: Head(*head) for project_id, *head in rows}
    return found


def _columns(rows: Sequence[Row]) -> dict[str, list[Any]]:
    return {name: [getattr(row, name) for row in rows] for name in COLUMNS}


def _pages(projects: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(projects), PROJECTS_AT_ONCE):
        yield projects[start : start + PROJECTS_AT_ONCE]
