"""The embedded ClickHouse as others see it: its HTTP interface on loopback, for analysts and for our own commands."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from prometheus_client import CollectorRegistry

from ask0.cli.datadir import write_private
from ask0.cli.process import listen, serving_in_thread, url_of
from ask0.clickhouse_http.app import create_app
from ask0.clickhouse_http.request import User
from ask0.gateway.connections import Connections
from ask0.gateway.server import make_server
from ask0.schemas.settings import Settings

HOST = "127.0.0.1"
ANALYST = "analyst"
MAX_CONNECTIONS = 256
PASSWORD_FILE = "analyst_password"


class Interface(NamedTuple):
    """Where it answers. `dsn` is for our own commands: its user may write."""

    url: str
    dsn: str
    analyst_password: str  # empty when analysts are turned off
    password_is_new: bool


@contextmanager
def answering(settings: Settings, *, analysts: bool) -> Iterator[Interface]:
    """Answers for as long as the block runs; this process must own the chDB path. Raises NotAvailable."""
    port = settings.clickhouse_http_port if analysts else 0
    password, is_new = _analyst_password(settings) if port else ("", False)
    own_password = secrets.token_urlsafe(24)
    users = [User("ask0", own_password, writable=True)]
    if password:
        users.append(User(ANALYST, password, writable=False))
    sock = listen(HOST, port, "ASK0_CLICKHOUSE_HTTP_PORT")
    app = create_app(
        unquote(urlsplit(settings.clickhouse_dsn).path),
        users,
        memory_mb=settings.query_memory_mb,
        seconds=settings.query_seconds,
    )
    connections = Connections(MAX_CONNECTIONS, lambda address: False, CollectorRegistry())
    server = make_server(app, connections)
    url = url_of(sock)
    dsn = f"http://ask0:{own_password}@{url.removeprefix('http://')}/ask0"
    with serving_in_thread(server, sock, "interface"):
        yield Interface(url, dsn, password, is_new)


def _analyst_password(settings: Settings) -> tuple[str, bool]:
    """The one that is set, else the one made at the first start. True when it was made just now."""
    chosen = settings.analyst_password.get_secret_value()
    if chosen:
        return chosen, False
    path: Path = settings.data_dir / PASSWORD_FILE
    try:
        return path.read_text().strip(), False
    except FileNotFoundError:
        password = secrets.token_urlsafe(12)
        write_private(path, password.encode())
        return password, True
