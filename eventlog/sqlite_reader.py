"""The reading side of the SQLite log: one reader of each group takes chunks in turn, and deletes what all have done."""

import os
import time
from collections.abc import Sequence
from itertools import accumulate, pairwise
from pathlib import Path

from ask0.eventlog.log import MAX_CHUNK_BYTES, MAX_CHUNK_EVENTS, WORKERS, Chunk, ChunkLost, LogUnavailable
from ask0.eventlog.sqlite_file import LogFile, hold
from ask0.eventlog.sqlite_follower import Follower
from ask0.eventlog.sqlite_groups import SEEN_SECONDS, forget_the_gone, join, read_lag, say_seen

KEEP_BYTES = 1_000_000_000  # of records that are done, beside how many of them

_READ_AT_ONCE = 4096  # records
_TRIM_RECORDS, _TRIM_BYTES, _TRIM_STEPS = 2000, 8_000_000, 32  # together more than a chunk
_FREE_PAGES, _VACUUM_PAGES = 8192, 250  # more than so many are given back to the disk, in steps
_ANY = 1 << 62

# One statement reads many records in one step: see sqlite.py.
_STATE = "SELECT log_id, done, intent FROM state, groups WHERE name = ?"
_BOUND = """
SELECT max(offset) + 1 FROM (
    SELECT offset, row_number() OVER running AS row, sum(events) OVER running AS events,
           sum(length(value)) OVER running AS bytes
    FROM (SELECT * FROM records WHERE offset >= ? ORDER BY offset LIMIT ?)
    WINDOW running AS (ORDER BY offset ROWS UNBOUNDED PRECEDING)
) WHERE row = 1 OR (events <= ? AND bytes <= ?)"""
_INTEND = "UPDATE groups SET intent = ?1, seen = unixepoch() WHERE name = ?2 AND done = ?3 AND intent IS NULL"
_READ = """
SELECT group_concat(offset), group_concat(length(value)), CAST(group_concat(value, '') AS BLOB), max(offset) + 1
FROM (SELECT offset, value FROM records WHERE offset >= ? AND offset < ? ORDER BY offset LIMIT ?)"""
_DONE = """
UPDATE groups SET done = ?3, intent = NULL, seen = unixepoch()
WHERE name = ?1 AND done = ?2 AND intent = ?3 AND EXISTS (SELECT 1 FROM state WHERE log_id = ?4) RETURNING done"""
_DONE_BY_ALL = "SELECT min(done) FROM groups"


