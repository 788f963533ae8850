"""Erasing people, as a job: nothing more of them is stored, then nothing is left of them, and a signed receipt says so.

First their ids are suppressed (consumers/tables/suppressed.py), then it waits until the workers have passed what is on
the log by then: so nothing of before can come into the tables any more. Whoever became theirs meanwhile is found again.
Only then anything is removed, table by table; what a worker wrote at the same moment is found by another look.
"""

import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from ask0.catalog.errors import CatalogError, CatalogUnavailable
from ask0.catalog.forgetting import forget_documents, rewrite_stream
from ask0.catalog.sealing import Seal
from ask0.catalog.suppressions import Suppressions
from ask0.eventlog.log import LogUnavailable, Position
from ask0.gateway.api.changes import Changes
from ask0.gateway.api.definitions import ProjectDefinitions
from ask0.gateway.errors import ServiceUnavailable
from ask0.gateway.jobs.background import Background
from ask0.gateway.jobs.kinds import JobFailed, Step, raw
from ask0.schemas.changes import NOTHING
from ask0.schemas.erasure import ErasureState, ErasureWork, sign_text
from ask0.schemas.jobs import Job
from ask0.warehouse import erasure, job_users, parked_erasure, suppressions
from ask0.warehouse.anonymity import keep_anonymous
from ask0.warehouse.erasure import Run
from ask0.warehouse.transfer import move

USERS_AT_ONCE = 5_000  # of one run: their ids are in memory, and each run rewrites parts of the tables
LOOKS = 5  # for what was written while it was removed
WAIT_SECONDS = 1.0

logger = logging.getLogger(__name__)

T = TypeVar("T")
Stage = Callable[[Job, ErasureWork, ErasureState], Awaitable[Step]]


