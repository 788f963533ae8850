"""One change of many users: whom is found once, then page by page each gets the change that a call would make.

A change's id is made of the job's and the user's, so a page that is done again changes nothing any more.
"""

import asyncio
import secrets
from collections.abc import Sequence
from hashlib import blake2b

import msgspec
from msgspec.structs import asdict, replace

from ask0.catalog.deactivations import Wanted as Document
from ask0.gateway.api import documents
from ask0.gateway.api.changes import Changes, Request, Wanted
from ask0.gateway.api.definitions import ProjectDefinitions
from ask0.gateway.errors import ServiceUnavailable
from ask0.gateway.jobs.background import Background
from ask0.gateway.jobs.kinds import JobFailed, Kind, Step, raw
from ask0.schemas.bulk import BulkState, BulkWork
from ask0.schemas.changes import NOTHING
from ask0.schemas.documents import MAX_DEACTIVATED, subject_of
from ask0.schemas.filters.errors import FilterInvalid
from ask0.schemas.filters.parser import parse
from ask0.schemas.jobs import Job
from ask0.schemas.user_changes import MAX_USER_TAGS
from ask0.warehouse import job_users
from ask0.warehouse.errors import QueryFailed
from ask0.warehouse.filters import compile_filter
from ask0.warehouse.job_users import Listed
from ask0.warehouse.user_lists import read_rows
from ask0.warehouse.users import profile_of

PAGE = 1_000
DOCUMENTS_PAGE = 50  # users who get a document each, which every process takes in …
DOCUMENTS_PER_SECOND = 50
PAGES_AT_ONCE = 8  # of different projects, that are in memory
ACTIONS = {"tag": "user.tagged", "untag": "user.untagged", "set": "user.updated"}


class Bulk:
    """`step` of the jobs tag, untag and set; those of `Deactivations` below find their users in the same way."""

    def __init__(
        self, changes: Changes, defined: ProjectDefinitions, background: Background, finding: Background
    ) -> None:
        """`finding` is for what may take minutes."""
        self._changes = changes
        self._defined = defined
        self._background = background
        self._finding = finding
        self._pages = asyncio.Semaphore(PAGES_AT_ONCE)

    page_size = PAGE
    is_cancellable = True

    async def step(self, job: Job) -> Step:
        work = msgspec.json.decode(job.work, type=BulkWork)
        if job.cancel_asked_at is not None:
            state = BulkState("", 0) if job.state == NOTHING else msgspec.json.decode(job.state, type=BulkState)
            return Step(job.state, job.done, job.total, receipt=_receipt(state))
        if job.state == NOTHING:
            return await self._find(job, work)
        state = msgspec.json.decode(job.state, type=BulkState)
        self._changes.disk.check()
        self._changes.budgets.check(job.project_id)
        async with self._pages:
            page = await self._background.ask(
                job_users.read_page, self._changes.warehouse, job.project_id, state.list, state.after, self.page_size
            )
            if not page:
                return _finish(state)
            known = [user for user in page if user.state is not None]
            state = replace(
                state,
                after=page[-1].id,
                done=state.done + len(page),
                unknown=state.unknown + len(page) - len(known),
                refused=dict(state.refused),
            )
            return await self.carry_out(job, work, state, known)

    async def forget(self, job: Job) -> None:
        lists = {msgspec.json.decode(job.work, type=BulkWork).list}  # of those who were named, before they are found
        if job.state != NOTHING:
            lists.add(msgspec.json.decode(job.state, type=BulkState).list)
        for list in filter(None, lists):
            await self._background.ask(job_users.forget, self._changes.warehouse, list)

    async def carry_out(self, job: Job, work: BulkWork, state: BulkState, users: Sequence[Listed]) -> Step:
        """A page. `state` is as it will be, but for what comes of the users."""
        wanted = [
            Wanted(one.merged_into or user.id, ACTIONS[job.kind], work.change, one.updated_at, change_id(job, user.id))
            for user in users
            if (one := user.state) is not None and one.tags + sum(work.change.tags.values()) <= MAX_USER_TAGS
        ]
        _refuse(state, "too_many_tags", len(users) - len(wanted))
        refused = await self._append(job, wanted) if wanted else 0
        _refuse(state, "not_applied", refused)
        state = replace(state, changed=state.changed + len(wanted) - refused)
        return Step(raw(state), state.done, state.total, pause=self._changes.budgets.pause(len(wanted)))

    async def _append(self, job: Job, wanted: Sequence[Wanted]) -> int:
        """How many of them were not taken, once they have arrived."""
        changes = self._changes
        positions = await changes.append(request_of(job, job.id), wanted)
        while not await changes.arrivals.wait(positions):
            pass  # nobody knows yet
        log_id = changes.log.log_id
        return await self._background.ask(job_users.count_refused, changes.warehouse, job.project_id, log_id, positions)

    async def _find(self, job: Job, work: BulkWork) -> Step:
        list, warehouse = work.list, self._changes.warehouse
        if not list:
            list = f"{job.id}-{secrets.token_hex(4)}"  # of this process: another that finds them too makes another
            try:
                condition = compile_filter(parse(work.filter), self._defined.compiling(job.project_id))
            except FilterInvalid as error:
                raise JobFailed("invalid_filter", str(error)) from error
            try:
                await self._finding.ask(job_users.find, warehouse, job.project_id, condition, list)
            except ServiceUnavailable as error:
                if isinstance(error.__cause__, QueryFailed):
                    raise JobFailed("too_slow", f"they cannot be found in {job_users.FIND_SECONDS} s") from error
                raise
        state = BulkState(list, await self._background.ask(job_users.count, warehouse, list))
        return Step(raw(state), 0, state.total, keep=True)  # or after a cut others would be found, who are left


