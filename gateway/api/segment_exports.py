"""Exports of many users over HTTP: a job is asked for, and its file is made while it is downloaded."""

import asyncio
import json
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from hashlib import sha256

import msgspec
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response, StreamingResponse

from ask0.catalog import jobs as catalog
from ask0.catalog.collection import Stored
from ask0.catalog.errors import CatalogError, MovedOn
from ask0.gateway.answers import REQUEST_ID
from ask0.gateway.api.changes import Changes, Request, Wanted
from ask0.gateway.api.definitions import ProjectDefinitions
from ask0.gateway.api.exports import BrokeOff, Download, Exports
from ask0.gateway.api.jobs import Jobs, again
from ask0.gateway.api.paths import BASE, project_of
from ask0.gateway.api.route import ApiRoute
from ask0.gateway.api.segment_export_files import UsersFile
from ask0.gateway.callers import Access
from ask0.gateway.entrance import Entrance
from ask0.gateway.errors import Conflict, NotFound, ServiceUnavailable, Unprocessable
from ask0.gateway.groups import Group
from ask0.gateway.jobs.background import Background
from ask0.gateway.jobs.exporting import Sending, Standing
from ask0.gateway.jobs.kinds import raw
from ask0.gateway.operations import Asked, Operation
from ask0.schemas.exports import (
    MOST_OF_EVERYTHING,
    USERS_LOST,
    ExportAnswer,
    ExportAsked,
    ExportReceipt,
    ExportWork,
)
from ask0.schemas.filters.types import Filter
from ask0.schemas.jobs import EXPORT, Job, show
from ask0.schemas.user_changes import UserChange
from ask0.warehouse import job_users
from ask0.warehouse.errors import Refused
from ask0.warehouse.whose import Person, whose

EXPORTS = f"{BASE}/exports"
FILE = f"{EXPORTS}/{{id}}/file"
LINES, ROWS, ZIP = ("application/x-ndjson", "jsonl"), ("text/csv", "csv"), ("application/zip", "zip")
IDS_AT_ONCE = 1_000

logger = logging.getLogger(__name__)


class SegmentExports:
    def __init__(
        self,
        exports: Exports,
        asked_jobs: Jobs,
        jobs: catalog.Jobs,
        standing: Standing,
        changes: Changes,
        defined: ProjectDefinitions,
        finding: Background,
    ) -> None:
        """`finding` is for what may take minutes."""
        self._exports = exports
        self._asked_jobs = asked_jobs
        self._jobs = jobs
        self._standing = standing
        self._changes = changes
        self._defined = defined
        self._finding = finding
        self._leaving: set[asyncio.Task[None]] = set()

    async def create(self, asked: Asked) -> Response:
        """Whom it is about is settled now, what is said of them when it is downloaded."""
        project_id, given = project_of(asked), asked.body
        _check_scopes(asked, given.what)
        whom = self._asked_jobs.whom(project_id, given)
        request = self._changes.request(asked, "", json.dumps(given.model_dump()).encode())
        id = f"job_{request.id.removeprefix('chg_')[:24]}"
        if known := self._jobs.find(project_id, id):
            return again(known.document, request, download=_path(known.document))
        self._asked_jobs.check_room(project_id, EXPORT)
        list = f"{id}-{request.digest}"
        total = await self._put_on_list(project_id, list, whom)
        if given.what == "everything" and total > MOST_OF_EVERYTHING:
            await self._finding.ask(job_users.forget, self._changes.warehouse, list)
            raise Unprocessable(
                f"everything is exported of {MOST_OF_EVERYTHING:,} users at most, and these are {total:,}: "
                "say fewer, or `profiles`",
                code="too_many_users",
            )
        work = raw(ExportWork(list, given.format, given.what))
        job = await self._asked_jobs.add(request, id, EXPORT, work, total)
        return JSONResponse({"job": show(job), "download": _path(job)}, 202)

    async def download(self, asked: Asked) -> Response:
        """As long as the job stands, begun anew by each who asks. Raises NotFound, Conflict, QuotaExceeded."""
        stored = self._find(asked)
        job = stored.document
        work = msgspec.json.decode(job.work, type=ExportWork)
        _check_scopes(asked, work.what)
        media_type, ending = _kind_of_file(work)
        headers = {
            "content-disposition": f'attachment; filename="export-{job.id}.{ending}"',
            "x-content-type-options": "nosniff",
        }
        if asked.request.method == "HEAD":
            return StreamingResponse(iter(()), headers=headers, media_type=media_type)
        request = self._changes.request(asked, job.id, b"")
        give_back = self._exports.places.take(Person(job.project_id, job.id))
        try:
            sending, gone = await self._begin(stored, work)
        except BaseException:
            give_back()
            raise

        async def tell(ids: Sequence[str]) -> None:
            await self._tell(request, ids)

        file = UsersFile(self._exports, self._changes, self._defined, job.project_id, work, tell)
        file.erased = gone
        sent = _Sent(sending, file, work)

        def leave() -> None:
            give_back()
            if not sent.is_left:
                sent.is_left = True
                task = asyncio.create_task(self._standing.leave(sending, sent.receipt()))
                self._leaving.add(task)
                task.add_done_callback(self._leaving.discard)

        pieces = self._pieces(sent, asked.request.scope[REQUEST_ID], leave)
        return Download(pieces, leave, headers=headers, media_type=media_type)

    async def close(self) -> None:
        """Once every download has ended."""
        await asyncio.gather(*self._leaving, return_exceptions=True)

    async def _put_on_list(self, project_id: str, list: str, whom: Sequence[str] | Filter) -> int:
        """How many they are. Whoever is named by the id of a guest or of a merged user is put there as who is left."""
        warehouse = self._changes.warehouse
        if isinstance(whom, Sequence):
            asked_list, whom = f"{list}-asked", await self._survivors(project_id, list, whom)
            await self._finding.ask(job_users.forget, warehouse, asked_list)
        await self._asked_jobs.put_on_list(project_id, list, whom)
        return await self._finding.ask(job_users.count, warehouse, list)

    async def _survivors(self, project_id: str, list: str, ids: Sequence[str]) -> Sequence[str]:
        warehouse, asked_list = self._changes.warehouse, f"{list}-asked"
        await self._asked_jobs.put_on_list(project_id, asked_list, ids)
        left: dict[str, None] = {}
        after = ""
        while page := await self._finding.ask(
            job_users.read_page, warehouse, project_id, asked_list, after, IDS_AT_ONCE
        ):
            after = page[-1].id
            for id, state in page:
                if state is None or state.merged_into:
                    person = await self._finding.ask(whose, warehouse, project_id, id)
                    id = person.id if person else id
                left[id] = None
        return [*left]

    def _find(self, asked: Asked) -> Stored[Job]:
        """One that can be downloaded. Raises NotFound, Conflict."""
        stored = self._jobs.find(project_of(asked), asked.request.path_params["id"])
        if stored is None or stored.document.kind != EXPORT:
            raise NotFound("there is no export with this id: the newest hundred jobs are kept", code="unknown_job")
        if stored.document.is_finished:
            raise Conflict(
                f"the export is finished, it is {stored.document.status}: ask for another", code="job_finished"
            )
        return stored

    async def _begin(self, stored: Stored[Job], work: ExportWork) -> tuple[Sending, int]:
        """And how many were taken off the list since, as they are erased. Raises Conflict, QuotaExceeded,
        ServiceUnavailable."""
        total = stored.document.total or 0
        left = await self._finding.ask(job_users.count, self._changes.warehouse, work.list)
        sending = await self._standing.begin(stored)
        if left or not total:
            return sending, total - left
        message = "the list of the users is gone: ask for the export again"
        try:
            await sending.end("failed", ExportReceipt(format=work.format, what=work.what), USERS_LOST, message)
        except (MovedOn, CatalogError) as error:
            raise ServiceUnavailable(str(error)) from error
        finally:
            await self._standing.leave(sending, ExportReceipt(format=work.format, what=work.what))
        raise Conflict(message, code=USERS_LOST)

    async def _tell(self, request: Request, ids: Sequence[str]) -> None:
        """The audit log, as the export of one user does."""
        if not ids:
            return
        again = request._replace(id=f"chg_{secrets.token_hex(16)}", is_keyed=False)
        await self._changes.append(again, [Wanted(id, "user.exported", UserChange(), 0) for id in ids])
        await asyncio.sleep(self._changes.budgets.pause(len(ids)))

    async def _pieces(self, sent: "_Sent", request_id: str, leave: Callable[[], None]) -> AsyncIterator[bytes]:
        """The job is done before whoever reads sees the end. Raises BrokeOff."""
        try:
            async for piece in _end_last(sent.file.pieces()):
                if not sent.sending.may_go_on:
                    raise BrokeOff("the job is to end, or another process has it")
                if piece:
                    sent.add(piece)
                    yield piece
            await sent.sending.end("done", sent.receipt(is_whole=True))
            leave()
        except (ServiceUnavailable, Refused, MovedOn, CatalogError) as error:
            logger.warning("an export broke off: %s", type(error).__name__, extra={"request_id": request_id})
            raise BrokeOff("it cannot go on now") from None


