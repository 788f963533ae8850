"""The log or ClickHouse away, at start or later, and what a sender and a load balancer are told."""

import stat
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from ask0.catalog import store
from ask0.schemas.catalog import Catalog
from ask0.warehouse.connect import Warehouse
from bench.stack import wait_for
from tests.gateway.running import KEY, PROJECT, example_catalog, names, running, track


def without_disk(ready: httpx.Response) -> dict[str, Any]:
    return {part: state for part, state in ready.json().items() if part != "disk"}


def test_without_its_log_the_gateway_says_503_and_takes_events_again_once_it_is_back(
    clickhouse: Warehouse, tmp_path: Path
) -> None:
    in_the_way = tmp_path / "log"
    in_the_way.touch()
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
        in_the_way.unlink()
        wait_for(lambda: gateway.post("/track", track("B")).status_code == 200, "the log to be back")
        assert without_disk(gateway.client.get("/health/ready")) == {"status": "ok", "log": "ok", "clickhouse": "ok"}
        assert set(names(gateway.events())) == {"B"}
        assert gateway.metric("ask0_events_total", outcome="accepted", reason="") == 1


def test_without_clickhouse_at_start_known_keys_still_send(tmp_path: Path) -> None:
    (tmp_path / "catalog.json").write_bytes(msgspec.json.encode(example_catalog()))
    with running(tmp_path, Warehouse("http://127.0.0.1:9/ask0")) as gateway:
        assert gateway.post("/track", track("A")).status_code == 200
        answer = gateway.post("/track", track("B"), key="wk_perhaps_new")
        assert answer.status_code == 503, "a 401 would make the sender drop its events"
        assert int(answer.headers["retry-after"]) >= 1
        ready = gateway.client.get("/health/ready")
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
        assert names(gateway.events()) == ["A"]


@pytest.mark.parametrize("copy", [None, b"", b"{", b'{"keys":7}'])
def test_without_clickhouse_and_without_a_readable_copy_nobody_is_turned_away_for_good(
    tmp_path: Path, copy: bytes | None
) -> None:
    if copy is not None:
        (tmp_path / "catalog.json").write_bytes(copy)
    with running(tmp_path, None) as gateway:
        assert gateway.post("/track", track()).status_code == 503


def test_the_catalogs_copy_survives_a_restart_and_is_for_the_owner_only(clickhouse: Warehouse, tmp_path: Path) -> None:
    with running(tmp_path, clickhouse):
        pass
    copy = tmp_path / "catalog.json"
    assert msgspec.json.decode(copy.read_bytes(), type=Catalog).project_of_write_key(KEY) == PROJECT
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with running(tmp_path, None) as gateway:
        assert gateway.post("/track", track("A")).status_code == 200
        assert names(gateway.events()) == ["A"]


def test_a_new_key_works_and_a_revoked_one_stops_without_a_restart(clickhouse: Warehouse, tmp_path: Path) -> None:
    with running(tmp_path, clickhouse) as gateway:
        assert gateway.post("/track", track(), key="wk_new").status_code == 401
        key = msgspec.structs.replace(example_catalog().keys[KEY], id="wk_new")
        store.save(clickhouse, "key", "wk_new", key)
        wait_for(lambda: gateway.post("/track", track(), key="wk_new").status_code == 200, "the key to be known")
        store.save(clickhouse, "key", "wk_new", msgspec.structs.replace(key, revoked_at=9))
        wait_for(lambda: gateway.post("/track", track(), key="wk_new").status_code == 401, "the key to be refused")
