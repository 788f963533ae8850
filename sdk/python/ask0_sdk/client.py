"""The client for programs with threads."""

import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import httpx

from ask0_sdk.audit import Audit
from ask0_sdk.base import Base
from ask0_sdk.errors import NO_ANSWER, Ask0Error
from ask0_sdk.exports import ThreadExports
from ask0_sdk.files import File, FileBroke, Format, Upload
from ask0_sdk.insights import Catalog, Insights
from ask0_sdk.keys import Keys
from ask0_sdk.progress import Progress, ThreadJobs
from ask0_sdk.requests import Answer, Call, Id, Json
from ask0_sdk.segments import Segments
from ask0_sdk.settings import Settings
from ask0_sdk.stages import Stages
from ask0_sdk.steps import tries, walk
from ask0_sdk.suppressions import Suppressions
from ask0_sdk.thread_courier import thread_courier
from ask0_sdk.users import Users, users_of
from ask0_sdk.wires import Wire, no_answer


class Ask0(Base[Json, httpx.BaseTransport]):
    """One for the whole process, from any thread. Events are delivered by a daemon thread.

    In a `with` block, at `close()`, and when the interpreter ends, what is queued is delivered, for `close_seconds` at
    most. A forked process has a queue and a thread of its own.
    """

    users: "ThreadUsers"
    segments: Segments[Json]
    stages: Stages[Json]
    audit: Audit[Json]
    insights: Insights[Json]
    catalog: Catalog[Json]
    suppressions: Suppressions[Json]
    settings: Settings[Json]
    keys: Keys[Json]
    exports: ThreadExports
    jobs: ThreadJobs
    changes: Progress[Json]

    def flush(self, timeout_seconds: float = 30.0) -> bool:
        """Waits until everything queued so far is stored or refused. False if it took longer."""
        return self._courier.flush(timeout_seconds)

    def close(self, timeout_seconds: float | None = None) -> None:
        """Delivers what is queued, for `close_seconds` or so long at most; `on_refused` is told the rest. Then nothing
        works any more; closing again does nothing."""
        self._courier.close(self._options.close_seconds if timeout_seconds is None else timeout_seconds)

    def __enter__(self) -> "Ask0":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _set_up(self, transport: httpx.BaseTransport | None) -> None:
        self._courier, self._wire = thread_courier(self._options, self._voice, transport)
        self.users = ThreadUsers(self._options.max_retries, self._wire, self._root)
        self.segments = Segments(self.users.call, self._root)
        self.stages = Stages(self.users.call, self._root)
        self.audit = Audit(self.users.call, self._root)
        self.insights = Insights(self.users.call, self._root)
        self.catalog = Catalog(self.users.call, self._root)
        self.suppressions = Suppressions(self.users.call, self._root)
        self.settings = Settings(self.users.call, self._root)
        self.keys = Keys(self.users.call, self._root)
        self.exports = ThreadExports(self.users.call, self._root, self.users.pieces)
        self.jobs = ThreadJobs(self.users.call, f"{self._root}/jobs")
        self.changes = Progress(self.users.call, f"{self._root}/changes")
        weakref.finalize(self, self._courier.retire).atexit = False

    def _queue(self, event: bytes) -> str | None:
        return self._courier.put(event)

    def _call(self, call: Call[Json]) -> Json:
        return self.users.call(call)


class ThreadUsers(Users[Json]):
    def __init__(self, max_retries: int, wire: Wire, root: str) -> None:
        super().__init__(self.call, root)
        self._max_retries = max_retries
        self._wire = wire

    def call(self, call: Call[Json]) -> Json:
        return walk(tries(call, self._max_retries), self._wire.send, _sleep)

    def iterate(
        self,
        filter: Mapping[str, Any] | None = None,
        *,
        search: str | None = None,
        segment: str | None = None,
        fields: Sequence[str] | None = None,
    ) -> Iterator[Json]:
        """Every user, by id, asking for the next page as it goes."""
        query = {"filter": filter, "search": search, "segment": segment, "fields": fields}
        cursor: str | None = None
        while True:
            found, cursor = users_of(self.call(self._pages(query, cursor)), cursor)
            yield from found
            if cursor is None:
                return

    def import_users(self, file: File, *, format: Format | None = None, idempotency_key: str | None = None) -> Json:
        """Makes or changes the users of a file, CSV or JSON lines, gzipped or not, while it is read: a path, a file
        that is open for bytes, or an iterable of bytes. `{"accepted": …, "pending": …, "refused": …, "lines": […]}`:
        the lines that were refused and why. The same file under the same key changes only what was not changed
        before, so a try that was cut is made again, unless the file can be read only once. Raises Ask0Error, whose
        `report` says how far it came, and whatever reading the file raises."""
        source = Upload(file)
        steps = tries(self._import(source, format, idempotency_key), self._max_retries if source.is_repeatable else 0)
        try:
            return walk(steps, self._wire.send, _sleep)
        except FileBroke as broke:
            raise broke.why from None

    def export(self, id: Id, *, format: Literal["json", "csv"] = "json") -> Iterator[bytes]:
        """All that is stored of a user, in pieces: `file.writelines(ask0.users.export("user_42"))`. A CSV comes as a
        zip. Raises Ask0Error also when the connection ends in the middle."""
        return self.pieces(self._export(id, format))

    def pieces(self, call: Call[Answer]) -> Iterator[bytes]:
        answer: Answer = walk(tries(call, self._max_retries), self._wire.open, _sleep)
        assert answer.stream is not None
        try:
            yield from answer.stream.iter_bytes()
        except httpx.HTTPError as error:
            raise Ask0Error(0, NO_ANSWER, no_answer(error).why) from error
        finally:
            answer.stream.close()


def _sleep(seconds: float | None) -> None:
    time.sleep(seconds or 0)
