"""Writing users: what is answered, what is there afterwards, and what is refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from ask0.gateway import arrivals
from ask0.warehouse.connect import Warehouse
from tests.gateway.running import KEY, PROJECT, SECRET, STRICT_PROJECT, Running, nowhere, running, working

BASE = "/v1/projects/-/users"
BEARER = {"authorization": f"Bearer {SECRET}"}


@pytest.fixture(scope="module")
def served(clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway and a worker."""
    with running(tmp_path_factory.mktemp("writes"), clickhouse) as gateway:
        gateway.post("/v1/track", {"userId": "nobody", "event": "First"})  # there is a log now
        with working(gateway, clickhouse):
            yield gateway


@pytest.fixture(autouse=True)
def patiently(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals.Arrivals.wait, "__defaults__", (60.0,))


def call(gateway: Running, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
    sent = {"authorization": f"Bearer {SECRET}"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return gateway.client.request(method, BASE + path, json=body, headers=sent)


def test_a_user_is_made_changed_and_read(served: Running) -> None:
    made = call(
        served, "POST", "", {"id": "w-ada", "email": "ada@example.com", "traits": {"seats": 5}, "tags": ["vip"]}
    )
    assert made.status_code == 201
    user = made.json()
    assert (user["id"], user["email"], user["traits"], user["tags"]) == (
        "w-ada",
        "ada@example.com",
        {"seats": 5},
        ["vip"],
    )
    assert (user["lastActiveAt"], user["status"]) == (None, "Active")
    assert user["createdAt"] == user["firstSeenAt"] == user["updatedAt"]
    changed = call(
        served, "PATCH", "/w-ada", {"plan": "pro", "customAttributes": {"seats": None, "upgraded": True}, "email": None}
    ).json()
    assert (changed["plan"], changed["email"], changed["traits"]) == ("pro", None, {"upgraded": True})
    assert changed["tags"] == ["vip"]
    assert changed["updatedAt"] > user["updatedAt"]
    assert call(served, "GET", "/w-ada").json() == changed


def test_put_makes_or_changes_and_post_and_patch_do_one_of_them(served: Running) -> None:
    assert call(served, "PATCH", "/w-ben", {"plan": "pro"}).json()["code"] == "unknown_user"
    assert call(served, "PUT", "/w-ben", {"plan": "pro"}).status_code == 201
    assert call(served, "PUT", "/w-ben", {"role": "admin"}).status_code == 200
    exists = call(served, "POST", "", {"id": "w-ben"})
    assert (exists.status_code, exists.json()["code"]) == (409, "exists")
    assert call(served, "GET", "/w-ben").json()["plan"] == "pro"


def test_a_user_without_an_id_is_given_one(served: Running) -> None:
    made = call(served, "POST", "", {"email": "new@example.com"}, idempotency_key="same")
    again = call(served, "POST", "", {"email": "new@example.com"}, idempotency_key="same")
    assert made.json()["id"].startswith("usr_")
    assert (made.status_code, again.status_code) == (201, 200)
    assert again.json() == made.json()
    assert again.headers["idempotency-replayed"] == "true"


def test_a_key_stands_for_one_request(served: Running) -> None:
    first = call(served, "PUT", "/w-cleo", {"plan": "pro"}, idempotency_key="k-1")
    assert first.status_code == 201
    call(served, "PUT", "/w-cleo", {"plan": "free"})
    replayed = call(served, "PUT", "/w-cleo", {"plan": "pro"}, idempotency_key="k-1")
    assert replayed.json()["plan"] == "free"
    other = call(served, "PUT", "/w-cleo", {"plan": "team"}, idempotency_key="k-1")
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")


def test_only_who_has_seen_the_newest_version_changes_it(served: Running) -> None:
    seen = call(served, "PUT", "/w-dan", {"plan": "pro"})
    tag = seen.headers["etag"]
    assert tag == f'"{seen.json()["version"]}"'
    newer = call(served, "PUT", "/w-dan", {"plan": "team"}, if_match=tag)
    assert newer.status_code == 200
    late = call(served, "PATCH", "/w-dan", {"plan": "free"}, if_match=tag)
    assert (late.status_code, late.json()["code"]) == (412, "moved_on")
    assert late.json()["current"] == newer.json()
    assert call(served, "PUT", "/w-unheard-of", {}, if_match="*").status_code == 412


def test_what_a_user_does_is_no_other_version(served: Running) -> None:
    before = call(served, "PUT", "/w-eva", {"plan": "pro"}).json()
    served.post("/v1/track", {"userId": "w-eva", "event": "Clicked"})
    after = call(served, "POST", "/w-eva/tags", {"tags": ["seen"]}).json()
    assert after["lastActiveAt"] is not None
    undone = call(served, "DELETE", "/w-eva/tags/seen").json()
    assert undone["version"] == before["version"]


def test_tags_are_put_on_and_taken_off(served: Running) -> None:
    call(served, "PUT", "/w-fay", {"tags": ["a", "b"]})
    assert call(served, "POST", "/w-fay/tags", {"tags": ["c", "a"]}).json()["tags"] == ["a", "b", "c"]
    assert call(served, "DELETE", "/w-fay/tags/b").json()["tags"] == ["a", "c"]
    both = call(served, "PATCH", "/w-fay", {"tags": {"add": ["d/e"], "remove": ["a"]}})
    assert both.json()["tags"] == ["c", "d/e"]
    assert call(served, "DELETE", f"/w-fay/tags/{quote('d/e', safe='')}").json()["tags"] == ["c"]


def test_a_change_wins_over_what_was_said_before_it_and_an_event_over_the_change(served: Running) -> None:
    ahead = {"userId": "w-gus", "type": "identify", "traits": {"plan": "page"}, "timestamp": "2099-01-01T00:00:00Z"}
    served.post("/v1/identify", ahead)
    assert call(served, "PUT", "/w-gus", {"plan": "api"}).json()["plan"] == "api"
    served.post("/v1/identify", {"userId": "w-gus", "traits": {"plan": "page again"}})
    assert call(served, "POST", "/w-gus/tags", {"tags": ["x"]}).json()["plan"] == "page again"


def test_a_guest_who_became_a_user_is_changed_as_that_user(served: Running) -> None:
    served.post("/v1/identify", {"userId": "w-hal", "anonymousId": "w-guest", "traits": {"plan": "pro"}})
    call(served, "PUT", "/w-sync", {})  # the log is read in order
    assert call(served, "PATCH", "/g-w-guest", {"role": "admin"}).json()["id"] == "w-hal"
    assert call(served, "GET", "/w-hal").json()["role"] == "admin"


def test_consent_is_written(served: Running) -> None:
    user = call(served, "PUT", "/w-ida", {"consent": {"Marketing": "denied"}}).json()
    assert user["consent"] == {"marketing": "denied"}


def test_many_users_at_once_each_with_an_outcome(served: Running) -> None:
    call(served, "PUT", "/w-b1", {"plan": "old"})
    users = [{"id": "w-b1", "plan": "new"}, {"id": "w-b2", "tags": ["x"]}, {"id": "w-b3", "plam": "?"}, {"plan": "x"}]
    answer = call(served, "POST", "/batch", {"users": users}, idempotency_key="batch")
    assert answer.status_code == 200
    outcomes = answer.json()["users"]
    assert [outcome["status"] for outcome in outcomes] == ["applied", "applied", "refused", "refused"]
    assert "plam" in outcomes[2]["message"]
    assert call(served, "GET", "/w-b1").json()["plan"] == "new"
    again = call(served, "POST", "/batch", {"users": users}, idempotency_key="batch")
    assert again.json() == answer.json()
    other = call(served, "POST", "/batch", {"users": users[:1]}, idempotency_key="batch")
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")


def test_who_changed_what_is_in_the_audit_log(served: Running, clickhouse: Warehouse) -> None:
    call(served, "PUT", "/w-kim", {"plan": "pro"})
    call(served, "POST", "/w-kim/tags", {"tags": ["vip"]})
    rows = clickhouse.query(
        "SELECT action, actor, outcome FROM audit_log WHERE entity = 'user' AND entity_id = 'w-kim' ORDER BY timestamp"
    )
    assert [(action, outcome) for action, _, outcome in rows] == [("user.put", "done"), ("user.tagged", "done")]
    assert all(actor.startswith("key:") and SECRET not in actor for _, actor, _ in rows)


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({"plam": "pro"}, "plam"),
        ({"plan": 5}, "plan"),
        ({"traits": []}, "traits"),
        ({"traits": {"": 1}}, "traits"),
        ({"traits": {"x" * 256: 1}}, "traits"),
        (b'{"traits":{"n":NaN}}', "traits.n"),
        (b'{"traits":{"n":1e999}}', "traits.n"),
        (b'{"traits":{"n":"\\ud800"}}', "traits.n"),
        (b'{"traits":{"n":' + b"[" * 200 + b"]" * 200 + b"}}", "traits.n"),
        ({"traits": {"text": "x" * 40_000}}, "traits"),
        ({"tags": [""]}, "tags"),
        ({"tags": ["x" * 65]}, "tags"),
        ({"tags": [str(n) for n in range(101)]}, "tags"),
        ({"tags": {"add": ["a"], "remove": ["a"]}}, "tags"),
        ({"consent": {"marketing": "perhaps"}}, "consent.marketing"),
        ({"createdAt": "yesterday"}, "createdAt"),
        ({"createdAt": "0000-01-01"}, "createdAt"),
        ({"id": "in the path already"}, "id"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_its_place(served: Running, body: Any, at: str) -> None:
    headers = {"authorization": f"Bearer {SECRET}"}
    sent = {"content": body} if isinstance(body, bytes) else {"json": body}
    answer = served.client.put(f"{BASE}/w-bad", headers=headers, **sent)
    assert answer.status_code == 400, answer.text
    assert answer.json()["details"][0]["at"].startswith(at)
    assert "Clickhouse" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/w-half", rb'{"traits":{"\ud800":1}}'),
        ("PUT", "/w-half", rb'{"\ud800":1}'),
        ("PUT", "/w-half", rb'{"tags":["\ud800"]}'),
        ("PUT", "/w-half", rb'{"consent":{"\ud800":"granted"}}'),
        ("PUT", "/w-half", rb'{"company":{"\ud800":"x"}}'),
        ("PUT", "/w-half", rb'{"createdAt":"\ud800"}'),
        ("POST", "", rb'{"id":"\ud800"}'),
        ("POST", "/w-half/tags", rb'{"tags":["\ud800"]}'),
        ("POST", "/w-half/deactivate", rb'{"reason":"\ud800"}'),
    ],
)
def test_half_a_character_is_refused(served: Running, method: str, path: str, body: bytes) -> None:
    answer = served.client.request(method, BASE + path, content=body, headers=BEARER)
    assert answer.status_code == 400, answer.text


def test_half_a_character_in_a_batch_is_refused_alone(served: Running) -> None:
    body = rb'{"users":[{"id":"\ud800"},{"id":"w-whole"},{"id":"w-x","traits":{"\ud800":1}}]}'
    answer = served.client.post(f"{BASE}/batch", content=body, headers=BEARER)
    assert [one["status"] for one in answer.json()["users"]] == ["refused", "applied", "refused"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"traits":{"n":' + b"[" * 60_000 + b"]" * 60_000 + b"}}"])
def test_what_is_no_object_is_refused(served: Running, body: bytes) -> None:
    answer = served.client.put(f"{BASE}/w-bad", content=body, headers={"authorization": f"Bearer {SECRET}"})
    assert answer.status_code == 400


@pytest.mark.parametrize("id", ["undefined", "null", "[object Object]", " ", "x" * 256])
def test_an_id_that_names_nobody_is_refused(served: Running, id: str) -> None:
    assert call(served, "PUT", f"/{quote(id, safe='')}", {}).status_code == 400
    assert call(served, "POST", "", {"id": id}).status_code == 400


@pytest.mark.parametrize("id", ["w/a", "w-ü@example.com", "w🦊", "w.b", "w%2F", "w" * 255])
def test_any_other_id_is_written(served: Running, id: str) -> None:
    assert call(served, "PUT", f"/{quote(id, safe='')}", {"plan": "pro"}).json()["id"] == id


@pytest.mark.parametrize("id", [".", "..", "properties", "query", "batch"])
def test_an_id_that_no_path_holds_is_made_and_found_by_name(served: Running, id: str) -> None:
    assert call(served, "POST", "", {"id": id, "plan": "odd"}).json()["id"] == id
    assert call(served, "POST", "/batch", {"users": [{"id": id, "plan": "batch"}]}).status_code == 200
    (found,) = served.client.get(BASE, params={"ids": id}, headers=BEARER).json()["users"]
    assert (found["id"], found["plan"]) == (id, "batch")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", ""),
        ("POST", "/batch"),
        ("PUT", "/w-ada"),
        ("PATCH", "/w-ada"),
        ("POST", "/w-ada/tags"),
        ("DELETE", "/w-ada/tags/vip"),
    ],
)
def test_only_the_projects_own_secret_key_writes(served: Running, method: str, path: str) -> None:
    body = {"": {"id": "x"}, "/batch": {"users": [{"id": "x"}]}, "/w-ada/tags": {"tags": ["x"]}}.get(path, {})
    for project, key, status in ((PROJECT, KEY, 401), (PROJECT, "sk_unknown", 401), (STRICT_PROJECT, SECRET, 404)):
        answer = served.client.request(
            method, f"/v1/projects/{project}/users{path}", json=body, headers={"authorization": f"Bearer {key}"}
        )
        assert answer.status_code == status, (key, answer.text)


def test_without_a_worker_a_change_is_pending_and_applied_once_later(
    clickhouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path, clickhouse) as gateway:
        monkeypatch.setattr(arrivals.Arrivals.wait, "__defaults__", (0.1,))
        for _ in range(2):
            late = call(gateway, "PUT", "/w-late", {"plan": "pro"}, idempotency_key="late")
            assert late.status_code == 202
            assert late.json()["change"]["status"] == "pending"
            path = f"/v1/projects/-/changes/{late.json()['change']['id']}"
            assert gateway.client.get(path, headers=BEARER).json() == late.json()
        monkeypatch.setattr(arrivals.Arrivals.wait, "__defaults__", (60.0,))
        with working(gateway, clickhouse):
            assert call(gateway, "POST", "/batch", {"users": [{"id": "w-other"}]}).status_code == 200
            assert call(gateway, "GET", "/w-late").json()["plan"] == "pro"
            assert gateway.client.get(path, headers=BEARER).json()["change"]["status"] == "applied"
            for id in ("nothing", "1-2-3", "1-" + "9" * 19, "-1-1", "1-1." * 1000):
                assert gateway.client.get(f"/v1/projects/-/changes/{id}", headers=BEARER).status_code == 404
    changes = clickhouse.query("SELECT count() FROM user_changes WHERE user_id = 'w-late'")
    assert changes == [(1,)]


def test_while_clickhouse_is_away_put_goes_through_and_what_must_be_read_first_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals.Arrivals.wait, "__defaults__", (0.1,))
    with nowhere() as away, running(tmp_path, away) as gateway:
        assert call(gateway, "PUT", "/w-away", {"plan": "pro"}).status_code == 202
        assert call(gateway, "POST", "/batch", {"users": [{"id": "w-away", "plan": "pro"}]}).status_code == 202
        for method, path in (("PATCH", "/w-away"), ("POST", ""), ("GET", "/w-away")):
            assert call(gateway, method, path, {} if method != "GET" else None).status_code == 503
        assert call(gateway, "PUT", "/w-away", {}, if_match="*").status_code == 503
