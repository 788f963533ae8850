"""What only the SQLite home has to face: what is kept for whom, and files of before there were groups."""

import fcntl
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ask0.eventlog import sqlite_reader
from ask0.eventlog.log import WORKERS, Entry, LogUnavailable
from ask0.eventlog.sqlite import SqliteLog
from ask0.eventlog.sqlite_groups import LEASE_SECONDS, list_groups
from ask0.eventlog.sqlite_reader import SqliteReader
from tests.eventlog.homes import next_chunk, read_records, started, values

FORMAT_1 = """
PRAGMA page_size=8192;
PRAGMA auto_vacuum=INCREMENTAL;
PRAGMA journal_mode=WAL;
CREATE TABLE records (offset INTEGER PRIMARY KEY AUTOINCREMENT, events INTEGER NOT NULL, value BLOB NOT NULL);
CREATE TABLE state (log_id TEXT NOT NULL, done INTEGER NOT NULL, intent INTEGER, checks INTEGER NOT NULL);
INSERT INTO state VALUES ('0123456789abcdef', 3, 5, 7);
INSERT INTO records (events, value) VALUES (1, 'a'), (1, 'b'), (1, 'c'), (1, 'd'), (1, 'e');
PRAGMA application_id=1098083120;
PRAGMA user_version=1;
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.sqlite3"


@pytest.fixture
def old(path: Path) -> Path:
    """Of format 1: five records, two of them done, the next two handed out."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(FORMAT_1)
    return path


def count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM records").fetchone()[0])


def change(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(sql)


async def read_all(log: SqliteLog, reader: SqliteReader, values: int) -> None:
    await log.append([Entry(b"", b"%d" % number, 1) for number in range(values)])
    await read_records(reader, values)


async def test_a_file_of_format_1_opens_and_goes_on_with_the_chunk_in_doubt(old: Path) -> None:
    async with started(SqliteLog(old)) as log, started(SqliteReader(old)) as reader:
        assert (await log.progress()) == (5, 2)
        chunk = await next_chunk(reader)
        assert (chunk.token, chunk.repeated) == ("0123456789abcdef:0:3:5", True)
        assert values([chunk]) == [b"c", b"d"]
        await reader.done([chunk])
        await log.append([Entry(b"", b"f", 1)])
        assert values(await read_records(reader, 2)) == [b"e", b"f"]
    assert [group.name for group in list_groups(old)] == [WORKERS]


async def test_a_follower_that_comes_first_does_not_take_the_place_of_the_workers(old: Path) -> None:
    async with started(SqliteReader(old, group="tail", at_end=True, lasting=False)) as follower:
        assert await follower.poll(0) == []
    async with started(SqliteReader(old)) as reader:
        assert (await next_chunk(reader)).token == "0123456789abcdef:0:3:5"


async def test_a_file_that_a_worker_of_before_reads_is_left_alone(old: Path) -> None:
    with old.with_name(f"{old.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(LogUnavailable, match="is a worker of an older Ask0"):
            await SqliteReader(old).start()
    async with started(SqliteReader(old)) as reader:
        assert (await next_chunk(reader)).repeated


async def test_records_stay_until_the_slowest_group_has_done_them(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_reader, "_TRIM_RECORDS", 5)
    async with (
        started(SqliteLog(path)) as log,
        started(SqliteReader(path, keep_records=0)) as fast,
        started(SqliteReader(path, group="slow", keep_records=0)) as slow,
    ):
        for _ in range(3):
            await read_all(log, fast, 20)
        assert count(path) == 60
        assert len(values(await read_records(slow, 60))) == 60
        await read_all(log, fast, 20)
        await read_all(log, fast, 1)
    assert count(path) == 21


async def test_nothing_is_deleted_before_workers_that_never_started_have_seen_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_reader, "_TRIM_RECORDS", 5)
    async with started(SqliteLog(path)) as log:
        async with started(SqliteReader(path, group="other", keep_records=0)) as other:
            for _ in range(3):
                await read_all(log, other, 20)
        async with started(SqliteReader(path)) as reader:
            assert len(values(await read_records(reader, 60))) == 60


async def test_a_follower_that_is_long_gone_holds_nothing_back_and_is_forgotten(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_reader, "_TRIM_RECORDS", 5)
    async with started(SqliteLog(path)) as log, started(SqliteReader(path, keep_records=0)) as reader:
        async with started(SqliteReader(path, group="tail", lasting=False)):
            pass
        await read_all(log, reader, 20)
        await read_all(log, reader, 1)
        assert count(path) == 21
        change(path, f"UPDATE groups SET seen = seen - {LEASE_SECONDS + 1} WHERE name = 'tail'")
        await read_all(log, reader, 1)
        await read_all(log, reader, 1)
        assert [group.name for group in list_groups(path)] == [WORKERS]
    assert count(path) < 21


async def test_a_reader_whose_group_was_forgotten_while_it_slept_joins_again(path: Path) -> None:
    follower = SqliteReader(path, group="tail", at_end=True, lasting=False)
    async with started(SqliteLog(path)) as log, started(follower):
        change(path, "DELETE FROM groups WHERE name = 'tail'")
        assert await follower.lag() == 0
        assert await follower.poll(0) == []
        await log.append([Entry(b"", b"x", 1)])
        assert values(await read_records(follower, 1)) == [b"x"]
