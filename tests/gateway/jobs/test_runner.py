"""Jobs are carried out in order, kept now and then, and taken over from whoever does not go on."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from ask0.catalog.documents import write_document
from ask0.catalog.errors import MovedOn
from ask0.catalog.jobs import Jobs
from ask0.catalog.replica import Replica
from ask0.eventlog.open import open_control
from ask0.gateway.errors import ServiceUnavailable
from ask0.gateway.jobs import runner as running
from ask0.gateway.jobs.kinds import JobFailed, Kind, Step, raw
from ask0.gateway.jobs.runner import Runner
from ask0.schemas.changes import NOTHING, name_of
from ask0.schemas.jobs import CANCELLING, JOB, Job


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("LOOK_SECONDS", 0.02), ("WAIT_SECONDS", 0.01), ("BEAT_SECONDS", 0.02)):
        monkeypatch.setattr(running, name, value)


class Counting:
    """A kind whose jobs have so many steps; each waits until it is let go."""

    is_cancellable = True

    def __init__(self, steps: int, *, is_open: bool = True) -> None:
        self.steps = steps
        self.taken: list[tuple[str, int]] = []
        self.forgotten: list[str] = []
        self.gate = asyncio.Event()
        if is_open:
            self.gate.set()

    async def step(self, job: Job) -> Step:
        done = msgspec.json.decode(job.state) or 0
        if job.cancel_asked_at is not None and self.is_cancellable:
            return Step(job.state, done, self.steps, receipt=raw({"changed": done}))
        self.taken.append((job.id, done))
        await self.gate.wait()
        if done == self.steps:
            return Step(raw(done), done, self.steps, receipt=raw({"changed": done}))
        return Step(raw(done + 1), done + 1, self.steps)

    async def forget(self, job: Job) -> None:
        self.forgotten.append(job.id)


class Failing:
    """A kind whose steps raise what they are given, in turn."""

    is_cancellable = False

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    async def step(self, job: Job) -> Step:
        if self.errors:
            raise self.errors.pop(0)
        return Step(raw(1), 1, 1, receipt=raw({}))

    async def forget(self, job: Job) -> None:
        raise ServiceUnavailable("not now")


class Process:
    """A replica of the stream, and a runner on it."""

    def __init__(self, path: Path, kind: Kind, *, alone: bool = False) -> None:
        self.replica = Replica(open_control(f"sqlite://{path / 'log.sqlite3'}"))
        self.jobs = Jobs(self.replica)
        self.runner = Runner(self.jobs, {"count": kind}, alone=alone)

    async def add(
        self, id: str, project: str = "p", *, runner: str | None = None, asked_at: int = 1, kind: str = "count"
    ) -> None:
        place, _ = self.jobs.free_place(project)
        job = Job(
            id=id,
            project_id=project,
            place=place,
            kind=kind,
            actor="key:1",
            request="r",
            digest="d",
            asked_at=asked_at,
            runner=self.runner.id if runner is None else runner,
            work=raw({}),
        )
        await write_document(
            self.replica,
            JOB,
            job.subject,
            job,
            project_id=project,
            action="job.made",
            actor="key:1",
            request="r",
            id=id,
            expects={},
        )

    async def cancel(self, id: str) -> None:
        """As the API does with one that has begun: however often it moves on meanwhile."""
        for attempt in count():
            stored = self.jobs.find("p", id)
            assert stored
            with suppress(MovedOn):
                await write_document(
                    self.replica,
                    JOB,
                    stored.document.subject,
                    replace(stored.document, cancel_asked_at=2),
                    project_id="p",
                    action=CANCELLING,
                    actor="key:2",
                    request="r",
                    id=f"cancel {id} {attempt}",
                    expects={name_of(JOB, stored.document.subject): stored.version},
                )
                return

    def job(self, id: str, project: str = "p") -> Job:
        found = self.jobs.find(project, id)
        assert found
        return found.document


@asynccontextmanager
async def process(path: Path, kind: Kind, *, alone: bool = False) -> AsyncIterator[Process]:
    """Until the block ends; then it stops as a process that is told to."""
    one = Process(path, kind, alone=alone)
    await one.replica.start()
    carrying = asyncio.create_task(one.runner.run())
    try:
        yield one
    finally:
        carrying.cancel()
        with suppress(asyncio.CancelledError):
            await carrying
        await one.replica.close()


async def until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110  # the test's time-out is the limit
        await asyncio.sleep(0.005)


async def test_a_job_is_done_step_by_step_and_its_document_tells(tmp_path: Path) -> None:
    kind = Counting(3)
    async with process(tmp_path, kind) as one:
        await one.add("job_1")
        await until(lambda: one.job("job_1").is_finished)
        job = one.job("job_1")
        assert (job.status, job.done, job.total, msgspec.json.decode(job.receipt)) == ("done", 3, 3, {"changed": 3})
        assert (job.work, job.state) == (NOTHING, NOTHING)
        await until(lambda: kind.forgotten == ["job_1"])
    assert kind.taken == [("job_1", number) for number in range(4)]


async def test_many_steps_are_few_documents(tmp_path: Path) -> None:
    async with process(tmp_path, Counting(2_000)) as one:
        await one.add("job_1")
        before = one.replica.state.position
        await until(lambda: one.job("job_1").is_finished)
        assert one.replica.state.position - before < 200


async def test_jobs_of_a_project_are_done_one_after_the_other_and_others_meanwhile(tmp_path: Path) -> None:
    kind = Counting(1, is_open=False)
    async with process(tmp_path, kind) as one:
        await one.add("job_2", asked_at=2)
        await until(lambda: kind.taken == [("job_2", 0)])
        await one.add("job_3", asked_at=3)
        await one.add("job_other", "q")
        await until(lambda: len(kind.taken) == 2)
        kind.gate.set()
        await until(lambda: one.job("job_3").is_finished and one.job("job_other", "q").is_finished)
    order = [id for id, _ in kind.taken]
    assert order.index("job_3") > max(place for place, id in enumerate(order) if id == "job_2")


async def test_whoever_does_not_go_on_loses_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "LEASE_SECONDS", 0.05)
    async with process(tmp_path, Counting(3)) as one:
        await one.add("job_1", runner="of a process that was killed")
        await until(lambda: one.job("job_1").is_finished)
        assert one.job("job_1").runner == one.runner.id


async def test_two_at_once_end_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both take the job from each other again and again."""
    monkeypatch.setattr(running, "LEASE_SECONDS", 0.0)
    first, second = Counting(40), Counting(40)
    async with process(tmp_path, first) as one, process(tmp_path, second) as two:
        await one.add("job_1")
        await until(lambda: one.job("job_1").is_finished)
        await until(lambda: two.job("job_1").is_finished)
        assert one.job("job_1") == two.job("job_1")
    assert one.job("job_1").done == 40


