"""Carries jobs out: of each project one at a time, step by step, and keeps in its document how far it is.

Whoever carries a job out writes its document again and again, more seldom the longer it takes, as the stream is kept
for ever. A document that did not move for LEASE_SECONDS is anyone's. Two may believe for a moment that a job is theirs:
that is harmless, as each piece may be done twice, and whoever comes second to write finds that somebody else has.
"""

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Mapping
from functools import partial

from msgspec.structs import replace

from ask0.catalog.collection import Stored
from ask0.catalog.documents import write_document
from ask0.catalog.errors import CatalogError, CatalogUnavailable, MovedOn
from ask0.catalog.jobs import Jobs
from ask0.gateway.errors import QuotaExceeded, ServiceUnavailable
from ask0.gateway.jobs.kinds import JobFailed, Kind
from ask0.schemas.changes import NOTHING, name_of
from ask0.schemas.jobs import JOB, PROGRESSED, Job, Status

LEASE_SECONDS = 60.0
BEAT_SECONDS = 1.0  # between two documents of a job at first …
LONGEST_BEAT_SECONDS = 20.0  # … and at most
BEAT_SHARE = 20  # of the time that it runs already
LOOK_SECONDS = 1.0
WAIT_SECONDS = 2.0  # where something is away
RELEASE_SECONDS = 1.0  # at the end of the process
NOBODY = ""  # as the runner of a job
MOST_FAULTS = 5  # one after the other, then a job is given up

logger = logging.getLogger(__name__)


