"""One run of the retention, for all projects that have one.

First it is found what is to go, and written down: the lists in ClickHouse, how much it is in a job of each project.
Only then anything is removed, and at last the jobs are done. A run that is cut goes on with its own lists and figures,
from the beginning of the removing, which may be done twice.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from ask0.catalog.audit_heads import forget_before
from ask0.catalog.collection import Stored
from ask0.catalog.documents import write_document
from ask0.catalog.errors import CatalogError, CatalogUnavailable, MovedOn
from ask0.catalog.jobs import Jobs
from ask0.catalog.replica import Replica
from ask0.catalog.sealing import Seal
from ask0.consumers.tables.snapshots import Touched, refresh
from ask0.schemas.changes import NOTHING, name_of
from ask0.schemas.events import write_time
from ask0.schemas.jobs import JOB, PROGRESSED, RETENTION, Job
from ask0.schemas.project_settings import Retention
from ask0.warehouse import retention
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.retention import REMOVED, Removing

MOST_LISTED = 200_000  # users of one run, and conversations: the others go with the next ones
LEAST_LISTED = 1_000  # of a project
KEPT_RUNS = 30  # jobs of a project
LOOKS = 3  # for people who have come back while they were removed

logger = logging.getLogger(__name__)


class Work(msgspec.Struct, frozen=True):
    """Of a job: the run it is of, and what goes by it."""

    run: str
    settled: int
    before: dict[str, int]
    counts: dict[str, int]
    left: dict[str, int] = {}  # for the next run


class Run:
    def __init__(self, replica: Replica, jobs: Jobs, warehouse: Warehouse, seal: Seal) -> None:
        self._replica = replica
        self._jobs = jobs
        self._warehouse = warehouse
        self._seal = seal

    async def begin(self, settings: Iterable[Retention], actor: str = "ask0") -> str:
        """Finds what is to go, and makes the jobs. Returns the name of the run."""
        now = await asyncio.to_thread(retention.read_now, self._warehouse)
        before = {one.project_id: ends for one in settings if (ends := one.ends(now))}
        run, is_needed = f"{write_time(now)}-{secrets.token_hex(4)}", False
        try:
            removing, counts, left = await asyncio.to_thread(self._find, run, before)
            for project_id, of_project in counts.items():
                if any(of_project.values()):
                    work = Work(run, removing.settled, before[project_id], of_project, left.get(project_id, {}))
                    await self._add(project_id, work, actor)
                    is_needed = True
        finally:
            if not is_needed:
                await asyncio.to_thread(retention.forget_run, self._warehouse, run)
        return run

    async def go_on(self) -> list[Job]:
        """Removes what the unfinished jobs are about, of this run and of any that was cut, and ends them."""
        done: list[Job] = []
        by_run: dict[str, list[Stored[Job]]] = {}
        for stored in self.unfinished():
            by_run.setdefault(_work(stored.document).run, []).append(stored)
        for run, own in by_run.items():
            works = {stored.document.project_id: _work(stored.document) for stored in own}
            settled = next(iter(works.values())).settled
            removing = Removing(run, {project_id: work.before for project_id, work in works.items()}, settled)
            for place, table in enumerate(REMOVED, start=1):
                await asyncio.to_thread(retention.remove, self._warehouse, removing, table)
                if table == "events":
                    own = [await self._progress(stored, place) for stored in own]
            kept = await asyncio.to_thread(self._finish, removing)
            for stored in own:
                done.append(await self._end(stored, kept.get(stored.document.project_id)))
            await asyncio.to_thread(retention.forget_run, self._warehouse, run)
        return done

    def unfinished(self) -> list[Stored[Job]]:
        every = (stored for project_id in self._jobs.projects for stored in self._jobs.of(project_id).values())
        return [one for one in every if one.document.kind == RETENTION and not one.document.is_finished]

    async def tidy(self) -> None:
        """Lists of runs that were cut before anything of them was written down."""
        going_on = {_work(stored.document).run for stored in self.unfinished()}
        for run in await asyncio.to_thread(retention.old_runs, self._warehouse):
            if run not in going_on:
                await asyncio.to_thread(retention.forget_run, self._warehouse, run)

    def _find(
        self, run: str, before: Mapping[str, Mapping[str, int]]
    ) -> tuple[Removing, dict[str, dict[str, int]], dict[str, dict[str, int]]]:
        most = max(MOST_LISTED // max(len(before), 1), LEAST_LISTED)
        for project_id, ends in before.items():
            retention.find(self._warehouse, run, project_id, ends, most)
        for project_id, ends in before.items():
            retention.settle(self._warehouse, run, project_id, ends)
        removing = Removing(run, before, retention.read_now(self._warehouse))
        counts = retention.count_removed(self._warehouse, removing)
        left: dict[str, dict[str, int]] = {}
        for project_id, of_project in counts.items():
            for kind in ("inactiveUsers", "conversations"):
                if of_project[kind] >= most:
                    all_of_them = retention.read_due(self._warehouse, project_id, kind, before[project_id][kind]).number
                    left.setdefault(project_id, {})[kind] = max(all_of_them - of_project[kind], 0)
        return removing, counts, left

    def _finish(self, removing: Removing) -> dict[str, str]:
        """Those who came back while they were removed have rows of what is left of them, and the audit log forgets.
        Returns why it could not, by project."""
        for _ in range(LOOKS):
            version = 1000 * retention.read_now(self._warehouse)
            back, stale = retention.read_back(self._warehouse, removing, version)
            if not back and not stale:
                break
            if stale:
                retention.remove_stale(self._warehouse, removing, version)
            refresh(self._warehouse, Touched(users=set(back)))
        retention.forget_in_audit(self._warehouse, removing)
        kept = {}
        for project_id, ends in removing.before.items():
            if "audit" in ends:
                try:
                    forget_before(self._warehouse, self._seal, project_id, ends["audit"], removing.settled)
                except CatalogError as error:
                    logger.error("the audit log of %s is kept: %s", project_id, error)
                    kept[project_id] = str(error)
        return kept

    async def _add(self, project_id: str, work: Work, actor: str) -> None:
        place, version = self._place(project_id)
        job = Job(
            id=f"job_{secrets.token_hex(12)}",
            project_id=project_id,
            place=place,
            kind=RETENTION,
            actor=actor,
            request="",
            digest="",
            asked_at=time.time_ns() // 1_000_000,
            status="running",
            work=msgspec.Raw(msgspec.json.encode(work)),
            total=sum(work.counts.values()),
        )
        await self._write(job, version, "job.made")

    def _place(self, project_id: str) -> tuple[int, int]:
        """Of the oldest job of its kind, once there are many: they leave the others their places."""
        own = [one for one in self._jobs.of(project_id).values() if one.document.kind == RETENTION]
        finished = [one for one in own if one.document.is_finished]
        if len(own) < KEPT_RUNS or not finished:
            return self._jobs.free_place(project_id)
        oldest = min(finished, key=lambda one: (one.document.finished_at or 0, one.version))
        return oldest.document.place, oldest.version

    async def _progress(self, stored: Stored[Job], tables: int) -> Stored[Job]:
        job = stored.document
        counts = _work(job).counts
        done = replace(job, done=counts.get("events", 0) + counts.get("quarantine", 0) * (tables > 1))
        return Stored(await self._write(done, stored.version, PROGRESSED), done)

    async def _end(self, stored: Stored[Job], kept: str | None) -> Job:
        job, work = stored.document, _work(stored.document)
        receipt: dict[str, Any] = {
            "until": {kind: write_time(at) for kind, at in work.before.items()},
            "removed": {kind: n for kind, n in work.counts.items() if n and not (kept and kind == "audit")},
            "left": {kind: n for kind, n in work.left.items() if n},
        }
        if kept:
            receipt["kept"] = {"audit": kept}
        ended = replace(
            job,
            status="done",
            work=NOTHING,
            done=job.total or 0,
            receipt=msgspec.Raw(msgspec.json.encode(receipt)),
            finished_at=time.time_ns() // 1_000_000,
        )
        await self._write(ended, stored.version, "job.done")
        return ended

    async def _write(self, job: Job, version: int, action: str) -> int:
        """Its version. Another process that does the same at the same time may have been first."""
        try:
            outcome = await write_document(
                self._replica,
                JOB,
                job.subject,
                job,
                project_id=job.project_id,
                action=action,
                actor=job.actor,
                request="",
                id=f"{job.id}:{version}:{job.status}:{job.done}",
                expects={name_of(JOB, job.subject): version},
            )
        except MovedOn:
            stored = self._jobs.get(job.project_id, job.subject)
            if stored is None or stored.document.id != job.id:
                raise CatalogUnavailable("a job of the retention was replaced meanwhile") from None
            return stored.version
        return outcome.position


def _work(job: Job) -> Work:
    return msgspec.json.decode(job.work, type=Work)


def of_projects(settings: Sequence[Retention], project_id: str | None, changed_before: int | None) -> list[Retention]:
    """Those that remove anything: of one project or of all, and only those that stand since then."""
    return [
        one
        for one in settings
        if one.ends(0)
        and project_id in (None, one.project_id)
        and (changed_before is None or one.changed_at <= changed_before)
    ]
