"""Access: who is deactivated is refused everywhere at once, and who may chat is the project's choice."""

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ask0.catalog.deactivations import KIND
from ask0.catalog.documents import write_document
from ask0.catalog.replica import Replica
from ask0.eventlog.open import open_control
from ask0.schemas.catalog import Permission, Project
from ask0.schemas.documents import Deactivation, subject_of
from ask0.warehouse.connect import Warehouse
from bench.stack import wait_for
from tests.gateway.running import KEY, PROJECT, SECRET, STRICT_SECRET, Running, nowhere, running, save

BASE = "/v1/projects/-"


def call(gateway: Running, method: str, path: str, body: Any = None, secret: str = SECRET) -> Any:
    return gateway.client.request(method, BASE + path, json=body, headers={"authorization": f"Bearer {secret}"})


def access(gateway: Running, secret: str = SECRET, **who: str) -> tuple[bool, str]:
    answer = gateway.client.get(f"{BASE}/access", params=who, headers={"authorization": f"Bearer {secret}"})
    assert answer.status_code == 200, answer.text
    return answer.json()["allowed"], answer.json()["reason"]


@pytest.fixture
def ada(clickhouse: Warehouse) -> str:
    id = f"access-{uuid4().hex[:8]}"
    row = {"project_id": "proj_first", "id": id, "status": "Active", "merged_into": "", "_version": 1}
    row |= {"anonymous_ids": [f"of-{id}"]}
    clickhouse.insert("user_rows", {name: [value] for name, value in row.items()}, token=uuid4().hex)
    return id


def test_whoever_is_deactivated_is_refused_until_let_in_again(gateway: Running, ada: str) -> None:
    assert access(gateway, user=ada) == (True, "allowed")
    done = call(gateway, "POST", f"/users/{ada}/deactivate", {"reason": "spam"})
    assert (done.status_code, done.json()["status"]) == (200, "Deactivated")
    assert access(gateway, user=ada) == (False, "deactivated")
    assert access(gateway, anonymous=f"of-{ada}") == (False, "deactivated")
    assert access(gateway, user="access-other", anonymous=f"g-of-{ada}") == (False, "deactivated")
    assert access(gateway, user="access-other") == (True, "allowed")
    listed = call(gateway, "POST", "/users/query", {"filter": {"status": "Deactivated"}}).json()["users"]
    assert ada in [user["id"] for user in listed]
    assert call(gateway, "GET", f"/users/{ada}").json()["status"] == "Deactivated"
    back = call(gateway, "POST", f"/users/{ada}/reactivate")
    assert (back.status_code, back.json()["status"]) == (200, "Active")
    assert access(gateway, user=ada, anonymous=f"of-{ada}") == (True, "allowed")


def test_a_guest_who_has_become_a_user_since_is_let_in_by_either_id(
    gateway: Running, clickhouse: Warehouse, ada: str
) -> None:
    guest = f"g-later-{ada}"
    row = {"project_id": PROJECT, "id": guest, "status": "Guest", "merged_into": "", "_version": 1}
    clickhouse.insert("user_rows", {name: [value] for name, value in row.items()}, token=uuid4().hex)
    assert call(gateway, "POST", f"/users/{guest}/deactivate").json()["id"] == guest
    row |= {"merged_into": ada, "_version": 2}
    clickhouse.insert("user_rows", {name: [value] for name, value in row.items()}, token=uuid4().hex)
    assert call(gateway, "POST", f"/users/{ada}/deactivate").json()["status"] == "Deactivated"
    assert access(gateway, user=ada, anonymous=guest) == (False, "deactivated")
    back = call(gateway, "POST", f"/users/{guest}/reactivate")
    assert (back.json()["id"], back.json()["status"]) == (ada, "Active")
    assert access(gateway, user=ada, anonymous=guest) == (True, "allowed")


def test_events_of_a_deactivated_user_are_still_taken(gateway: Running, ada: str) -> None:
    call(gateway, "POST", f"/users/{ada}/deactivate")
    assert gateway.post("/v1/track", {"userId": ada, "event": "Clicked"}).json()["accepted"] == 1


def test_what_another_process_has_written_is_obeyed(gateway: Running, ada: str) -> None:
    asyncio.run(deactivate_elsewhere(gateway.log_dsn, ada))
    wait_for(lambda: access(gateway, user=ada) == (False, "deactivated"), "the change to come round")


async def deactivate_elsewhere(dsn: str, id: str) -> None:
    replica = Replica(open_control(dsn))
    await replica.start()
    await write_document(
        replica,
        KIND,
        subject_of(PROJECT, id),
        Deactivation(project_id=PROJECT, user_id=id, at=1),
        project_id=PROJECT,
        action="user.deactivated",
        actor="test",
        request="",
        id=uuid4().hex,
        expects={},
    )
    await replica.close()


def test_while_clickhouse_is_away_it_is_done_and_obeyed(tmp_path: Path) -> None:
    with nowhere() as away, running(tmp_path, away) as gateway:
        done = call(gateway, "POST", "/users/anyone/deactivate", {"reason": "spam"})
        assert (done.status_code, done.json()) == (202, {"id": "anyone", "status": "Deactivated"})
        assert access(gateway, user="anyone") == (False, "deactivated")
        assert access(gateway, user="other") == (True, "allowed")


def test_after_a_restart_it_is_obeyed(tmp_path: Path) -> None:
    with nowhere() as away:
        with running(tmp_path, away) as gateway:
            call(gateway, "POST", "/users/anyone/deactivate")
        with running(tmp_path, away) as gateway:
            wait_for(lambda: access(gateway, user="anyone") == (False, "deactivated"), "the documents to be read")


def test_a_project_chooses_who_may_chat(clickhouse: Warehouse, tmp_path: Path) -> None:
    for id, traits in (("perm-yes", '{"emailVerified":true}'), ("perm-no", '{"emailVerified":false}')):
        row = {"project_id": PROJECT, "id": id, "traits": traits, "status": "Active", "merged_into": "", "_version": 1}
        clickhouse.insert("user_rows", {name: [value] for name, value in row.items()}, token=uuid4().hex)
    people: tuple[dict[str, str], ...] = (
        {"anonymous": "a"},
        {"user": "g-guest"},
        {"user": "perm-no"},
        {"user": "perm-yes"},
    )
    expected: dict[Permission, list[str]] = {
        "guest": ["allowed"] * 4,
        "login": ["login_required"] * 2 + ["allowed"] * 2,
        "user": ["login_required"] * 2 + ["unverified_email", "allowed"],
    }
    with running(tmp_path, clickhouse) as gateway:
        for permission, reasons in expected.items():
            project = Project(id=PROJECT, name="One", created_at=1, permission=permission)
            asyncio.run(save(gateway.log_dsn, project))
            wait_for(partial(says, gateway, people, reasons), permission)


def says(gateway: Running, people: Sequence[dict[str, str]], reasons: list[str]) -> bool:
    return [access(gateway, **who)[1] for who in people] == reasons


def test_who_is_asked_about_has_to_be_named(gateway: Running) -> None:
    for path in ("/access", "/access?user=", "/access?user=undefined", "/access?who=x", f"/access?user={'x' * 256}"):
        assert call(gateway, "GET", path).status_code == 400


def test_only_the_projects_own_secret_key_decides(gateway: Running, ada: str) -> None:
    for path in (f"/users/{ada}/deactivate", f"/users/{ada}/reactivate"):
        assert call(gateway, "POST", path, {}, KEY).status_code == 401
        assert call(gateway, "POST", path, {}, STRICT_SECRET).status_code == 404
    assert access(gateway, user=ada) == (True, "allowed")