class Runner:
    """Of one process. `alone` says that no other has this log: then whatever has begun before is its own."""

    def __init__(self, jobs: Jobs, kinds: Mapping[str, Kind], *, alone: bool) -> None:
        self.id = secrets.token_hex(8)
        self.jobs = jobs
        self._kinds = kinds
        self._alone = alone
        self._found: int | None = None  # the position on the stream at the start
        self._seen: dict[str, tuple[str, int, float]] = {}  # by project: its next job, its version, since when
        self._running: dict[str, asyncio.Task[None]] = {}  # by project
        self._moved = asyncio.Event()
        jobs.replica.on_change(self._moved.set)

    async def run(self) -> None:
        """For ever. Jobs that are cut go on where they were, here or elsewhere."""
        self._found = self.jobs.replica.state.position
        try:
            while True:
                self._moved.clear()
                self._look(time.monotonic())
                try:
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._moved.wait()
                except TimeoutError:
                    continue
        finally:
            tasks = list(self._running.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _look(self, now: float) -> None:
        next_ones = {stored.document.project_id: stored for stored in self.jobs.next_ones()}
        self._seen = {project: seen for project, seen in self._seen.items() if project in next_ones}
        for project_id, stored in next_ones.items():
            kind = self._kinds.get(stored.document.kind)  # else a later version's, which is left to it
            if project_id in self._running or kind is None or not self._may_take(stored, now):
                continue
            task = asyncio.create_task(self._carry_out(stored, kind))
            self._running[project_id] = task
            task.add_done_callback(partial(self._end, project_id))

    def _may_take(self, stored: Stored[Job], now: float) -> bool:
        job = stored.document
        if job.runner in (self.id, NOBODY) or (self._alone and stored.version <= (self._found or 0)):
            return True
        id, version, since = self._seen.get(job.project_id, ("", 0, now))
        if (id, version) != (job.id, stored.version):
            self._seen[job.project_id] = job.id, stored.version, now
            return False
        return now - since > LEASE_SECONDS

    def _end(self, project_id: str, task: "asyncio.Task[None]") -> None:
        del self._running[project_id]
        self._moved.set()

    async def _carry_out(self, stored: Stored[Job], kind: Kind) -> None:
        run = Run(self, stored)
        try:
            await run.go(kind)
        except asyncio.CancelledError:
            await run.release()
            raise
        except MovedOn:
            logger.info("the job %s is another process's", stored.document.id)
        except CatalogError as error:
            logger.error("the job %s cannot be kept: %s", stored.document.id, error)
            await asyncio.sleep(WAIT_SECONDS)
        except Exception:
            logger.exception("the job %s was cut", stored.document.id)
            await asyncio.sleep(WAIT_SECONDS)


class Run:
    """One job that this process carries out."""

    def __init__(self, runner: Runner, stored: Stored[Job]) -> None:
        self.job = replace(stored.document, status="running", runner=runner.id)
        self._runner = runner
        self._version = stored.version
        self._saving = asyncio.Lock()

    async def go(self, kind: Kind) -> None:
        """To its end. Raises MovedOn once another process has it."""
        await self._save(PROGRESSED)
        parts = [asyncio.create_task(self._beat()), asyncio.create_task(self._step_through(kind))]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
        for part in done:
            part.result()
        before, self.job = self.job, replace(self.job, work=NOTHING, state=NOTHING, finished_at=_now())
        await self._save(f"job.{self.job.status}")
        try:
            await kind.forget(before)
        except ServiceUnavailable as error:
            logger.warning("what was kept for the job %s goes later: %s", before.id, error.message)

    async def release(self) -> None:
        """So that nobody has to wait until it is clear that this process is no more."""
        self.job = replace(self.job, runner=NOBODY)
        with contextlib.suppress(MovedOn, CatalogError, TimeoutError):
            async with asyncio.timeout(RELEASE_SECONDS):
                await self._save(PROGRESSED)

    async def _beat(self) -> None:
        started = time.monotonic()
        while True:
            passed = time.monotonic() - started
            await asyncio.sleep(min(max(BEAT_SECONDS, passed / BEAT_SHARE), LONGEST_BEAT_SECONDS))
            await self._save(PROGRESSED)

    async def _step_through(self, kind: Kind) -> None:
        """Until the job is done, has failed, or was cancelled."""
        faults = 0
        while not self.job.is_finished:
            self._look_whether_it_is_to_end(kind)
            job = self.job  # whether it is to end may be known before the step has ended
            try:
                step = await kind.step(job)
            except JobFailed as error:
                self._fail(error.code, str(error))
            except (ServiceUnavailable, QuotaExceeded) as error:
                await asyncio.sleep(float(error.headers.get("retry-after", WAIT_SECONDS)))
            except Exception:
                faults += 1
                logger.exception("a step of the job %s failed", self.job.id)
                if faults >= MOST_FAULTS:
                    self._fail("internal_error", f"this is our fault; it is in the log under {self.job.id}")
                await asyncio.sleep(WAIT_SECONDS)
            else:
                faults = 0
                self.job = replace(self.job, state=step.state, done=step.done, total=step.total)
                if step.receipt is not None:
                    status: Status = "done" if job.cancel_asked_at is None else "cancelled"
                    self.job = replace(self.job, status=status, receipt=step.receipt)
                if step.keep:
                    await self._save(PROGRESSED)
                await asyncio.sleep(step.pause)

    def _look_whether_it_is_to_end(self, kind: Kind) -> None:
        stored = self._runner.jobs.get(self.job.project_id, self.job.subject)
        if kind.is_cancellable and stored and stored.document.id == self.job.id:
            self.job = replace(self.job, cancel_asked_at=stored.document.cancel_asked_at)

    def _fail(self, code: str, message: str) -> None:
        self.job = replace(self.job, status="failed", code=code, message=message)

    async def _save(self, action: str) -> None:
        """The job as it is now, however long it takes. Raises MovedOn when it is another process's by now, CatalogError
        when no document can hold it."""
        async with self._saving:
            saved = await self._try_to_save(self.job, action)
            while not saved:
                await asyncio.sleep(WAIT_SECONDS)
                saved = await self._try_to_save(self.job, action)

    async def _try_to_save(self, job: Job, action: str) -> bool:
        """False if nobody can tell: the same may be written again."""
        jobs, subject = self._runner.jobs, job.subject
        try:
            outcome = await write_document(
                jobs.replica,
                JOB,
                subject,
                job,
                project_id=job.project_id,
                action=action,
                actor=job.actor,
                request=job.request,
                id=f"{job.id}:{self._version}:{self._runner.id}:{job.status}:{job.runner}",
                expects={name_of(JOB, subject): self._version},
            )
        except CatalogUnavailable:
            return False
        except MovedOn:
            now = jobs.get(job.project_id, subject)
            if now is None or (now.document.id, now.document.runner) != (job.id, self._runner.id):
                raise
            # Of a document of ours, whose outcome nobody waited for, or of one that says the job is to end.
            self._version, asked_at = now.version, now.document.cancel_asked_at
            self.job = replace(self.job, cancel_asked_at=asked_at)
            return await self._try_to_save(replace(job, cancel_asked_at=asked_at), action)
        self._version = outcome.position
        return True


def _now() -> int:
    return time.time_ns() // 1_000_000
