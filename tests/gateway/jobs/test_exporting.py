"""Exports that are downloaded by one of several processes: one has a job at a time, and none is left for ever."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ask0.catalog.documents import write_document
from ask0.catalog.jobs import Jobs
from ask0.catalog.replica import Replica
from ask0.catalog.suppressions import Suppressions
from ask0.eventlog.open import open_control
from ask0.gateway.errors import QuotaExceeded
from ask0.gateway.jobs import exporting, runner
from ask0.gateway.jobs.background import Background
from ask0.gateway.jobs.exporting import Exporting, Sending, Standing, nothing_sent
from ask0.gateway.jobs.kinds import raw
from ask0.gateway.jobs.runner import Runner
from ask0.schemas.exports import ExportReceipt, ExportWork
from ask0.schemas.jobs import EXPORT, JOB, MAX_EXPORTS, Job
from ask0.warehouse import job_users
from ask0.warehouse.connect import Warehouse

PROJECT = "proj_exporting"
RECEIPT = ExportReceipt(format="json", what="profiles", users=2)


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(runner, "BEAT_SECONDS", 0.02)
    monkeypatch.setattr(runner, "WAIT_SECONDS", 0.01)


@pytest.fixture
def background() -> Iterator[Background]:
    background = Background("test")
    yield background
    background.close()


class Process:
    """A replica of the stream, and what looks after exports on it."""

    def __init__(self, path: Path, warehouse: Warehouse, background: Background, *, alone: bool) -> None:
        self.replica = Replica(open_control(f"sqlite://{path / 'log.sqlite3'}"))
        self.jobs = Jobs(self.replica)
        self.kind = Exporting(warehouse, background, Suppressions(self.replica))
        self.runner = Runner(self.jobs, {EXPORT: self.kind}, alone=alone)
        self.standing = Standing(self.jobs, self.runner, self.kind, alone=alone)

    async def add(self, id: str) -> None:
        place, _ = self.jobs.free_place(PROJECT)
        job = Job(
            id=id,
            project_id=PROJECT,
            place=place,
            kind=EXPORT,
            actor="key:1",
            request="r",
            digest="d",
            asked_at=4_000_000_000_000,  # so that it does not expire
            total=2,
            work=raw(ExportWork(f"{id}-list", "json", "profiles")),
        )
        await self._write(job, "job.made")

    async def _write(self, job: Job, action: str) -> None:
        more = {"project_id": PROJECT, "action": action, "actor": "key:1", "request": "r", "id": f"{action} {job.id}"}
        await write_document(self.replica, JOB, job.subject, job, expects={}, **more)

    def job(self, id: str) -> Job:
        found = self.jobs.find(PROJECT, id)
        assert found
        return found.document

    async def begin(self, id: str) -> Sending:
        stored = self.jobs.find(PROJECT, id)
        assert stored
        return await self.standing.begin(stored)


@pytest.fixture
def processes(tmp_path: Path, clickhouse: Warehouse, background: Background) -> Callable[..., Any]:
    def start(*, alone: bool = False) -> Any:
        return started(Process(tmp_path, clickhouse, background, alone=alone))

    return start


@asynccontextmanager
async def started(one: Process) -> AsyncIterator[Process]:
    await one.replica.start()
    looking = asyncio.create_task(one.standing.run())
    try:
        yield one
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking
        await one.replica.close()


async def until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110  # the test's time-out is the limit
        await asyncio.sleep(0.005)


async def test_of_two_processes_one_has_the_job_and_the_other_may_have_it_after(processes: Callable[..., Any]) -> None:
    async with processes() as one, processes() as other:
        await one.add("job_1")
        await until(lambda: other.jobs.find(PROJECT, "job_1"))
        begun = await asyncio.gather(one.begin("job_1"), other.begin("job_1"), return_exceptions=True)
        (sending,) = [each for each in begun if isinstance(each, Sending)]
        (refused,) = [each for each in begun if isinstance(each, QuotaExceeded)]
        assert refused.code == "being_exported"
        assert sending.may_go_on
        first, second = (one, other) if begun[0] is sending else (other, one)
        await until(lambda: second.job("job_1").status == "running")
        await first.standing.leave(sending, RECEIPT)
        await until(lambda: second.job("job_1").status == "waiting")
        again = await second.begin("job_1")
        await again.end("done", RECEIPT)
        await second.standing.leave(again, RECEIPT)
        await until(lambda: first.job("job_1").status == "done")
        assert msgspec.json.decode(first.job("job_1").receipt)["users"] == 2
        assert first.jobs.exports() == []


async def test_the_download_of_a_process_that_is_no_more_is_given_back(
    processes: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with processes() as one:
        await one.add("job_1")
        sending = await one.begin("job_1")
        assert sending._beating
        sending._beating.cancel()  # as if it were killed
        monkeypatch.setattr(exporting, "LEASE_SECONDS", 0.05)
    async with processes() as other:
        await until(lambda: other.job("job_1").status == "waiting")
        await other.begin("job_1")


async def test_one_that_goes_on_is_left_alone(processes: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "LEASE_SECONDS", 5.0)
    async with processes() as one, processes() as other:
        await one.add("job_1")
        sending = await one.begin("job_1")
        before = one.replica.state.position
        await until(lambda: other.replica.state.position > before + 3)  # it tells how far it is
        assert (other.job("job_1").status, other.job("job_1").runner) == ("running", one.runner.id)
        assert sending.may_go_on
        await one.standing.leave(sending, RECEIPT)


async def test_where_no_other_process_is_a_restart_gives_it_back_at_once(processes: Callable[..., Any]) -> None:
    async with processes(alone=True) as one:
        await one.add("job_1")
        await one.begin("job_1")
    async with processes(alone=True) as again:
        await until(lambda: again.job("job_1").status == "waiting")


async def test_who_has_lost_the_job_does_not_go_on(
    processes: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "BEAT_SECONDS", 0.3)
    monkeypatch.setattr(exporting, "LEASE_SECONDS", 0.05)
    async with processes() as one, processes() as other:
        await one.add("job_1")
        sending = await one.begin("job_1")
        await until(lambda: other.jobs.find(PROJECT, "job_1") and other.job("job_1").status == "waiting")
        await until(lambda: not sending.may_go_on)
        await one.standing.leave(sending, RECEIPT)
        assert (other.job("job_1").status, other.job("job_1").runner) == ("waiting", "")


async def test_exports_hold_up_no_other_job_and_are_counted_apart(processes: Callable[..., Any]) -> None:
    async with processes() as one:
        for number in range(MAX_EXPORTS):
            await one.add(f"job_{number}")
        assert len(one.jobs.exports(PROJECT)) == len(one.jobs.exports()) == MAX_EXPORTS
        assert one.jobs.exports("proj_other") == []
        assert (one.jobs.unfinished(PROJECT), [*one.jobs.next_ones()]) == (0, [])


async def test_who_is_erased_is_taken_off_the_list_while_it_waits(
    processes: Callable[..., Any], clickhouse: Warehouse
) -> None:
    ids = [f"exg-{number}" for number in range(5)]
    job_users.name(clickhouse, "job_1-list", ids)
    async with processes() as one:
        await one.add("job_1")
        await one.kind.suppressions.add(PROJECT, ids[1:3], "key:1")
        await until(lambda: job_users.count(clickhouse, "job_1-list") == 3)
        assert job_users.read_after(clickhouse, "job_1-list", "", 10) == [ids[0], *ids[3:]]
        sending = await one.begin("job_1")
        await sending.end("cancelled", nothing_sent(one.job("job_1")))
        assert job_users.count(clickhouse, "job_1-list") == 0
