"""Jobs over HTTP: one change of many users is asked for, jobs are looked at, and cancelled."""

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

import msgspec
from starlette.responses import JSONResponse, Response

from ask0.catalog import jobs as catalog
from ask0.catalog.collection import Stored
from ask0.catalog.errors import MovedOn as MovedMeanwhile
from ask0.gateway.api import documents
from ask0.gateway.api.changes import Changes, Request
from ask0.gateway.api.definitions import ProjectDefinitions
from ask0.gateway.api.paths import project_of
from ask0.gateway.api.user_lists import read_filter
from ask0.gateway.errors import BadRequest, Conflict, NotFound, QuotaExceeded, ServiceUnavailable, Unprocessable
from ask0.gateway.jobs.background import Background
from ask0.gateway.jobs.kinds import Kind, raw
from ask0.gateway.jobs.runner import NOBODY
from ask0.gateway.operations import Asked
from ask0.schemas.bulk import BulkWork
from ask0.schemas.changes import NOTHING, name_of
from ask0.schemas.erasure import ERASING, Erasing, ErasureWork
from ask0.schemas.filters import types
from ask0.schemas.filters.types import Filter
from ask0.schemas.filters.writer import write
from ask0.schemas.jobs import CANCELLING, EXPORT, JOB, MAX_EXPORTS, MAX_UNFINISHED, BulkAsked, Job, Whom, show
from ask0.schemas.segments import definitions
from ask0.schemas.user_changes import UserChange
from ask0.schemas.user_writes import UserWrite, WriteInvalid, change_of, tag_facts, user_id_of
from ask0.warehouse import job_users
from ask0.warehouse.filters import compile_filter

ATTEMPTS = 5  # at a place that somebody else may take at the same time
NEEDS = {"tag": "tags", "untag": "tags", "set": "traits"}
TAKES = {**NEEDS, "deactivate": "reason"}


