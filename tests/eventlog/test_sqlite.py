"""What only the SQLite home has to face: disks, files, locks, and the space of what is done."""

import asyncio
import os
import resource
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ask0.eventlog import sqlite, sqlite_commit, sqlite_file, sqlite_follower, sqlite_reader
from ask0.eventlog.log import MAX_CHUNK_BYTES, Chunk, ChunkLost, Entry, LogUnavailable
from ask0.eventlog.sqlite import SqliteLog
from ask0.eventlog.sqlite_reader import SqliteReader
from tests.eventlog.homes import next_chunk, read_records, started, values


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "log.sqlite3"


def entries(count: int, size: int = 1) -> list[Entry]:
    return [Entry(b"key", b"%d" % number + bytes(size), 1) for number in range(count)]


def ask(path: Path, sql: str) -> int:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0


async def until(path: Path, sql: str) -> None:
    for _ in iter(lambda: ask(path, sql), 1):
        await asyncio.sleep(0.01)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program keeps the file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


async def append_until_refused(log: SqliteLog, size: int) -> tuple[list[bytes], str]:
    """What was acknowledged, and why no more."""
    acknowledged: list[bytes] = []
    while True:
        value = b"%d|" % len(acknowledged) + bytes(size)
        try:
            await log.append([Entry(b"key", value, 1)])
        except LogUnavailable as error:
            return acknowledged, str(error)
        acknowledged.append(value)


async def test_a_full_disk_refuses_until_there_is_room(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = 60
    prepare = sqlite_file.LogFile._prepare

    def prepare_on_a_small_disk(self: sqlite_file.LogFile, connection: sqlite3.Connection) -> None:
        prepare(self, connection)
        connection.execute(f"PRAGMA max_page_count={pages}")

    monkeypatch.setattr(sqlite_file.LogFile, "_prepare", prepare_on_a_small_disk)
    async with started(SqliteLog(path)) as log, started(SqliteReader(path)) as reader:
        acknowledged, reason = await append_until_refused(log, 5000)
        assert "full: make room" in reason
        with pytest.raises(LogUnavailable, match="full: make room"):
            await log.append(entries(1, 5000))
        pages = 1000
        await log.append([Entry(b"key", b"there is room", 1)])
        assert values(await read_records(reader, len(acknowledged) + 1)) == [*acknowledged, b"there is room"]


async def test_a_failing_disk_refuses_until_it_is_well(path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    async with started(SqliteLog(path)) as log, started(SqliteReader(path)) as reader:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))  # the kernel refuses to write more
        try:
            acknowledged, reason = await append_until_refused(log, 5000)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert "unavailable" in reason
        await log.append([Entry(b"key", b"it is well", 1)])
        got = values(await read_records(reader, len(acknowledged) + 1))
        assert (got[: len(acknowledged)], got[-1]) == (acknowledged, b"it is well")


async def test_a_locked_file_refuses_until_it_is_free(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_file, "BUSY_SECONDS", 0.01)
    async with started(SqliteReader(path)) as reader, started(SqliteLog(path)) as log:
        with locked(path):
            with pytest.raises(LogUnavailable, match="another process keeps it locked"):
                await log.start()
            with pytest.raises(LogUnavailable, match="another process keeps it locked"):
                await log.append(entries(1))
        await log.append([Entry(b"key", b"free", 1)])
        assert values(await read_records(reader, 1)) == [b"free"]


async def test_too_much_that_waits_is_refused_at_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_file, "BUSY_SECONDS", 60.0)
    async with started(SqliteLog(path, max_waiting_bytes=1000)) as log, started(SqliteReader(path)) as reader:
        with locked(path):
            first = asyncio.ensure_future(log.append(entries(1, 5000)))
            await asyncio.sleep(0)
            with pytest.raises(LogUnavailable, match="does not keep up"):
                await log.append(entries(1))
            with pytest.raises(LogUnavailable, match="does not keep up"):
                await log.check()
        await first
        await log.append(entries(1))
        assert len(values(await read_records(reader, 2))) == 2


async def test_a_cancelled_append_does_not_hold_up_its_neighbours(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_file, "BUSY_SECONDS", 60.0)
    async with started(SqliteLog(path, max_waiting_bytes=20_000)) as log:
        for _ in range(5):
            with locked(path):
                appends = [asyncio.ensure_future(log.append(entries(1, 5000))) for _ in range(3)]
                await asyncio.sleep(0)
                appends[1].cancel()
                await asyncio.wait([appends[1]])
            await asyncio.gather(appends[0], appends[2])


