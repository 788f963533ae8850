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


@pytest.fixture(scope="module", params=[True, False], ids=["with the lane", "without"])
def shared(
    clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("gateway"), clickhouse, lane=request.param) as gateway:
        yield gateway


@pytest.fixture
def gateway(shared: Running) -> Running:
    """With nothing unread on its log."""
    shared.records()
    return shared
