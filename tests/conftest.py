"""Fixtures that several folders use."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from bench.stack import Stack
from tests.gate import Gate, open_gate
from tests.warehouse.fixtures import chdb_path, database, dsn, empty_warehouse, engine, http_url, warehouse

__all__ = ["chdb_path", "database", "dsn", "empty_warehouse", "engine", "http_url", "warehouse"]

settings.register_profile("untimed", deadline=None)  # how long an example takes says more of the machine
settings.load_profile("untimed")


@pytest.fixture
def gate(stack: Stack) -> Iterator[Gate]:
    """A gate before the folder's running Ask0."""
    with open_gate(stack.port) as gate:
        yield gate
