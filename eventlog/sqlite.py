"""The SQLite home of the log: one file, one partition; one thread commits for all appenders, one reader takes turns."""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from copy import copy
from functools import cache
from itertools import accumulate, pairwise
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple, TypeVar

from ask0.eventlog.log import MAX_CHUNK_BYTES, MAX_CHUNK_EVENTS, Chunk, ChunkLost, Entry, LogUnavailable, Progress
from ask0.eventlog.sqlite_file import LogFile, announce, hold, unwatch, watch

KEEP_BYTES = 1_000_000_000  # of records that are done, beside how many of them

_LOOK_SECONDS = 0.05  # how often a waiting reader looks for commits of other processes
_FEW, _MANY, _GATHER_SECONDS = 4, 64, 0.001  # see SqliteLog._gather
_PATIENCE_SECONDS, _PAUSE_SECONDS = 0.0025, 0.000_05  # see SqliteLog._give_way
_ENTRY_BYTES = 100  # what an entry takes in memory besides its value
_ROWS_AT_ONCE = 1024  # inserted by one statement
_READ_AT_ONCE = 4096  # records
_TRIM_RECORDS, _TRIM_BYTES, _TRIM_STEPS = 2000, 8_000_000, 32  # together more than a chunk
_FREE_PAGES, _VACUUM_PAGES = 8192, 250  # more than so many are given back to the disk, in steps
_ANY = 1 << 62

# These threads share the GIL with a busy event loop. Each step of a statement gives the GIL up and has to win it back,
# which may take milliseconds: so every piece of work is one statement that handles many rows in one step.
_CHECK = "UPDATE state SET checks = checks + 1"
_STATE = "SELECT log_id, done, intent FROM state"
_PROGRESS = "SELECT ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'records'), 0), done - 1 FROM state"
_LAG = "SELECT max(ifnull((SELECT max(offset) + 1 FROM records) - done, 0), 0) FROM state"
_BOUND = """
SELECT max(offset) + 1 FROM (
    SELECT offset, row_number() OVER running AS row, sum(events) OVER running AS events,
           sum(length(value)) OVER running AS bytes
    FROM (SELECT * FROM records WHERE offset >= ? ORDER BY offset LIMIT ?)
    WINDOW running AS (ORDER BY offset ROWS UNBOUNDED PRECEDING)
) WHERE row = 1 OR (events <= ? AND bytes <= ?)"""
_INTEND = "UPDATE state SET intent = ? WHERE done = ? AND intent IS NULL"
_READ = """
SELECT group_concat(offset), group_concat(length(value)), CAST(group_concat(value, '') AS BLOB), max(offset) + 1
FROM (SELECT offset, value FROM records WHERE offset >= ? AND offset < ? ORDER BY offset LIMIT ?)"""
_DONE = "UPDATE state SET done = ?2, intent = NULL WHERE done = ?1 AND intent = ?2 AND log_id = ?3 RETURNING done"

T = TypeVar("T")


class _Append(NamedTuple):
    entries: Sequence[Entry]  # none for a check
    durable: asyncio.Future[None]
    bytes: int


