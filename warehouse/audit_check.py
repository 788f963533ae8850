"""Walks the chains of the audit log and says which rows are not as they were written, or not there."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec
import orjson

from ask0.schemas.audit import Row, digest_of, fits_its_seals, is_erased
from ask0.warehouse.connect import Warehouse

PAGE = 1_000
MOST_PROBLEMS = 100  # of a chain that are told
MOST_GAPS = 10_000  # of a chain in which a row that comes late is looked for

CHAINS = """
SELECT DISTINCT project_id, stream, log, partition FROM audit
WHERE project_id = {project:String} OR {every:Bool} ORDER BY project_id, stream, log, partition
"""
# Not FINAL: of two rows at one place, both are to be looked at. Those of one place stand on one page.
ROWS = f"""
SELECT * REPLACE (toUnixTimestamp64Milli(at) AS at) FROM audit
WHERE project_id = {{project_id:String}} AND stream = {{stream:String}} AND log = {{log:String}}
  AND partition = {{partition:UInt16}} AND off >= {{off:UInt64}} AND (off > {{off:UInt64}} OR idx >= {{idx:UInt32}})
ORDER BY off, idx LIMIT {PAGE} WITH TIES SETTINGS output_format_json_quote_64bit_integers = 0
"""


class Chain(NamedTuple):
    project_id: str
    stream: str
    log: str
    partition: int

    def __str__(self) -> str:
        project = self.project_id or "of no project"
        return f"{project}, {self.stream} of {self.log}" + (f":{self.partition}" if self.stream == "users" else "")


class Mark(NamedTuple):
    """A row by its number, and the digest that was signed for it."""

    seq: int
    digest: str


class Problem(NamedTuple):
    chain: Chain
    kind: str  # changed, missing, reordered, duplicated, unchained
    seq: int
    message: str


@dataclass
class Walked:
    """What is in the chains."""

    chains: int = 0
    rows: int = 0
    erased: int = 0  # of rows, those whose person was erased
    unchained: int = 0  # rows of before there were chains, of which nobody can tell
    cut: int = 0  # chains whose beginning retention has taken away
    problems: list[Problem] = field(default_factory=list)


def list_chains(warehouse: Warehouse, project_id: str | None) -> list[Chain]:
    return [Chain(*row) for row in warehouse.query(CHAINS, {"project": project_id or "", "every": project_id is None})]


def walk(warehouse: Warehouse, chain: Chain, walked: Walked, head: Mark | None, start: Mark | None) -> None:
    """Adds to `walked`. `head` was signed last: the chain came so far; `start` too: what is up to it may be gone."""
    walk = _Walk(chain, head, start)
    for row in _rows(warehouse, chain):
        walk.look(row)
    walk.finish()
    walked.chains += 1
    walked.rows += walk.rows
    walked.erased += walk.erased
    walked.unchained += walk.unchained
    walked.cut += walk.is_cut
    walked.problems += walk.problems


class _Walk:
    def __init__(self, chain: Chain, head: Mark | None, start: Mark | None) -> None:
        self._chain = chain
        self._head = head
        self._start = start or Mark(0, "")
        self._expected = self._start.seq + 1
        self._previous: str | None = self._start.digest  # None where that row is not there
        self._gaps: list[tuple[int, int]] = []  # numbers that were passed over: the first, and the first beyond
        self._last: Row | None = None
        self.rows = self.erased = self.unchained = 0
        self.is_cut = start is not None
        self.problems: list[Problem] = []

    def look(self, row: Row) -> None:
        if (last := self._last) and (row.off, row.idx) == (last.off, last.idx):
            if row != last:
                self._tell("changed", row.seq, "there are two different rows in its place")
            return
        self._last = row
        if not row.seq:
            self._look_at_unchained(row)
        elif row.seq > self._start.seq:
            self.rows += 1
            self.erased += is_erased(row)
            self._look(row)

    def finish(self) -> None:
        for first, beyond in self._gaps:
            one = beyond == first + 1
            self._tell("missing", first, "it is not there" if one else f"it and all up to {beyond - 1} are not there")
        if self._head and self._head.seq >= self._expected:
            message = f"the chain ends before it; it was signed up to {self._head.seq}"
            self._tell("missing", self._expected, message)

    def _look_at_unchained(self, row: Row) -> None:
        if self.rows or row.digest:
            self._tell("unchained", 0, f"a row without a number stands after others: change {row.id}")
        self.unchained += 1

    def _look(self, row: Row) -> None:
        if row.seq < self._expected:
            return self._look_back(row)
        if row.seq > self._expected:
            self._pass_over(row.seq)
        if not fits_its_seals(row):
            self._tell("changed", row.seq, f"what it says of change {row.id} is not what was sealed")
        elif self._previous is not None and digest_of(row, self._previous) != row.digest:
            self._tell("changed", row.seq, f"it, change {row.id}, or the row before it is not as it was written")
        if self._head and row.seq == self._head.seq and row.digest != self._head.digest:
            self._tell("changed", row.seq, "it is not the row that was signed")
        self._previous, self._expected = row.digest, row.seq + 1
        return None

    def _look_back(self, row: Row) -> None:
        place = bisect_right(self._gaps, row.seq, key=itemgetter(0)) - 1
        first, beyond = self._gaps[place] if place >= 0 else (0, 0)
        if not first <= row.seq < beyond:
            return self._tell("duplicated", row.seq, f"there is another row of this number, of change {row.id}")
        parts = [part for part in ((first, row.seq), (row.seq + 1, beyond)) if part[0] < part[1]]
        self._gaps[place : place + 1] = parts
        return self._tell("reordered", row.seq, f"change {row.id} stands after ones that came later")

    def _pass_over(self, seq: int) -> None:
        if len(self._gaps) < MOST_GAPS:
            self._gaps.append((self._expected, seq))
        self._previous = None

    def _tell(self, kind: str, seq: int, message: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Problem(self._chain, kind, seq, message))


def _rows(warehouse: Warehouse, chain: Chain) -> Iterator[Row]:
    place = {"off": 0, "idx": 0}
    while page := _page(warehouse, chain, place):
        yield from page
        place = {"off": page[-1].off, "idx": page[-1].idx + 1}


def _page(warehouse: Warehouse, chain: Chain, place: Mapping[str, Any]) -> Sequence[Row]:
    lines = warehouse.raw(ROWS, "JSONEachRow", {**chain._asdict(), **place}).splitlines()
    return [msgspec.convert(orjson.loads(line), Row) for line in lines]
