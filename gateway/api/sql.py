"""SQL of a project's own rows: a statement is looked at, told to the audit log, and run within bounds, while its caller
waits for it."""

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from secrets import token_hex
from typing import Any, TypeVar

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ask0.clickhouse_http.project import Limits, ProjectGuard, Statement
from ask0.gateway.answers import REQUEST_ID
from ask0.gateway.api.changes import Changes
from ask0.gateway.api.paths import BASE, project_of
from ask0.gateway.api.route import ApiRoute
from ask0.gateway.callers import Access, Caller
from ask0.gateway.entrance import Entrance
from ask0.gateway.errors import QuotaExceeded, ServiceUnavailable, unprocessable
from ask0.gateway.groups import Group
from ask0.gateway.operations import Asked, Operation
from ask0.gateway.places import PROJECT, Bound, Places, Taken
from ask0.gateway.statements.answers import rows_of, write_csv, write_json
from ask0.gateway.statements.homes import Home, home_of
from ask0.gateway.statements.words import refusal
from ask0.schemas.audit import Told
from ask0.schemas.ids import is_text
from ask0.schemas.settings import Settings
from ask0.schemas.statements import SqlAnswer, SqlStatement, SqlTables, StatementQuery
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import QueryFailed, Refused, Unavailable

MOST = Bound(of_project=2, at_once=4)  # statements
SECONDS = 10.0
MEMORY_MB = 512
RESULT_MB = 10
ROWS_TO_READ = 500_000_000
WAIT_SECONDS = 5.0  # beyond its time, for a statement that looks at none
MOST_TOLD = 2_000  # characters of a statement that the audit log keeps

SQL = f"{BASE}/sql"

# What a caller needs beside sql:read for what is in a table.
SCOPES: dict[str, tuple[str, ...]] = {
    "audit_log": ("audit:read", "users:read"),
    "users": ("users:read",),
    "identities": ("users:read",),
    "segment_members": ("users:read",),
}
OF_OTHERS = ("events:read",)

T = TypeVar("T")

logger = logging.getLogger(__name__)