class SqliteReader:
    leads = True  # the only one of its group

    def __init__(
        self,
        path: Path,
        *,
        group: str = WORKERS,
        at_end: bool = False,
        lasting: bool = True,
        keep_records: int = 100_000,
        keep_bytes: int = KEEP_BYTES,
    ) -> None:
        self._file = LogFile(path)
        self._group = group
        self._at_end = at_end
        self._lasting = lasting
        self._seen = 0.0  # when the file was last told that this group is there
        self._keep_records = keep_records
        self._keep_bytes = keep_bytes
        self._follower = Follower(self._file, self._file.path, "log-reader")
        self._lock: int | None = None
        self._handed_out: int | None = None  # the end of the chunk
        self._oldest = 0  # no record that could be trimmed lies before it

    async def start(self) -> None:
        if self._follower.is_open:
            return
        try:
            await self._follower.open(self._join)
        except LogUnavailable:
            self._let_go()
            raise

    async def poll(self, timeout: float) -> list[Chunk]:
        if time.monotonic() - self._seen > SEEN_SECONDS:
            await self._follower.run(self._say_seen)
        chunk = await self._follower.until(timeout, self._take)
        if chunk is None:
            return []
        self._handed_out = chunk.hi
        if self._follower.is_open:
            self._follower.run_later(self._trim)  # while the worker is busy with the chunk
        return [chunk]

    async def done(self, chunks: Sequence[Chunk]) -> None:
        for chunk in chunks:
            finished = await self._follower.run(self._finish, chunk)
            if chunk.hi == self._handed_out:
                self.retry()
            if not finished:
                raise ChunkLost(f"The chunk {chunk.token} is not the one to be finished now.")

    def retry(self) -> None:
        self._handed_out = None
        self._follower.look_again()

    async def lag(self) -> int:
        return await self._follower.run(read_lag, self._file, self._group)

    async def close(self) -> None:
        await self._follower.close()
        self._let_go()

    def _let_go(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
        self._lock, self._handed_out = None, None

    def _join(self) -> None:
        self._file.read("SELECT log_id FROM state")  # there is a log, or one is made
        self._lock = hold(self._file.path, self._group)
        join(self._file, self._group, at_end=self._at_end, lasting=self._lasting)
        self._seen = time.monotonic()

    def _say_seen(self) -> None:
        say_seen(self._file, self._group)
        self._seen = time.monotonic()

    def _state(self) -> tuple[str, int, int | None]:
        """Log, done, intent. A group that was forgotten, while this process slept for long, joins again."""
        found = self._file.read(_STATE, (self._group,))
        if not found:
            join(self._file, self._group, at_end=self._at_end, lasting=self._lasting)
            found = self._file.read(_STATE, (self._group,))
        ((log_id, done, intent),) = found
        return log_id, done, intent

    def _take(self) -> Chunk | None:
        if self._handed_out is not None:
            return None
        log_id, lo, hi = self._state()
        repeated = hi is not None
        if hi is None:
            hi = self._bound(lo, MAX_CHUNK_EVENTS, MAX_CHUNK_EVENTS, MAX_CHUNK_BYTES)
            if hi is None:
                return None
            self._file.write(_INTEND, (hi, self._group, lo))
        return Chunk(log_id, 0, lo, hi, self._read(lo, hi), repeated)

    def _bound(self, lo: int, records: int, events: int, size: int) -> int | None:
        """The end of the run of records from `lo` that keeps the limits and has at least one; None if there is none."""
        ((hi,),) = self._file.read(_BOUND, (lo, records, events, size))
        return hi if hi is None else int(hi)

    def _read(self, lo: int, hi: int) -> list[tuple[int, bytes]]:
        records: list[tuple[int, bytes]] = []
        while lo < hi:
            ((offsets, lengths, values, after),) = self._file.read(_READ, (lo, hi, _READ_AT_ONCE))
            if after is None:
                break
            ends = [0, *accumulate(map(int, lengths.split(",")))]
            if ends[-1] != len(values):
                raise LogUnavailable(f"The log {self._file.path} is damaged between {lo} and {after}.")
            parts = [values[start:end] for start, end in pairwise(ends)]
            records += zip(map(int, offsets.split(",")), parts, strict=True)
            lo = after
        return records

    def _finish(self, chunk: Chunk) -> bool:
        if self._file.write(_DONE, (self._group, chunk.lo, chunk.hi, chunk.log_id)):
            return True
        log_id, done, _ = self._state()
        return log_id == chunk.log_id and done >= chunk.hi  # said before

    def _trim(self) -> None:
        """Up to where the slowest group is. In short transactions, since appends wait meanwhile. What fails here fails
        again, and loudly, in `done`."""
        forget_the_gone(self._file)
        ((done,),) = self._file.read(_DONE_BY_ALL)
        for _ in range(_TRIM_STEPS):
            end = done - self._keep_records
            if end - self._oldest < _TRIM_RECORDS:
                end = done if self._file.used_bytes() > self._keep_bytes else end
                if end <= self._oldest:
                    break
            hi = self._bound(self._oldest, _TRIM_RECORDS, _ANY, _TRIM_BYTES)
            self._oldest = min(hi or end, end)
            self._file.write("DELETE FROM records WHERE offset < ?", (self._oldest,))
            self._file.shrink(_VACUUM_PAGES, _FREE_PAGES)
