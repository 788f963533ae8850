"""The log or ClickHouse away, at start or later, and what a sender and a load balancer are told."""

import asyncio
import stat
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from ask0.catalog.replica import SNAPSHOT_NAME
from ask0.warehouse.connect import Warehouse
from bench.stack import wait_for
from tests.gateway.running import KEY, Running, example_catalog, names, nowhere, put_in_the_way, running, save, track


def without_disk(ready: httpx.Response) -> dict[str, Any]:
    return {part: state for part, state in ready.json().items() if part not in ("disk", "documents")}


@pytest.mark.apart
def test_without_its_log_the_gateway_says_503_and_takes_events_again_once_it_is_back(
    clickhouse: Warehouse, tmp_path: Path
) -> None:
    with running(tmp_path, clickhouse):
        pass
    put_in_the_way(tmp_path)
    with running(tmp_path, clickhouse) as gateway:
        answer = gateway.post("/track", track("A"))
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert str(tmp_path) not in answer.text
        assert 1 <= int(answer.headers["retry-after"]) <= 300
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["access-control-expose-headers"] == "Retry-After"
        ready = gateway.client.get("/health/ready")
        assert (ready.status_code, without_disk(ready)) == (
            503,
            {"status": "unavailable", "log": "unavailable", "clickhouse": "ok"},
        )
        assert gateway.metric("ask0_ready", part="log") == 0
        assert gateway.client.get("/health/live").status_code == 200
        (tmp_path / "log").unlink()
        (tmp_path / "log-of-before").rename(tmp_path / "log")
        wait_for(lambda: gateway.post("/track", track("B")).status_code == 200, "the log to be back")
        well = {"status": "ok", "log": "ok", "clickhouse": "ok"}
        wait_for(lambda: without_disk(gateway.client.get("/health/ready")) == well, "the documents to be followed")
        assert set(names(gateway.events())) == {"B"}
        assert gateway.metric("ask0_events_total", outcome="accepted", reason="") == 1


def test_without_clickhouse_at_start_every_key_is_known(tmp_path: Path) -> None:
    with running(tmp_path, nowhere()) as gateway:
        assert gateway.post("/track", track("A")).status_code == 200
        assert gateway.post("/track", track("B"), key="wk_nothing").status_code == 401
        ready = gateway.client.get("/health/ready")
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
        assert names(gateway.events()) == ["A"]


def settings_of(gateway: Running, key: str) -> int:
    """The status of an answer that needs to know the key, and no log."""
    return gateway.client.get(f"/v1/projects/{key}/settings").status_code


@pytest.mark.parametrize("copy", [None, b"", b"{", b'{"documents":7}'])
def test_without_the_log_and_without_a_readable_copy_nobody_is_turned_away_for_good(
    tmp_path: Path, copy: bytes | None
) -> None:
    (tmp_path / "log").touch()
    if copy is not None:
        (tmp_path / SNAPSHOT_NAME).write_bytes(copy)
    with running(tmp_path, nowhere()) as gateway:
        assert settings_of(gateway, KEY) == 503, "a 401 would make the sender drop its events"


def test_the_copy_of_the_documents_survives_a_restart_and_is_for_the_owner_only(
    clickhouse: Warehouse, tmp_path: Path
) -> None:
    with running(tmp_path, clickhouse):
        pass
    copy = tmp_path / SNAPSHOT_NAME
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    put_in_the_way(tmp_path)
    with running(tmp_path, clickhouse) as gateway:
        assert settings_of(gateway, KEY) == 200
        assert settings_of(gateway, "wk_perhaps_new") == 503
        ready = gateway.client.get("/health/ready").json()
        assert ready["documents"] == {"status": "degraded", "reason": "the control stream is away"}


def test_a_new_key_works_and_a_revoked_one_stops_without_a_restart(clickhouse: Warehouse, tmp_path: Path) -> None:
    with running(tmp_path, clickhouse) as gateway:
        assert gateway.post("/track", track(), key="wk_new").status_code == 401
        key = msgspec.structs.replace(example_catalog().keys[KEY], id="wk_new")
        asyncio.run(save(gateway.log_dsn, key))
        wait_for(lambda: gateway.post("/track", track(), key="wk_new").status_code == 200, "the key to be known")
        asyncio.run(save(gateway.log_dsn, msgspec.structs.replace(key, revoked_at=9)))
        wait_for(lambda: gateway.post("/track", track(), key="wk_new").status_code == 401, "the key to be refused")
