"""A warehouse in this process for tests that do much: what holds here over HTTP too is shown with `warehouse`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ask0.warehouse.connect import Warehouse
from ask0.warehouse.migrate import migrate


@pytest.fixture
def embedded_dsn(engine: Warehouse, database: str, chdb_path: Path) -> str:
    return f"chdb://{chdb_path}?database={database}"


@pytest.fixture
def embedded(embedded_dsn: str) -> Iterator[Warehouse]:
    with Warehouse(embedded_dsn) as warehouse:
        migrate(warehouse)
        yield warehouse
