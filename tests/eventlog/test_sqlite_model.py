"""Any order of appends, polls, crashes: the SQLite home behaves as a plain list with two marks."""

import asyncio
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ask0.eventlog import sqlite_reader
from ask0.eventlog.log import Chunk, Entry
from ask0.eventlog.sqlite import SqliteLog
from ask0.eventlog.sqlite_reader import SqliteReader

MAX_EVENTS, MAX_BYTES, KEEP = 6, 40, 3

ENTRIES = st.lists(st.builds(Entry, st.just(b"key"), st.binary(max_size=60), st.integers(0, 8)), min_size=1, max_size=9)


async def append(log: SqliteLog, entries: list[Entry]) -> None:
    await log.append(entries)


class LogMachine(RuleBasedStateMachine):
    """`done` and `intent` are the model's marks: indices into the list of all entries ever appended."""

    @initialize()
    def open(self) -> None:
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(sqlite_reader, "MAX_CHUNK_EVENTS", MAX_EVENTS)
        self.patch.setattr(sqlite_reader, "MAX_CHUNK_BYTES", MAX_BYTES)
        self.patch.setattr(sqlite_reader, "_TRIM_RECORDS", 2)
        self.patch.setattr(sqlite_reader, "_READ_AT_ONCE", 3)
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        self.entries: list[Entry] = []
        self.done = 0
        self.intent: int | None = None
        self.chunk: Chunk | None = None  # with the worker
        self.start()

    def start(self) -> None:
        self.log = SqliteLog(self.folder / "log.sqlite3")
        self.reader = SqliteReader(self.folder / "log.sqlite3", keep_records=KEEP)
        self.runner.run(self.log.start())
        self.runner.run(self.reader.start())

    def end(self) -> None:
        self.runner.run(self.log.close())
        self.runner.run(self.reader.close())

    @rule(entries=ENTRIES)
    def append(self, entries: list[Entry]) -> None:
        self.runner.run(append(self.log, entries))
        self.entries += entries

    @rule()
    def poll(self) -> None:
        polled = self.runner.run(self.reader.poll(0))
        if self.chunk or self.done == len(self.entries):
            assert polled == []
            return
        (chunk,) = polled
        assert chunk.repeated == (self.intent is not None)
        self.intent = self.intent or self.bound()
        assert (chunk.lo - 1, chunk.hi - 1) == (self.done, self.intent)
        assert [value for _, value in chunk.records] == [entry.value for entry in self.entries[self.done : self.intent]]
        assert [offset for offset, _ in chunk.records] == list(range(chunk.lo, chunk.hi))
        self.chunk = chunk

    @precondition(lambda self: self.chunk)
    @rule(times=st.integers(1, 2))
    def finish(self, times: int) -> None:
        assert self.chunk
        assert self.intent
        for _ in range(times):
            self.runner.run(self.reader.done([self.chunk]))
        self.done, self.intent, self.chunk = self.intent, None, None

    @rule()
    def retry(self) -> None:
        self.reader.retry()
        self.chunk = None

    @rule()
    def crash(self) -> None:
        self.end()
        self.chunk = None
        self.start()

    @invariant()
    def lag_is_what_is_not_done(self) -> None:
        assert self.runner.run(self.reader.lag()) == len(self.entries) - self.done

    def teardown(self) -> None:
        self.end()
        self.runner.close()
        self.patch.undo()
        shutil.rmtree(self.folder)

    def bound(self) -> int:
        end, events, size = self.done, 0, 0
        for entry in self.entries[self.done : self.done + MAX_EVENTS]:
            events, size = events + entry.events, size + len(entry.value)
            if end > self.done and (events > MAX_EVENTS or size > MAX_BYTES):
                break
            end += 1
        return end


TestLogMachine = LogMachine.TestCase
TestLogMachine.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
