"""One gateway for the tests that change no settings; a ClickHouse database with two projects for all of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ask0.warehouse.connect import Warehouse
from ask0.warehouse.migrate import migrate
from tests.gateway.running import Running, running


@pytest.fixture(scope="session")
def clickhouse(engine: Warehouse, chdb_path: Path) -> Iterator[Warehouse]:
    """Migrated."""
    with Warehouse(f"chdb://{chdb_path}?database=gateway") as warehouse:
        migrate(warehouse)
        yield warehouse


@pytest.fixture(scope="module")
def shared(clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("gateway"), clickhouse) as gateway:
        yield gateway


@pytest.fixture
def gateway(shared: Running) -> Running:
    """With nothing unread on its log."""
    shared.records()
    return shared
