"""Where a statement of a member runs: on the engine in this process, or on a server. On threads of its own."""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ask0.clickhouse_http.guard import quoted, text_of
from ask0.clickhouse_http.project import Statement
from ask0.clickhouse_http.tree import Ask
from ask0.warehouse.connect import RESULT_TOO_LARGE, Warehouse
from ask0.warehouse.errors import QueryFailed, Refused, Unavailable

if TYPE_CHECKING:
    from ask0.clickhouse_http.engine import Answer, Engine

FORMAT = "JSONCompact"
MOST_TEXT = 2  # an answer as text, times what it is in memory: one value for all rows counts only once there
LOOK_SECONDS = 5  # for questions about a statement before it runs
PARAMETER = re.compile(r"\{(\w+):String\}")
KILL_EVERY_SECONDS = 0.2
KILL_TIMES = 50

T = TypeVar("T")

logger = logging.getLogger(__name__)


class Home(Protocol):
    async def look(self, question: Callable[[Ask], T]) -> T:
        """What the question makes of what it asks ClickHouse. Raises QueryFailed, Refused, Unavailable."""

    async def run(self, tag: str, statement: Statement) -> bytes:
        """Its rows as JSONCompact. It ends when nobody waits for it any more. Raises QueryFailed, Refused,
        Unavailable."""

    async def close(self) -> None: ...


def home_of(warehouse: Warehouse, threads: int, seconds: float) -> Home:
    if warehouse.path:
        return Embedded(warehouse.path, warehouse.database, threads, seconds)
    return Remote(warehouse, threads)


class Embedded:
    """chDB is imported, and its threads begin, when the first statement comes."""

    def __init__(self, path: str, database: str, threads: int, seconds: float) -> None:
        self._path, self._database, self._threads, self._seconds = path, database, threads, seconds
        self._engine: Engine | None = None
        self._opening = asyncio.Lock()

    async def look(self, question: Callable[[Ask], T]) -> T:
        from ask0.clickhouse_http.engine import Head, asking
        from ask0.clickhouse_http.execution import PARSING, set_all

        found: list[T] = []

        def job(handle: Any, answer: "Answer") -> None:
            answer.may_be_killed = True
            handle.query(f"USE {quoted(self._database)}")
            set_all(handle, {"max_execution_time": LOOK_SECONDS, **PARSING})
            found.append(question(asking(handle)))
            answer.send(Head("", {}, ""))

        await self._answer("look", job)
        return found[0]

    async def run(self, tag: str, statement: Statement) -> bytes:
        from ask0.clickhouse_http.engine import Head
        from ask0.clickhouse_http.execution import set_all

        def job(handle: Any, answer: "Answer") -> None:
            answer.may_be_killed = True
            handle.query(f"USE {quoted(self._database)}")
            set_all(handle, {"log_comment": tag, **statement.settings})
            result = handle.query(statement.sql, FORMAT)
            if result.size() > MOST_TEXT * int(statement.settings["max_result_bytes"]):
                raise QueryFailed("the answer is too large", RESULT_TOO_LARGE)
            answer.send(Head(FORMAT, {}, ""))
            answer.send(bytes(result.bytes() or b""))

        return await self._answer(tag, job)

    async def close(self) -> None:
        async with self._opening:
            if self._engine:
                await asyncio.to_thread(self._engine.close)

    async def _answer(self, tag: str, job: Callable[[Any, "Answer"], None]) -> bytes:
        engine = await self._open()
        answer = engine.run(tag, job)
        try:
            await answer.head()
            return b"".join([piece async for piece in answer.pieces()])
        finally:
            engine.stop(tag, answer)
            await answer.ended()

    async def _open(self) -> "Engine":
        async with self._opening:
            if self._engine is None:
                self._engine = await asyncio.to_thread(self._start)
            return self._engine

    def _start(self) -> "Engine":
        from ask0.clickhouse_http.engine import Engine

        return Engine(self._path, threads=self._threads, patience_seconds=2 * self._seconds)


class Remote:
    def __init__(self, warehouse: Warehouse, threads: int) -> None:
        self._warehouse = warehouse
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="statements")

    async def look(self, question: Callable[[Ask], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, question, self._ask)

    async def run(self, tag: str, statement: Statement) -> bytes:
        settings = {**statement.settings, "query_id": tag}
        most = MOST_TEXT * int(statement.settings["max_result_bytes"])
        abandoned, begun, ended = Event(), Event(), Event()

        def ask() -> bytes:
            begun.set()
            try:
                return b"" if abandoned.is_set() else self._warehouse.raw_up_to(most, statement.sql, FORMAT, settings)
            finally:
                ended.set()

        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        except asyncio.CancelledError:
            abandoned.set()
            if begun.is_set():
                Thread(target=self._kill, args=(tag, ended), name="statements-kill").start()
            raise

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _ask(self, sql: str, parameters: Mapping[str, str]) -> bytes:
        """With the parameters as texts in the statement: a server refuses one that is as long as a tree."""
        sql = PARAMETER.sub(lambda found: text_of(parameters[found[1]]), sql)
        settings = {"max_execution_time": LOOK_SECONDS, "max_query_size": 8 << 20}
        return self._warehouse.raw(sql, "JSONCompactEachRow", settings=settings)

    def _kill(self, tag: str, ended: Event) -> None:
        """At once it may not have begun there yet."""
        for _ in range(KILL_TIMES):
            with suppress(QueryFailed, Refused, Unavailable):
                self._warehouse.command(f"KILL QUERY WHERE query_id = {text_of(tag)} ASYNC")
            if ended.wait(KILL_EVERY_SECONDS):
                return
        logger.info("a statement that nobody waits for runs on until its time is up")
