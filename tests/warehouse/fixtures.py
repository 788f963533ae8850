"""ClickHouse for tests: one chDB per process, reached in process and over HTTP, and a fresh database for each test."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from ask0.warehouse.connect import Warehouse
from ask0.warehouse.migrate import migrate
from tests.clickhouse_http.interface_server import serve_interface

PASSWORD = "secret"
TEMPLATE = "migrated_once"

_numbers = itertools.count()


@pytest.fixture(scope="session")
def chdb_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clickhouse") / "data"


@pytest.fixture(scope="session")
def engine(chdb_path: Path) -> Iterator[Warehouse]:
    """Keeps the one engine of this process open, as opening it takes half a second."""
    with Warehouse(f"chdb://{chdb_path}") as engine:
        yield engine


@pytest.fixture(scope="session")
def http_url(engine: Warehouse, chdb_path: Path) -> Iterator[str]:
    """`http://ask0:…@127.0.0.1:port`, where the engine answers as a server would."""
    with serve_interface(str(chdb_path), password=PASSWORD) as url:
        yield url


@pytest.fixture
def database(engine: Warehouse) -> Iterator[str]:
    """Name of a database that does not exist yet."""
    name = f"test_{next(_numbers)}"
    yield name
    engine.command("DROP DATABASE IF EXISTS {name:Identifier} SYNC", {"name": name})


@pytest.fixture(scope="session")
def schema(engine: Warehouse, chdb_path: Path) -> Sequence[str]:
    """The statements that make what `migrate` made, which takes ten times as long: tables first, views of them next."""
    with Warehouse(f"chdb://{chdb_path}?database={TEMPLATE}") as template:
        migrate(template)
        made = template.query(
            "SELECT create_table_query FROM system.tables WHERE database = {name:String}"
            " ORDER BY engine = 'View', name",
            {"name": TEMPLATE},
        )
    return [*(statement for (statement,) in made), f"INSERT INTO {TEMPLATE}.migrations SELECT * FROM migrations"]


def create(warehouse: Warehouse, schema: Sequence[str]) -> None:
    for statement in schema:
        warehouse.command(statement.replace(f"{TEMPLATE}.", f"{warehouse.database}."))


@pytest.fixture(params=["chdb", "http"])
def dsn(request: pytest.FixtureRequest, database: str, chdb_path: Path) -> str:
    if request.param == "http":
        return f"{request.getfixturevalue('http_url')}/{database}"
    return f"chdb://{chdb_path}?database={database}"


@pytest.fixture
def empty_warehouse(dsn: str) -> Iterator[Warehouse]:
    """A database without tables."""
    with Warehouse(dsn) as warehouse:
        warehouse.create_database()
        yield warehouse


@pytest.fixture
def warehouse(empty_warehouse: Warehouse, schema: Sequence[str]) -> Warehouse:
    """Migrated and empty, once in process and once over HTTP."""
    create(empty_warehouse, schema)
    return empty_warehouse
