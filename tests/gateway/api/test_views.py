"""Saved views: kept for everybody in a project, changed by one at a time."""

import json
from typing import Any

import httpx
import pytest

from ask0.schemas.views import MAX_COLUMNS, MAX_VIEWS
from tests.gateway.running import SECRET, STRICT_SECRET, Running

BASE = "/v1/projects/-/views"
FIELDS = {
    "name": "Who pays",
    "search": "acme",
    "segment": "seg_active",
    "filter": {"plan": ["pro"]},  # Ask0's conditions
    "sort": "-traits.seats,email",
    "columns": ["email:240", "traits.a%2Cb"],
}


def call(gateway: Running, method: str, path: str = "", body: Any = None, secret: str = SECRET, **headers: str) -> Any:
    sent = {"authorization": f"Bearer {secret}"} | {name.replace("_", "-"): value for name, value in headers.items()}
    content = None if body is None else json.dumps(body)  # with whatever JSON can say
    return gateway.client.request(method, BASE + path, content=content, headers=sent)


def views(gateway: Running, secret: str = SECRET) -> list[Any]:
    found: list[Any] = call(gateway, "GET", secret=secret).json()["views"]
    return found


def test_a_view_is_kept_as_it_was_looked_at_and_seen_by_its_project_alone(gateway: Running) -> None:
    answer: httpx.Response = call(gateway, "POST", body=FIELDS, idempotency_key="view-1")
    assert answer.status_code == 201
    made = answer.json()
    assert made | {"filter": None} == FIELDS | {
        "filter": None,
        "id": made["id"],
        "createdAt": made["createdAt"],
        "version": answer.headers["etag"].strip('"'),
    }
    assert made["filter"] == {"all": [{"trait": "plan", "op": "in", "value": ["pro"]}]}
    assert call(gateway, "POST", body=FIELDS, idempotency_key="view-1").json() == made
    assert call(gateway, "POST", body={"name": "Other"}, idempotency_key="view-1").json()["code"] == "key_reused"
    assert made in views(gateway)
    assert made not in views(gateway, STRICT_SECRET)
    path = f"/{made['id']}"
    assert call(gateway, "DELETE", path, secret=STRICT_SECRET, if_match="*").json()["code"] == "unknown_view"
    assert call(gateway, "DELETE", path, if_match="*").status_code == 204
    assert made not in views(gateway)


def test_of_two_who_change_a_view_the_second_is_shown_what_the_first_did(gateway: Running) -> None:
    made = call(gateway, "POST", body={"name": "Both"}).json()
    path, version = f"/{made['id']}", f'"{made["version"]}"'
    assert call(gateway, "PUT", path, {"name": "First"}).status_code == 428
    first = call(gateway, "PUT", path, {"name": "First", "sort": "-email"}, if_match=version)
    assert (first.status_code, first.json()["sort"], first.json()["createdAt"]) == (200, "-email", made["createdAt"])
    second = call(gateway, "PUT", path, {"name": "Second"}, if_match=version)
    assert (second.status_code, second.json()["current"]["name"]) == (412, "First")
    assert call(gateway, "DELETE", path, if_match=version).status_code == 412
    assert call(gateway, "DELETE", path, if_match=f'"{first.json()["version"]}"').status_code == 204


@pytest.mark.parametrize(
    ("changed", "at"),
    [
        ({"name": ""}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"columns": ["x"] * (MAX_COLUMNS + 1)}, "columns"),
        ({"columns": ["\udfff"]}, "columns"),
        ({"filter": {"all": [{"trait": "plan", "op": "like", "value": "x"}]}}, "filter"),
        ({"sort": "x" * 1_001}, "sort"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_is_none_says_where(gateway: Running, changed: dict[str, Any], at: str) -> None:
    answer = call(gateway, "POST", body=FIELDS | changed)
    assert answer.status_code == 400
    assert answer.json()["details"][0]["at"].startswith(at)


def test_a_project_has_so_many_and_no_more(gateway: Running) -> None:
    made = [call(gateway, "POST", body={"name": f"{n}"}, secret=STRICT_SECRET) for n in range(MAX_VIEWS)]
    assert {answer.status_code for answer in made} == {201}
    more = call(gateway, "POST", body={"name": "one more"}, secret=STRICT_SECRET)
    assert (more.status_code, more.json()["code"]) == (422, "too_many_views")
    assert call(gateway, "POST", body={"name": "elsewhere"}).status_code == 201