async def test_a_process_that_is_stopped_leaves_its_jobs_to_others(tmp_path: Path) -> None:
    kind = Counting(3, is_open=False)
    async with process(tmp_path, kind) as one:
        await one.add("job_1")
        await until(lambda: one.job("job_1").status == "running")
    second = Counting(3)
    async with process(tmp_path, second) as two:
        assert two.job("job_1").runner == ""
        await until(lambda: two.job("job_1").is_finished)


async def test_one_who_has_the_log_alone_goes_on_at_once_with_what_a_killed_one_has_begun(tmp_path: Path) -> None:
    async with process(tmp_path, Counting(3)) as one:
        await one.add("job_1", runner="of a process that was killed")
        await one.add("job_own", "q")
        await until(lambda: one.job("job_own", "q").is_finished)
        assert one.job("job_1").status == "waiting"
    async with process(tmp_path, Counting(3), alone=True) as two:
        await until(lambda: two.job("job_1").is_finished)


async def test_a_job_that_cannot_be_done_says_why(tmp_path: Path) -> None:
    async with process(tmp_path, Failing(ServiceUnavailable("away"), JobFailed("users_lost", "some are gone"))) as one:
        await one.add("job_1")
        await until(lambda: one.job("job_1").is_finished)
        job = one.job("job_1")
        assert (job.status, job.code, job.message) == ("failed", "users_lost", "some are gone")
        await one.add("job_2")
        await until(lambda: one.job("job_2").status == "done")


