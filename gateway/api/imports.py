"""Files of users, taken in while they arrive: each line is a change, and the answer says which were refused.

The id of a change is made of the call, the line and what it says. So whoever sends the same file again with the same
Idempotency-Key, after a cut, changes only what was not changed before.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any, NamedTuple

from starlette.responses import JSONResponse, Response

from ask0.gateway.api.changes import Changes, Request, Wanted
from ask0.gateway.api.definitions import ProjectDefinitions
from ask0.gateway.api.paths import project_of
from ask0.gateway.entrance import checked
from ask0.gateway.errors import BadRequest, GatewayError, QuotaExceeded, ServiceUnavailable, Unprocessable
from ask0.gateway.jobs.background import Background, wait_for_turn
from ask0.gateway.operations import Asked
from ask0.gateway.uploads import ClientGone, Upload
from ask0.schemas.events import MAX_ID_CHARS
from ask0.schemas.user_changes import UserChange, encode
from ask0.schemas.user_files import FileInvalid, Line, Refused, read_users, split_lines
from ask0.schemas.user_writes import BatchItem, WriteInvalid, change_of, user_id_of
from ask0.warehouse.user_changes import State, read_digests, read_refusal, read_states

CONTENT = ("text/csv", "application/x-ndjson")  # of another type the first character tells which of them it is
FORMATS = {"text/csv": "csv", "application/x-ndjson": "jsonl", "application/jsonl": "jsonl"}
BATCH = 1_000  # lines …
BATCH_BYTES = 1_000_000  # … or so many bytes of traits
MAX_LISTED = 1_000  # lines that were refused
MAX_SHOWN_CHARACTERS = 300
MAX_AT_ONCE = 32  # imports of a process …
MAX_OF_PROJECT = 2  # … and of a project
PATIENCE_SECONDS = 60.0  # with a ClickHouse that is away
UNSEEN = State("", 0, 0)


class Read(NamedTuple):
    """A line that says something of a user."""

    line: int
    id: str
    change: UserChange


class Report:
    """What became of the lines until now."""

    def __init__(self) -> None:
        self.accepted = self.pending = self.refused = 0
        self._lines: list[dict[str, Any]] = []

    def refuse(self, line: int, id: str, code: str, message: str) -> None:
        self.refused += 1
        if len(self._lines) < MAX_LISTED:
            told = {"line": line, "id": _text(id), "code": code, "message": _text(message[:MAX_SHOWN_CHARACTERS])}
            self._lines.append(told)

    def shown(self) -> dict[str, Any]:
        lines = sorted(self._lines, key=lambda refused: refused["line"])
        return {"accepted": self.accepted, "pending": self.pending, "refused": self.refused, "lines": lines}


class Imports:
    def __init__(self, changes: Changes, defined: ProjectDefinitions, background: Background) -> None:
        self._changes = changes
        self._defined = defined
        self._background = background
        self._under_way: Counter[str] = Counter()  # by project
        self._threads = ThreadPoolExecutor(MAX_AT_ONCE, thread_name_prefix="imports")

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def take(self, asked: Asked) -> Response:
        """An error in the middle says in `report` how far it came."""
        request = self._changes.request(asked, "", b"")
        fmt = FORMATS.get(asked.request.headers.get("content-type", "").partition(";")[0].strip().lower())
        report = Report()
        with self._place(project_of(asked)), Upload(asked.request) as upload:
            try:
                await self._read(request, upload, fmt, report)
            except ClientGone:
                pass  # nobody reads the answer
            except FileInvalid as error:
                raise BadRequest(str(error), code="invalid_file", report=report.shown()) from None
            except GatewayError as error:
                error.details["report"] = report.shown()
                raise
        return JSONResponse(report.shown())

    @contextmanager
    def _place(self, project_id: str) -> Iterator[None]:
        if self._under_way[project_id] >= MAX_OF_PROJECT or self._under_way.total() >= MAX_AT_ONCE:
            raise QuotaExceeded("other files are being taken in now: send this one later", retry_after=10)
        self._under_way[project_id] += 1
        try:
            yield
        finally:
            self._under_way[project_id] -= 1
            if not self._under_way[project_id]:
                del self._under_way[project_id]

    async def _read(self, request: Request, upload: Upload, fmt: str | None, report: Report) -> None:
        loop = asyncio.get_running_loop()
        users = _lazily(upload, fmt)
        while batch := await loop.run_in_executor(self._threads, _take, users):
            self._changes.disk.check()
            await wait_for_turn(self._changes.budgets, request.project_id)
            taken = [item for item in batch if self._is_taken(request.project_id, item, report)]
            self._changes.budgets.charge(request.project_id, len(batch) - len(taken), 0)
            if taken:
                await self._store(request, taken, report)  # type: ignore[arg-type]  # others are refused
            await asyncio.sleep(self._changes.budgets.pause(len(batch)))

    def _is_taken(self, project_id: str, item: Read | Refused, report: Report) -> bool:
        if isinstance(item, Refused):
            report.refuse(*item)
            return False
        try:
            self._defined.check_known(project_id, item.id)
            self._defined.check(project_id, item.change, is_new=False)
        except Unprocessable as error:
            report.refuse(item.line, item.id, error.code, error.message)
            return False
        return True

    async def _store(self, request: Request, batch: list[Read], report: Report) -> None:
        changes = self._changes
        states = await self._states(request.project_id, [item.id for item in batch])
        wanted = _wanted(request, batch, states)
        positions = await changes.append(request, wanted)
        report.accepted += len(batch)
        if await changes.arrivals.wait(positions):
            await self._look_for_refused(request, batch, wanted, positions, report)
        else:
            report.pending += len(batch)

    async def _states(self, project_id: str, ids: list[str]) -> dict[str, State]:
        """Raises ServiceUnavailable where nobody can tell for long."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return await self._background.ask(read_states, self._changes.warehouse, project_id, ids)
            except ServiceUnavailable:
                if time.monotonic() > give_up_at:
                    raise
                await asyncio.sleep(1)

    async def _look_for_refused(
        self, request: Request, batch: list[Read], wanted: list[Wanted], positions: Any, report: Report
    ) -> None:
        """What ClickHouse did not take, which is mostly nothing. If that cannot be asked, they may have been taken."""
        warehouse, project_id = self._changes.warehouse, request.project_id
        try:
            log_id = self._changes.log.log_id
            if not await self._background.ask(read_refusal, warehouse, project_id, log_id, positions):
                return
            ids = [(item.user_id, item.id) for item in wanted]
            stored = await self._background.ask(read_digests, warehouse, project_id, ids)
        except ServiceUnavailable:
            report.pending += len(batch)
            return
        for read, item in zip(batch, wanted, strict=True):
            if item.id not in stored:
                report.accepted -= 1
                report.refuse(read.line, read.id, "not_applied", "ClickHouse did not take the change")


