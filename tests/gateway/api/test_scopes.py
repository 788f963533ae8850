"""Scopes: a secret key does what its scopes say, and nothing else; each operation has declared which one it needs."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from starlette.responses import Response

from ask0.gateway.callers import Access
from ask0.gateway.openapi import openapi
from ask0.gateway.operations import EVERY_KEY, Asked, Operation
from ask0.schemas.catalog import Project, secret_key
from ask0.schemas.scopes import SCOPES, Scope
from ask0.warehouse.connect import Warehouse
from tests.gateway.running import KEY, PROJECT, SECRET, STRICT_PROJECT, Running, running, save, track

KEYS: dict[str, Scope] = {f"sk_only_{scope}": scope for scope in SCOPES}
WALKED = "proj_walked"  # whose users may be erased: no other file of tests has any there
WALKERS: dict[str, Scope] = {f"sk_walks_{scope}": scope for scope in SCOPES}
STRICT_READER = "sk_reader_of_strict"
OF_TOMORROW = "sk_with_a_scope_of_tomorrow"


@pytest.fixture(scope="module")
def scoped(clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway that knows a key for each scope."""
    with running(tmp_path_factory.mktemp("scopes"), clickhouse) as gateway:
        keys = [secret_key(text, PROJECT, 1, (scope,)) for text, scope in KEYS.items()]
        keys += [secret_key(text, WALKED, 1, (scope,)) for text, scope in WALKERS.items()]
        keys.append(secret_key(STRICT_READER, STRICT_PROJECT, 1, ("users:read",)))
        keys.append(secret_key(OF_TOMORROW, PROJECT, 1, ("moon:read",)))
        asyncio.run(save(gateway.log_dsn, Project(id=WALKED, name="Walked", created_at=1), *keys))
        yield gateway


def ask(gateway: Running, key: str, method: str, path: str, **options: Any) -> httpx.Response:
    return gateway.client.request(method, path, headers={"authorization": f"Bearer {key}"}, **options)


def operations(gateway: Running) -> list[tuple[str, str, dict[str, Any]]]:
    """Of servers, by method and path."""
    paths = gateway.client.get("/openapi.json").json()["paths"]
    return [
        (method.upper(), path, described)
        for path, methods in paths.items()
        for method, described in methods.items()
        if path.startswith("/v1/projects/{project}/")
    ]


def needed(described: dict[str, Any]) -> list[str]:
    """None where every key is let in."""
    scopes: list[str] = described["x-scope"].split()
    return [] if scopes == [EVERY_KEY] else scopes


def test_every_operation_lets_in_the_keys_that_have_its_scopes_alone(scoped: Running) -> None:
    walked = operations(scoped)
    assert len(walked) > 30
    for method, path, described in walked:
        scopes, address = needed(described), re.sub(r"\{\w+\}", "scopes-1", path.replace("{project}", "-"))
        assert {*scopes} <= {*SCOPES}, path
        address += "?goes=on" if path.endswith("/live") else ""  # which would not end; so it is refused after all
        for key, own in WALKERS.items():
            answer, missing = ask(scoped, key, method, address), [scope for scope in scopes if scope != own]
            if not missing:
                assert answer.status_code not in (401, 403), (method, path, own, answer.text)
            else:
                told = answer.json()
                error = told.get("error", told)  # of a bot's users in a form of its own
                assert (answer.status_code, error["code"]) == (403, "missing_scope"), (method, path, own)
                assert f"the scope {missing[0]}," in error["message"]
                assert answer.headers["x-request-id"]


def test_openapi_says_which_scopes_a_call_needs_and_that_403_names_it(scoped: Running) -> None:
    for _, path, described in operations(scoped):
        scopes = needed(described)
        assert described["security"] == [{"bearer": scopes}, {"basic": scopes}, {"session": scopes}], path
        assert "403" in described["responses"], path


def test_the_users_of_a_bot_say_it_in_their_own_form(scoped: Running) -> None:
    answer = ask(scoped, "sk_only_sql:read", "GET", f"/projects/{PROJECT}/users/properties")
    assert (answer.status_code, answer.json()["success"], answer.json()["error"]["code"]) == (
        403,
        False,
        "missing_scope",
    )
    assert ask(scoped, "sk_only_users:read", "GET", f"/projects/{PROJECT}/users/properties").status_code == 200