class _Sent:
    """What of a download was handed out."""

    def __init__(self, sending: Sending, file: UsersFile, work: ExportWork) -> None:
        self.sending = sending
        self.file = file
        self.is_left = False
        self._work = work
        self._bytes = 0
        self._digest = sha256()

    def add(self, piece: bytes) -> None:
        self._bytes += len(piece)
        self._digest.update(piece)
        self.sending.job = msgspec.structs.replace(self.sending.job, done=self.file.users)

    def receipt(self, *, is_whole: bool = False) -> ExportReceipt:
        file = self.file
        return ExportReceipt(
            format=self._work.format,
            what=self._work.what,
            users=file.users,
            rows=file.rows,
            bytes=self._bytes,
            sha256=self._digest.hexdigest() if is_whole else "",
            erased=file.erased,
            unknown=file.unknown,
        )


def segment_export_group(entrance: Entrance, exports: SegmentExports) -> Group:
    of_users: tuple[str, ...] = (LINES[0], ROWS[0], ZIP[0])
    operations = [
        Operation(
            "POST",
            EXPORTS,
            exports.create,
            "Export many users, as a job",
            Access.SERVER,
            "users:read",
            body=ExportAsked,
            headers=("Idempotency-Key",),
            answers={202: ExportAnswer},
            refusals=(409, 422),
        ),
        Operation(
            "GET",
            FILE,
            exports.download,
            "The file of an export, made while it is downloaded",
            Access.SERVER,
            "users:read",
            files=of_users,
            refusals=(409,),
        ),
    ]
    return Group(entrance, operations, Middleware(ApiRoute), for_pages=False)


async def _end_last(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The last byte only once there is no more: a text that ends with a line break is whole."""
    last = b""
    async for piece in pieces:
        if piece:
            yield last + piece[:-1]
            last = piece[-1:]
    yield last


def _check_scopes(asked: Asked, what: str) -> None:
    if what == "everything":
        asked.caller.check("events:read")


def _kind_of_file(work: ExportWork) -> tuple[str, str]:
    """Media type, and how its name ends."""
    if work.format == "json":
        return LINES
    return ROWS if work.what == "profiles" else ZIP


def _path(job: Job) -> str:
    return FILE.replace("{project}", job.project_id).replace("{id}", job.id)
