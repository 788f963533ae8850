"""Segments: made, changed by one at a time, asked for their users, and never of themselves."""

import time
from typing import Any
from uuid import uuid4

import httpx
import pytest

from ask0.schemas.documents import MAX_SEGMENTS
from ask0.schemas.filters.inline import inline
from ask0.schemas.filters.parser import parse
from ask0.schemas.segments import STAGES, SYSTEM, definitions
from ask0.warehouse.connect import Warehouse
from tests.gateway.running import SECRET, STRICT_SECRET, Running

BASE = "/v1/projects/-/segments"
DAY = 86_400_000


@pytest.fixture(scope="module", autouse=True)
def people(clickhouse: Warehouse) -> None:
    now = time.time_ns() // 1_000_000
    for number, (plan, days, nps) in enumerate((("pro", 1, 9), ("pro", 20, 7), ("team", 40, 0), (None, 1, None))):
        row = {
            "project_id": "proj_first",
            "id": f"seg-{number}",
            "email": "x@segments.example",
            "plan": plan,
            "nps": nps,
            "status": "Active",
            "last_active_at": now - days * DAY,
            "merged_into": "",
            "_version": 1,
        }
        clickhouse.insert("user_rows", {name: [value] for name, value in row.items()}, token=uuid4().hex)


def call(gateway: Running, method: str, path: str = "", body: Any = None, secret: str = SECRET, **headers: str) -> Any:
    sent = {"authorization": f"Bearer {secret}"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return gateway.client.request(method, BASE + path, json=body, headers=sent)


def make(gateway: Running, filter: Any, name: str = "One") -> dict[str, Any]:
    """Of this test's people."""
    mine = {"trait": "email", "op": "is", "value": "x@segments.example"}
    answer = call(gateway, "POST", body={"name": name, "filter": {"all": [mine, filter]}})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def ids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [user["id"] for user in answer.json()["users"]]


def test_a_segment_is_made_and_asked_for_its_users(gateway: Running) -> None:
    made = make(gateway, {"trait": "plan", "op": "is", "value": "pro"}, "Pros")
    path = f"/{made['id']}"
    assert ids(call(gateway, "GET", f"{path}/users?sort=-id")) == ["seg-1", "seg-0"]
    assert call(gateway, "GET", f"{path}/count").json()["count"] == 2
    listed = gateway.client.get(
        f"/v1/projects/-/users?segment={made['id']}", headers={"authorization": f"Bearer {SECRET}"}
    )
    assert ids(listed) == ["seg-0", "seg-1"]
    assert call(gateway, "GET", path).json() == made
    assert made in call(gateway, "GET").json()["segments"]
    page = call(gateway, "GET", f"{path}/users?limit=1").json()
    assert ids(call(gateway, "GET", f"{path}/users?limit=1&cursor={page['next']}")) == ["seg-1"]


def test_the_documented_conditions_are_queried_without_keeping_them(gateway: Running) -> None:
    asked = {"name": "Team", "conditions": {"plan": ["team"], "email": "x@segments.example"}, "limit": 5}
    assert ids(call(gateway, "POST", "/query", asked)) == ["seg-2"]


def test_a_user_is_told_the_segments_they_are_in(gateway: Running) -> None:
    mine = make(gateway, {"trait": "plan", "op": "is", "value": "pro"}, "Mine")
    other = make(gateway, {"tag": "nobody has this"}, "Not mine")
    headers = {"authorization": f"Bearer {SECRET}"}
    answer = gateway.client.get("/v1/projects/-/users/seg-0/segments", headers=headers)
    held = {one["id"]: one["name"] for one in answer.json()["segments"]}
    assert {"seg_active", "seg_promoters", "seg_plan_pro", mine["id"]} <= held.keys()
    assert not {"seg_churned", other["id"]} & held.keys()
    assert held[mine["id"]] == "Mine"
    assert gateway.client.get("/v1/projects/-/users/seg-none/segments", headers=headers).status_code == 404


def test_segments_that_fit_no_statement_together_are_asked_one_after_the_other(gateway: Running) -> None:
    large = [str(number) * 8 for number in range(1_000)]
    for number in range(4):
        make(gateway, {"any": [{"tag": large}, {"trait": "plan", "op": "in", "value": [f"x{number}", *large[:999]]}]})
    answer = gateway.client.get("/v1/projects/-/users/seg-0/segments", headers={"authorization": f"Bearer {SECRET}"})
    assert "seg_active" in [one["id"] for one in answer.json()["segments"]]


@pytest.mark.parametrize(
    ("id", "expected"),
    [
        ("seg_active", ["seg-0", "seg-3"]),
        ("seg_at_risk", ["seg-1"]),
        ("seg_churned", ["seg-2"]),
        ("seg_promoters", ["seg-0"]),
        ("seg_passives", ["seg-1"]),
        ("seg_detractors", ["seg-2"]),
        ("seg_plan_pro", ["seg-0", "seg-1"]),
    ],
)
def test_the_products_own_segments(gateway: Running, id: str, expected: list[str]) -> None:
    assert ids(call(gateway, "GET", f"/{make(gateway, {'segment': id})['id']}/users")) == expected
    shown = call(gateway, "GET", f"/{id}").json()
    assert shown["kind"] == "system"
    assert shown in call(gateway, "GET").json()["segments"]
    for method in ("PATCH", "DELETE"):
        refused = call(gateway, method, f"/{id}", {"name": "Mine"}, if_match="*")
        assert (refused.status_code, refused.json()["code"]) == (409, "system_segment")


def test_of_two_who_edit_it_the_second_is_told(gateway: Running) -> None:
    made = make(gateway, {"tag": "vip"})
    path, tag = f"/{made['id']}", f'"{made["version"]}"'
    assert call(gateway, "PATCH", path, {"name": "Without"}).json()["code"] == "if_match_required"
    first = call(gateway, "PATCH", path, {"name": "First"}, if_match=tag)
    assert (first.status_code, first.json()["name"], first.json()["filter"]) == (200, "First", made["filter"])
    second = call(gateway, "PATCH", path, {"name": "Second"}, if_match=tag)
    assert (second.status_code, second.json()["code"], second.json()["current"]) == (412, "moved_on", first.json())
    assert call(gateway, "DELETE", path, if_match=tag).status_code == 412
    for _ in range(2):  # the second time as a client that has lost the answer
        done = call(gateway, "DELETE", path, if_match=first.headers["etag"], idempotency_key=path)
        assert done.status_code == 204
    assert call(gateway, "GET", path).status_code == 404


def test_a_call_that_is_sent_again_makes_one_segment(gateway: Running) -> None:
    body = {"name": "Same", "filter": {"tag": "same"}}
    first, again = (call(gateway, "POST", body=body, idempotency_key="seg-same") for _ in range(2))
    assert first.json() == again.json()


def test_a_segment_that_refers_to_itself_is_refused(gateway: Running) -> None:
    one = make(gateway, {"tag": "a"})
    other = make(gateway, {"segment": one["id"]})
    assert ids(call(gateway, "GET", f"/{other['id']}/users")) == []
    for id, target in ((one["id"], one["id"]), (one["id"], other["id"])):
        refused = call(gateway, "PATCH", f"/{id}", {"filter": {"segment": target}}, if_match="*")
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_filter")
        assert "itself" in refused.json()["message"]
    in_use = call(gateway, "DELETE", f"/{one['id']}", if_match="*")
    assert (in_use.status_code, in_use.json()["code"]) == (409, "in_use")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "x" * 201, "filter": {"tag": "a"}},
        {"name": "x", "filter": {"trait": "plan"}},
        {"name": "x", "filter": {"segment": "seg_nowhere"}},
        {"name": "x", "filter": {"tag": "a"}, "conditions": {"plan": "pro"}},
        {"name": "x", "filter": {"tag": "a"}, "unknown": 1},
    ],
)
def test_what_is_no_segment_is_refused(gateway: Running, body: dict[str, Any]) -> None:
    answer = call(gateway, "POST", body=body)
    assert answer.status_code == 400, answer.text


def test_another_project_sees_and_changes_nothing(gateway: Running) -> None:
    path = f"/{make(gateway, {'tag': 'a'})['id']}"
    for method, more in (("GET", ""), ("GET", "/users"), ("GET", "/count"), ("PATCH", ""), ("DELETE", "")):
        body = {"name": "Mine"} if method == "PATCH" else None
        answer = call(gateway, method, path + more, body, STRICT_SECRET, if_match="*")
        assert answer.status_code == 404, (method, more)
    mine = call(gateway, "POST", body={"name": "x", "filter": {"segment": path[1:]}}, secret=STRICT_SECRET)
    assert mine.status_code == 400


def test_every_segment_and_stage_of_the_product_is_a_filter_that_stands() -> None:
    for id in SYSTEM:
        inline(parse({"segment": id}), definitions({}))
    for rule in STAGES:
        inline(parse({"stage": rule.name}), definitions({}))
    assert MAX_SEGMENTS == 500