async def test_a_removed_file_takes_nothing_until_it_is_back(path: Path) -> None:
    aside = path.parent.with_name("aside")
    async with started(SqliteLog(path)) as log, started(SqliteReader(path)) as reader:
        await log.append([Entry(b"key", b"before", 1)])
        path.parent.rename(aside)
        with pytest.raises(LogUnavailable, match="removed or replaced"):
            await log.append(entries(1))
        with pytest.raises(LogUnavailable):
            await log.check()
        with pytest.raises(LogUnavailable):
            await reader.poll(0)
        with pytest.raises(LogUnavailable):
            await log.progress()
        assert not await asyncio.to_thread(path.exists), "nothing makes a new log in its place"
        aside.rename(path.parent)
        assert await log.progress() == (1, 0)
        await log.append([Entry(b"key", b"after", 1)])
        assert values(await read_records(reader, 2)) == [b"before", b"after"]


async def test_another_log_in_its_place_is_not_taken_for_the_log(path: Path) -> None:
    aside = path.parent.with_name("aside")
    async with started(SqliteLog(path)) as log:
        path.parent.rename(aside)
        async with started(SqliteLog(path)):
            pass
        for _ in range(2):
            with pytest.raises(LogUnavailable, match="replaced|took the place"):
                await log.append(entries(1))


async def test_a_second_reader_is_refused_by_the_first_ones_pid(path: Path) -> None:
    async with started(SqliteReader(path)):
        with pytest.raises(LogUnavailable, match=f"Process {os.getpid()} reads the log .* stop that process"):
            await SqliteReader(path).start()
    async with started(SqliteReader(path)) as reader:
        assert await reader.lag() == 0


async def test_a_file_of_a_newer_version_is_refused(path: Path) -> None:
    async with started(SqliteLog(path)):
        pass
    ask(path, "PRAGMA user_version=99")
    for part in (SqliteLog(path), SqliteReader(path)):
        with pytest.raises(LogUnavailable, match="format 99, written by a newer Ask0"):
            await part.start()
        await part.close()


async def test_a_database_of_another_program_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    ask(path, "CREATE TABLE songs (title)")
    log = SqliteLog(path)
    with pytest.raises(LogUnavailable, match="of another program"):
        await log.start()
    await log.close()
    assert ask(path, "SELECT count(*) FROM sqlite_master") == 1


def test_a_file_that_is_no_database_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"dear diary" * 1000)

    async def use() -> None:
        log = SqliteLog(path)
        with pytest.raises(LogUnavailable, match="not a SQLite file"):
            await log.start()
        await log.close()

    asyncio.run(use())
    assert path.read_bytes() == b"dear diary" * 1000


async def test_only_the_owner_may_look_into_it(path: Path) -> None:
    async with started(SqliteLog(path)), started(SqliteReader(path)):
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


async def test_a_closed_log_takes_and_gives_nothing(path: Path) -> None:
    log, reader = SqliteLog(path), SqliteReader(path)
    for _ in range(2):
        with pytest.raises(LogUnavailable, match="not open"):
            await log.append(entries(1))
        with pytest.raises(LogUnavailable, match="not open"):
            await reader.poll(0)
        async with started(log), started(reader):
            pass


async def test_close_waits_for_what_was_appended(path: Path) -> None:
    async with started(SqliteLog(path)) as log:
        appends = [asyncio.ensure_future(log.append(entries(10))) for _ in range(10)]
        await asyncio.sleep(0)
    await asyncio.gather(*appends)
    assert ask(path, "SELECT count(*) FROM records") == 100


async def test_close_hands_over_what_waits_for_a_group(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_GATHER_SECONDS", 3600.0)
    async with started(SqliteLog(path)) as log:
        await asyncio.gather(*[log.append([entry]) for entry in entries(10)])
        late = asyncio.ensure_future(log.append([Entry(b"key", b"late", 1)]))
        await asyncio.sleep(0)
        assert not late.done()
        await log.close()
        await late
    assert ask(path, "SELECT count(*) FROM records") == 11


async def test_an_append_of_more_rows_than_one_statement_takes_is_whole(path: Path) -> None:
    count = 2 * sqlite_commit._ROWS_AT_ONCE + 3
    async with started(SqliteLog(path)) as log, started(SqliteReader(path)) as reader:
        await log.append(entries(count))
        assert values(await read_records(reader, count)) == [entry.value for entry in entries(count)]


async def test_a_value_beyond_the_bytes_of_a_chunk_comes_alone(path: Path) -> None:
    sent = [b"a", bytes(MAX_CHUNK_BYTES + 1), b"b"]
    async with started(SqliteLog(path)) as log, started(SqliteReader(path)) as reader:
        await log.append([Entry(b"key", value, 1) for value in sent])
        assert [values([chunk]) for chunk in await read_records(reader, 3)] == [[value] for value in sent]


async def test_records_without_events_are_bounded_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_reader, "MAX_CHUNK_EVENTS", 10)
    async with started(SqliteLog(path)) as log, started(SqliteReader(path)) as reader:
        await log.append([Entry(b"key", b"", 0)] * 25)
        assert [len(chunk.records) for chunk in await read_records(reader, 25)] == [10, 10, 5]


