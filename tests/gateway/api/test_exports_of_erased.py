"""Nothing is handed out of who is erased, and what was begun of them breaks off. All ids begin with exe-."""

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ask0.gateway.api import segment_export_files
from ask0.schemas.catalog import Project, secret_key
from ask0.warehouse.connect import Warehouse
from bench.stack import wait_for
from tests.gateway.api.exported import call, create, download, of_job, reading_slowly, tagged
from tests.gateway.api.rows import HOUR, NOON, act, get, store, user
from tests.gateway.running import Running, running, save, working

FORMATS = ("json", "csv")
PROJECT, SECRET = "proj_exported", "sk_secret_of_exported"  # of its own: no other file's erasures are of it


@pytest.fixture(scope="module")
def gateway(clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """With a worker."""
    with running(tmp_path_factory.mktemp("exports-of-erased"), clickhouse) as gateway, working(gateway, clickhouse):
        documents = Project(id=PROJECT, name="Exported", created_at=1), secret_key(SECRET, PROJECT, 1)
        asyncio.run(save(gateway.log_dsn, *documents))
        wait_for(lambda: get(gateway, "/me", secret=SECRET).is_success, "the key")
        yield gateway


def erase(gateway: Running, *ids: str) -> None:
    answer = call(gateway, "POST", "/users/bulk", {"do": "erase", "ids": ids}, secret=SECRET)
    assert answer.status_code == 202, answer.text
    wait_for(lambda: of_job(gateway, answer.json(), SECRET)["status"] == "done", "the erasure")


def large(*ids: str, each: int) -> list[dict[str, Any]]:
    """Events that a zip makes little smaller."""
    sent = ({"text": os.urandom(9_000).hex()} for _ in range(each * len(ids)))
    return [
        act("Large", NOON + number * HOUR, id, project_id=PROJECT, properties=next(sent))
        for id in ids
        for number in range(each)
    ]


@pytest.mark.parametrize("format", FORMATS)
def test_who_is_erased_is_unknown_also_where_a_row_is_there_again(
    gateway: Running, clickhouse: Warehouse, format: str
) -> None:
    id, other = f"exe-gone-{format}", f"exe-other-{format}"
    user(clickhouse, id, project_id=PROJECT)
    user(clickhouse, other, project_id=PROJECT)
    erase(gateway, id)
    user(clickhouse, id, project_id=PROJECT)  # as a backup would have it

    def exported(id: str) -> httpx.Response:
        return get(gateway, f"/users/{id}/export", secret=SECRET, format=format)

    answer = exported(id)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_user")
    assert exported(other).status_code == 200
    assert call(gateway, "POST", f"/suppressions/{id}/lift", secret=SECRET).status_code == 200
    assert exported(id).status_code == 200


@pytest.mark.parametrize("format", FORMATS)
def test_an_export_breaks_off_when_its_user_is_erased(gateway: Running, clickhouse: Warehouse, format: str) -> None:
    id = f"exe-alone-{format}"
    user(clickhouse, id, project_id=PROJECT)
    store(clickhouse, "events", large(id, each=800))
    with reading_slowly(gateway, f"/v1/projects/-/users/{id}/export?format={format}", SECRET) as answer:
        assert answer.status_code == 200
        pieces = answer.iter_raw()
        next(pieces)
        erase(gateway, id)
        with pytest.raises(httpx.RemoteProtocolError):
            list(pieces)


def test_who_was_erased_since_they_were_listed_is_left_out(gateway: Running, clickhouse: Warehouse) -> None:
    ids = tagged(clickhouse, "exe-listed", 4, project_id=PROJECT)
    made = [
        create(gateway, secret=SECRET, filter={"tag": "exe-listed"}, format=format, what=what)
        for format, what in (("json", "profiles"), ("json", "everything"), ("csv", "everything"))
    ]
    erase(gateway, ids[1])
    listed = "SELECT count() FROM job_users WHERE id = {id:String}"
    wait_for(lambda: clickhouse.query(listed, {"id": ids[1]})[0][0] == 0, "the id to be off the lists")
    user(clickhouse, ids[1], project_id=PROJECT, tags=["exe-listed"])  # as a backup would have it
    for one in made:
        answer = download(gateway, one, SECRET)
        assert answer.status_code == 200
        assert ids[1].encode() not in answer.content
        receipt = of_job(gateway, one, SECRET)["receipt"]
        assert (receipt["users"], receipt["erased"], receipt["unknown"]) == (3, 1, 0)


@pytest.mark.parametrize("format", FORMATS)
def test_everything_of_many_breaks_off_when_one_of_them_is_erased_and_is_begun_again_without_them(
    gateway: Running, clickhouse: Warehouse, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment_export_files, "FIRST_USERS", 2)
    monkeypatch.setattr(segment_export_files, "MOST_USERS", 2)
    ids = tagged(clickhouse, f"exe-many-{format}", 6, project_id=PROJECT)
    store(clickhouse, "events", large(*ids, each=100))
    made = create(gateway, secret=SECRET, ids=ids, what="everything", format=format)
    with reading_slowly(gateway, made["download"], SECRET) as answer:
        pieces = answer.iter_raw()
        got = [next(pieces)]
        erase(gateway, ids[0])
        with pytest.raises(httpx.RemoteProtocolError):
            got.extend(pieces)
    assert not b"".join(got).endswith(b"}\n")
    assert download(gateway, made, SECRET).status_code == 200
    receipt = of_job(gateway, made, SECRET)["receipt"]
    assert (receipt["users"], receipt["erased"]) == (5, 1)
