"""One way to ClickHouse by DSN, chDB in this process or a server: insert a block, query, command."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, BinaryIO, Self, cast
from urllib.parse import parse_qs, unquote, urlsplit
from weakref import WeakSet

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from clickhouse_connect.driver.httputil import get_pool_manager

from ask0.schemas.settings import LOOPBACK
from ask0.warehouse.errors import QueryFailed, Refused, Unavailable
from ask0.warehouse.failures import translate
from ask0.warehouse.ownership import own, release
from ask0.warehouse.tables import SETTINGS, Columns, one_block

DEFAULT_DATABASE = "ask0"
CONNECT_TIMEOUT_SECONDS = 5
READ_TIMEOUT_SECONDS = 300
POOL_CONNECTIONS = 64
RESULT_TOO_LARGE = 396  # as ClickHouse numbers it
PARAMETER_CHARACTERS = 120_000  # a server refuses a parameter of more than 128 KiB; chDB would not


@dataclass(frozen=True)
class Address:
    """What a DSN says: `chdb:///path?database=ask0` or `http(s)://user:password@host:port/ask0`."""

    scheme: str
    database: str
    path: str = ""
    host: str = ""
    port: int = 0
    username: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, dsn: str) -> Self:
        url = urlsplit(dsn)
        asked = parse_qs(url.query).get("database", [""])[0]
        if url.scheme == "chdb" and not url.netloc and len(url.path) > 1:
            return cls(scheme="chdb", database=asked or DEFAULT_DATABASE, path=unquote(url.path))
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ValueError("a ClickHouse DSN is chdb:///path or http(s)://user:password@host:8123/ask0")
        return cls(
            scheme=url.scheme,
            database=asked or unquote(url.path.strip("/")) or DEFAULT_DATABASE,
            host=url.hostname,
            port=url.port or (8443 if url.scheme == "https" else 8123),
            username=unquote(url.username or "default"),
            password=unquote(url.password or ""),
        )


class Warehouse:
    """ClickHouse, safe to use from any thread: each has a client of its own, so that no query waits for another's.

    Every call raises Unavailable, Refused or QueryFailed, whose messages may quote the data. Repeating is the caller's
    decision; only an insert whose kept-alive connection turns out closed is sent once more, with its token. Close
    before the process ends: it must not exit while a thread is in here. Never fork.
    """

    def __init__(self, dsn: str, *, settings: Mapping[str, str | int | float] | None = None) -> None:
        self._address = Address.parse(dsn)
        self._settings = {**SETTINGS, **(settings or {})}
        self._local = threading.local()
        self._clients: WeakSet[Client] = WeakSet()
        self._changed = threading.Condition()
        self._running = 0
        self._closed = False
        self._pool = get_pool_manager(maxsize=POOL_CONNECTIONS)  # of all threads, or an ended thread's would stay open
        self._columns: dict[tuple[str, ...], Columns] = {}
        if self._address.path:
            own(self._address.path)
            try:
                self.create_database()
            except BaseException:
                self.close()
                raise

    @property
    def database(self) -> str:
        return self._address.database

    @property
    def path(self) -> str:
        """Of the engine in this process; empty of a server."""
        return self._address.path

    def insert(self, table: str, columns: Mapping[str, list[Any]], *, token: str) -> None:
        """Store the columns as one block, atomic in each partition; where its token was stored before it is dropped.

        Times are epoch ms, JSON is text. On Unavailable repeat with the same columns and the same token. But after a
        crash of ClickHouse look whether the rows are there: it writes the token just before it publishes the block, and
        does not sync it (ClickHouse/ClickHouse#111577), so one of the two may be there without the other.
        """
        names = tuple(columns)
        with self._client() as client:
            known = self._columns.get((table, *names))
            if known is None:
                known = self._columns[table, *names] = Columns.describe(client, table, names)
            context = one_block(known, list(columns.values()), token)
            try:
                client.data_insert(context)
            except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
                raise Refused(f"{table}.{context.column_name} cannot hold a value: {error}") from error
            except ClickHouseError:
                self._columns.pop((table, *names), None)  # the table may have changed
                if context.insert_exception is not None:  # the answer is to bytes that were cut short for this reason
                    raise Refused(f"{table}.{context.column_name} cannot hold a value") from context.insert_exception
                raise
            finally:
                vars(context).clear()  # it refers to itself: the rows would stay until Python looks for such cycles

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """The rows of a SELECT, times as aware datetimes.

        Values go in as parameters, `{name:Type}` in the SQL, never into its text; sets that are larger than
        PARAMETER_CHARACTERS go through a table.
        """
        with self._client() as client:
            rows = client.query(sql, parameters=_bound(parameters)).result_rows
        return list(rows)  # type: ignore[arg-type]

    def command(
        self,
        sql: str,
        parameters: Mapping[str, Any] | None = None,
        settings: Mapping[str, str | int | float] | None = None,
    ) -> None:
        """Run a statement that returns nothing: DDL, INSERT … SELECT, UPDATE."""
        with self._client() as client:
            client.raw_query(sql, parameters=_bound(parameters), settings=dict(settings or {}))

    def raw(
        self,
        sql: str,
        fmt: str,
        parameters: Mapping[str, Any] | None = None,
        settings: Mapping[str, str | int | float] | None = None,
    ) -> bytes:
        """The answer to a SELECT as ClickHouse writes it in a format such as JSONEachRow or CSVWithNames."""
        with self._client() as client:
            return client.raw_query(sql, parameters=_bound(parameters), settings=dict(settings or {}), fmt=fmt)

    def raw_up_to(self, most: int, sql: str, fmt: str, settings: Mapping[str, str | int | float]) -> bytes:
        """Likewise from a server, of which no more than so many bytes are read. Raises QueryFailed beyond."""
        with self._client() as client:
            stream = cast(BinaryIO, client.raw_stream(sql, settings={**settings, "buffer_size": most}, fmt=fmt))
            try:
                answer = bytes(stream.read(most + 1))
            except Exception as error:  # urllib3's, which has many
                raise Unavailable(f"the answer broke off: {error}") from error
            finally:
                stream.close()
        if len(answer) > most:
            raise QueryFailed(f"the answer has more than {most} bytes", RESULT_TOO_LARGE)
        return answer

    def ping(self) -> None:
        """Raises Unavailable unless ClickHouse answers a query now."""
        self.query("SELECT 1")

    def create_database(self) -> None:
        with self._client() as client:
            name = {"name": self.database}
            exists = "SELECT count() FROM system.databases WHERE name = {name:String}"
            if not client.command(exists, parameters=name, use_database=False):
                client.command("CREATE DATABASE IF NOT EXISTS {name:Identifier}", parameters=name, use_database=False)

    def close(self) -> None:
        """Wait for running queries, then let go of every client and of the chDB path."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.wait_for(lambda: not self._running)
            clients = list(self._clients)
        for client in clients:
            client.close()
        self._pool.clear()
        if self._address.path:
            release(self._address.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _client(self) -> Iterator[Client]:
        """This thread's client, counted as running; errors leave as ours."""
        with self._changed:
            if self._closed:
                raise Unavailable("the connection to ClickHouse has been closed")
            self._running += 1
        try:
            client = getattr(self._local, "client", None)
            if client is None:
                client = self._local.client = self._open()
            yield client
        except (ClickHouseError, OSError) as error:
            raise translate(error) from error
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _open(self) -> Client:
        address = self._address
        if address.path:
            client = clickhouse_connect.get_client(
                interface="chdb",
                path=address.path,
                settings=dict(self._settings),
                tz_mode="aware",
                show_clickhouse_errors="scrub",
            )
        else:
            client = clickhouse_connect.get_client(
                interface=address.scheme,
                host=address.host,
                port=address.port,
                username=address.username,
                password=address.password,
                settings=dict(self._settings),
                connect_timeout=CONNECT_TIMEOUT_SECONDS,
                send_receive_timeout=READ_TIMEOUT_SECONDS,
                query_retries=0,
                compress=address.host not in LOOPBACK,
                tz_mode="aware",
                autogenerate_session_id=False,  # a query in doubt would lock the session of its repeat
                show_clickhouse_errors="scrub",
                pool_mgr=self._pool,
            )
        client.database = self.database  # after connecting: it may not exist yet
        with self._changed:
            self._clients.add(client)
        return client


def _bound(parameters: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if parameters and sum(len(str(value)) for value in parameters.values()) > PARAMETER_CHARACTERS:
        raise ValueError(
            f"more than {PARAMETER_CHARACTERS} characters of parameters: insert them into a table and join"
        )
    return dict(parameters) if parameters else None
