"""The worker on a real log and the real engine: it waits, repeats, stops, and never marks done too early."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from ask0.consumers.tables.poison import TooMuchPoison
from ask0.consumers.tables.step import rows_worker
from ask0.consumers.worker import Worker
from ask0.eventlog.log import Chunk, ChunkLost, Entry
from ask0.eventlog.sqlite import SqliteLog
from ask0.eventlog.sqlite_reader import SqliteReader
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import QueryFailed, Unavailable
from tests.consumers.beacons import event, record


class Faulty(Warehouse):
    """Raises what `fault` returns before, or after, each insert into a table."""

    fault: Callable[[str], Exception | None] = staticmethod(lambda table: None)
    after = False

    def insert(self, table: str, columns: Mapping[str, list[Any]], *, token: str) -> None:
        if self.after:
            super().insert(table, columns, token=token)
        if error := self.fault(table):
            raise error
        if not self.after:
            super().insert(table, columns, token=token)


class Fenced(SqliteReader):
    """Loses its chunk to another worker once, after it was applied."""

    lost = False

    async def done(self, chunks: Sequence[Chunk]) -> None:
        if not self.lost:
            self.lost = True
            raise ChunkLost("fenced")
        await super().done(chunks)


@pytest.fixture
def faulty(embedded: Warehouse, embedded_dsn: str) -> Iterator[Faulty]:
    with Faulty(embedded_dsn) as warehouse:
        yield warehouse


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[SqliteLog]:
    log = SqliteLog(tmp_path / "log")
    await log.start()
    yield log
    await log.close()


@pytest.fixture
async def reader(log: SqliteLog, tmp_path: Path) -> AsyncIterator[SqliteReader]:
    reader = SqliteReader(tmp_path / "log")
    yield reader
    await reader.close()


async def append(log: SqliteLog, *records: bytes) -> None:
    await log.append([Entry(b"key", value, 1) for value in records])


@asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(worker.run(stop))
    yield
    stop.set()
    await task


async def becomes_true(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110  # what is waited for happens in ClickHouse
            await asyncio.sleep(0.02)


def stored(warehouse: Warehouse) -> list[str]:
    return [row[0] for row in warehouse.query("SELECT message_id FROM events ORDER BY message_id")]


def clicks(*message_ids: str) -> bytes:
    return record(*(event(userId="u", messageId=message_id, event="Clicked") for message_id in message_ids))


async def test_what_the_log_takes_becomes_rows_and_is_counted(
    log: SqliteLog, reader: SqliteReader, embedded: Warehouse
) -> None:
    registry = CollectorRegistry()
    await append(log, clicks("a", "b"), clicks("b"), b"garbage")
    async with running(rows_worker(reader, embedded, registry)):
        await becomes_true(lambda: registry.get_sample_value("ask0_worker_rounds_total") == 1)
        await append(log, clicks("c"))
        await becomes_true(lambda: registry.get_sample_value("ask0_worker_rounds_total") == 2)
        await becomes_true(lambda: registry.get_sample_value("ask0_worker_lag_records") == 0)
    assert stored(embedded) == ["a", "b", "c"]
    assert registry.get_sample_value("ask0_worker_events_stored_total") == 3
    assert registry.get_sample_value("ask0_worker_events_duplicate_total") == 1
    assert registry.get_sample_value("ask0_worker_quarantined_total", {"reason": "unreadable_record"}) == 1
    assert registry.get_sample_value("ask0_worker_step_seconds_count", {"step": "events"}) == 2
    assert (registry.get_sample_value("ask0_worker_freshness_seconds") or 0) > 0


@pytest.mark.parametrize("after", [False, True], ids=["refuses", "loses its answers"])
async def test_a_clickhouse_that_is_away_is_waited_for(
    log: SqliteLog, reader: SqliteReader, faulty: Faulty, after: bool
) -> None:
    registry = CollectorRegistry()
    faulty.after = after
    tables = ["round_keys", "event_ids", "events", "user_facts"]
    faulty.fault = lambda table: Unavailable("away") if tables and table == tables[0] and tables.pop(0) else None
    await append(log, clicks("a", "b"))
    async with running(rows_worker(reader, faulty, registry)):
        await becomes_true(lambda: registry.get_sample_value("ask0_worker_rounds_total") == 1)
    assert stored(faulty) == ["a", "b"]
    assert registry.get_sample_value("ask0_worker_retries_total", {"cause": "Unavailable"}) == 4
    assert registry.get_sample_value("ask0_worker_events_stored_total") == 2


async def test_a_stop_does_not_wait_for_a_clickhouse_that_is_away(
    log: SqliteLog, reader: SqliteReader, faulty: Faulty
) -> None:
    registry = CollectorRegistry()
    faulty.fault = lambda table: Unavailable("away")
    await append(log, clicks("a"))
    async with running(rows_worker(reader, faulty, registry)):
        await becomes_true(
            lambda: bool(registry.get_sample_value("ask0_worker_retries_total", {"cause": "Unavailable"}))
        )
    assert stored(faulty) == []
    assert await reader.lag() == 1


async def test_a_chunk_lost_to_another_worker_is_dropped(log: SqliteLog, tmp_path: Path, embedded: Warehouse) -> None:
    reader, registry = Fenced(tmp_path / "log"), CollectorRegistry()
    await append(log, clicks("a"))
    async with running(rows_worker(reader, embedded, registry)):
        await append(log, clicks("b"))
        await becomes_true(lambda: stored(embedded) == ["a", "b"])
        await becomes_true(lambda: registry.get_sample_value("ask0_worker_lag_records") == 0)
    await reader.close()


async def test_an_error_that_waiting_cannot_heal_stops_the_worker_before_the_chunk_is_done(
    log: SqliteLog, reader: SqliteReader, faulty: Faulty
) -> None:
    faulty.fault = lambda table: QueryFailed("wrong statement", 62) if table == "user_facts" else None
    await append(log, clicks("a"))
    with pytest.raises(QueryFailed):
        await rows_worker(reader, faulty, CollectorRegistry()).run(asyncio.Event())
    assert await reader.lag() == 1
    reader.retry()
    faulty.fault = lambda table: None
    registry = CollectorRegistry()
    async with running(rows_worker(reader, faulty, registry)):
        await becomes_true(lambda: registry.get_sample_value("ask0_worker_rounds_total") == 1)
    assert stored(faulty) == ["a"]


async def test_a_log_that_is_mostly_unreadable_stops_the_worker(
    log: SqliteLog, reader: SqliteReader, embedded: Warehouse
) -> None:
    await append(log, clicks("a"), *[b"another program's"] * 1500)
    with pytest.raises(TooMuchPoison, match=r"1,500 of the last 1,501"):
        await rows_worker(reader, embedded, CollectorRegistry()).run(asyncio.Event())
    assert embedded.query("SELECT count() FROM quarantine") == [(0,)]
    assert await reader.lag() == 1501
