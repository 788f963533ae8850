"""`ask0 gateway`: the part that answers HTTP, on Kafka and a ClickHouse server; any number of them."""

from contextlib import ExitStack

import click
from prometheus_client import CollectorRegistry

from ask0.cli.connection import require_engines
from ask0.cli.datadir import make_data_dir
from ask0.cli.environment import read_settings
from ask0.cli.logs import configure_logs
from ask0.cli.process import Deadline, listen, serve, url_of
from ask0.gateway.building import build_server
from ask0.warehouse.connect import Warehouse


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
        server = build_server(settings, warehouse, CollectorRegistry())
        serve(server, sock, deadline, lambda: click.echo(f"The gateway listens on {url_of(sock)}"))
