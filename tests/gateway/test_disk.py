"""Below the floor nothing is accepted, readiness says why, and it goes on by itself."""

from pathlib import Path

import pytest

from ask0.gateway import disk
from ask0.gateway.disk import Disk
from ask0.gateway.errors import ServiceUnavailable
from ask0.schemas.settings import Settings
from ask0.warehouse.connect import Warehouse
from bench.stack import wait_for
from tests.gateway.running import running, track


def settings(**values: str) -> Settings:
    return Settings.from_environ({f"ASK0_{name}": value for name, value in values.items()})


def test_events_are_refused_below_the_floor_and_taken_again_well_above_it(tmp_path: Path) -> None:
    free = 1_000_000_000
    room = Disk(settings(DATA_DIR=str(tmp_path), MIN_FREE_MB="500"), free=lambda path: free)
    for level, full in ((600_000_000, False), (499_000_000, True), (510_000_000, True), (560_000_000, False)):
        free = level
        room.look()
        assert room.is_full is full
        if full:
            with pytest.raises(ServiceUnavailable):
                room.check()
        else:
            room.check()


def test_the_fullest_of_the_disks_counts(tmp_path: Path) -> None:
    log, tables = tmp_path / "log" / "log.sqlite3", tmp_path / "tables"
    chosen = settings(DATA_DIR=str(tmp_path), LOG=f"sqlite://{log}", CLICKHOUSE=f"chdb://{tables}")
    room = {tmp_path: 10**12, log: 10**12, tables: 10**6}
    disks = Disk(chosen, free=room.__getitem__)
    disks.look()
    assert (disks.free_bytes, disks.is_full) == (10**6, True)
    tables.mkdir()
    (tables / "part").write_bytes(b"x" * 9_000)
    assert disk.size_of(tables) >= 9_000
    log.parent.mkdir()
    for name in ("log.sqlite3", "log.sqlite3-wal", "other"):
        (log.parent / name).write_bytes(b"x" * 9_000)
    assert disk.size_of(log) == 2 * disk.size_of(log.parent / "other")


def test_a_disk_that_cannot_be_looked_at_is_looked_at_again(
    tmp_path: Path, clickhouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Path] = []

    def free(path: Path) -> int:
        looks.append(path)
        if len(looks) % 2:
            raise OSError("the disk is away")
        return 10**6

    monkeypatch.setattr(disk, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(disk, "_free", free)
    with running(tmp_path, clickhouse, min_free_mb=1) as gateway:
        wait_for(lambda: len(looks) > 20, "more looks than the first that failed")
        assert gateway.client.get("/health/live").status_code == 200


def test_the_gateway_says_503_while_the_disk_is_full(
    tmp_path: Path, clickhouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "LOOK_SECONDS", 0.05)
    free = 10**12
    monkeypatch.setattr(disk, "_free", lambda path: free)
    with running(tmp_path, clickhouse) as gateway:
        assert gateway.post("/track", track("A")).status_code == 200
        free = 1_000_000
        wait_for(lambda: gateway.client.get("/health/ready").status_code == 503, "readiness to say so")
        report = gateway.client.get("/health/ready").json()
        assert report["disk"] == {"status": "unavailable", "free_mb": 1, "floor_mb": 512}
        answer = gateway.post("/track", track("B"))
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert 1 <= int(answer.headers["retry-after"]) <= 300
        free = 10**12
        wait_for(lambda: gateway.post("/track", track("C")).status_code == 200, "events to be taken again")
        assert gateway.metric("ask0_disk_free_bytes") == 10**12
