"""Documents that were rows of the table `catalog` enter the control stream once, whoever starts first."""

import asyncio

import msgspec

from ask0.catalog.documents import catalog_of, replace_document
from ask0.catalog.entry import enter_rows
from ask0.catalog.replica import Replica
from ask0.catalog.sealing import Seal
from ask0.schemas.catalog import Project, Verification, VerificationKey, secret_key, write_key
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
        assert await enter_rows(replica, warehouse, Seal()) == 3
        catalog = catalog_of(replica.state)
        assert catalog.projects == {PROJECT.id: PROJECT}
        assert catalog.keys == {key.id: key for key in KEYS}
        assert await enter_rows(replica, warehouse, Seal()) == 0


async def test_of_two_that_start_at_once_each_finds_all(sqlite_home: Home, warehouse: Warehouse) -> None:
    fill(warehouse)
    async with (
        started(Replica(sqlite_home.open_control())) as one,
        started(Replica(sqlite_home.open_control())) as other,
    ):
        await asyncio.gather(enter_rows(one, warehouse, Seal()), enter_rows(other, warehouse, Seal()))
        await asyncio.gather(one.catch_up(), other.catch_up())
        assert one.state.documents == other.state.documents
        assert {change.stands for change in one.state.outcomes.values()} == {True}


async def test_what_was_changed_since_stays(sqlite_home: Home, warehouse: Warehouse) -> None:
    fill(warehouse)
    async with started(Replica(sqlite_home.open_control())) as replica:
        await enter_rows(replica, warehouse, Seal())
        newer = msgspec.structs.replace(PROJECT, name="New")
        await replace_document(replica, PROJECT, newer, "project.renamed")
        await enter_rows(replica, warehouse, Seal())
        assert catalog_of(replica.state).projects[PROJECT.id].name == "New"


async def test_a_secret_is_sealed_on_its_way(sqlite_home: Home, warehouse: Warehouse) -> None:
    key = VerificationKey(id="vk_1", algorithm="HS256", key="vs_" + "s" * 40, created_at=1)
    project = msgspec.structs.replace(PROJECT, verification=Verification(required=True, keys=(key,)))
    store(warehouse, "project", project, 1_000_000)
    seal = Seal("k" * 32)
    async with started(Replica(sqlite_home.open_control())) as replica:
        await enter_rows(replica, warehouse, seal)
        (entered,) = catalog_of(replica.state).projects[PROJECT.id].verification.keys
    assert entered.key != key.key
    assert seal.open(entered.key, "vk_1") == key.key
