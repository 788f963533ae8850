"""Documents that were rows of the table `catalog` enter the control stream once, whoever starts first."""

import asyncio

import msgspec

from ask0.catalog.documents import catalog_of, replace_document
from ask0.catalog.entry import enter_rows
from ask0.catalog.replica import Replica
from ask0.schemas.catalog import Project, secret_key, write_key
from ask0.warehouse.connect import Warehouse
from tests.eventlog.homes import Home, started

PROJECT = Project(id="proj_1", name="Döcs", created_at=1_700_000_000_000)
KEYS = write_key("wk_1", PROJECT.id, 1), secret_key("sk_abcdefgh", PROJECT.id, 2)


def store(warehouse: Warehouse, kind: str, document: msgspec.Struct, version: int) -> None:
    """As the catalog was written before."""
    body = msgspec.json.encode(document).decode()
    columns = {"kind": [kind], "id": [document.id], "version": [version], "body": [body]}  # type: ignore[attr-defined]
    warehouse.insert("catalog", columns, token=f"{kind}:{version}")


def fill(warehouse: Warehouse) -> None:
    store(warehouse, "project", msgspec.structs.replace(PROJECT, name="Old"), 1_000_000)
    store(warehouse, "project", PROJECT, 2_000_000)
    for number, key in enumerate(KEYS):
        store(warehouse, "key", key, 3_000_000 + number)


async def test_rows_enter_with_their_newest_version_and_once(sqlite_home: Home, warehouse: Warehouse) -> None:
    fill(warehouse)
    async with started(Replica(sqlite_home.open_control())) as replica:
        assert await enter_rows(replica, warehouse) == 3
        catalog = catalog_of(replica.state)
        assert catalog.projects == {PROJECT.id: PROJECT}
        assert catalog.keys == {key.id: key for key in KEYS}
        assert await enter_rows(replica, warehouse) == 0


async def test_of_two_that_start_at_once_each_finds_all(sqlite_home: Home, warehouse: Warehouse) -> None:
    fill(warehouse)
    async with (
        started(Replica(sqlite_home.open_control())) as one,
        started(Replica(sqlite_home.open_control())) as other,
    ):
        await asyncio.gather(enter_rows(one, warehouse), enter_rows(other, warehouse))
        await asyncio.gather(one.catch_up(), other.catch_up())
        assert one.state.documents == other.state.documents
        assert {change.stands for change in one.state.outcomes.values()} == {True}


async def test_what_was_changed_since_stays(sqlite_home: Home, warehouse: Warehouse) -> None:
    fill(warehouse)
    async with started(Replica(sqlite_home.open_control())) as replica:
        await enter_rows(replica, warehouse)
        newer = msgspec.structs.replace(PROJECT, name="New")
        await replace_document(replica, PROJECT, newer, "project.renamed")
        await enter_rows(replica, warehouse)
        assert catalog_of(replica.state).projects[PROJECT.id].name == "New"