class SqliteLog:
    partitioned = False

    def __init__(self, path: Path, *, max_waiting_bytes: int = 64_000_000) -> None:
        self._file = LogFile(path)
        self._max_waiting_bytes = max_waiting_bytes
        self._waiting_bytes = 0
        self._waiting: list[_Append] = []
        self._under_way = 0  # appends that the thread has, or had last
        self._busy = False  # the thread has a group
        self._timer: asyncio.TimerHandle | None = None
        self._queue: SimpleQueue[list[_Append] | None] = SimpleQueue()  # None ends the thread
        self._thread: threading.Thread | None = None

    async def start(self) -> None:
        if not self._thread:
            self._loop = asyncio.get_running_loop()
            self._thread = threading.Thread(target=self._write, name="ask0-log", daemon=True)
            self._thread.start()
        await self.check()

    async def append(self, entries: Sequence[Entry]) -> None:
        if entries:
            await self._put(entries, sum([len(entry.value) for entry in entries]) + _ENTRY_BYTES * len(entries))

    async def check(self) -> None:
        await self._put((), _ENTRY_BYTES)

    async def progress(self) -> Progress:
        return await asyncio.to_thread(self._read_progress)

    async def close(self) -> None:
        thread, self._thread = self._thread, None
        if thread:
            self._hand_over()
            self._queue.put(None)
            await asyncio.to_thread(thread.join)

    def _read_progress(self) -> Progress:
        """With a connection of this look's own, as each may run in another thread. It must not make a new log where the
        old one was removed."""
        if not self._file.log_id:
            raise LogUnavailable("The log is not open.")
        file = LogFile(self._file.path, self._file.log_id)
        try:
            return Progress(*file.read(_PROGRESS)[0])
        finally:
            file.close()

    def _put(self, entries: Sequence[Entry], size: int) -> asyncio.Future[None]:
        if not self._thread:
            raise LogUnavailable("The log is not open.")
        if self._waiting_bytes and self._waiting_bytes + size > self._max_waiting_bytes:
            raise LogUnavailable("The log's disk does not keep up: send again later.")
        durable = self._loop.create_future()
        self._waiting_bytes += size
        self._waiting.append(_Append(entries, durable, size))
        if not self._busy:
            self._gather()
        return durable

    def _gather(self) -> None:
        """Many appenders at once are answered at once, and come back one after the other: a group waits for as many as
        the last one had, if not too many and not long; appenders that are few do not wait."""
        if self._under_way <= _FEW or len(self._waiting) >= min(self._under_way, _MANY):
            self._hand_over()
        elif not self._timer:
            self._timer = self._loop.call_later(_GATHER_SECONDS, self._hand_over)

    def _hand_over(self) -> None:
        self._stop_timer()
        if self._waiting:
            self._queue.put(self._waiting)
            self._under_way, self._busy, self._waiting = len(self._waiting), True, []
            self._timer = self._loop.call_later(_PATIENCE_SECONDS, self._give_way)

    def _give_way(self) -> None:
        """A loop that is never idle gives the GIL up and takes it back within microseconds, too fast for the writer's
        thread to win it: appends then took 200 to 600 ms. So while a group takes long, stand aside now and then."""
        time.sleep(_PAUSE_SECONDS)
        self._timer = self._loop.call_later(_PATIENCE_SECONDS, self._give_way)

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _write(self) -> None:
        """The thread: each group becomes durable together."""
        while group := self._queue.get():
            error = None
            try:
                self._commit(group)
            except Exception as problem:  # the appenders wait for an answer, whatever happened
                error = problem
            with suppress(RuntimeError):  # their loop is closed
                self._loop.call_soon_threadsafe(self._settle, group, error)
            announce(self._file.path)
        self._file.close()

    def _commit(self, group: list[_Append]) -> None:
        cells: list[object] = []
        for append in group:
            for entry in append.entries:
                cells += entry.events, entry.value
        for start in range(0, len(cells), 2 * _ROWS_AT_ONCE):
            part = cells[start : start + 2 * _ROWS_AT_ONCE]
            rows = 1 << (len(part) // 2 - 1).bit_length()
            self._file.write(_insert(rows), part + [None] * (2 * rows - len(part)))
        if any(not append.entries for append in group):
            self._file.write(_CHECK)

    def _settle(self, group: list[_Append], error: Exception | None) -> None:
        self._stop_timer()
        self._busy = False
        for append in group:
            self._waiting_bytes -= append.bytes
            if append.durable.done():  # cancelled
                continue
            if error:
                append.durable.set_exception(copy(error))
            else:
                append.durable.set_result(None)
        if self._waiting:
            self._gather()


@cache
def _insert(rows: int) -> str:
    """Few lengths, so that the statements stay prepared: a power of two, unused rows being NULL."""
    values = ",".join(["(?,?)"] * rows)
    return f"INSERT INTO records (events, value) SELECT * FROM (VALUES {values}) WHERE column2 IS NOT NULL"


class SqliteReader:
    def __init__(self, path: Path, *, keep_records: int = 100_000, keep_bytes: int = KEEP_BYTES) -> None:
        self._file = LogFile(path)
        self._keep_records = keep_records
        self._keep_bytes = keep_bytes
        self._pool: ThreadPoolExecutor | None = None
        self._lock: int | None = None
        self._woken = asyncio.Event()
        self._handed_out: int | None = None  # the end of the chunk
        self._oldest = 0  # no record that could be trimmed lies before it

    async def start(self) -> None:
        if self._pool:
            return
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()
        self._pool = ThreadPoolExecutor(1, "ask0-log-reader")
        try:
            await self._run(self._file.read, _STATE)
            self._lock = hold(self._file.path)
        except LogUnavailable:
            await self.close()
            raise
        watch(self._file.path, self._wake)

    async def poll(self, timeout: float) -> list[Chunk]:
        deadline = time.monotonic() + timeout
        while True:
            self._woken.clear()
            chunk = await self._run(self._take) if self._handed_out is None else None
            if chunk:
                self._handed_out = chunk.hi
                if self._pool:  # while the worker is busy with the chunk
                    self._pool.submit(self._trim, chunk.lo)
                return [chunk]
            left = deadline - time.monotonic()
            if left <= 0:
                return []
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), min(left, _LOOK_SECONDS))

    async def done(self, chunks: Sequence[Chunk]) -> None:
        for chunk in chunks:
            finished = await self._run(self._finish, chunk)
            if chunk.hi == self._handed_out:
                self.retry()
            if not finished:
                raise ChunkLost(f"The chunk {chunk.token} is not the one to be finished now.")

    def retry(self) -> None:
        self._handed_out = None
        self._woken.set()

    async def lag(self) -> int:
        ((records,),) = await self._run(self._file.read, _LAG)
        return int(records)

    async def close(self) -> None:
        unwatch(self._file.path, self._wake)
        pool, self._pool = self._pool, None
        if pool:
            await self._loop.run_in_executor(pool, self._file.close)
            pool.shutdown()
        if self._lock is not None:
            os.close(self._lock)
        self._lock, self._handed_out = None, None

    async def _run(self, function: Callable[..., T], *arguments: object) -> T:
        """In the reader's thread, which alone uses the connection."""
        if not self._pool:
            raise LogUnavailable("The reader is not open.")
        return await self._loop.run_in_executor(self._pool, function, *arguments)

    def _wake(self) -> None:
        if not self._woken.is_set():
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._woken.set)

    def _take(self) -> Chunk | None:
        ((log_id, lo, hi),) = self._file.read(_STATE)
        repeated = hi is not None
        if not repeated:
            hi = self._bound(lo, MAX_CHUNK_EVENTS, MAX_CHUNK_EVENTS, MAX_CHUNK_BYTES)
            if hi is None:
                return None
            self._file.write(_INTEND, (hi, lo))
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
        if self._file.write(_DONE, (chunk.lo, chunk.hi, chunk.log_id)):
            return True
        ((log_id, done, _),) = self._file.read(_STATE)
        return bool(log_id == chunk.log_id and done >= chunk.hi)  # said before

    def _trim(self, done: int) -> None:
        """In short transactions, since appends wait meanwhile. What fails here fails again, and loudly, in `done`."""
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
