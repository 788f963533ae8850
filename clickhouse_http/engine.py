"""Runs statements on chDB: a few threads with a short queue, a fresh handle for each statement."""

import asyncio
import queue
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import chdb
from chdb._exceptions import ChdbError
from chdb.state.sqlitelike import Connection

from ask0.clickhouse_http.codes import Code, failed
from ask0.clickhouse_http.tree import Ask
from ask0.warehouse.errors import QueryFailed

WAITING_PER_THREAD = 8
MAX_EXTRA_THREADS = 8  # in place of those that are stuck in one call, which no time limit ends
PIECES_AHEAD = 4  # of a response that the client has not taken yet
KILL_EVERY_SECONDS = 0.05
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


@dataclass(frozen=True)
class Head:
    """What is known when the first byte of an answer is."""

    format: str
    summary: dict[str, str]
    tag: str  # marks an error that comes after it


class Abandoned(Exception):
    """Nobody waits for the answer any more."""


class Answer:
    """An answer on its way from a thread to the event loop, a few pieces ahead of the client at most."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._items: asyncio.Queue[Head | bytes | Exception | None] = asyncio.Queue()
        self._room = threading.Semaphore(PIECES_AHEAD)
        self._ended = asyncio.Event()
        self.abandoned = threading.Event()
        self.finished = threading.Event()
        self.may_be_killed = False  # when nobody waits for it: a query may, a write runs on as it does in ClickHouse

    def send(self, item: Head | bytes) -> None:
        self._room.acquire()
        if self.abandoned.is_set():
            raise Abandoned
        self._loop.call_soon_threadsafe(self._items.put_nowait, item)

    def end(self, error: Exception | None) -> None:
        self.finished.set()
        with suppress(RuntimeError):  # the loop has ended without waiting for us
            self._loop.call_soon_threadsafe(self._items.put_nowait, error)
            self._loop.call_soon_threadsafe(self._ended.set)

    def abandon(self) -> None:
        self.abandoned.set()
        self._room.release()

    async def ended(self) -> None:
        await self._ended.wait()

    async def head(self) -> Head:
        item = await self._next()
        if not isinstance(item, Head):
            raise TypeError(f"an answer begins with its head, not with {type(item).__name__}")
        return item

    async def pieces(self) -> AsyncIterator[bytes]:
        while isinstance(item := await self._next(), bytes):
            yield item

    async def _next(self) -> Head | bytes | None:
        item = await self._items.get()
        self._room.release()
        if isinstance(item, Exception):
            raise item
        return item


Job = Callable[[Connection, Answer], None]


class Engine:
    """The threads that may query one chDB path.

    Handles cost 0.2 ms, so each statement gets a fresh one: settings and the current database die with it. A handle is
    never shared between threads, and no thread may be left querying when the process exits: close() kills and joins.
    """

    def __init__(self, path: str, *, threads: int, patience_seconds: float = float("inf")) -> None:
        """A thread whose statement runs for longer than `patience_seconds` counts as stuck."""
        self.path = path
        self._usual = threads
        self._patience = patience_seconds
        self._begun: dict[str, float] = {}
        self._most = threads + MAX_EXTRA_THREADS
        self._anchor = chdb.connect(path)  # keeps the engine open between statements
        self._jobs: queue.Queue[tuple[str, Job, Answer] | None] = queue.Queue(threads * (WAITING_PER_THREAD + 1))
        self._running: dict[str, Answer] = {}
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._work, name=f"interface-{n}") for n in range(threads)]
        self._killers: list[threading.Thread] = []
        for thread in self._threads:
            thread.start()

    def ask(self, sql: str) -> str:
        """One value from the engine, for use before the first statement."""
        return str(self._anchor.query(sql, "TabSeparatedRaw").bytes().decode().rstrip("\n"))

    def run(self, tag: str, job: Job) -> Answer:
        """Queue a job; `tag` is the log_comment it gives its handle, by which it can be killed."""
        answer = Answer()
        self._replace_stuck()
        try:
            self._jobs.put_nowait((tag, job, answer))
        except queue.Full:
            raise failed(
                Code.TOO_MANY_SIMULTANEOUS_QUERIES, "Every thread is busy and the queue is full: try again"
            ) from None
        return answer

    def stop(self, tag: str, answer: Answer) -> None:
        """Abandon an answer and end its query, in the background."""
        answer.abandon()
        if answer.may_be_killed and not answer.finished.is_set():
            self._start_killer(tag, answer)

    def _start_killer(self, tag: str, answer: Answer) -> None:
        killer = threading.Thread(target=self._kill, args=(tag, answer), name="interface-kill")
        with self._lock:
            self._killers = [old for old in self._killers if old.is_alive()] + [killer]
        killer.start()

    def kill(self, tag: str, answer: Answer) -> None:
        """End a query, in the background: whoever waits for its answer is told so."""
        answer.may_be_killed = True
        self._start_killer(tag, answer)

    def close(self) -> None:
        with suppress(queue.Empty):
            while waiting := self._jobs.get_nowait():
                waiting[2].end(failed(Code.TOO_MANY_SIMULTANEOUS_QUERIES, "The process is ending"))
        with self._lock:
            running = list(self._running.items())
        for tag, answer in running:
            answer.may_be_killed = True
            self.stop(tag, answer)
        with self._lock:
            threads = list(self._threads)
        for _ in threads:
            self._jobs.put(None)
        for thread in threads + self._killers:
            thread.join()
        self._anchor.close()

    def _replace_stuck(self) -> None:
        """Others go on beside statements that neither end nor can be killed."""
        with self._lock:
            if len(self._threads) - self._count_stuck() < self._usual <= len(self._threads) < self._most:
                thread = threading.Thread(target=self._work, name=f"interface-{len(self._threads)}")
                self._threads.append(thread)
                thread.start()

    def _count_stuck(self) -> int:
        now = time.monotonic()
        return sum(now - begun > self._patience for begun in self._begun.values())

    def _is_spare(self) -> bool:
        """Whether this thread is one more than are needed: it ends then."""
        with self._lock:
            spare = len(self._threads) - self._count_stuck() > self._usual and self._jobs.empty()
            if spare:
                self._threads.remove(threading.current_thread())
        return spare

    def _work(self) -> None:
        while (item := self._jobs.get()) is not None:
            tag, job, answer = item
            with self._lock:
                self._running[tag] = answer
                self._begun[tag] = time.monotonic()
            error: Exception | None = None
            try:
                if not answer.abandoned.is_set():
                    self._run(job, answer)
            except Abandoned:
                pass
            except QueryFailed as failure:
                error = failure
            except (ChdbError, RuntimeError) as failure:
                error = as_query_failed(failure)
            except Exception as failure:
                error = failed(Code.UNKNOWN_EXCEPTION, f"{type(failure).__name__}: {failure}")
            with self._lock:
                self._running.pop(tag, None)
                self._begun.pop(tag, None)
            answer.end(error)
            if self._is_spare():
                return

    def _run(self, job: Job, answer: Answer) -> None:
        handle = chdb.connect(self.path)
        try:
            job(handle, answer)
        finally:
            handle.close()

    def _kill(self, tag: str, answer: Answer) -> None:
        """Kill until it has ended: a kill that comes before the query has begun finds nothing."""
        handle = chdb.connect(self.path)
        try:
            while not answer.finished.wait(KILL_EVERY_SECONDS):
                handle.query(f"KILL QUERY WHERE Settings['log_comment'] = '{tag}' ASYNC FORMAT Null", "Null")
        finally:
            handle.close()


def asking(handle: Connection) -> Ask:
    """Questions of our own by the handle."""

    def ask(sql: str, parameters: Mapping[str, str]) -> bytes:
        bound = {name: value.translate(_ESCAPES) for name, value in parameters.items()}
        try:
            return bytes(handle.query(sql, "JSONCompactEachRow", params=bound).bytes() or b"")
        except ChdbError as error:
            raise as_query_failed(error) from error

    return ask


def as_query_failed(error: Exception) -> QueryFailed:
    """ClickHouse's own error out of chDB's text."""
    message = str(error)
    _, found, rest = message.partition("Code: ")
    code, dot, _ = rest.partition(".")
    if not found or not dot or not code.isdecimal():
        return failed(Code.UNKNOWN_EXCEPTION, message)
    return QueryFailed(rest.partition("DB::Exception: ")[2] or rest, int(code))
