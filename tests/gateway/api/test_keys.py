"""Keys of a project over HTTP: made and shown once, no mightier than who makes them, listed, and revoked at once."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ask0.gateway import arrivals
from ask0.gateway.api import keys as api
from ask0.schemas import catalog
from ask0.schemas.catalog import Project, secret_key
from ask0.schemas.scopes import SCOPES
from ask0.warehouse.connect import Warehouse
from bench.stack import wait_for
from tests.gateway.running import STRICT_SECRET, Running, copy_until, running, save, track, working

MINE, ROOT, WEAK = "proj_keys", "sk_root_of_keys", "sk_weak_of_keys"
FEW = ("settings:write", "users:read")


@pytest.fixture(scope="module")
def served(clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """With a key for everything, and one that may change settings and read users alone."""
    with running(tmp_path_factory.mktemp("keys"), clickhouse) as gateway, working(gateway, clickhouse):
        documents = secret_key(ROOT, MINE, 1), secret_key(WEAK, MINE, 2, FEW)
        asyncio.run(save(gateway.log_dsn, Project(id=MINE, name="Keys", created_at=1), *documents))
        yield gateway


def call(
    gateway: Running, method: str, path: str, body: Any = None, secret: str = ROOT, **headers: str
) -> httpx.Response:
    sent = {"authorization": f"Bearer {secret}"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return gateway.client.request(method, f"/v1/projects/-{path}", json=body, headers=sent)


def make(gateway: Running, name: str, *scopes: str, secret: str = ROOT, **headers: str) -> httpx.Response:
    body = {"name": name, "kind": "secret", "scopes": scopes}
    return call(gateway, "POST", "/keys", body, secret, **headers)


def listed(gateway: Running, secret: str = ROOT) -> dict[str, dict[str, Any]]:
    """By name."""
    return {one["name"]: one for one in call(gateway, "GET", "/keys", secret=secret).json()["keys"]}


def audited(gateway: Running, clickhouse: Warehouse, id: str, action: str) -> dict[str, Any]:
    """The one entry that says it."""

    def found() -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = call(gateway, "GET", f"/audit?entityId={id}&action={action}").json()["audit"]
        return entries

    asyncio.run(copy_until(gateway, clickhouse, found, "the audit log"))
    (entry,) = found()
    return entry


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_key_is_made_works_and_is_told_once(
    served: Running, clickhouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = make(served, " Backend ", "users:read", "events:read", idempotency_key="once")
    assert answer.status_code == 201, answer.text
    made, secret = answer.json()["key"], answer.json()["secret"]
    assert (made["name"], made["kind"], made["scopes"]) == ("Backend", "secret", ["users:read", "events:read"])
    assert made["hint"] == f"{secret[:7]}…"
    assert made["createdBy"] == f"key:{catalog.hash_secret(ROOT)}"
    assert call(served, "GET", "/me", secret=secret).json()["scopes"] == ["users:read", "events:read"]
    wait_for(lambda: listed(served)["Backend"]["lastUsedAt"], "its use to be known")
    assert code(make(served, "Backend", "users:read", "events:read", idempotency_key="once")) == (409, "already_done")
    assert code(make(served, "Other", "users:read", idempotency_key="once")) == (422, "key_reused")
    told = audited(served, clickhouse, made["id"], "key.created")
    assert (told["actor"], told["entity"], told["entityId"]) == (made["createdBy"], "key", made["id"])
    everywhere = [
        call(served, "GET", "/keys").text,
        str(clickhouse.query("SELECT * FROM audit")),
        caplog.text,
        *(file.read_bytes().decode("latin-1") for file in served.data_dir.rglob("*") if file.is_file()),
    ]
    assert not [text for text in everywhere if secret in text]
    assert any(made["id"] in text for text in everywhere)


def test_a_write_key_sends_events_has_no_scopes_and_may_be_told_again(served: Running) -> None:
    body = {"name": "Site", "kind": "write"}
    first, again = (call(served, "POST", "/keys", body, idempotency_key="site") for _ in range(2))
    assert (first.status_code, first.json()) == (201, again.json())
    assert again.headers["idempotency-replayed"] == "true"
    made = first.json()["key"]
    assert (first.json()["secret"], made["scopes"], made["hint"]) == (None, [], made["id"])
    assert served.post("/v1/track", track(), key=made["id"]).status_code == 200
    assert call(served, "GET", "/snippet").json()["writeKey"] == made["id"]
    assert code(call(served, "POST", "/keys", {**body, "scopes": ["users:read"]})) == (400, "invalid_body")


def test_nobody_gives_a_key_what_they_may_not_do_themselves(served: Running) -> None:
    refused = make(served, "Mightier", *FEW, "users:erase", secret=WEAK)
    assert (*code(refused), refused.json()["scope"]) == (403, "missing_scope", "users:erase")
    assert make(served, "As mighty", *FEW, secret=WEAK).status_code == 201
    assert {*listed(served)["As mighty"]["scopes"]} == {*FEW}
    mine = make(served, "Reader", "users:read").json()["secret"]
    assert code(make(served, "By a reader", "users:read", secret=mine)) == (403, "missing_scope")
    whole = make(served, "Whole", *SCOPES).json()["secret"]
    assert call(served, "GET", "/me", secret=whole).json()["scopes"] == [*SCOPES]
    for scopes in ([], ["users:all"], ["users:read"] * (len(SCOPES) + 1)):
        assert code(make(served, "None", *scopes)) == (400, "invalid_body")
    for name in ("", "  ", "x" * 201):
        assert code(make(served, name, "users:read")) == (400, "invalid_body")


def test_a_revoked_key_is_refused_and_stays_in_the_list(served: Running, clickhouse: Warehouse) -> None:
    answer = make(served, "Leaked", "users:read").json()
    path, version, secret = f"/keys/{answer['key']['id']}", answer["key"]["version"], answer["secret"]
    assert call(served, "GET", "/users", secret=secret).status_code == 200
    assert code(call(served, "DELETE", path)) == (428, "if_match_required")
    stale = call(served, "DELETE", path, if_match="1")
    assert (stale.status_code, stale.json()["current"]["version"]) == (412, version)
    assert call(served, "DELETE", path, if_match=version).status_code == 204
    assert code(call(served, "GET", "/users", secret=secret)) == (401, "unknown_secret_key")
    assert listed(served)["Leaked"]["revokedAt"]
    assert call(served, "DELETE", path, if_match=version).status_code == 412  # it is another version by now
    assert call(served, "DELETE", path, if_match="*").status_code == 204
    assert audited(served, clickhouse, answer["key"]["id"], "key.revoked")["outcome"] == "done"


def test_a_key_of_another_project_is_not_there(served: Running) -> None:
    id = make(served, "Mine", "users:read").json()["key"]["id"]
    assert "Mine" not in listed(served, STRICT_SECRET)
    assert code(call(served, "DELETE", f"/keys/{id}", secret=STRICT_SECRET, if_match="*")) == (404, "unknown_key")
    assert listed(served)["Mine"]["revokedAt"] is None


def test_of_two_at_once_under_one_idempotency_key_one_is_told_its_secret(served: Running) -> None:
    async def both() -> list[httpx.Response]:
        headers = {"authorization": f"Bearer {ROOT}", "idempotency-key": "at once"}
        body = {"name": "Twin", "kind": "secret", "scopes": ["users:read"]}
        async with httpx.AsyncClient(base_url=served.url, headers=headers, timeout=60) as client:
            return await asyncio.gather(*(client.post("/v1/projects/-/keys", json=body) for _ in range(2)))

    answers = sorted(asyncio.run(both()), key=lambda answer: answer.status_code)
    assert [answer.status_code for answer in answers] == [201, 409]
    twins = [one for one in call(served, "GET", "/keys").json()["keys"] if one["name"] == "Twin"]
    assert [one["id"] for one in twins] == [answers[0].json()["key"]["id"]]


def test_a_project_has_so_many_keys_and_the_one_revoked_first_makes_room(
    clickhouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "MAX_LIVE_KEYS", 3)
    monkeypatch.setattr("ask0.catalog.keys.MAX_KEYS", 4)
    with running(tmp_path, clickhouse) as gateway:

        def add(name: str) -> httpx.Response:
            return make(gateway, name, "users:read", secret=STRICT_SECRET)

        first = add("first")  # beside two, and one that is revoked
        assert first.status_code == 201
        assert code(add("over")) == (422, "too_many_keys")
        path = f"/keys/{first.json()['key']['id']}"
        assert call(gateway, "DELETE", path, secret=STRICT_SECRET, if_match="*").status_code == 204
        assert add("second").status_code == 201
        left = call(gateway, "GET", "/keys", secret=STRICT_SECRET).json()["keys"]
        assert [one["hint"] for one in left if one["revokedAt"]] == [first.json()["key"]["hint"]]
        assert len(left) == 4


def test_a_key_is_made_while_clickhouse_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals.Arrivals.wait, "__defaults__", (0.1,))
    with running(tmp_path, Warehouse("http://127.0.0.1:9/ask0")) as gateway:
        assert make(gateway, "Away", "users:read", secret=STRICT_SECRET).status_code == 201
        assert listed(gateway, STRICT_SECRET)["Away"]["revokedAt"] is None
