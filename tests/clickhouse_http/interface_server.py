"""ClickHouse's HTTP interface on a free loopback port, over a chDB path of this process."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import uvicorn

from ask0.clickhouse_http.app import create_app
from ask0.clickhouse_http.request import User


@contextmanager
def serve_interface(
    chdb_path: Path | str, *, password: str, analyst_password: str | None = None, **options: Any
) -> Iterator[str]:
    """Yields `http://ask0:password@127.0.0.1:port`, the writable user; user `analyst` reads if it has a password."""
    users = [User("ask0", password, writable=True)]
    if analyst_password is not None:
        users.append(User("analyst", analyst_password, writable=False))
    app = create_app(str(chdb_path), users, **options)
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="on")
    config.timeout_graceful_shutdown = 2
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), name="interface-server")
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError("the interface did not start: its log says why")
            thread.join(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://ask0:{quote(password, safe='')}@127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
