"""`ask0 gateway`: the part that answers HTTP, on Kafka and a ClickHouse server; any number of them."""

from contextlib import ExitStack

import click
from prometheus_client import CollectorRegistry

from ask0.cli.connection import require_engines
from ask0.cli.datadir import make_data_dir
from ask0.cli.environment import read_settings
from ask0.cli.logs import configure_logs
from ask0.cli.members import become_members, reserved
from ask0.cli.process import Deadline, cannot_listen, listen, serve, url_of
from ask0.gateway.building import build_server
from ask0.gateway.members import Member
from ask0.schemas.settings import Settings
from ask0.warehouse.connect import Warehouse


@click.command("gateway")
def command() -> None:
    """Run a gateway: it takes beacons and writes them to the log. Needs Kafka; ClickHouse may be away for a while. With
    ASK0_GATEWAY_PROCESSES it uses several cores, on one port.

    \b
    Example:
      ASK0_LOG=kafka://kafka:9092/ask0.records ASK0_CLICKHOUSE=http://ask0:…@clickhouse:8123/ask0 ask0 gateway
    """
    settings = read_settings()
    require_engines(settings)
    configure_logs(settings.log_level)
    make_data_dir(settings.data_dir)
    if settings.gateway_processes == 1:
        _run(settings, None)
        return
    try:
        with reserved(settings.host, settings.port) as port:
            _run(settings.model_copy(update={"port": port}), become_members(settings.gateway_processes))
    except OSError as error:
        raise cannot_listen(settings.host, settings.port, "ASK0_PORT", error) from error


def _run(settings: Settings, member: Member | None) -> None:
    deadline = Deadline()
    with ExitStack() as stack:
        sock = stack.enter_context(listen(settings.host, settings.port, "ASK0_PORT", shared=member is not None))
        warehouse = stack.enter_context(Warehouse(settings.clickhouse_dsn))
        server = build_server(settings, warehouse, CollectorRegistry(), member=member)

        def started() -> None:
            if member is None or member.index == 0:
                click.echo(f"The gateway listens on {url_of(sock)}")

        serve(server, sock, deadline, started)
