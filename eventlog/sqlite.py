"""The SQLite home of the log, writing side: one file, one partition, one writer that commits for all appenders."""

import asyncio
import time
from asyncio import Future
from collections.abc import Sequence
from copy import copy
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from ask0.eventlog.log import WORKERS, Entry, LogUnavailable, Position, Progress
from ask0.eventlog.sqlite_commit import Committed, Row
from ask0.eventlog.sqlite_erasure import forget_records
from ask0.eventlog.sqlite_file import LogFile, announce
from ask0.eventlog.sqlite_process import ProcessWriter
from ask0.eventlog.sqlite_thread import ThreadWriter, Writer

_FEW, _MANY, _MUCH_BYTES, _GATHER_SECONDS = 4, 64, 250_000, 0.001  # see SqliteLog._gather
_PATIENCE_SECONDS, _PAUSE_SECONDS = 0.0025, 0.000_05  # see SqliteLog._give_way
_ENTRY_BYTES = 100  # what an entry takes in memory besides its value
_PROGRESS = """
SELECT ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'records'), 0), done - 1 FROM groups WHERE name = ?"""


class _Append(NamedTuple):
    entries: Sequence[Entry]  # none for a check
    durable: Future[list[Position]]
    bytes: int


class SqliteLog:
    """`own_process` for those who append much: starting one takes longer than a few appends."""

    partitioned = False

    def __init__(
        self, path: Path, *, group: str = WORKERS, max_waiting_bytes: int = 64_000_000, own_process: bool = False
    ) -> None:
        self._path = LogFile(path).path
        self._group = group
        self.log_id = ""
        self._max_waiting_bytes = max_waiting_bytes
        self._waiting_bytes = 0
        self._waiting: list[_Append] = []
        self._under_way: list[_Append] = []
        self._last = 0  # how many were handed over last
        self._timer: asyncio.TimerHandle | None = None
        self._writer: Writer = (ProcessWriter if own_process else ThreadWriter)(self._path, group)
        self._open = False

    async def start(self) -> None:
        if not self._open:
            self._loop = asyncio.get_running_loop()
            self._idle = asyncio.Event()
            self._idle.set()
            await self._writer.start(self._settle)
            self._open = True
        await self.check()

    def append(self, entries: Sequence[Entry]) -> Future[list[Position]]:
        if not entries:
            nothing: Future[list[Position]] = asyncio.get_running_loop().create_future()
            nothing.set_result([])
            return nothing
        return self._put(entries, sum([len(entry.value) for entry in entries]) + _ENTRY_BYTES * len(entries))

    async def check(self) -> None:
        await self._put((), _ENTRY_BYTES)

    async def progress(self) -> Progress:
        return await asyncio.to_thread(self._read_progress)

    async def ends(self) -> list[Position]:
        appended, _ = await self.progress()
        return [Position(0, appended)] if appended else []

    async def forget(self, positions: Sequence[Position]) -> None:
        through = max((position.offset for position in positions), default=0)
        await asyncio.to_thread(forget_records, self._path, self.log_id, through)

    async def close(self) -> None:
        if self._open:
            self._open = False
            if self._waiting and not self._under_way:
                self._hand_over()
            await self._idle.wait()
            await self._writer.close()

    def _read_progress(self) -> Progress:
        """With a connection of this look's own, as each may run in another thread. It must not make a new log where the
        old one was removed."""
        if not self.log_id:
            raise LogUnavailable("The log is not open.")
        file = LogFile(self._path, self.log_id)
        try:
            return Progress(*next(iter(file.read(_PROGRESS, (self._group,))), (0, 0)))
        finally:
            file.close()

    def _put(self, entries: Sequence[Entry], size: int) -> Future[list[Position]]:
        if not self._open:
            raise LogUnavailable("The log is not open.")
        if self._waiting_bytes and self._waiting_bytes + size > self._max_waiting_bytes:
            raise LogUnavailable("The log's disk does not keep up: send again later.")
        durable: Future[list[Position]] = self._loop.create_future()
        self._waiting_bytes += size
        self._waiting.append(_Append(entries, durable, size))
        if not self._under_way:
            self._gather()
        return durable

    def _gather(self) -> None:
        """Many appenders at once are answered at once, and come back one after the other: a group waits for as many as
        the last one had, if not too many and not long; appenders that are few do not wait, nor do those of much."""
        many = len(self._waiting) >= min(self._last, _MANY) or self._waiting_bytes >= _MUCH_BYTES
        if many or self._last <= _FEW or not self._open:
            self._hand_over()
        elif not self._timer:
            self._timer = self._loop.call_later(_GATHER_SECONDS, self._hand_over)

    def _hand_over(self) -> None:
        self._stop_timer()
        self._idle.clear()
        group = self._under_way = self._waiting
        self._waiting, self._last = [], len(group)
        rows = [Row(entry.events, entry.value) for append in group for entry in append.entries]
        self._writer.write(rows, check=any(not append.entries for append in group))
        if self._writer.shares_gil:
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

    def _settle(self, committed: Committed) -> None:
        self._stop_timer()
        self.log_id = committed.log_id or self.log_id
        offsets = chain.from_iterable([range(first, first + count) for first, count in committed.spans])
        group, self._under_way = self._under_way, []
        for append in group:
            self._waiting_bytes -= append.bytes
            positions = [Position(0, offset) for _, offset in zip(append.entries, offsets, strict=False)]
            if append.durable.done():  # cancelled
                continue
            if committed.error:
                append.durable.set_exception(copy(committed.error))
            else:
                append.durable.set_result(positions)
        announce(self._path)
        if self._waiting:
            self._gather()
        else:
            self._idle.set()
