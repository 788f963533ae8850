"""The SQLite home of the log, writing side: one file, one partition, one thread that commits for all appenders."""

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from copy import copy
from functools import cache
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from ask0.eventlog.log import WORKERS, Entry, LogUnavailable, Position, Progress
from ask0.eventlog.sqlite_file import LogFile, announce
from ask0.eventlog.sqlite_groups import join

_FEW, _MANY, _GATHER_SECONDS = 4, 64, 0.001  # see SqliteLog._gather
_PATIENCE_SECONDS, _PAUSE_SECONDS = 0.0025, 0.000_05  # see SqliteLog._give_way
_ENTRY_BYTES = 100  # what an entry takes in memory besides its value
_ROWS_AT_ONCE = 1024  # inserted by one statement

# These threads share the GIL with a busy event loop. Each step of a statement gives the GIL up and has to win it back,
# which may take milliseconds: so every piece of work is one statement that handles many rows in one step.
_CHECK = "UPDATE state SET checks = checks + 1"
_PROGRESS = """
SELECT ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'records'), 0), done - 1 FROM groups WHERE name = ?"""


class _Append(NamedTuple):
    entries: Sequence[Entry]  # none for a check
    durable: asyncio.Future[list[Position]]
    bytes: int


class SqliteLog:
    partitioned = False

    def __init__(self, path: Path, *, group: str = WORKERS, max_waiting_bytes: int = 64_000_000) -> None:
        self._file = LogFile(path)
        self._group = group
        self._joined = False
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

    async def append(self, entries: Sequence[Entry]) -> list[Position]:
        if not entries:
            return []
        return await self._put(entries, sum([len(entry.value) for entry in entries]) + _ENTRY_BYTES * len(entries))

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
            return Progress(*next(iter(file.read(_PROGRESS, (self._group,))), (0, 0)))
        finally:
            file.close()

    def _put(self, entries: Sequence[Entry], size: int) -> asyncio.Future[list[Position]]:
        if not self._thread:
            raise LogUnavailable("The log is not open.")
        if self._waiting_bytes and self._waiting_bytes + size > self._max_waiting_bytes:
            raise LogUnavailable("The log's disk does not keep up: send again later.")
        durable: asyncio.Future[list[Position]] = self._loop.create_future()
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
            error, offsets = None, []
            try:
                offsets = self._commit(group)
            except Exception as problem:  # the appenders wait for an answer, whatever happened
                error = problem
            with suppress(RuntimeError):  # their loop is closed
                self._loop.call_soon_threadsafe(self._settle, group, iter(offsets), error)
            announce(self._file.path)
        self._file.close()

    def _commit(self, group: list[_Append]) -> list[int]:
        """The offsets of all entries. Those of one statement follow on each other, as other writers wait meanwhile."""
        if not self._joined:  # before there is a record, so that none is deleted which the workers have not done
            join(self._file, self._group, at_end=False, lasting=True)
            self._joined = True
        cells: list[object] = []
        offsets: list[int] = []
        for append in group:
            for entry in append.entries:
                cells += entry.events, entry.value
        for start in range(0, len(cells), 2 * _ROWS_AT_ONCE):
            part = cells[start : start + 2 * _ROWS_AT_ONCE]
            rows = 1 << (len(part) // 2 - 1).bit_length()
            last = self._file.insert(_insert(rows), part + [None] * (2 * rows - len(part)))
            offsets += range(last + 1 - len(part) // 2, last + 1)
        if any(not append.entries for append in group):
            self._file.write(_CHECK)
        return offsets

    def _settle(self, group: list[_Append], offsets: Iterator[int], error: Exception | None) -> None:
        self._stop_timer()
        self._busy = False
        for append in group:
            self._waiting_bytes -= append.bytes
            positions = [Position(0, offset) for offset in islice(offsets, len(append.entries))]
            if append.durable.done():  # cancelled
                continue
            if error:
                append.durable.set_exception(copy(error))
            else:
                append.durable.set_result(positions)
        if self._waiting:
            self._gather()


@cache
def _insert(rows: int) -> str:
    """Few lengths, so that the statements stay prepared: a power of two, unused rows being NULL."""
    values = ",".join(["(?,?)"] * rows)
    return f"INSERT INTO records (events, value) SELECT * FROM (VALUES {values}) WHERE column2 IS NOT NULL"
