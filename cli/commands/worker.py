"""`ask0 worker`: the part that turns the log into rows, on Kafka and a ClickHouse server; any number of them."""

import asyncio
from contextlib import ExitStack

import click
import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ask0.cli.connection import require_engines
from ask0.cli.environment import read_settings
from ask0.cli.errors import FAILED
from ask0.cli.logs import configure_logs
from ask0.cli.process import Deadline, WorkerThread, listen, serve, url_of
from ask0.cli.working import check_migrated, wait_until, work
from ask0.consumers.health import WorkerHealth
from ask0.warehouse.connect import Warehouse


@click.command("worker")
def command() -> None:
    """Run a worker: it takes its share of the log and writes it to ClickHouse. /health, /health/ready and /metrics
    answer on ASK0_WORKER_PORT.

    \b
    Example:
      ASK0_LOG=kafka://kafka:9092/ask0.records ASK0_CLICKHOUSE=http://ask0:…@clickhouse:8123/ask0 ask0 worker
    """
    settings = read_settings()
    require_engines(settings)
    configure_logs(settings.log_level)
    deadline = Deadline()
    registry = CollectorRegistry()
    with ExitStack() as stack:
        sock = stack.enter_context(listen(settings.host, settings.worker_port, "ASK0_WORKER_PORT"))
        warehouse = stack.enter_context(Warehouse(settings.clickhouse_dsn))
        health = WorkerHealth()
        server = _health_server(registry, health)

        async def prepare_and_work(stop: asyncio.Event) -> None:
            await wait_until(lambda: check_migrated(warehouse), stop)
            if not stop.is_set():
                await work(settings, warehouse, registry, health, stop)

        def ended() -> None:
            deadline.begin(FAILED)
            server.should_exit = True

        worker = WorkerThread(prepare_and_work, ended)
        worker.start()
        stack.callback(worker.stop)
        serve(server, sock, deadline, lambda: click.echo(f"The worker answers on {url_of(sock)}"))
    if worker.failed:
        raise click.exceptions.Exit(FAILED)


def _health_server(registry: CollectorRegistry, health: WorkerHealth) -> uvicorn.Server:
    """/health answers while the worker runs, /health/ready says how it gets on. One that fails ends its process."""

    async def live(request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(request: Request) -> Response:
        return JSONResponse(health.report(), headers={"cache-control": "no-store"})

    async def metrics(request: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    app = Starlette(routes=[Route("/health", live), Route("/health/ready", ready), Route("/metrics", metrics)])
    config = uvicorn.Config(
        app, loop="uvloop", http="httptools", ws="none", access_log=False, log_config=None, server_header=False
    )
    return uvicorn.Server(config)
