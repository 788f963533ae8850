"""/v1/projects/{project}/users: what a server with the project's secret key reads of the people in it."""

from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest

from ask0.schemas.api import Profile
from ask0.warehouse.connect import Warehouse
from tests.gateway.running import KEY, PROJECT, REVOKED_SECRET, SECRET, STRICT_PROJECT, STRICT_SECRET, Running

ODD_IDS = ["Ada/Lovelace", "ada@example.com", "🦊", "a.b", "…", "x" * 255, "%2F", "a?b#c", " "]


def get(gateway: Running, id: str, *, project: str = PROJECT, secret: str | None = SECRET) -> httpx.Response:
    headers = {"authorization": f"Bearer {secret}"} if secret else {}
    return gateway.client.get(f"/v1/projects/{project}/users/{quote(id, safe='')}", headers=headers)


def insert(clickhouse: Warehouse, id: str, **row: Any) -> None:
    given = {"project_id": PROJECT, "id": id, "status": "Active", "merged_into": "", "_version": 1, **row}
    clickhouse.insert("user_rows", {name: [value] for name, value in given.items()}, token=uuid4().hex)


def test_a_user_is_read_with_all_that_is_known(gateway: Running, clickhouse: Warehouse) -> None:
    guests = [f"g-{number:03}" for number in range(120)]
    insert(clickhouse, "api-ada", email="ada@example.com", anonymous_ids=guests, traits='{"seats":5}', questions=3)
    answer = get(gateway, "api-ada")
    assert answer.status_code == 200
    user = Profile.model_validate(answer.json())
    assert (user.id, user.email, user.traits, user.questions) == ("api-ada", "ada@example.com", {"seats": 5}, 3)
    assert (user.anonymous_ids, user.anonymous_id_count) == (guests[:100], 120)
    assert user.created_at == user.first_seen_at
    assert answer.json()["plan"] is None
    assert answer.headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in answer.headers


def test_a_guest_who_has_become_a_user_is_answered_as_that_user(gateway: Running, clickhouse: Warehouse) -> None:
    insert(clickhouse, "api-ben")
    insert(clickhouse, "g-api-ben", status="Guest", merged_into="api-ben")
    assert get(gateway, "g-api-ben").json()["id"] == "api-ben"


@pytest.mark.parametrize("id", ODD_IDS)
def test_any_id_can_be_asked_for(gateway: Running, clickhouse: Warehouse, id: str) -> None:
    assert get(gateway, id).json()["code"] == "unknown_user"
    insert(clickhouse, id)
    assert get(gateway, id).json()["id"] == id
    clickhouse.command("DELETE FROM user_rows WHERE id = {id:String}", {"id": id})


def test_a_dash_stands_for_the_keys_own_project(gateway: Running, clickhouse: Warehouse) -> None:
    insert(clickhouse, "api-cleo")
    assert get(gateway, "api-cleo", project="-").json()["id"] == "api-cleo"
    basic = gateway.client.get("/v1/projects/-/users/api-cleo", auth=(SECRET, ""))
    assert basic.json()["id"] == "api-cleo"


@pytest.mark.parametrize("project", [PROJECT, "proj_nowhere"])
def test_a_key_of_another_project_finds_nothing(gateway: Running, clickhouse: Warehouse, project: str) -> None:
    insert(clickhouse, "api-dora")
    answer = get(gateway, "api-dora", project=project, secret=STRICT_SECRET)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_project")
    assert get(gateway, "api-dora", project=STRICT_PROJECT, secret=STRICT_SECRET).json()["code"] == "unknown_user"


@pytest.mark.parametrize("secret", [None, "", KEY, REVOKED_SECRET, "sk_of_nobody", "sk_ of nobody"])
def test_without_a_secret_key_nobody_is_read(gateway: Running, secret: str | None) -> None:
    answer = get(gateway, "api-ada", secret=secret)
    assert (answer.status_code, answer.json()["code"]) == (401, "unknown_secret_key")
    assert "secret key" in answer.json()["message"]


def test_a_secret_key_in_the_address_says_nothing(gateway: Running) -> None:
    assert gateway.client.get(f"/v1/projects/-/users/api-ada?writeKey={SECRET}").status_code == 401


def test_the_description_says_what_it_takes_and_answers(gateway: Running) -> None:
    described = gateway.client.get("/openapi.json").json()["paths"]["/v1/projects/{project}/users/{id}"]["get"]
    assert described["security"] == [{"bearer": ["users:read"]}, {"basic": ["users:read"]}, {"session": ["users:read"]}]
    assert {parameter["name"] for parameter in described["parameters"]} == {"project", "id"}
    schema = described["responses"]["200"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/Profile"}