def _lazily(upload: Upload, fmt: str | None) -> Iterator[Read | Refused]:
    """Reads nothing before it is asked to, as that waits for the client."""
    for item in read_users(split_lines(upload.pieces()), fmt):
        yield item if isinstance(item, Refused) else _read(item)


def _take(users: Iterator[Read | Refused]) -> list[Read | Refused]:
    """The next ones; empty at the end. In a thread."""
    batch: list[Read | Refused] = []
    size = 0
    for item in users:
        batch.append(item)
        size += sum(map(len, map(bytes, item.change.traits.values()))) if isinstance(item, Read) else 0
        if len(batch) >= BATCH or size > BATCH_BYTES:
            break
    return batch


def _read(line: Line) -> Read | Refused:
    try:
        item = checked(BatchItem, line.user, "body")
        return Read(line.number, user_id_of(item.id), change_of(item))
    except BadRequest as error:
        code, message = error.code, error.message
    except WriteInvalid as error:
        code, message = "invalid_body", str(error)
    id = line.user.get("id")
    return Refused(line.number, id[:MAX_ID_CHARS] if isinstance(id, str) else "", code, message)


def _text(text: str) -> str:
    """What UTF-8 can carry of it."""
    return text.encode("utf-8", "replace").decode()


def _wanted(request: Request, batch: list[Read], states: dict[str, State]) -> list[Wanted]:
    """Of one user the line that stands further down is later."""
    seen: Counter[str] = Counter()
    wanted = []
    for line, id, change in batch:
        state = states.get(id, UNSEEN)
        user_id = state.merged_into or id
        parts = f"{request.id} {line} {id}\0".encode() + bytes(encode(change))
        change_id = f"chg_{blake2b(parts, digest_size=16).hexdigest()}"
        wanted.append(Wanted(user_id, "user.imported", change, state.updated_at, change_id, later=seen[user_id]))
        seen[user_id] += 1
    return wanted
