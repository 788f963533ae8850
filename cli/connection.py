"""How a command reaches ClickHouse: the configured server, the running `ask0 serve`, or chDB opened here."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from ask0.cli.datadir import InUse, locked, running
from ask0.cli.errors import Failure, WrongSetting
from ask0.schemas.settings import Settings
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.migrate import pending

WAIT_SECONDS = 10.0  # for a server that is just starting or stopping, or for another command


@contextmanager
def open_warehouse(settings: Settings) -> Iterator[Warehouse]:
    """Raises NotAvailable, Unavailable."""
    with ExitStack() as stack:
        yield stack.enter_context(Warehouse(reachable_dsn(settings, stack)))


@contextmanager
def open_tables(settings: Settings) -> Iterator[Warehouse]:
    """The same, for a command that needs our tables. Raises Failure when they are not there."""
    with open_warehouse(settings) as warehouse:
        if missing := pending(warehouse):
            raise Failure(f"{len(missing)} migrations are missing in the database; run `ask0 migrate` first")
        yield warehouse


def reachable_dsn(settings: Settings, stack: ExitStack) -> str:
    """A DSN that works from this process; holds the data folder until `stack` ends when that is chDB's own."""
    if not is_embedded(settings):
        return settings.clickhouse_dsn
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        if note := running(settings.data_dir):
            return note.clickhouse
        try:
            stack.enter_context(locked(settings.data_dir))
        except InUse:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return settings.clickhouse_dsn


def is_embedded(settings: Settings) -> bool:
    return settings.clickhouse_dsn.startswith("chdb:")


def require_engines(settings: Settings) -> None:
    """The parts run apart only on engines that several processes can share. Raises WrongSetting."""
    if is_embedded(settings):
        raise WrongSetting("ASK0_CLICKHOUSE must be http(s)://…: chDB lives in one process, that of `ask0 serve`")
    if not settings.log_dsn.startswith("kafka:"):
        raise WrongSetting("ASK0_LOG must be kafka://…: the SQLite log lives in one process, that of `ask0 serve`")