class BulkDeactivations(Bulk):
    """Of the jobs deactivate and reactivate, which make documents."""

    page_size = DOCUMENTS_PAGE

    async def carry_out(self, job: Job, work: BulkWork, state: BulkState, users: Sequence[Listed]) -> Step:
        rows = await self._background.ask(
            read_rows, self._changes.warehouse, job.project_id, [_survivor(user) for user in users]
        )
        deactivations = self._defined.deactivations
        there = deactivations.of(job.project_id)
        room, refused = MAX_DEACTIVATED - len(there), 0
        wanted: dict[str, Sequence[Document]] = {}
        for user in users:
            row = rows.get(_survivor(user))
            profile = profile_of(row) if row else None
            if job.kind == "reactivate":
                wanted[user.id] = deactivations.to_reactivate(job.project_id, user.id, profile)
            elif subject_of(job.project_id, _survivor(user)) in there:
                wanted[user.id] = []
            elif room > 0:
                wanted[user.id] = [deactivations.to_deactivate(job.project_id, user.id, profile, work.reason)]
                room -= 1
            else:
                refused += 1
        await asyncio.gather(*(self._write(job, id, some) for id, some in wanted.items()))
        _refuse(state, "too_many_deactivated", refused)
        changed = sum(map(bool, wanted.values()))
        state = replace(state, changed=state.changed + changed, unchanged=state.unchanged + len(wanted) - changed)
        return Step(raw(state), state.done, state.total, pause=changed / DOCUMENTS_PER_SECOND)

    async def _write(self, job: Job, id: str, wanted: Sequence[Document]) -> None:
        for place, (subject, body, action) in enumerate(wanted):
            request = request_of(job, f"{change_id(job, id)}.{place}")
            await documents.write(self._defined.deactivations, request, subject, body, action, {})


def job_kinds(
    changes: Changes, defined: ProjectDefinitions, background: Background, finding: Background
) -> dict[str, Kind]:
    """What the runner can carry out, by name."""
    of_facts = Bulk(changes, defined, background, finding)
    of_documents = BulkDeactivations(changes, defined, background, finding)
    return {**dict.fromkeys(ACTIONS, of_facts), **dict.fromkeys(("deactivate", "reactivate"), of_documents)}


def change_id(job: Job, user_id: str) -> str:
    """With the id of the job, which nobody can guess: no page can send an event of this id before."""
    return f"chg_{blake2b(f'{job.id} {user_id}'.encode(), digest_size=16).hexdigest()}"


def request_of(job: Job, id: str) -> Request:
    """As if whoever asked for the job had asked for each of its changes."""
    return Request(job.project_id, job.actor, id, job.digest, job.request, is_keyed=True)


def _survivor(user: Listed) -> str:
    return (user.state and user.state.merged_into) or user.id


def _refuse(state: BulkState, code: str, users: int) -> None:
    if users:
        state.refused[code] = state.refused.get(code, 0) + users


def _finish(state: BulkState) -> Step:
    """Raises JobFailed where the list has lost users: it was cut by hand, or older than it may be."""
    if state.done < state.total:
        raise JobFailed("users_lost", f"{state.total - state.done:,} users were not reached: ask for the same again")
    return Step(raw(state), state.done, state.total, receipt=_receipt(state))


def _receipt(state: BulkState) -> msgspec.Raw:
    return raw({name: asdict(state)[name] for name in ("changed", "unchanged", "unknown", "refused")})
