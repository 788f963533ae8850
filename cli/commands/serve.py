"""`ask0 serve`: gateway and worker in one process, on the embedded engines unless told otherwise."""

import asyncio
import os
from contextlib import ExitStack

import click
from prometheus_client import CollectorRegistry

from ask0.catalog.errors import CatalogUnavailable
from ask0.catalog.keys import first_write_key
from ask0.catalog.projects import NewProject, first_project
from ask0.catalog.replica import Replica
from ask0.cli.beginning import begin
from ask0.cli.connection import is_embedded
from ask0.cli.datadir import Running, announced, locked
from ask0.cli.documents import with_documents
from ask0.cli.embedded import answering
from ask0.cli.environment import read_settings
from ask0.cli.errors import FAILED
from ask0.cli.greeting import Greeting
from ask0.cli.links import first_token
from ask0.cli.logs import configure_logs
from ask0.cli.process import Deadline, WorkerThread, listen, serve, url_of
from ask0.cli.working import wait_until, work
from ask0.consumers.health import WorkerHealth
from ask0.gateway.building import build_server
from ask0.schemas.catalog import Catalog, Project
from ask0.schemas.settings import LOOPBACK, Settings
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import Unavailable
from ask0.warehouse.migrate import migrate


@click.command("serve")
def command() -> None:
    """Run gateway and worker in one process, with the embedded log and the embedded ClickHouse.

    The first start makes a project with a write key and a secret key, and prints them. While it runs, ClickHouse's
    HTTP interface answers on 127.0.0.1:8123 for the read-only user `analyst`. Ctrl-C and SIGTERM end it cleanly.

    \b
    Example:
      ask0 serve
      ASK0_PORT=9000 ASK0_DATA_DIR=/var/lib/ask0 ask0 serve
    """
    settings = read_settings()
    configure_logs(settings.log_level)
    deadline = Deadline()
    with ExitStack() as stack:
        stack.enter_context(locked(settings.data_dir, wait_seconds=1))
        worker = _run(settings, stack, deadline)
    if worker.failed:
        raise click.exceptions.Exit(FAILED)


class Database:
    """ClickHouse with its tables and its first project; `prepare` may have to be called until a server is there."""

    def __init__(self, warehouse: Warehouse, settings: Settings) -> None:
        self.warehouse = warehouse
        self.ready = False
        self.catalog = Catalog()
        self.new_project: NewProject | None = None
        self.first_token = ""
        self._settings = settings

    def prepare(self) -> None:
        """Raises Unavailable, CatalogUnavailable."""
        if not self.ready:
            migrate(self.warehouse)
            with_documents(self._settings, self._begin)
            self.ready = True

    async def _begin(self, replica: Replica) -> None:
        self.new_project, self.catalog = await begin(replica, self.warehouse, self._settings)
        self.first_token = await first_token(replica)

    @property
    def project(self) -> Project | None:
        return first_project(self.catalog, self._settings)


def _run(settings: Settings, stack: ExitStack, deadline: Deadline) -> WorkerThread:
    """Everything in the order it depends on each other; `stack` undoes it backwards."""
    sock = stack.enter_context(listen(settings.host, settings.port, "ASK0_PORT"))
    database = Database(stack.enter_context(Warehouse(settings.clickhouse_dsn)), settings)
    try:
        database.prepare()
    except CatalogUnavailable:
        pass  # the log may come back
    except Unavailable:
        if is_embedded(settings):
            raise  # nobody else will bring it back
    late = not database.ready
    interface = stack.enter_context(answering(settings, analysts=True)) if is_embedded(settings) else None
    demo = database.project if settings.host in LOOPBACK else None
    registry = CollectorRegistry()
    health = WorkerHealth()
    server = build_server(
        settings,
        database.warehouse,
        registry,
        demo_project=demo.id if demo else None,
        reports={"worker": health.report},
    )
    greeting = Greeting(settings, url_of(sock), interface, demo=demo is not None)

    def greet() -> None:
        key = first_write_key(database.catalog, database.project)
        greeting.show(key, database.new_project, database.first_token)

    async def prepare_and_work(stop: asyncio.Event) -> None:
        if late:
            await wait_until(database.prepare, stop)
        if database.ready:
            if late:
                greet()
            await work(settings, database.warehouse, registry, health, stop)

    def worker_ended() -> None:
        deadline.begin(FAILED)
        server.should_exit = True

    def started() -> None:
        note = Running(
            pid=os.getpid(), url=greeting.url, clickhouse=interface.dsn if interface else settings.clickhouse_dsn
        )
        stack.enter_context(announced(settings.data_dir, note))
        if late:
            greeting.show_waiting()
        else:
            greet()

    worker = WorkerThread(prepare_and_work, worker_ended)
    worker.start()
    stack.callback(worker.stop)
    serve(server, sock, deadline, started)
    return worker
