"""The catalog in ClickHouse."""

import time

import pytest

from ask0.catalog import store
from ask0.schemas.catalog import Key, Project, secret_key, write_key
from ask0.warehouse.connect import Warehouse

PROJECT = Project(id="proj_1", name="Döcs", created_at=1_700_000_000_000)


def test_an_empty_catalog_loads(warehouse: Warehouse) -> None:
    loaded = store.load(warehouse)
    assert (loaded.projects, loaded.keys) == ({}, {})


def test_what_is_saved_is_loaded(warehouse: Warehouse) -> None:
    write = write_key("wk_1", PROJECT.id, 1)
    secret = secret_key("sk_abcdefgh", PROJECT.id, 2)
    store.save(warehouse, "project", PROJECT.id, PROJECT)
    for key in (write, secret):
        store.save(warehouse, "key", key.id, key)
    loaded = store.load(warehouse)
    assert loaded.projects == {PROJECT.id: PROJECT}
    assert loaded.keys == {write.id: write, secret.id: secret}
    assert loaded.project_of_write_key("wk_1") == PROJECT.id


def test_the_newest_version_wins_however_fast_they_follow(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_700_000_000_000_000_000)
    for revoked_at in (None, 5, None, 6):
        key = Key(id="wk_1", kind="write", project_id="proj_1", shown="wk_1", created_at=1, revoked_at=revoked_at)
        store.save(warehouse, "key", key.id, key)
    assert store.load(warehouse).keys["wk_1"].revoked_at == 6
    versions = [version for (version,) in warehouse.query("SELECT version FROM catalog ORDER BY version")]
    assert len(set(versions)) == len(versions)


def test_a_clock_that_goes_back_loses_nothing(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    store.save(warehouse, "project", PROJECT.id, PROJECT)
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    renamed = Project(id=PROJECT.id, name="New", created_at=PROJECT.created_at)
    store.save(warehouse, "project", PROJECT.id, renamed)
    assert store.load(warehouse).projects == {PROJECT.id: renamed}


def test_kinds_of_newer_code_are_left_alone(warehouse: Warehouse) -> None:
    warehouse.insert(
        "catalog", {"kind": ["segment"], "id": ["s"], "version": [1], "body": ['{"any": "thing"}']}, token="segment"
    )
    store.save(warehouse, "project", PROJECT.id, PROJECT)
    assert store.load(warehouse).projects == {PROJECT.id: PROJECT}
