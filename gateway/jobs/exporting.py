"""Exports of many users as jobs. No runner carries them out: whoever downloads the file does, as slowly as they read.

A download takes the job and keeps in its document how far it is. One that breaks off gives it back, so that another may
begin anew. What nobody downloads within a day ends as failed, and a job whose process is no more is given back. Who is
erased is taken off the lists of those that wait: else their ids would stand there for so long.
"""

import asyncio
import contextlib
import logging
import time

import msgspec
from msgspec.structs import replace

from ask0.catalog.collection import Stored
from ask0.catalog.errors import CatalogError, MovedOn
from ask0.catalog.jobs import Jobs
from ask0.catalog.suppressions import Suppressions
from ask0.gateway.errors import QuotaExceeded, ServiceUnavailable
from ask0.gateway.jobs.background import Background
from ask0.gateway.jobs.kinds import Step, raw
from ask0.gateway.jobs.runner import LEASE_SECONDS, Run, Runner
from ask0.schemas.changes import NOTHING
from ask0.schemas.exports import EXPIRED, STANDS_SECONDS, ExportReceipt, ExportWork
from ask0.schemas.jobs import PROGRESSED, Job, Status
from ask0.warehouse import job_users
from ask0.warehouse.connect import Warehouse

LOOK_SECONDS = 1.0
IDS_AT_ONCE = 10_000
SAVE_SECONDS = 30.0  # a reader waits for it

logger = logging.getLogger(__name__)


class Exporting:
    """The kind of job. It has no steps but its end, which `POST /jobs/{id}/cancel` brings on."""

    is_cancellable = True

    def __init__(self, warehouse: Warehouse, background: Background, found: Suppressions) -> None:
        self._warehouse = warehouse
        self._background = background
        self.suppressions = found

    async def step(self, job: Job) -> Step:
        return Step(job.state, job.done, job.total, receipt=raw(nothing_sent(job)))

    async def forget(self, job: Job) -> None:
        work = msgspec.json.decode(job.work, type=ExportWork)
        await self._background.ask(job_users.forget, self._warehouse, work.list)

    async def forget_erased(self, job: Job) -> None:
        """Raises ServiceUnavailable."""
        list = msgspec.json.decode(job.work, type=ExportWork).list

        def forget() -> None:
            after = ""
            while ids := job_users.read_after(self._warehouse, list, after, IDS_AT_ONCE):
                after = ids[-1]
                if erased := [id for id in ids if self.suppressions.drops(job.project_id, id)]:
                    job_users.remove(self._warehouse, list, erased)

        if self.suppressions.of(job.project_id):
            await self._background.ask(forget)


