"""Properties: defined as one document, held against what the API writes, and what filters go by."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ask0.gateway import arrivals
from ask0.warehouse.connect import Warehouse
from tests.gateway.running import SECRET, STRICT_SECRET, Running, running, working

BASE = "/v1/projects/-"
DEFINED = [
    {"name": "seats", "type": "number", "minValue": 1, "maxValue": 100},
    {"name": "nick", "type": "text", "minLength": 2, "maxLength": 5, "pii": True},
    {"name": "langs", "type": "texts", "maxElements": 2},
    {"name": "home", "type": "geo"},
    {"name": "since", "type": "date"},
    {"name": "ok", "type": "boolean", "required": True},
    {"name": "a.b", "type": "numbers"},
]


@pytest.fixture(scope="module")
def served(clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway and a worker, with properties of the project."""
    with running(tmp_path_factory.mktemp("properties"), clickhouse) as gateway:
        gateway.post("/v1/track", {"userId": "nobody", "event": "First"})
        assert call(gateway, "PUT", "/properties", {"properties": DEFINED}, if_match="*").status_code == 200
        with working(gateway, clickhouse):
            yield gateway


@pytest.fixture(autouse=True)
def patiently(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals.Arrivals.wait, "__defaults__", (60.0,))


def call(
    gateway: Running, method: str, path: str, body: Any = None, secret: str = SECRET, **headers: str
) -> httpx.Response:
    sent = {"authorization": f"Bearer {secret}"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return gateway.client.request(method, BASE + path, json=body, headers=sent)


def test_of_two_who_edit_the_properties_the_second_is_told(gateway: Running) -> None:
    seen = call(gateway, "GET", "/properties")
    assert [one["name"] for one in seen.json()["defaults"]] == ["emailVerified"]
    assert call(gateway, "PUT", "/properties", {"properties": []}).status_code == 428
    tag = seen.headers["etag"]
    first = call(gateway, "PUT", "/properties", {"properties": DEFINED[:1]}, if_match=tag)
    assert first.json()["properties"] == DEFINED[:1]
    second = call(gateway, "PUT", "/properties", {"properties": DEFINED}, if_match=tag)
    assert (second.status_code, second.json()["current"]) == (412, first.json())
    assert call(gateway, "GET", "/properties", secret=STRICT_SECRET).json()["properties"] == []


@pytest.mark.parametrize(
    "one",
    [
        {"name": "x"},
        {"name": "", "type": "text"},
        {"name": "x", "type": "letters"},
        {"name": "x", "type": "text", "unknown": 1},
        {"name": "plan", "type": "text"},
        {"name": "emailVerified", "type": "boolean"},
        {"name": "x" * 256, "type": "text"},
        {"name": 5, "type": "text"},
        {"name": "x", "type": "number", "minValue": "1"},
    ],
)
def test_what_is_no_property_is_refused_with_its_place(gateway: Running, one: dict[str, Any]) -> None:
    for given in ([{"name": "y", "type": "text"}, one], [one, one]):
        answer = call(gateway, "PUT", "/properties", {"properties": given}, if_match="*")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_body"), answer.text
        assert answer.json()["details"][0]["at"].startswith("properties[")


def test_half_a_character_is_refused(gateway: Running) -> None:
    for one in (
        r'{"name":"\ud800","type":"text"}',
        r'{"name":"x","type":"text","description":"\ud800"}',
        r'{"\ud800":1}',
    ):
        headers = {"authorization": f"Bearer {SECRET}", "if-match": "*"}
        answer = gateway.client.put(f"{BASE}/properties", content=f'{{"properties":[{one}]}}', headers=headers)
        assert answer.status_code == 400, answer.text


@pytest.mark.parametrize(
    ("name", "bad", "good"),
    [
        ("seats", "5", 5),
        ("seats", 0, 1.5),
        ("seats", 101, 100),
        ("seats", True, 2),
        ("nick", "a", "ab"),
        ("nick", "abcdef", "abcde"),
        ("langs", ["a", 1], ["a"]),
        ("langs", ["a", "b", "c"], ["a", "b"]),
        ("langs", "a", []),
        ("home", {"lat": 91, "lon": 0}, {"lat": 90, "lon": -180}),
        ("home", [52, 13], {"lat": 52.5, "lon": 13.4}),
        ("since", "yesterday", "2024-01-31"),
        ("since", 5, "2024-01-31T12:00:00Z"),
        ("ok", "true", False),
        ("ok", None, True),
        ("a.b", ["1"], [1, 2.5]),
    ],
)
def test_what_the_api_writes_is_what_the_project_has_defined(served: Running, name: str, bad: Any, good: Any) -> None:
    path = "/users/prop-1"
    assert call(served, "PUT", path, {"traits": {"ok": True}}).status_code in (200, 201)
    refused = call(served, "PATCH", path, {"traits": {name: bad}})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_property")
    assert refused.json()["details"][0]["at"] == f"traits.{name}"
    assert call(served, "PATCH", path, {"traits": {name: good}}).json()["traits"][name] == good


def test_what_is_required_has_to_be_there_when_a_user_is_made(served: Running) -> None:
    assert call(served, "POST", "/users", {"id": "prop-2"}).json()["details"][0]["at"] == "traits.ok"
    assert call(served, "POST", "/users", {"id": "prop-2", "traits": {"ok": True}}).status_code == 201
    assert call(served, "PATCH", "/users/prop-2", {"plan": "pro"}).status_code == 200


def test_of_a_batch_only_those_that_do_not_fit_are_refused(served: Running) -> None:
    users = [{"id": "prop-3", "traits": {"seats": 5}}, {"id": "prop-4", "traits": {"seats": "many"}}]
    outcomes = call(served, "POST", "/users/batch", {"users": users}).json()["users"]
    assert [outcome["status"] for outcome in outcomes] == ["applied", "refused"]
    assert outcomes[1]["code"] == "invalid_property"


def test_an_event_is_never_refused_for_them_and_filters_read_by_type(served: Running) -> None:
    said = {"type": "identify", "userId": "prop-5", "traits": {"seats": "7", "since": "2024-05-01"}}
    assert served.post("/v1/identify", said).json()["accepted"] == 1
    call(served, "PUT", "/users/prop-6", {"traits": {"seats": 9, "ok": True}})  # the log is read in order
    filters = (
        {
            "all": [
                {"trait": "id", "op": "startsWith", "value": "prop-"},
                {"trait": "seats", "op": "between", "value": [7, 9]},
            ]
        },
        {"all": [{"trait": "seats", "op": "is", "value": 7}, {"trait": "since", "op": "on", "value": "2024-05-01"}]},
    )
    found = [call(served, "POST", "/users/query", {"filter": one}).json()["users"] for one in filters]
    assert [[user["id"] for user in users] for users in found] == [["prop-5", "prop-6"], ["prop-5"]]
    wrong = call(served, "POST", "/users/query", {"filter": {"trait": "seats", "op": "gte", "value": "many"}})
    assert wrong.status_code == 400