class Sql:
    def __init__(self, warehouse: Warehouse, changes: Changes, settings: Settings) -> None:
        self._changes = changes
        self._guard = ProjectGuard(warehouse.database)
        self._memory_mb = min(MEMORY_MB, settings.query_memory_mb)
        self._limits = Limits(
            seconds=min(SECONDS, settings.query_seconds),
            memory_bytes=self._memory_mb << 20,
            rows_to_read=ROWS_TO_READ,
            result_bytes=RESULT_MB << 20,
            threads=1 if warehouse.path else 2,  # of this process others are waiting for
        )
        self._home: Home = home_of(warehouse, MOST.at_once, self._limits.seconds)
        self._places = Places(MOST)

    async def tables(self, asked: Asked) -> Response:
        """Those that the caller may read, with their columns."""
        readable = readable_for(asked.caller)
        with self._place(project_of(asked)):
            found = await self._asked("", self._home.look(self._guard.tables))
        return JSONResponse(
            {
                "tables": [
                    {
                        "name": table.name,
                        "description": table.comment,
                        "columns": [
                            {"name": one.name, "type": one.type, "description": one.comment} for one in table.columns
                        ],
                    }
                    for table in found
                    if readable(table.name)
                ]
            }
        )

    async def answer(self, asked: Asked) -> Response:
        project_id = project_of(asked)
        text, limit = asked.body.sql, asked.body.limit
        if not is_text(text) or "\0" in text:
            raise unprocessable("sql", "this holds a character that no statement has", code="statement_refused")
        with self._place(project_id):
            statement = await self._look(asked, project_id, text, limit)
            await self._tell(asked, statement)
            answer = await while_there(asked.request, self._run(text, statement))
            rows = await asyncio.to_thread(rows_of, answer, limit)
            if _wants_csv(asked):
                content = await asyncio.to_thread(write_csv, rows)
                headers = {"content-disposition": 'attachment; filename="answer.csv"'}
                return Response(content, headers=headers, media_type="text/csv; charset=utf-8")
            return Response(await asyncio.to_thread(write_json, rows), media_type="application/json")

    async def close(self) -> None:
        await self._home.close()

    async def _look(self, asked: Asked, project_id: str, text: str, limit: int) -> Statement:
        readable = readable_for(asked.caller)

        def look(ask: Any) -> Statement:
            tables: Collection[str] = [table.name for table in self._guard.tables(ask) if readable(table.name)]
            return self._guard.check(ask, text, project_id, tables, self._limits, limit + 1)

        return await self._asked(text, self._home.look(look))

    async def _run(self, text: str, statement: Statement) -> bytes:
        return await self._asked(text, self._home.run(f"ask0-sql-{token_hex(12)}", statement))

    async def _asked(self, text: str, asking: Coroutine[Any, Any, T]) -> T:
        try:
            async with asyncio.timeout(self._limits.seconds + WAIT_SECONDS):
                return await asking
        except TimeoutError:
            raise ServiceUnavailable("ClickHouse does not answer now") from None
        except (QueryFailed, Refused, Unavailable) as error:
            raise refusal(
                error, text=text, seconds=self._limits.seconds, memory=self._memory_mb, result=RESULT_MB
            ) from error

    async def _tell(self, asked: Asked, statement: Statement) -> None:
        """The audit log, without the statement's values: they are of people, whom an erase could not find in it."""
        said = statement.shown[:MOST_TOLD]
        id = f"sql_{blake2b(statement.shown.encode(), digest_size=8).hexdigest()}"
        request = self._changes.request(asked, id, b"")
        request = request._replace(id=f"chg_{token_hex(16)}", is_keyed=False)
        details = {"statement": said, "tables": ", ".join(sorted(statement.tables))}
        await self._changes.tell(request, "sql.asked", Told("sql", id, details))

    @contextmanager
    def _place(self, project_id: str) -> Iterator[None]:
        try:
            give_back = self._places.take(project_id)
        except Taken as taken:
            raise QuotaExceeded(
                f"a project asks at most {MOST.of_project} statements at once: wait until one of them is answered"
                if taken.what == PROJECT
                else "too many statements are asked now: send yours again later",
                retry_after=1,
                code="too_many_statements",
            ) from None
        try:
            yield
        finally:
            give_back()


def readable_for(caller: Caller) -> Callable[[str], bool]:
    return lambda table: caller.scopes.issuperset(SCOPES.get(table, OF_OTHERS))


async def while_there(request: Request, answering: Coroutine[Any, Any, T]) -> T:
    """What is answered. It is cancelled if the client goes away meanwhile."""
    task = asyncio.create_task(answering)
    leaving = asyncio.create_task(_left(request))
    try:
        await asyncio.wait((task, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            logger.info("a statement ends, as its caller has left", extra={"request_id": request.scope[REQUEST_ID]})
            raise ServiceUnavailable("nobody waits for the answer")
        return task.result()
    finally:
        leaving.cancel()
        task.cancel()
        await asyncio.wait((task, leaving))


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _wants_csv(asked: Asked) -> bool:
    return asked.query.format == "csv" or "text/csv" in asked.request.headers.get("accept", "")


def sql_group(entrance: Entrance, sql: Sql) -> Group:
    return Group(
        entrance,
        [
            Operation(
                "POST",
                SQL,
                sql.answer,
                "Ask SQL of the project's own rows",
                Access.SERVER,
                "sql:read",
                query=StatementQuery,
                body=SqlStatement,
                answers=SqlAnswer,
                files=("text/csv",),
                refusals=(422,),
            ),
            Operation(
                "GET",
                f"{SQL}/tables",
                sql.tables,
                "Which tables SQL may ask, with their columns",
                Access.SERVER,
                "sql:read",
                answers=SqlTables,
            ),
        ],
        Middleware(ApiRoute),
        for_pages=False,
    )