class Jobs:
    """`runner` is the id of this process's: it begins with what was asked for here."""

    def __init__(
        self,
        jobs: catalog.Jobs,
        runner: str,
        kinds: Mapping[str, Kind],
        changes: Changes,
        defined: ProjectDefinitions,
        finding: Background,
    ) -> None:
        """`finding` is for what may take minutes."""
        self._kinds = kinds
        self._finding = finding
        self._jobs = jobs
        self._runner = runner
        self._changes = changes
        self._defined = defined

    async def list(self, asked: Asked) -> Response:
        found = self._jobs.newest_first(project_of(asked))
        return JSONResponse({"jobs": [show(job) for job in found], "next": None})

    async def get(self, asked: Asked) -> Response:
        return JSONResponse({"job": show(self._find(asked).document)})

    async def cancel(self, asked: Asked) -> Response:
        """One that nobody has begun ends at once. Else its document says that it is to end, and whoever carries it out
        sees that before the next piece; one that was done by then is done."""
        request = self._changes.request(asked, asked.request.path_params["id"], b"")
        for attempt in range(ATTEMPTS):
            stored = self._find(asked)
            job = stored.document
            if job.status == "cancelled" or (job.cancel_asked_at is not None and not job.is_finished):
                return _answer(job)
            kind = self._cancellable(job)
            after = await _cancelled(kind, job)
            again = request if not attempt else request._replace(id=f"{request.id}.{attempt}")
            action = CANCELLING if not after.is_finished else f"job.{after.status}"
            try:
                await documents.write(
                    self._jobs, again, job.subject, after, action, {name_of(JOB, job.subject): stored.version}
                )
            except MovedMeanwhile:
                continue
            if after.is_finished:
                with suppress(ServiceUnavailable):  # what was kept for it goes later
                    await kind.forget(job)
            return _answer(self._find(asked).document)
        raise ServiceUnavailable("the job moves on too quickly: send it again", retry_after=1)

    async def bulk(self, asked: Asked) -> Response:
        """Answered as soon as it is certain that it will be done."""
        project_id, given = project_of(asked), asked.body
        if given.do in ERASING:
            return await self._erase_many(asked)
        work = self._work(project_id, given)
        said = json.dumps(given.model_dump()).encode()
        request = self._changes.request(asked, "", said)
        id = f"job_{request.id.removeprefix('chg_')[:24]}"
        if known := self._jobs.find(project_id, id):
            return again(known.document, request)
        self.check_room(project_id)
        if given.ids is not None:
            work = msgspec.structs.replace(work, list=f"{id}-{request.digest}")
            ids = list(dict.fromkeys(given.ids))
            await self._changes.questions.ask(job_users.name, self._changes.warehouse, work.list, ids)
        job = await self.add(request, id, given.do, _encoded(work))
        return JSONResponse({"job": show(job)}, 202)

    async def erase(
        self,
        asked: Asked,
        kind: Erasing,
        whom: Sequence[str] | Filter,
        said: bytes,
        *,
        with_conversations: bool,
        into: str = "",
    ) -> Response:
        """As a job that erases: its list lies in ClickHouse before the job is there, as no document may name anyone."""
        asked.caller.check("users:erase")
        project_id = project_of(asked)
        request = self._changes.request(asked, "", said)
        id = f"job_{request.id.removeprefix('chg_')[:24]}"
        if known := self._jobs.find(project_id, id):
            return again(known.document, request)
        self.check_room(project_id)
        list = f"{id}-{request.digest}"
        await self.put_on_list(project_id, list, whom)
        job = await self.add(request, id, kind, raw(ErasureWork(list, with_conversations, into)))
        return JSONResponse({"job": show(job)}, 202)

    async def put_on_list(self, project_id: str, list: str, whom: Sequence[str] | Filter) -> None:
        """Raises ServiceUnavailable."""
        if isinstance(whom, Sequence):
            await self._finding.ask(job_users.name, self._changes.warehouse, list, whom)
        else:
            condition = compile_filter(whom, self._defined.compiling(project_id))
            await self._finding.ask(job_users.find, self._changes.warehouse, project_id, condition, list)

    async def _erase_many(self, asked: Asked) -> Response:
        given = asked.body
        for name in ("tags", "traits", "reason"):
            if getattr(given, name) is not None:
                raise WriteInvalid(name, f"to {given.do} takes no {name}")
        whom = self.whom(project_of(asked), given)
        said = json.dumps(given.model_dump()).encode()
        return await self.erase(asked, given.do, whom, said, with_conversations=bool(given.deleteConversations))

    def whom(self, project_id: str, given: Whom) -> Sequence[str] | Filter:
        """Ids, or a filter that can be asked now. Raises BadRequest, FilterInvalid, WriteInvalid."""
        _check_whom(given)
        if given.ids is not None:
            return [user_id_of(id, f"ids[{place}]") for place, id in enumerate(dict.fromkeys(given.ids))]
        return self._filter(project_id, given)

    def check_room(self, project_id: str, kind: str = "") -> None:
        if kind == EXPORT:
            if len(self._jobs.exports(project_id)) >= MAX_EXPORTS:
                raise QuotaExceeded(
                    f"{MAX_EXPORTS} exports of the project wait to be downloaded: do that, or cancel one",
                    retry_after=5,
                    code="too_many_exports",
                )
            return
        if self._jobs.unfinished(project_id) >= MAX_UNFINISHED:
            raise QuotaExceeded(
                f"{MAX_UNFINISHED} jobs of the project are not finished: send the same again later", retry_after=5
            )

    def _work(self, project_id: str, given: BulkAsked) -> BulkWork:
        """Raises BadRequest, Unprocessable, WriteInvalid, FilterInvalid."""
        for name in ("tags", "traits", "reason", "deleteConversations"):
            if getattr(given, name) is not None and TAKES.get(given.do) != name:
                raise WriteInvalid(name, f"to {given.do} takes no {name}")
        if (needed := NEEDS.get(given.do)) and getattr(given, needed) is None:
            raise WriteInvalid(needed, f"to {given.do} needs {needed}")
        _check_whom(given)
        if given.ids is not None:
            given.ids = [user_id_of(id, f"ids[{place}]") for place, id in enumerate(given.ids)]
        filter = None if given.ids is not None else self._filter(project_id, given)
        change = _change(given)
        self._defined.check(project_id, change, is_new=False)
        return BulkWork(filter=None if filter is None else write(filter), change=change, reason=given.reason or "")

    def _filter(self, project_id: str, given: Whom) -> Filter:
        """One that can be asked now. Raises FilterInvalid, WriteInvalid."""
        if given.segment is not None:
            if given.segment not in definitions(self._defined.filters(project_id)).segments:
                raise WriteInvalid("segment", "there is no segment of this id")
            filter: Filter = types.Segment((given.segment,))
        else:
            filter = read_filter(given.filter)
        compile_filter(filter, self._defined.compiling(project_id))
        return filter

    def _find(self, asked: Asked) -> Stored[Job]:
        """Raises NotFound."""
        stored = self._jobs.find(project_of(asked), asked.request.path_params["id"])
        if stored is None:
            raise NotFound("there is no job with this id: the newest hundred are kept", code="unknown_job")
        return stored

    def _cancellable(self, job: Job) -> Kind:
        """Raises Conflict."""
        if job.is_finished:
            raise Conflict(f"the job is finished: it is {job.status}", code="job_finished")
        kind = self._kinds.get(job.kind)
        if kind is None or not kind.is_cancellable:
            raise Conflict(f"a job that is to {job.kind} goes on to its end", code="not_cancellable")
        return kind

    async def add(self, request: Request, id: str, kind: str, work: msgspec.Raw, total: int | None = None) -> Job:
        for attempt in range(ATTEMPTS):
            self.check_room(request.project_id, kind)
            place, version = self._jobs.free_place(request.project_id)
            job = Job(
                id=id,
                project_id=request.project_id,
                place=place,
                kind=kind,
                actor=request.actor,
                request=request.trace,
                digest=request.digest,
                asked_at=time.time_ns() // 1_000_000,
                runner=self._runner,
                work=work,
                total=total,
            )
            again = request if not attempt else request._replace(id=f"{request.id}.{attempt}")
            try:
                await documents.write(
                    self._jobs, again, job.subject, job, "job.made", {name_of(JOB, job.subject): version}
                )
            except MovedMeanwhile:
                continue
            if stored := self._jobs.find(request.project_id, id):
                return stored.document
            raise Conflict("this was asked for before, and newer jobs have taken its place", code="already_done")
        raise ServiceUnavailable("too many jobs are asked for at once: send it again", retry_after=1)


