"""Fixtures that several folders use."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from bench.stack import Stack
from tests.gate import Gate, open_gate
from tests.warehouse.fixtures import chdb_path, database, dsn, empty_warehouse, engine, http_url, schema, warehouse

__all__ = ["chdb_path", "database", "dsn", "empty_warehouse", "engine", "http_url", "schema", "warehouse"]

settings.register_profile("untimed", deadline=None)  # how long an example takes says more of the machine
settings.load_profile("untimed")


# Processes of their own, other programs, or minutes: `make test-quick` leaves them out.
APART = ("browser", "cli", "deploy", "faults", "sdk", "sdks", "test_doc_examples.py", "test_schema_page.py")
APART_FIXTURES = {"kafka_bootstrap", "stack", "http_url", "clients"}

# The folders whose files take longest begin first, so that what runs beside them ends with them.
LONGEST = ("faults", "sdks", "sdk", "deploy", "consumers", "browser", "cli")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONGEST.index(_room(item)) if _room(item) in LONGEST else len(LONGEST))
    for item in items:
        if _is_apart(item):
            item.add_marker(pytest.mark.apart)


def _room(item: pytest.Item) -> str:
    return item.path.relative_to(Path(__file__).parent).parts[0]


def _is_apart(item: pytest.Item) -> bool:
    if _room(item) in APART or "kafka" in item.path.name or APART_FIXTURES & {*getattr(item, "fixturenames", ())}:
        return True
    parameters = getattr(item, "callspec", None)
    return bool(parameters and {"kafka", "http"} & {str(value) for value in parameters.params.values()})


@pytest.fixture
def gate(stack: Stack) -> Iterator[Gate]:
    """A gate before the folder's running Ask0."""
    with open_gate(stack.port) as gate:
        yield gate