class Sending(Run):
    """A job that is downloaded from this process now."""

    def __init__(self, runner: Runner, stored: Stored[Job], kind: Exporting) -> None:
        super().__init__(runner, stored)
        self.job = replace(self.job, done=0)
        self._kind = kind
        self._beating: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Raises QuotaExceeded where somebody else was quicker, ServiceUnavailable."""
        try:
            async with asyncio.timeout(SAVE_SECONDS):
                await self._save(PROGRESSED)
        except MovedOn:
            raise being_downloaded() from None
        except TimeoutError:
            raise ServiceUnavailable("the control stream does not answer now") from None
        self._beating = asyncio.create_task(self._beat())

    @property
    def may_go_on(self) -> bool:
        """Unless the job is to end, or another process has it."""
        self._look_whether_it_is_to_end(self._kind)
        return self.job.cancel_asked_at is None and not (self._beating and self._beating.done())

    async def end(self, status: Status, receipt: ExportReceipt, code: str = "", message: str = "") -> None:
        """Raises MovedOn, CatalogError, ServiceUnavailable."""
        await self._rest()
        before = self.job
        self.job = replace(
            before,
            status=status,
            receipt=raw(receipt),
            code=code,
            message=message,
            work=NOTHING,
            state=NOTHING,
            finished_at=time.time_ns() // 1_000_000,
        )
        try:
            async with asyncio.timeout(SAVE_SECONDS):
                await self._save(f"job.{status}")
        except TimeoutError:
            self.job = before
            raise ServiceUnavailable("the control stream does not answer now") from None
        with contextlib.suppress(ServiceUnavailable):  # the list goes later
            await self._kind.forget(before)

    async def leave(self, receipt: ExportReceipt) -> None:
        """Before the end: the job can be downloaded anew, unless it is to end. Raises CatalogError,
        ServiceUnavailable."""
        await self._rest()
        self._look_whether_it_is_to_end(self._kind)
        with contextlib.suppress(MovedOn):
            if self.job.cancel_asked_at is not None:
                await self.end("cancelled", receipt)
            else:
                self.job = replace(self.job, status="waiting")
                await self.release()

    async def _rest(self) -> None:
        if self._beating:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)


class Standing:
    """Looks after those that nobody downloads. `alone` says that no other process has this log."""

    def __init__(self, jobs: Jobs, runner: Runner, kind: Exporting, *, alone: bool) -> None:
        self._jobs = jobs
        self._runner = runner
        self._kind = kind
        self._alone = alone
        self._found = 0  # the position on the stream at the start
        self._seen: dict[str, tuple[int, float]] = {}  # of each that is downloaded elsewhere: its version, since when
        self._sending: set[str] = set()
        self._rid: dict[str, int] = {}  # of each: the version of the suppressions, whose users its list does not have

    async def run(self) -> None:
        """For ever."""
        self._found = self._jobs.replica.state.position
        while True:
            exports = self._jobs.exports()
            ids = {stored.document.id for stored in exports}
            self._seen = {id: seen for id, seen in self._seen.items() if id in ids}
            self._rid = {id: version for id, version in self._rid.items() if id in ids}
            for stored in exports:
                await self._look(stored)
            await asyncio.sleep(LOOK_SECONDS)

    async def begin(self, stored: Stored[Job]) -> Sending:
        """Raises QuotaExceeded, ServiceUnavailable."""
        job = stored.document
        if job.status != "waiting" or job.id in self._sending:
            raise being_downloaded()
        sending = Sending(self._runner, stored, self._kind)
        self._sending.add(job.id)
        try:
            await sending.begin()
        except BaseException:
            self._sending.discard(job.id)
            raise
        return sending

    async def leave(self, sending: Sending, receipt: ExportReceipt) -> None:
        """If it has not ended."""
        try:
            if not sending.job.is_finished:
                await sending.leave(receipt)
        except (CatalogError, ServiceUnavailable) as error:
            logger.warning("the job %s is given back later: %s", sending.job.id, error)
        finally:
            self._sending.discard(sending.job.id)

    async def _look(self, stored: Stored[Job]) -> None:
        job = stored.document
        try:
            if job.status == "running" and job.id not in self._sending and self._is_left(stored):
                await Sending(self._runner, stored, self._kind).leave(nothing_sent(job))
            elif job.status == "waiting" and time.time_ns() // 1_000_000 - job.asked_at > STANDS_SECONDS * 1_000:
                hours = STANDS_SECONDS // 3_600
                await Sending(self._runner, stored, self._kind).end(
                    "failed", nothing_sent(job), EXPIRED, f"nobody has downloaded it within {hours} hours: ask again"
                )
            elif job.status == "waiting" and self._rid.get(job.id) != (version := self._kind.suppressions.version):
                await self._kind.forget_erased(job)
                self._rid[job.id] = version
        except MovedOn:
            logger.debug("somebody else looks after the job %s", job.id)
        except (CatalogError, ServiceUnavailable) as error:
            logger.warning("the job %s is looked after later: %s", job.id, error)

    def _is_left(self, stored: Stored[Job]) -> bool:
        """Whether its process is no more."""
        job = stored.document
        if job.runner == self._runner.id or (self._alone and stored.version <= self._found):
            return True
        now = time.monotonic()
        version, since = self._seen.setdefault(job.id, (stored.version, now))
        if version != stored.version:
            self._seen[job.id] = stored.version, now
            return False
        return now - since > LEASE_SECONDS


def nothing_sent(job: Job) -> ExportReceipt:
    work = msgspec.json.decode(job.work, type=ExportWork)
    return ExportReceipt(format=work.format, what=work.what)


def being_downloaded() -> QuotaExceeded:
    return QuotaExceeded(
        "this is being exported now: wait until that export has ended", retry_after=5, code="being_exported"
    )