class Erasing:
    """`step` of the jobs erase, anonymize, delete_conversations and transfer."""

    is_cancellable = False  # who is half erased is suppressed, and nobody could say what is left of them

    def __init__(
        self, changes: Changes, defined: ProjectDefinitions, found: Suppressions, background: Background, seal: Seal
    ) -> None:
        self._changes = changes
        self._defined = defined
        self._suppressions = found
        self._background = background
        self._seal = seal
        self._stages: Mapping[str, Stage] = {
            "next": self._begin_run,
            "suppress": self._suppress,
            "wait": self._wait,
            "count": self._count,
            "move": self._move,
            "remove": self._remove,
            "look": self._look,
            "log": self._forget_log,
        }

    async def step(self, job: Job) -> Step:
        work = msgspec.json.decode(job.work, type=ErasureWork)
        try:
            if job.state == NOTHING:
                return await self._find(job, work)
            state = msgspec.json.decode(job.state, type=ErasureState)
            started = time.monotonic()
            step = await self._stages[state.stage](job, work, state)
            logger.info("%s: %s %d took %.1f s", job.id, state.stage, state.place, time.monotonic() - started)
            return step
        except (LogUnavailable, CatalogUnavailable) as error:
            raise ServiceUnavailable(str(error)) from error
        except CatalogError as error:
            raise JobFailed("no_room", str(error)) from error

    async def forget(self, job: Job) -> None:
        await self._ask(job_users.forget, msgspec.json.decode(job.work, type=ErasureWork).list)
        if job.state != NOTHING and (run := msgspec.json.decode(job.state, type=ErasureState).run):
            await self._ask(erasure.forget_run, run)

    async def _find(self, job: Job, work: ErasureWork) -> Step:
        try:
            self._seal.sign("")
        except CatalogError as error:  # no receipt could be signed: nothing begins then
            raise JobFailed("no_key", str(error)) from error
        return _step(ErasureState(await self._ask(job_users.count, work.list)), keep=True)

    async def _begin_run(self, job: Job, work: ErasureWork, state: ErasureState) -> Step:
        """The next of the list, with everyone whom they ever were."""
        ids = await self._ask(job_users.read_ids, work.list, state.done, USERS_AT_ONCE)
        if not ids:
            return self._finish(job, work, state)
        run = Run(job.project_id, f"{job.id}-{secrets.token_hex(6)}")
        await self._ask(erasure.name_users, run, ids)
        found = await self._ask(erasure.find_all, run)
        later = replace(state, run=run.name, users=len(ids), ids=found, looks=0, place=0, found={})
        return _step(replace(later, stage="suppress"), keep=True)

    async def _suppress(self, job: Job, work: ErasureWork, state: ErasureState) -> Step:
        run = Run(job.project_id, state.run)
        ids, talk = await self._read_ids(run), job.kind == "delete_conversations"
        for version, pack in await self._suppressions.add(job.project_id, ids, job.actor, talk=talk):
            await self._ask(suppressions.copy, pack, version)
        ends = await self._changes.log.ends()
        return _step(replace(state, stage="wait", positions=tuple(map(tuple, ends))), keep=True)

    async def _wait(self, job: Job, work: ErasureWork, state: ErasureState) -> Step:
        """Until nothing of before is under way; then whoever has become one of them meanwhile is suppressed too."""
        if not await self._changes.arrivals.wait([Position(*each) for each in state.positions]):
            return _step(state, pause=WAIT_SECONDS)
        found = await self._ask(erasure.find_all, Run(job.project_id, state.run))
        return _step(replace(state, stage="count" if found == state.ids else "suppress", ids=found))

    async def _count(self, job: Job, work: ErasureWork, state: ErasureState) -> Step:
        """Before anything is removed, so that a job which is cut says the same in the end."""
        run = Run(job.project_id, state.run)
        found = {"people": await self._ask(erasure.count_users, run)}
        for change in _changes(job, work):
            if change.name and change.name not in found:
                found[change.name] = await self._ask(erasure.count_concerned, run, change)
        return _step(replace(state, stage="move" if work.into else "remove", place=0, found=found), keep=True)

    async def _move(self, job: Job, work: ErasureWork, state: ErasureState) -> Step:
        await self._ask(move, Run(job.project_id, state.run), work.into)
        return _step(replace(state, stage="remove"), keep=True)

    async def _remove(self, job: Job, work: ErasureWork, state: ErasureState) -> Step:
        run, every = Run(job.project_id, state.run), _changes(job, work)
        if state.place == 0:
            if job.kind != "delete_conversations":
                ids = await self._read_ids(run)
                await forget_documents(self._defined.replica, job.project_id, ids, job.actor, run.name)
            await self._ask(parked_erasure.rewrite, run)
            if job.kind == "anonymize":
                await self._keep_anonymous(run)
        await self._ask(erasure.carry_out, run, every[state.place])
        place = state.place + 1
        return _step(replace(state, stage="remove" if place < len(every) else "look", place=place))

    async def _look(self, job: Job, work: ErasureWork, state: ErasureState) -> Step:
        """Workers that looked at these people when the removing began may have written a row of them since."""
        run = Run(job.project_id, state.run)
        if any([await self._ask(erasure.is_left, run, change) for change in _changes(job, work)]):
            if state.looks >= LOOKS:
                raise JobFailed(
                    "written_meanwhile", "something goes on writing of these people: ask for the same again"
                )
            return _step(replace(state, stage="remove", place=0, looks=state.looks + 1), pause=WAIT_SECONDS)
        return _step(replace(state, stage="log", place=0))

    async def _forget_log(self, job: Job, work: ErasureWork, state: ErasureState) -> Step:
        """The run is done with it."""
        if job.kind != "delete_conversations":
            aliases = await self._ask(erasure.read_aliases, Run(job.project_id, state.run))
            await rewrite_stream(self._defined.replica, job.project_id, aliases)
        await self._changes.log.forget([Position(*each) for each in state.positions])
        await self._ask(erasure.forget_run, state.run)
        removed = {
            name: state.removed.get(name, 0) + state.found.get(name, 0) for name in {**state.removed, **state.found}
        }
        done = replace(state, stage="next", run="", done=state.done + state.users, removed=removed, found={})
        return _step(done, keep=True)

    def _finish(self, job: Job, work: ErasureWork, state: ErasureState) -> Step:
        people = state.removed.get("people", 0)
        receipt: dict[str, Any] = {
            "did": job.kind,
            "job": job.id,
            "project": job.project_id,
            "asked": state.total,
            "people": people,
            "conversations": _fate(job, work),
            "rows": {name: rows for name, rows in sorted(state.removed.items()) if name != "people" and rows},
        }
        if work.into:
            receipt["into"] = work.into
        receipt["signature"] = self._seal.sign(sign_text(receipt))
        return Step(raw(state), state.done, state.total, receipt=raw(receipt))

    async def _keep_anonymous(self, run: Run) -> None:
        defined = self._defined.properties_of(run.project_id)
        every = defined.properties if defined else ()
        kept, personal = ([one.name for one in every if one.pii is is_personal] for is_personal in (False, True))
        await self._ask(keep_anonymous, run, kept, personal)

    async def _read_ids(self, run: Run) -> list[str]:
        def read() -> list[str]:
            return [id for page in erasure.read_ids(self._changes.warehouse, run) for id in page]

        return await self._background.ask(read)

    async def _ask(self, question: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        return await self._background.ask(question, self._changes.warehouse, *args, **kwargs)


def _changes(job: Job, work: ErasureWork) -> Sequence[erasure.Change]:
    return erasure.changes_of(job.kind, with_conversations=work.with_conversations)  # type: ignore[arg-type]


def _step(state: ErasureState, *, keep: bool = False, pause: float = 0.0) -> Step:
    return Step(raw(state), state.done, state.total, keep=keep, pause=pause)


def _fate(job: Job, work: ErasureWork) -> str:
    if work.into:
        return "moved with them"
    if job.kind == "anonymize":
        return "kept without texts, under a random id"
    return "removed" if work.with_conversations or job.kind == "delete_conversations" else "kept, under a random id"