async def _cancelled(kind: Kind, job: Job) -> Job:
    """As it is to be: at its end if nobody has begun it."""
    now = time.time_ns() // 1_000_000
    after = msgspec.structs.replace(job, cancel_asked_at=now)
    if job.status != "waiting":
        return after
    step = await kind.step(after)
    return msgspec.structs.replace(
        after,
        status="cancelled",
        runner=NOBODY,
        work=NOTHING,
        state=NOTHING,
        receipt=step.receipt or NOTHING,
        finished_at=now,
    )


def _answer(job: Job) -> Response:
    return JSONResponse({"job": show(job)}, 200 if job.is_finished else 202)


def _check_whom(given: Whom) -> None:
    if sum(one is not None for one in (given.ids, given.filter, given.segment)) != 1:
        raise BadRequest("say whom with one of `ids`, `filter` and `segment`", code="invalid_body")


def _change(given: BulkAsked) -> UserChange:
    """Raises WriteInvalid."""
    if given.do == "set":
        return change_of(UserWrite(traits=given.traits or {}))
    tags = given.tags or []
    return UserChange(tags=tag_facts(tags, []) if given.do == "tag" else tag_facts([], tags))


def _encoded(work: BulkWork) -> msgspec.Raw:
    """Raises BadRequest."""
    try:
        return msgspec.Raw(msgspec.json.encode(work))
    except UnicodeEncodeError:
        raise BadRequest("half of a surrogate pair, which no text here has", code="invalid_body") from None


def again(job: Job, request: Request, **more: str) -> Response:
    """What was answered before. Raises Unprocessable where something else was asked for."""
    if job.digest != request.digest:
        raise Unprocessable("this Idempotency-Key was sent with another request before", code="key_reused")
    return JSONResponse({"job": show(job), **more}, 202, headers={"idempotency-replayed": "true"})
