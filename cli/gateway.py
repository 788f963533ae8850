"""`ask0 gateway`: the part that answers HTTP, on Kafka and a ClickHouse server; any number of them."""

from contextlib import ExitStack

import click
from prometheus_client import CollectorRegistry

from cli.connection import require_engines
from cli.datadir import make_data_dir
from cli.environment import read_settings
from cli.process import Deadline, listen, serve, url_of
from eventlog.open import open_log
from gateway.app import create_app
from gateway.catalog import CatalogCache
from gateway.connections import make_connections
from gateway.logs import configure_logs
from gateway.server import make_server
from warehouse.connect import Warehouse


@click.command("gateway")
def command() -> None:
    """Run a gateway: it takes beacons and writes them to the log. Needs Kafka; ClickHouse may be away for a while.

    \b
    Example:
      ASK0_LOG=kafka://kafka:9092/ask0.records ASK0_CLICKHOUSE=http://ask0:…@clickhouse:8123/ask0 ask0 gateway
    """
    settings = read_settings()
    require_engines(settings)
    configure_logs(settings.log_level)
    make_data_dir(settings.data_dir)
    deadline = Deadline()
    with ExitStack() as stack:
        sock = stack.enter_context(listen(settings.host, settings.port, "ASK0_PORT"))
        warehouse = stack.enter_context(Warehouse(settings.clickhouse_dsn))
        registry = CollectorRegistry()
        app = create_app(
            settings,
            log=open_log(settings.log_dsn, group=settings.kafka_group),
            warehouse=warehouse,
            catalog=CatalogCache(warehouse, settings.data_dir),
            registry=registry,
        )
        server = make_server(app, make_connections(settings, registry))
        serve(server, sock, deadline, lambda: click.echo(f"The gateway listens on {url_of(sock)}"))