async def test_a_fault_of_ours_is_tried_again_and_then_given_up(tmp_path: Path) -> None:
    async with process(tmp_path, Failing(*map(RuntimeError, "1234"))) as one:
        await one.add("job_1")
        await until(lambda: one.job("job_1").status == "done")
    async with process(tmp_path, Failing(*map(RuntimeError, "12345"))) as one:
        await one.add("job_2")
        await until(lambda: one.job("job_2").status == "failed")
        assert one.job("job_2").code == "internal_error"


async def test_a_job_that_is_to_end_ends_after_the_piece_at_hand(tmp_path: Path) -> None:
    """Asked for at another process than the one that carries it out."""
    kind = Counting(3, is_open=False)
    async with process(tmp_path, kind) as one, process(tmp_path, Counting(3)) as two:
        await one.add("job_1")
        await until(lambda: kind.taken == [("job_1", 0)])
        await until(lambda: two.jobs.find("p", "job_1"))
        await two.cancel("job_1")
        await until(lambda: one.job("job_1").cancel_asked_at)
        assert one.job("job_1").status == "running"
        kind.gate.set()
        await until(lambda: one.job("job_1").is_finished and two.job("job_1").is_finished)
        await until(lambda: kind.forgotten == ["job_1"])
        job = two.job("job_1")
        assert (job.status, job.done, msgspec.json.decode(job.receipt)) == ("cancelled", 1, {"changed": 1})
        assert (job.cancel_asked_at, job.work, job.state) == (2, NOTHING, NOTHING)
    assert kind.taken == [("job_1", 0)]


async def test_a_piece_that_was_the_last_makes_a_job_done(tmp_path: Path) -> None:
    kind = Counting(0, is_open=False)
    async with process(tmp_path, kind) as one:
        await one.add("job_1")
        await until(lambda: kind.taken)
        await one.cancel("job_1")
        kind.gate.set()
        await until(lambda: one.job("job_1").is_finished)
        assert (one.job("job_1").status, one.job("job_1").cancel_asked_at) == ("done", 2)


async def test_whoever_takes_a_job_over_sees_that_it_is_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was asked for while nobody carried it out; and it stays asked for however often the job changes hands."""
    async with process(tmp_path, Counting(3)) as one:
        await one.add("job_1", runner="of a process that was killed")
        await one.cancel("job_1")
        assert one.job("job_1").status == "waiting"
    monkeypatch.setattr(running, "LEASE_SECONDS", 0.05)
    kind = Counting(3)
    async with process(tmp_path, kind) as two:
        await until(lambda: two.job("job_1").status == "cancelled")
    assert kind.taken == []


async def test_two_at_once_end_a_job_that_is_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "LEASE_SECONDS", 0.0)
    first, second = Counting(1_000_000), Counting(1_000_000)
    async with process(tmp_path, first) as one, process(tmp_path, second) as two:
        await one.add("job_1")
        await until(lambda: two.jobs.find("p", "job_1") and first.taken and second.taken)
        await two.cancel("job_1")
        await until(lambda: one.job("job_1").is_finished and two.job("job_1").is_finished)
        assert one.job("job_1") == two.job("job_1")
        assert one.job("job_1").status == "cancelled"
    assert msgspec.json.decode(one.job("job_1").receipt) == {"changed": one.job("job_1").done}


async def test_a_kind_that_cannot_end_early_goes_on(tmp_path: Path) -> None:
    kind = Counting(3, is_open=False)
    kind.is_cancellable = False
    async with process(tmp_path, kind) as one:
        await one.add("job_1")
        await until(lambda: kind.taken)
        await one.cancel("job_1")
        kind.gate.set()
        await until(lambda: one.job("job_1").is_finished)
        assert (one.job("job_1").status, one.job("job_1").done) == ("done", 3)


async def test_a_kind_of_a_later_version_is_left_to_it(tmp_path: Path) -> None:
    async with process(tmp_path, Counting(1)) as one:
        await one.add("job_1", kind="of a later version")
        await one.add("job_own", "q")
        await until(lambda: one.job("job_own", "q").is_finished)
        assert one.job("job_1").status == "waiting"