def test_a_key_without_the_scope_learns_nothing_of_other_projects(scoped: Running) -> None:
    for project in (STRICT_PROJECT, "proj_of_nobody"):
        answer = ask(scoped, "sk_only_access:read", "GET", f"/v1/projects/{project}/users/u1")
        assert answer.json()["code"] == "missing_scope"
        allowed = ask(scoped, "sk_only_users:read", "GET", f"/v1/projects/{project}/users/u1")
        assert (allowed.status_code, allowed.json()["code"]) == (404, "unknown_project")


def test_a_body_is_not_read_for_a_key_that_may_not_send_it(scoped: Running) -> None:
    answer = ask(scoped, "sk_only_users:read", "PUT", "/v1/projects/-/users/u1", content=b"{ no JSON")
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")


def test_me_tells_the_callers_scopes(scoped: Running) -> None:
    for key, scope in KEYS.items():
        assert ask(scoped, key, "GET", "/v1/projects/-/me").json()["scopes"] == [scope]
    assert ask(scoped, SECRET, "GET", "/v1/projects/-/me").json()["scopes"] == [*SCOPES]


def test_a_scope_that_only_newer_code_knows_opens_nothing_here(scoped: Running) -> None:
    assert ask(scoped, OF_TOMORROW, "GET", "/v1/projects/-/me").json()["scopes"] == []
    assert ask(scoped, OF_TOMORROW, "GET", "/v1/projects/-/users").status_code == 403


def test_events_under_a_secret_key_need_users_write(scoped: Running) -> None:
    for key, scope in KEYS.items():
        answers = [scoped.post("/v1/track", track(), key=key), scoped.post("/v1/track", track(writeKey=key), key=None)]
        if scope == "users:write":
            assert [answer.status_code for answer in answers] == [200, 200]
        else:
            assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(403, "missing_scope")}


def test_an_event_that_names_such_a_key_beside_a_write_key_is_not_believed(scoped: Running) -> None:
    claim = {"type": "identify", "userId": "scopes-2", "traits": {"emailVerified": True}}
    named = {**claim, "writeKey": "sk_only_users:read"}
    answer = scoped.post("/v1/batch", {"batch": [claim, named]}, key=KEY)
    assert [(one["index"], one["code"]) for one in answer.json()["rejected"]] == [(1, "wrong_key")]
    assert "users:write" in answer.json()["rejected"][0]["message"]


def test_such_a_key_proves_nobody_where_users_are_verified(scoped: Running) -> None:
    answer = scoped.post("/v1/identify", {"userId": "scopes-3", "traits": {}}, key=STRICT_READER)
    assert answer.json()["code"] == "missing_scope"


def test_a_revoked_key_has_no_scopes_any_more(scoped: Running) -> None:
    asyncio.run(save(scoped.log_dsn, replace(secret_key("sk_gone", PROJECT, 1, ("users:read",)), revoked_at=2)))
    assert ask(scoped, "sk_gone", "GET", "/v1/projects/-/users").json()["code"] == "unknown_secret_key"


async def nothing(asked: Asked) -> Response:
    return Response()


def test_a_servers_operation_cannot_be_made_without_a_scope_nor_another_with_one() -> None:
    with pytest.raises(ValueError, match="/secrets: a server's operation has a scope"):
        Operation("GET", "/secrets", nothing, "", Access.SERVER)
    for access in (Access.PAGE, Access.ANYONE):
        with pytest.raises(ValueError, match="no other has one"):
            Operation("GET", "/pages", nothing, "", access, "users:read")


def test_an_operation_may_need_several() -> None:
    several = Operation("GET", "/both", nothing, "", Access.SERVER, ("users:read", "events:read"))
    assert several.scopes == ("users:read", "events:read")
    described = openapi([several], "1")["paths"]["/both"]["get"]
    assert described["x-scope"] == "users:read events:read"
    assert described["security"][0] == {"bearer": ["users:read", "events:read"]}
