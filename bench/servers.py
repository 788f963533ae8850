"""Servers to compare, on the same uvicorn: `python -m bench.servers bare|decode|gateway PORT`."""

import sys
import tempfile
from typing import Any

import orjson
import uvicorn
from prometheus_client import CollectorRegistry

from ask0.catalog.documents import add_document
from ask0.catalog.projects import bootstrap
from ask0.catalog.replica import Replica
from ask0.cli.documents import with_documents
from ask0.cli.process import Deadline, listen, serve
from ask0.gateway.building import build_server
from ask0.schemas.catalog import Project, write_key
from ask0.schemas.settings import Settings
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.migrate import migrate
from bench.stack import WRITE_KEY, WRITE_KEYS

Scope = dict[str, Any]


async def bare(scope: Scope, receive: Any, send: Any) -> None:
    """204, without even reading the body."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def decode(scope: Scope, receive: Any, send: Any) -> None:
    """Read the body, orjson.loads, 204."""
    if scope["type"] == "http":
        message = await receive()
        body = message["body"]
        while message["more_body"]:
            message = await receive()
            body += message["body"]
        if body:  # the probe that waits for the start sends none
            orjson.loads(body)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def yardstick(app: Any, port: int) -> None:
    uvicorn.run(app, port=port, loop="uvloop", http="httptools", lifespan="off", access_log=False, log_level="warning")


def gateway(port: int) -> None:
    """The product's gateway on its SQLite log, every answer after the disk has it; no worker beside it."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.from_environ(
            {
                "ASK0_DATA_DIR": folder,
                "ASK0_PORT": str(port),
                "ASK0_BOOTSTRAP_PROJECT": "proj_bench",
                "ASK0_BOOTSTRAP_WRITE_KEY": WRITE_KEY,
                "ASK0_QUOTA_EVENTS_PER_SECOND": "0",
                "ASK0_QUOTA_BYTES_PER_SECOND": "0",
            }
        )
        with Warehouse(settings.clickhouse_dsn) as warehouse:
            migrate(warehouse)
            with_documents(settings, lambda replica: bootstrap(replica, settings))
            with_documents(settings, _add_projects)
            with listen(settings.host, port, "ASK0_PORT") as sock:
                serve(build_server(settings, warehouse, CollectorRegistry()), sock, Deadline(), lambda: None)


async def _add_projects(replica: Replica) -> None:
    for number, key in enumerate(WRITE_KEYS[1:]):
        project = Project(id=f"proj_bench{number}", name=f"Bench {number}", created_at=1)
        await add_document(replica, project, "project.created")
        await add_document(replica, write_key(key, project.id, 1), "key.created")


if __name__ == "__main__":
    kind, port = sys.argv[1], int(sys.argv[2])
    if kind == "gateway":
        gateway(port)
    else:
        yardstick({"bare": bare, "decode": decode}[kind], port)
