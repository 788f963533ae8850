"""What may happen to an export of many users until it is downloaded. All ids begin with bex-."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ask0.gateway import arrivals
from ask0.gateway.api import segment_export_files
from ask0.gateway.jobs import exporting
from ask0.warehouse import bounded_pages, job_users
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import Unavailable
from bench.stack import wait_for
from tests.gateway.api.exported import (
    call,
    create,
    download,
    fill,
    lines_of,
    of_job,
    reading_slowly,
    tagged,
    taken,
)
from tests.gateway.running import (
    SECRET,
    Running,
    running,
    working,
)


@pytest.fixture(scope="module")
def gateway(clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """With a worker."""
    with running(tmp_path_factory.mktemp("segment-exports"), clickhouse) as gateway, working(gateway, clickhouse):
        yield gateway


@pytest.fixture(autouse=True)
def patiently(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals.Arrivals.wait, "__defaults__", (60.0,))


def test_progress_moves_while_it_is_downloaded_once_at_a_time_and_who_leaves_makes_room(
    gateway: Running, clickhouse: Warehouse
) -> None:
    fill(clickhouse, "bex-slow")
    made = create(gateway, filter={"tag": "bex-slow"})
    assert made["job"]["progress"] == {"done": 0, "total": 600}
    with reading_slowly(gateway, made["download"]) as answer:
        pieces = answer.iter_raw()
        next(pieces)
        wait_for(lambda: 0 < of_job(gateway, made)["progress"]["done"] < 600, "the progress")
        assert of_job(gateway, made)["status"] == "running"
        second = gateway.client.get(made["download"], headers={"authorization": f"Bearer {SECRET}"})
        assert (second.status_code, second.json()["code"]) == (429, "being_exported")
        answers, receipt = taken(gateway, ids=["bex-slow-0001"])  # another job is
        assert receipt["users"] == 1
        bulk = call(gateway, "POST", "/users/bulk", {"do": "tag", "ids": ["bex-slow-0001"], "tags": ["x"]})
        wait_for(lambda: of_job(gateway, bulk.json())["status"] == "done", "a job that does not wait for it")
    wait_for(lambda: of_job(gateway, made)["status"] == "waiting", "the job to be given back")
    assert len(lines_of(download(gateway, made))) == 600
    assert of_job(gateway, made)["status"] == "done"
    late = gateway.client.get(made["download"], headers={"authorization": f"Bearer {SECRET}"})
    assert (late.status_code, late.json()["code"]) == (409, "job_finished")


def test_what_breaks_off_is_nothing_whole_and_is_begun_again(
    gateway: Running, clickhouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = tagged(clickhouse, "bex-broken", 6)
    monkeypatch.setattr(segment_export_files, "FIRST_USERS", 2)
    monkeypatch.setattr(segment_export_files, "MOST_USERS", 2)
    monkeypatch.setattr(bounded_pages, "PAUSES", (0.01,))
    real = job_users.read_after

    def read_after(warehouse: Warehouse, list: str, after: str, most: int) -> Any:
        if after.endswith("3"):
            raise Unavailable("gone")
        return real(warehouse, list, after, most)

    for format, what in (("json", "profiles"), ("csv", "profiles"), ("json", "everything"), ("csv", "everything")):
        made = create(gateway, ids=ids, format=format, what=what)
        monkeypatch.setattr(job_users, "read_after", read_after)
        got: list[bytes] = []
        with gateway.client.stream("GET", made["download"], headers={"authorization": f"Bearer {SECRET}"}) as answer:
            assert answer.status_code == 200
            with pytest.raises(httpx.RemoteProtocolError):
                got.extend(answer.iter_raw())
        assert got, (format, what)
        assert not b"".join(got).endswith(b"\n")
        wait_for(lambda: of_job(gateway, made)["status"] == "waiting", "the job to be given back")  # noqa: B023
        monkeypatch.setattr(job_users, "read_after", real)
        assert download(gateway, made).status_code == 200
        assert of_job(gateway, made)["receipt"]["users"] == 6


def test_a_job_is_cancelled_before_and_while_it_is_downloaded(gateway: Running, clickhouse: Warehouse) -> None:
    fill(clickhouse, "bex-cancel")
    before = create(gateway, filter={"tag": "bex-cancel"})
    answer = call(gateway, "POST", f"/jobs/{before['job']['id']}/cancel")
    assert (answer.status_code, answer.json()["job"]["status"]) == (200, "cancelled")
    assert answer.json()["job"]["receipt"]["users"] == 0
    during = create(gateway, filter={"tag": "bex-cancel"})
    with reading_slowly(gateway, during["download"]) as slow:
        pieces = slow.iter_raw()
        next(pieces)
        wait_for(lambda: of_job(gateway, during)["status"] == "running", "the download")
        assert call(gateway, "POST", f"/jobs/{during['job']['id']}/cancel").status_code == 202
        with pytest.raises(httpx.RemoteProtocolError):
            list(pieces)
    wait_for(lambda: of_job(gateway, during)["status"] == "cancelled", "the end of the job")
    assert 0 < of_job(gateway, during)["receipt"]["users"] < 600


def test_what_nobody_downloads_in_time_has_expired(
    gateway: Running, clickhouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    tagged(clickhouse, "bex-late", 2)
    made = create(gateway, filter={"tag": "bex-late"})
    time.sleep(0.01)  # so that some time has passed
    monkeypatch.setattr(exporting, "STANDS_SECONDS", 0)
    wait_for(lambda: of_job(gateway, made)["status"] == "failed", "the end of the job")
    assert of_job(gateway, made)["code"] == "expired"
    lists = "SELECT count() FROM job_users WHERE startsWith(list, {id:String})"
    wait_for(lambda: clickhouse.query(lists, {"id": made["job"]["id"]})[0][0] == 0, "the list to be forgotten")
    assert download(gateway, made).status_code == 409


def test_an_export_stands_through_a_restart(clickhouse: Warehouse, tmp_path: Path) -> None:
    fill(clickhouse, "bex-restart")
    with running(tmp_path, clickhouse) as gateway:
        made = create(gateway, filter={"tag": "bex-restart"})
        with reading_slowly(gateway, made["download"]) as answer:
            next(answer.iter_raw())
            wait_for(lambda: of_job(gateway, made)["status"] == "running", "the download")
    with running(tmp_path, clickhouse) as gateway:
        assert len(lines_of(download(gateway, made))) == 600
        assert of_job(gateway, made)["status"] == "done"


def test_a_list_that_has_lost_users_is_told_and_no_file(gateway: Running, clickhouse: Warehouse) -> None:
    tagged(clickhouse, "bex-lost", 3)
    made = create(gateway, filter={"tag": "bex-lost"})
    (list,) = clickhouse.query(
        "SELECT DISTINCT list FROM job_users WHERE startsWith(list, {id:String})", {"id": made["job"]["id"]}
    )[0]
    job_users.forget(clickhouse, list)
    answer = download(gateway, made)
    assert (answer.status_code, answer.json()["code"]) == (409, "users_lost")
    assert (of_job(gateway, made)["status"], of_job(gateway, made)["code"]) == ("failed", "users_lost")


def test_so_many_exports_wait_at_once(gateway: Running, clickhouse: Warehouse) -> None:
    tagged(clickhouse, "bex-wait", 1)
    body: dict[str, Any] = {"filter": {"tag": "bex-wait"}}
    made = [create(gateway, **body) for _ in range(5)]
    answer = call(gateway, "POST", "/exports", body)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_exports")
    for one in made:
        assert download(gateway, one).status_code == 200


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_large_file_is_made_without_being_held(gateway: Running, clickhouse: Warehouse) -> None:
    tags = [f"bex-large-{number}" for number in range(24)]
    for tag in tags:
        fill(clickhouse, tag, 250)
    made = create(gateway, filter={"any": [{"tag": tag} for tag in tags]})
    before = highest = resident_bytes()
    size = 0
    with gateway.client.stream("GET", made["download"], headers={"authorization": f"Bearer {SECRET}"}) as answer:
        for piece in answer.iter_raw():
            size += len(piece)
            highest = max(highest, resident_bytes())
    assert size > 180_000_000
    assert highest - before < 100 << 20
    assert of_job(gateway, made)["receipt"]["bytes"] == size
