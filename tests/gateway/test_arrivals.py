"""Whoever has put something on the log waits until it is in the tables, and sees it then."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from ask0.consumers.tables.step import rows_worker
from ask0.eventlog.log import Entry, Position
from ask0.eventlog.sqlite import SqliteLog
from ask0.eventlog.sqlite_reader import SqliteReader
from ask0.gateway import arrivals
from ask0.gateway.arrivals import Arrivals
from ask0.warehouse.applied import save_applied
from ask0.warehouse.connect import Warehouse
from tests.consumers.beacons import event, record


@asynccontextmanager
async def waiting(folder: Path, warehouse: Warehouse) -> AsyncIterator[Arrivals]:
    log = SqliteLog(folder / "log.sqlite3")
    await log.start()
    with ThreadPoolExecutor(1) as threads:
        waits = Arrivals(log, warehouse, threads)
        yield waits
        await waits.close()
    await log.close()


@asynccontextmanager
async def a_worker(folder: Path, warehouse: Warehouse) -> AsyncIterator[None]:
    worker = rows_worker(SqliteReader(folder / "log.sqlite3"), warehouse, CollectorRegistry())
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    try:
        yield
    finally:
        stop.set()
        await running


async def append(waits: Arrivals, message_id: str) -> list[Position]:
    value = record(event(userId="u", event="Clicked", messageId=message_id), project="proj_arrivals")
    return await waits.log.append([Entry(b"", value, 1)])


async def test_what_has_arrived_is_visible_to_whoever_waited(tmp_path: Path, clickhouse: Warehouse) -> None:
    async with waiting(tmp_path, clickhouse) as waits, a_worker(tmp_path, clickhouse):
        for message_id in ("first", "second"):
            positions = await append(waits, message_id)
            assert await waits.wait(positions, seconds=60)
            found = clickhouse.query("SELECT count() FROM events WHERE message_id = {id:String}", {"id": message_id})
            assert found == [(1,)]


async def test_without_a_worker_nothing_arrives(tmp_path: Path, clickhouse: Warehouse) -> None:
    async with waiting(tmp_path, clickhouse) as waits:
        positions = await append(waits, "third")
        assert not await waits.wait(positions, seconds=0.2)
        save_applied(clickhouse, {("another log", 0): 1_000}, "token of another")
        assert not await waits.wait(positions, seconds=0.2)


async def test_many_who_wait_ask_one_question_together(
    tmp_path: Path, clickhouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = 0

    def counted(warehouse: Warehouse, log_id: str) -> dict[int, int]:
        nonlocal questions
        questions += 1
        return {0: 100} if questions == 3 else {}

    monkeypatch.setattr(arrivals, "read_applied", counted)
    async with waiting(tmp_path, clickhouse) as waits:
        waiters = [waits.wait([Position(0, number)], seconds=60) for number in range(100)]
        assert all(await asyncio.gather(*waiters))
        assert questions == 3


async def test_an_engine_that_is_away_only_makes_them_wait(tmp_path: Path) -> None:
    with Warehouse("http://127.0.0.1:9/ask0") as away:
        async with waiting(tmp_path, away) as waits:
            assert not await waits.wait([Position(0, 1)], seconds=0.2)
