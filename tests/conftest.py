"""Fixtures that several folders use."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from bench.stack import Stack
from tests.gate import Gate, open_gate
from tests.warehouse.fixtures import chdb_path, database, dsn, empty_warehouse, engine, http_url, warehouse

__all__ = ["chdb_path", "database", "dsn", "empty_warehouse", "engine", "http_url", "warehouse"]

settings.register_profile("untimed", deadline=None)  # how long an example takes says more of the machine
settings.load_profile("untimed")


# Processes of their own, other programs, or minutes: `make test-quick` leaves them out.
APART = ("browser", "cli", "deploy", "faults", "sdks", "test_doc_examples.py", "test_schema_page.py")
APART_FIXTURES = {"kafka_bootstrap", "stack", "http_url", "clients"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    folder = Path(__file__).parent
    for item in items:
        room = item.path.relative_to(folder).parts[0]
        if room in APART or "kafka" in item.path.name or APART_FIXTURES & {*getattr(item, "fixturenames", ())}:
            item.add_marker(pytest.mark.apart)
            continue
        parameters = getattr(item, "callspec", None)
        if parameters and {"kafka", "http"} & {str(value) for value in parameters.params.values()}:
            item.add_marker(pytest.mark.apart)


@pytest.fixture
def gate(stack: Stack) -> Iterator[Gate]:
    """A gate before the folder's running Ask0."""
    with open_gate(stack.port) as gate:
        yield gate
