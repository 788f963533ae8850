"""Erased people leave no byte: what was said of them is looked for in all tables and in every file on the disk.

A canary is a text that is in everything a person can leave: ids, traits, events, conversations, the quarantine, what
was put aside, segments, the audit log, lists of jobs, deactivations. Before the erasure it has to be found in each of
these, so that a place which the erasure forgets, or a search that finds nothing, fails the test.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ask0.warehouse.connect import Warehouse
from ask0.warehouse.erasure import changes_of
from ask0.warehouse.migrate import migrate
from ask0.warehouse.parking import set_parked
from bench.stack import wait_for
from tests.faults.traces import traces
from tests.gateway.keeping import keeping
from tests.gateway.running import KEY, PROJECT, SECRET, Running, running, working

BASE = "/v1/projects/-"
CANARY = "canary-7f3a9c51e2"
TABLES = """
SELECT name, arrayJoin(data_paths) FROM system.tables WHERE database = {database:String} AND engine LIKE '%MergeTree'
"""
STAYS = "SELECT count() FROM parked_records FINAL WHERE position(record, 'Stays') > 0"
# Hashes of ids and of texts, counts, names of properties: nothing that says who it was.
PERSONAL = {change.table for change in changes_of("erase", with_conversations=True)} - {"changes"} | {"parked_records"}


@pytest.fixture(scope="module")
def tables(engine: Warehouse, chdb_path: Path) -> Iterator[Warehouse]:
    """Whose old parts go at once."""
    with Warehouse(f"chdb://{chdb_path}?database=canary") as warehouse:
        migrate(warehouse)
        for table, _ in warehouse.query(TABLES, {"database": "canary"}):
            warehouse.command(
                f"ALTER TABLE {table} MODIFY SETTING old_parts_lifetime = 1, cleanup_delay_period = 1, "
                "max_cleanup_delay_period = 1, cleanup_delay_period_random_add = 0"
            )
        yield warehouse
    engine.command("DROP DATABASE canary SYNC")


@pytest.fixture
def served(tables: Warehouse, tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path, tables) as gateway, working(gateway, tables), keeping(gateway, tables):
        yield gateway


def call(gateway: Running, method: str, path: str, body: Any = None) -> httpx.Response:
    headers = {"authorization": f"Bearer {SECRET}"}
    answer = gateway.client.request(method, BASE + path, json=body, headers=headers)
    assert answer.is_success, answer.text
    return answer


def says(gateway: Running, type: str, name: str, *, key: str = KEY, **fields: Any) -> None:
    assert gateway.post(f"/v1/{type}", {"messageId": name, **fields}, key=key).status_code == 200


def number(tables: Warehouse, sql: str) -> int:
    return int(tables.query(sql)[0][0])


def live(gateway: Running, tables: Warehouse) -> None:
    """Everything that a person can leave."""
    user, said = f"user-{CANARY}", f"said {CANARY}"
    talk = {"conversationId": f"talk-{CANARY}"}
    browser = {"page": {"url": said}, "userAgent": said}
    everywhere: dict[str, Any] = {"properties": {"a": said, **talk}, "context": browser}
    segment = {"name": "Pros", "filter": {"plan": ["pro"]}}
    call(gateway, "POST", "/segments", segment)
    wait_for(lambda: number(tables, "SELECT count() FROM segment_marks WHERE definition != ''"), "the segment")
    says(gateway, "track", "1", anonymousId=f"anon-{CANARY}", event=said, **everywhere)
    says(gateway, "identify", "2", anonymousId=f"anon-{CANARY}", userId=user, traits={"email": said, "own": said})
    says(gateway, "track", "3", userId=user, event="Question Asked", properties={**talk, "text": said, "topic": said})
    says(gateway, "track", "4", userId=user, event="Answer Given", properties={**talk, "text": said})
    says(gateway, "track", "5", userId=user, event="Feedback Given", properties={**talk, "rating": 1, "comment": said})
    says(gateway, "identify", "6", userId=user, context={"consent": {"analytics": "denied"}})
    gateway.post("/v1/track", {"userId": user, "event": "x", "messageId": "7", "properties": 5, "note": said})
    gateway.post("/v1/track", f'{{"userId": "{user}", "event": '.encode())
    gateway.post("/v1/track", f'{{"anonymousId": "anon-{CANARY}", "event": '.encode())
    wait_for(lambda: number(tables, "SELECT count() FROM consent_standing"), "the events")
    call(gateway, "PUT", f"/users/old-{CANARY}", {"name": said})
    call(gateway, "POST", f"/users/{user}/merge", {"from": f"old-{CANARY}"})
    call(gateway, "PATCH", f"/users/{user}", {"plan": "pro", "traits": {"note": said}, "tags": [said]})
    call(gateway, "POST", f"/users/{user}/deactivate", {"reason": said})
    call(gateway, "POST", "/users/bulk", {"ids": [user, f"else-{CANARY}"], "do": "tag", "tags": ["bulk"]})
    wait_for(lambda: number(tables, "SELECT count() FROM member_rows"), "the member")
    wait_for(lambda: number(tables, "SELECT count() FROM quarantine"), "the quarantine")
    wait_for(lambda: all(job["status"] == "done" for job in call(gateway, "GET", "/jobs").json()["jobs"]), "the job")


def put_aside(gateway: Running, tables: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record of the project lies beside the log, as if it had been stopped for a while."""
    monkeypatch.setattr("ask0.consumers.tables.parking.LOOK_SECONDS", 0.0)
    set_parked(tables, PROJECT, parked=True, reason="test")
    says(gateway, "track", "8", userId=f"user-{CANARY}", event="x")
    says(gateway, "track", "9", userId="somebody", event="Stays")
    wait_for(lambda: number(tables, STAYS), "the records")
    set_parked(tables, PROJECT, parked=False)


def mentions(tables: Warehouse) -> set[str]:
    found = set()
    for table, _ in tables.query(TABLES, {"database": "canary"}):
        sql = f"SELECT count() FROM {table} WHERE position(toString(tuple(*)), {{text:String}}) > 0"
        if tables.query(sql, {"text": CANARY})[0][0]:
            found.add(table)
    return found


def folders(gateway: Running, tables: Warehouse) -> list[Path]:
    return [gateway.data_dir, *(Path(path) for _, path in tables.query(TABLES, {"database": "canary"}))]


@pytest.mark.timeout(300)
def test_no_byte_of_an_erased_person_is_left(
    served: Running, tables: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(served, tables)
    put_aside(served, tables, monkeypatch)
    assert mentions(tables) >= PERSONAL
    before = {file.name for file in traces(folders(served, tables), CANARY.encode())}
    assert "documents.json" in before
    assert any(name.startswith("log.sqlite3") for name in before)

    job = call(served, "DELETE", f"/users/user-{CANARY}?deleteConversations=true").json()["job"]["id"]
    call(served, "DELETE", f"/users/else-{CANARY}")  # named in a job, and met by nobody

    def shown(id: str) -> Any:
        return call(served, "GET", f"/jobs/{id}").json()["job"]

    wait_for(lambda: all(job["status"] == "done" for job in call(served, "GET", "/jobs").json()["jobs"]), "the jobs")
    assert mentions(tables) == set()
    assert shown(job)["receipt"]["people"] == 1
    assert CANARY not in json.dumps(shown(job))
    call(served, "POST", "/users/bulk", {"ids": ["nobody"], "do": "untag", "tags": ["x"]})  # documents are saved again
    wait_for(lambda: not traces(folders(served, tables), CANARY.encode()), "no byte of it")
    assert number(tables, STAYS) == 1
