"""The client for programs with an event loop."""

import asyncio
import weakref
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Mapping, Sequence
from typing import Any, Literal

import httpx

from ask0_sdk.audit import Audit
from ask0_sdk.base import Base
from ask0_sdk.errors import NO_ANSWER, Ask0Error
from ask0_sdk.exports import TaskExports
from ask0_sdk.files import File, FileBroke, Format, Upload
from ask0_sdk.insights import Catalog, Insights
from ask0_sdk.keys import Keys
from ask0_sdk.progress import Progress, TaskJobs
from ask0_sdk.requests import Answer, Call, Id, Json
from ask0_sdk.segments import Segments
from ask0_sdk.settings import Settings
from ask0_sdk.stages import Stages
from ask0_sdk.steps import tries, walk_async
from ask0_sdk.suppressions import Suppressions
from ask0_sdk.task_courier import task_courier
from ask0_sdk.users import Users, users_of
from ask0_sdk.wires import AsyncWire, no_answer


class AsyncAsk0(Base[Awaitable[Json], httpx.AsyncBaseTransport]):
    """One for the whole process. Events are plain calls, delivered by a task; all else is awaited.

    At the end of an `async with` block and at `close()`, what is queued is delivered, for `close_seconds` at most; when
    the interpreter ends without them, likewise. A forked process has a queue and a task of its own.
    """

    users: "TaskUsers"
    segments: Segments[Awaitable[Json]]
    stages: Stages[Awaitable[Json]]
    audit: Audit[Awaitable[Json]]
    insights: Insights[Awaitable[Json]]
    catalog: Catalog[Awaitable[Json]]
    suppressions: Suppressions[Awaitable[Json]]
    settings: Settings[Awaitable[Json]]
    keys: Keys[Awaitable[Json]]
    exports: TaskExports
    jobs: TaskJobs
    changes: Progress[Awaitable[Json]]

    async def flush(self, timeout_seconds: float = 30.0) -> bool:
        """Waits until everything queued so far is stored or refused. False if it took longer."""
        return await self._courier.flush(timeout_seconds)

    async def close(self, timeout_seconds: float | None = None) -> None:
        """Delivers what is queued, for `close_seconds` or so long at most; `on_refused` is told the rest. Then nothing
        works any more; closing again does nothing."""
        await self._courier.close(self._options.close_seconds if timeout_seconds is None else timeout_seconds)

    async def __aenter__(self) -> "AsyncAsk0":
        self._courier.attach()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    def _set_up(self, transport: httpx.AsyncBaseTransport | None) -> None:
        self._courier, self._wire = task_courier(self._options, self._voice, transport)
        self.users = TaskUsers(self._options.max_retries, self._wire, self._root)
        self.segments = Segments(self.users.call, self._root)
        self.stages = Stages(self.users.call, self._root)
        self.audit = Audit(self.users.call, self._root)
        self.insights = Insights(self.users.call, self._root)
        self.catalog = Catalog(self.users.call, self._root)
        self.suppressions = Suppressions(self.users.call, self._root)
        self.settings = Settings(self.users.call, self._root)
        self.keys = Keys(self.users.call, self._root)
        self.exports = TaskExports(self.users.call, self._root, self.users.pieces)
        self.jobs = TaskJobs(self.users.call, f"{self._root}/jobs")
        self.changes = Progress(self.users.call, f"{self._root}/changes")
        weakref.finalize(self, self._courier.retire).atexit = False

    def _queue(self, event: bytes) -> str | None:
        return self._courier.put(event)

    def _call(self, call: Call[Json]) -> Awaitable[Json]:
        return self.users.call(call)


class TaskUsers(Users[Awaitable[Json]]):
    def __init__(self, max_retries: int, wire: AsyncWire, root: str) -> None:
        super().__init__(self.call, root)
        self._max_retries = max_retries
        self._wire = wire

    async def call(self, call: Call[Json]) -> Json:
        return await walk_async(tries(call, self._max_retries), self._wire.send, _sleep)

    async def iterate(
        self,
        filter: Mapping[str, Any] | None = None,
        *,
        search: str | None = None,
        segment: str | None = None,
        fields: Sequence[str] | None = None,
    ) -> AsyncIterator[Json]:
        """Every user, by id, asking for the next page as it goes."""
        query = {"filter": filter, "search": search, "segment": segment, "fields": fields}
        cursor: str | None = None
        while True:
            found, cursor = users_of(await self.call(self._pages(query, cursor)), cursor)
            for user in found:
                yield user
            if cursor is None:
                return

    async def import_users(
        self, file: File | AsyncIterable[bytes], *, format: Format | None = None, idempotency_key: str | None = None
    ) -> Json:
        """Makes or changes the users of a file, CSV or JSON lines, gzipped or not, while it is read: a path, a file
        that is open for bytes, or an iterable of bytes. `{"accepted": …, "pending": …, "refused": …, "lines": […]}`:
        the lines that were refused and why. The same file under the same key changes only what was not changed
        before, so a try that was cut is made again, unless the file can be read only once. Raises Ask0Error, whose
        `report` says how far it came, and whatever reading the file raises."""
        source = Upload(file)
        steps = tries(self._import(source, format, idempotency_key), self._max_retries if source.is_repeatable else 0)
        try:
            return await walk_async(steps, self._wire.send, _sleep)
        except FileBroke as broke:
            raise broke.why from None

    def export(self, id: Id, *, format: Literal["json", "csv"] = "json") -> AsyncIterator[bytes]:
        """All that is stored of a user, in pieces. A CSV comes as a zip. Raises Ask0Error also when the connection ends
        in the middle."""
        return self.pieces(self._export(id, format))

    async def pieces(self, call: Call[Answer]) -> AsyncIterator[bytes]:
        answer: Answer = await walk_async(tries(call, self._max_retries), self._wire.open, _sleep)
        assert answer.stream is not None
        try:
            async for piece in answer.stream.aiter_bytes():
                yield piece
        except httpx.HTTPError as error:
            raise Ask0Error(0, NO_ANSWER, no_answer(error).why) from error
        finally:
            await answer.stream.aclose()


async def _sleep(seconds: float | None) -> None:
    await asyncio.sleep(seconds or 0)