async def test_only_the_chunk_in_work_can_be_finished(path: Path) -> None:
    async with started(SqliteLog(path)) as log, started(SqliteReader(path)) as reader:
        await log.append(entries(2))
        first = await next_chunk(reader)
        await reader.done([first])
        await log.append(entries(3))
        second = await next_chunk(reader)
        await reader.done([first])  # said twice
        assert await reader.poll(0) == []
        shorter = Chunk(second.log_id, 0, second.lo, second.hi - 1, second.records[:-1])
        elsewhere = Chunk("another log", 0, second.lo, second.hi, second.records)
        for wrong in (shorter, elsewhere):
            with pytest.raises(ChunkLost):
                await reader.done([wrong])
        assert await reader.lag() == 3


async def test_a_commit_in_this_process_wakes_the_reader(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_follower, "_LOOK_SECONDS", 3600.0)
    async with started(SqliteReader(path)) as reader:
        polling = asyncio.create_task(reader.poll(3600))
        while not polling.done():

            async def append() -> None:
                async with started(SqliteLog(path)) as log:
                    await log.append(entries(1))

            thread = threading.Thread(target=asyncio.run, args=(append(),))
            thread.start()
            await asyncio.to_thread(thread.join)
            await asyncio.wait([polling], timeout=1)
        assert len(await polling) == 1


async def test_a_commit_of_another_process_is_seen(path: Path) -> None:
    async with started(SqliteReader(path)) as reader:
        polling = asyncio.create_task(next_chunk(reader))
        ask(path, "INSERT INTO records (events, value) VALUES (1, x'61')")
        assert values([await polling]) == [b"a"]


async def test_old_records_are_trimmed_once_they_are_done(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_reader, "_TRIM_RECORDS", 7)
    async with started(SqliteLog(path)) as log, started(SqliteReader(path, keep_records=20)) as reader:
        await log.append(entries(100))
        await reader.done([await next_chunk(reader)])
        await log.append(entries(50))
        await next_chunk(reader)
        await until(path, "SELECT min(offset) > 74 FROM records")
        assert ask(path, "SELECT min(offset) FROM records") <= 81  # the last 20 that are done are kept
        assert ask(path, "SELECT max(offset) FROM records") == 150
        assert await reader.lag() == 50


async def test_an_offset_is_never_given_twice(path: Path) -> None:
    async with started(SqliteLog(path)) as log, started(SqliteReader(path)) as reader:
        await log.append(entries(5))
        first = await next_chunk(reader)
        await reader.done([first])
        ask(path, "DELETE FROM records")
        assert await reader.lag() == 0
        await log.append(entries(2))
        second = await next_chunk(reader)
        assert (second.lo, second.hi) == (first.hi, first.hi + 2)


async def test_the_space_of_a_backlog_goes_back_to_the_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_reader, "_TRIM_RECORDS", 10)
    monkeypatch.setattr(sqlite_reader, "_FREE_PAGES", 0)
    async with started(SqliteLog(path)) as log, started(SqliteReader(path, keep_records=0)) as reader:
        await log.append(entries(200, 10_000))
        full = ask(path, "PRAGMA page_count")
        await reader.done([await next_chunk(reader)])
        await log.append(entries(1))
        await next_chunk(reader)
        await until(path, f"SELECT page_count < {full} / 4 FROM pragma_page_count")


async def test_done_records_are_trimmed_by_their_bytes_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_reader, "_FREE_PAGES", 0)
    async with started(SqliteLog(path)) as log, started(SqliteReader(path, keep_bytes=1_000_000)) as reader:
        await log.append(entries(200, 10_000))
        await reader.done([await next_chunk(reader)])
        assert ask(path, "SELECT count(*) FROM records") == 200
        await log.append(entries(1))
        await next_chunk(reader)
        await until(path, "SELECT count(*) = 1 FROM records")
        assert await reader.lag() == 1
