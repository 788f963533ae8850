"""A warehouse in this process for tests that do much: what holds here over HTTP too is shown with `warehouse`."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from ask0.warehouse.connect import Warehouse
from tests.warehouse.fixtures import create


@pytest.fixture
def embedded_dsn(engine: Warehouse, database: str, chdb_path: Path) -> str:
    return f"chdb://{chdb_path}?database={database}"


@pytest.fixture
def embedded(embedded_dsn: str, schema: Sequence[str]) -> Iterator[Warehouse]:
    with Warehouse(embedded_dsn) as warehouse:
        create(warehouse, schema)
        yield warehouse
