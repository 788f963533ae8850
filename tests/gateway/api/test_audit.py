"""The audit log of a project: who did what, found by whom, what and when."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from ask0.gateway import arrivals
from ask0.schemas.activity import UserAudit
from ask0.schemas.catalog import secret_key
from ask0.schemas.listing import write_cursor
from ask0.warehouse.connect import Warehouse
from bench.stack import wait_for
from tests.gateway.api.rows import digest_in, get, of_user, walk
from tests.gateway.running import (
    PROJECT,
    SECRET,
    STRICT_PROJECT,
    STRICT_SECRET,
    Running,
    copy_until,
    nowhere,
    running,
    save,
    working,
)
from tests.warehouse.audit_entries import check, forget

READER = "sk_audit_reader"
AS_SERVER = {"authorization": f"Bearer {SECRET}"}
USERS = "/v1/projects/-/users"


@pytest.fixture(scope="module")
def gateway(clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """With a worker, addresses that are kept, and a proxy that is believed."""
    kept: dict[str, Any] = {"ip_policy": "truncate", "trusted_proxies": "127.0.0.1"}
    with running(tmp_path_factory.mktemp("audit"), clickhouse, **kept) as gateway:
        asyncio.run(save(gateway.log_dsn, secret_key(READER, PROJECT, 1, ("audit:read", "users:read"))))
        gateway.post("/v1/track", {"userId": "aud-nobody", "event": "First"})  # there is a log now
        with working(gateway, clickhouse):
            yield gateway


@pytest.fixture(autouse=True)
def patiently(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals.Arrivals.wait, "__defaults__", (60.0,))


def put(gateway: Running, id: str, ip: str = "203.0.113.77", **body: Any) -> None:
    headers = {**AS_SERVER, "x-forwarded-for": ip}
    answer = gateway.client.put(f"{USERS}/{id}", json=body, headers=headers)
    assert answer.status_code in (200, 201), answer.text


def found(gateway: Running, **query: Any) -> list[dict[str, Any]]:
    return list(walk(gateway, "/audit", "audit", **query))


async def copy(gateway: Running, clickhouse: Warehouse, action: str) -> None:
    await copy_until(gateway, clickhouse, lambda: found(gateway, action=action), "the change")


def test_a_change_says_who_made_it_from_where_and_of_whom(gateway: Running) -> None:
    put(gateway, "aud-ada", plan="pro", tags=["vip"], consent={"marketing": "denied"})
    answer = get(gateway, "/audit", entityId="aud-ada")
    UserAudit.model_validate(answer.json())
    (entry,) = answer.json()["audit"]
    assert {name: entry[name] for name in ("action", "outcome", "entity", "entityId", "ip", "source")} == {
        "action": "user.put",
        "outcome": "done",
        "entity": "user",
        "entityId": "aud-ada",
        "ip": "203.0.113.0",
        "source": "change",
    }
    assert entry["actor"].startswith("key:")
    assert entry["requestId"]
    assert (entry["traits"], entry["tags"]) == ({"plan": "pro"}, {"vip": True})
    assert entry["consent"] == {"marketing": "denied"}
    assert entry["number"] > 0
    assert len(entry["digest"]) == 64
    assert of_user(gateway, "aud-ada", "audit").json()["audit"] == [entry]


def test_it_is_found_by_who_what_whom_and_when(gateway: Running) -> None:
    for number in range(5):
        put(gateway, "aud-bob", traits={"seats": number})
    put(gateway, "aud-cy", traits={"seats": 0})
    every = found(gateway, entityId="aud-bob")
    assert [entry["traits"]["seats"] for entry in every] == [4, 3, 2, 1, 0]
    assert found(gateway, entityId="aud-bob", limit=2) == every
    assert found(gateway, entityId="aud-bob", action="user.put", entity="user", actor=every[0]["actor"]) == every
    assert found(gateway, entityId="aud-bob", actor="cli") == []
    assert found(gateway, entityId="aud-bob", entity="key") == []
    assert found(gateway, entityId="aud-bob", since=every[2]["at"]) == every[:3]
    assert found(gateway, entityId="aud-bob", until=every[2]["at"]) == every[3:]
    assert found(gateway, entityId="' OR 1 --") == []
    assert {entry["entityId"] for entry in found(gateway, action="user.put")} >= {"aud-bob", "aud-cy"}


def test_an_export_and_a_merge_are_of_both_logs(gateway: Running) -> None:
    put(gateway, "aud-dan", plan="pro")
    put(gateway, "aud-eve", plan="free")
    answer = gateway.client.get(f"{USERS}/aud-dan/export", headers=AS_SERVER)
    assert answer.status_code == 200
    wait_for(lambda: found(gateway, action="user.exported", entityId="aud-dan"), "the export")
    merged = gateway.client.post(f"{USERS}/aud-dan/merge", json={"from": "aud-eve"}, headers=AS_SERVER)
    assert merged.status_code == 200, merged.text
    for id in ("aud-dan", "aud-eve"):
        (entry,) = found(gateway, action="user.merged", entityId=id)
        assert entry["merged"] == {"from": "aud-eve", "into": "aud-dan"}
    actions = [entry["action"] for entry in of_user(gateway, "aud-dan", "audit").json()["audit"]]
    assert actions == ["user.merged", "user.exported", "user.put", "user.put"]


def test_a_deactivation_is_in_the_log_of_the_user(gateway: Running, clickhouse: Warehouse) -> None:
    put(gateway, "aud-fay", plan="pro")
    headers = {**AS_SERVER, "x-forwarded-for": "198.51.100.9"}
    done = gateway.client.post(f"{USERS}/aud-fay/deactivate", json={"reason": "spam"}, headers=headers)
    assert done.status_code == 200
    asyncio.run(copy(gateway, clickhouse, "user.deactivated"))
    (entry,) = found(gateway, entityId="aud-fay", entity="deactivation")
    assert (entry["action"], entry["ip"], entry["traits"]) == ("user.deactivated", "198.51.100.0", {})
    assert entry in of_user(gateway, "aud-fay", "audit").json()["audit"]
    assert "spam" not in str(clickhouse.query("SELECT * FROM audit WHERE has(about, 'aud-fay')"))


def test_a_key_is_told_of_once_for_each_kind_of_call_and_network(gateway: Running) -> None:
    def ask(path: str, ip: str) -> None:
        headers = {"authorization": f"Bearer {READER}", "x-forwarded-for": ip}
        assert gateway.client.get(f"/v1/projects/-{path}", headers=headers).status_code == 200

    for _ in range(3):
        ask("/me", "192.0.2.1")
        ask("/audit", "192.0.2.1")
        ask("/audit", "192.0.99.1")
        ask("/users", "2001:db8:1::1")
        ask("/users", "2001:db8:2::1")
    key = secret_key(READER, PROJECT, 1).id
    expected = {
        ("", "192.0.0.0/16"),
        ("audit:read users:read", "192.0.0.0/16"),
        ("users:read", "2001:db8::/32"),
    }

    def told() -> list[tuple[str, str]]:
        entries = found(gateway, action="key.used", entityId=key, entity="key")
        return [(entry["details"]["scope"], entry["details"]["network"]) for entry in entries]

    wait_for(lambda: set(told()) == expected, "the uses")
    assert len(told()) == 3
    assert found(gateway, action="key.used", entityId=key)[-1]["actor"] == f"key:{key}"


def test_an_erase_leaves_that_something_was_done(gateway: Running, clickhouse: Warehouse) -> None:
    put(gateway, "aud-gil", email="gil@example.com")
    (before,) = found(gateway, entityId="aud-gil")
    forget(clickhouse, "aud-gil", project_id=PROJECT)
    assert found(gateway, entityId="aud-gil") == []
    (entry,) = [one for one in found(gateway, action="user.put") if one["id"] == before["id"]]
    assert entry == before | {"entityId": None, "traits": {}}
    assert check(clickhouse, PROJECT).problems == []


def test_what_a_user_says_of_themselves_has_the_same_shape(gateway: Running) -> None:
    put(gateway, "aud-hal", plan="pro")
    call = {"userId": "aud-hal", "traits": {"plan": "team"}}
    gateway.post("/v1/identify", call, headers={"x-forwarded-for": "203.0.113.9"})
    wait_for(lambda: len(of_user(gateway, "aud-hal", "audit").json()["audit"]) == 2, "the event")
    said, done = of_user(gateway, "aud-hal", "audit").json()["audit"]
    assert said.keys() == done.keys()
    assert (said["ip"], said["entityId"], said["number"]) == ("203.0.113.0", "aud-hal", None)


@pytest.mark.parametrize(
    ("query", "at"),
    [
        ({"since": "yesterday"}, "since"),
        ({"until": "1969-01-01"}, "until"),
        ({"until": "2026-01-01T00:00:00Z" * 3}, "until"),
        ({"limit": "201"}, "limit"),
        ({"limit": "0"}, "limit"),
        ({"actor": "x" * 256}, "actor"),
        ({"user": "x"}, "user"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_place(gateway: Running, query: dict[str, str], at: str) -> None:
    answer = get(gateway, "/audit", **query)
    assert (answer.status_code, answer.json()["details"][0]["at"]) == (400, at)


def test_a_cursor_belongs_to_its_filters(gateway: Running) -> None:
    for number in range(3):
        put(gateway, "aud-ida", traits={"seats": number})
    cursor = get(gateway, "/audit", entityId="aud-ida", limit=1).json()["next"]
    for query in (
        {"cursor": cursor},
        {"cursor": cursor, "entityId": "aud-ada"},
        {"cursor": cursor[:-2], "entityId": "aud-ida"},
        {"cursor": write_cursor(digest_in(cursor), [True, "x"]), "entityId": "aud-ida"},
    ):
        answer = get(gateway, "/audit", **query)
        assert (answer.status_code, answer.json()["code"]) == (400, "wrong_cursor")


def test_nobody_sees_the_log_of_another_project_nor_without_its_scope(gateway: Running) -> None:
    put(gateway, "aud-jan", plan="pro")
    assert get(gateway, "/audit", secret=STRICT_SECRET, entityId="aud-jan").json()["audit"] == []
    answer = get(gateway, "/audit", project=STRICT_PROJECT)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_project")
    asyncio.run(save(gateway.log_dsn, secret_key("sk_audit_blind", PROJECT, 1, ("users:read", "users:write"))))
    wait_for(lambda: get(gateway, "/me", secret="sk_audit_blind").status_code == 200, "the key")
    answer = get(gateway, "/audit", secret="sk_audit_blind")
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
    assert "audit:read" in answer.json()["message"]


def test_while_clickhouse_is_away_it_says_so(tmp_path: Any) -> None:
    with running(tmp_path, nowhere()) as gateway:
        assert get(gateway, "/audit").status_code == 503
