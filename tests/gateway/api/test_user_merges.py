"""Two users become one and two again: what is answered, what the rest of the API says then, and what is refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ask0.gateway import arrivals
from ask0.warehouse.connect import Warehouse
from tests.gateway.running import SECRET, STRICT_SECRET, Running, nowhere, running, working

BASE = "/v1/projects/-"


@pytest.fixture(scope="module")
def served(clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway and a worker."""
    with running(tmp_path_factory.mktemp("merges"), clickhouse) as gateway:
        gateway.post("/v1/track", {"userId": "m-nobody", "event": "First"})  # there is a log now
        with working(gateway, clickhouse):
            yield gateway


@pytest.fixture(autouse=True)
def patiently(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals.Arrivals.wait, "__defaults__", (60.0,))


def call(gateway: Running, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
    sent = {"authorization": f"Bearer {SECRET}"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return gateway.client.request(method, BASE + path, json=body, headers=sent)


def merge(gateway: Running, id: str, from_id: str, **headers: str) -> httpx.Response:
    return call(gateway, "POST", f"/users/{id}/merge", {"from": from_id}, **headers)


def undo(gateway: Running, id: str, from_id: str, **headers: str) -> httpx.Response:
    return call(gateway, "DELETE", f"/users/{id}/merge/{from_id}", **headers)


def make(gateway: Running, *ids: str, **fields: Any) -> None:
    for id in ids:
        made = call(gateway, "PUT", f"/users/{id}", {"email": f"{id}@example.com", **fields})
        assert made.status_code in (200, 201), made.text


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def read(gateway: Running, id: str, *, what: str = "") -> Any:
    answer = call(gateway, "GET", f"/users/{id}{what}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def ask(gateway: Running, conversation: str, **ids: str) -> None:
    talk = {"conversationId": conversation, "text": "How?"}
    sent = gateway.post("/v1/track", {"event": "Question Asked", "properties": talk, **ids})
    assert sent.status_code == 200


def test_two_users_become_one_everywhere_and_two_again(served: Running) -> None:
    make(served, "m-ada", plan="pro", tags=["vip"])
    make(served, "m-ben", role="admin")
    ask(served, "m-c1", userId="m-ada", anonymousId="m-guest")
    ask(served, "m-c2", userId="m-ben")
    make(served, "m-ada", "m-ben")  # after which the events before are there
    before = {id: read(served, id) for id in ("m-ada", "m-ben")}
    merged = merge(served, "m-ben", "m-ada")
    assert merged.status_code == 200, merged.text
    one = merged.json()
    assert (one["id"], one["plan"], one["role"], one["tags"]) == ("m-ben", "pro", "admin", ["vip"])
    assert (one["mergedIds"], one["questions"], one["email"]) == (["m-ada"], 2, "m-ben@example.com")
    assert merged.headers["etag"] == f'"{one["version"]}"'
    for id in ("m-ada", "m-ben", "g-m-guest"):
        assert read(served, id) == one
        assert {event["sentUserId"] for event in read(served, id, what="/events")["events"]} == {"m-ada", "m-ben"}
        assert {talk["id"] for talk in read(served, id, what="/conversations")["conversations"]} == {"m-c1", "m-c2"}
        assert read(served, id, what="/journey")["steps"]
    listed = call(served, "GET", "/users?search=m-&ids=m-ada,m-ben&total=true").json()
    assert ([user["id"] for user in listed["users"]], listed["total"]) == (["m-ben"], 1)
    parted = undo(served, "m-ben", "m-ada")
    assert parted.json() == before["m-ben"]
    assert {id: read(served, id) for id in before} == before
    assert {event["userId"] for event in events(served, "m-ada")} == {"m-ada"}


def events(gateway: Running, id: str) -> list[dict[str, Any]]:
    return [{"userId": event["sentUserId"]} for event in read(gateway, id, what="/events")["events"]]


def test_what_is_written_to_either_id_reaches_the_one_who_is_left(served: Running) -> None:
    make(served, "m-cleo", "m-dan")
    assert merge(served, "m-cleo", "m-dan").status_code == 200
    changed = call(served, "PATCH", "/users/m-dan", {"plan": "team"}).json()
    assert (changed["id"], changed["plan"]) == ("m-cleo", "team")
    batch = call(served, "POST", "/users/batch", {"users": [{"id": "m-dan", "role": "owner"}]}).json()
    assert batch["users"] == [{"id": "m-cleo", "status": "applied"}]
    assert read(served, "m-cleo")["role"] == "owner"
    served.post("/v1/identify", {"userId": "m-dan", "traits": {"seats": 7}})
    assert call(served, "POST", "/users/m-cleo/tags", {"tags": ["x"]}).json()["traits"] == {"seats": 7}
    undo(served, "m-cleo", "m-dan")
    assert (read(served, "m-dan")["traits"], read(served, "m-cleo")["traits"]) == ({"seats": 7}, {})


def test_history_and_audit_of_both_show_it(served: Running) -> None:
    make(served, "m-eva", "m-fay", plan="pro")
    call(served, "PATCH", "/users/m-eva", {"plan": "free"})
    merge(served, "m-fay", "m-eva")
    values = read(served, "m-fay", what="/history?trait=plan")["values"]
    assert {value["value"] for value in values} == {"pro", "free"}
    shown = read(served, "m-eva", what="/audit")["audit"]
    assert [entry["action"] for entry in shown[:2]] == ["user.merged", "user.updated"]
    assert shown[0]["merged"] == {"from": "m-eva", "into": "m-fay"}
    assert shown[1]["merged"] is None
    undo(served, "m-fay", "m-eva")
    for id in ("m-fay", "m-eva"):
        actions = [entry["action"] for entry in read(served, id, what="/audit")["audit"]]
        assert actions[:2] == ["user.unmerged", "user.merged"]


def test_what_cannot_be_merged_is_refused_and_says_why(served: Running) -> None:
    make(served, "m-gus", "m-hal", "m-ivy")
    served.post("/v1/track", {"anonymousId": "m-visitor", "event": "Seen"})
    make(served, "m-gus")
    assert code(merge(served, "m-gus", "m-unheard-of")) == (404, "unknown_user")
    assert code(merge(served, "m-unheard-of", "m-gus")) == (404, "unknown_user")
    assert code(merge(served, "m-gus", "m-gus")) == (409, "one_user")
    assert code(merge(served, "m-gus", "g-m-visitor")) == (409, "guest")
    assert code(merge(served, "g-m-visitor", "m-gus")) == (409, "guest")
    assert code(undo(served, "m-gus", "m-hal")) == (404, "unknown_merge")
    assert merge(served, "m-gus", "m-hal").status_code == 200
    assert code(merge(served, "m-gus", "m-hal")) == (409, "one_user")
    assert code(merge(served, "m-hal", "m-gus")) == (409, "one_user")  # a circle
    assert code(merge(served, "m-ivy", "m-hal")) == (409, "merged_before")
    assert code(undo(served, "m-ivy", "m-hal")) == (404, "unknown_merge")
    assert code(call(served, "POST", "/users/m-gus/merge", {})) == (400, "invalid_body")
    assert code(call(served, "POST", "/users/m-gus/merge", {"from": ""})) == (400, "invalid_body")
    assert code(merge(served, "m-gus", "m-ivy", if_match='"stale"')) == (412, "moved_on")
    other = served.client.post(
        f"{BASE}/users/m-gus/merge", json={"from": "m-ivy"}, headers={"authorization": f"Bearer {STRICT_SECRET}"}
    )
    assert code(other) == (404, "unknown_user")


def test_those_below_go_along(served: Running) -> None:
    make(served, "m-a", "m-b", "m-c")
    assert merge(served, "m-b", "m-a").status_code == 200
    assert merge(served, "m-c", "m-a").json()["code"] == "merged_before"
    assert merge(served, "m-c", "m-b").json()["mergedIds"] == ["m-a", "m-b"]
    assert undo(served, "m-c", "m-b").json()["mergedIds"] == []
    assert read(served, "m-a")["id"] == "m-b"
    assert merge(served, "m-c", "m-b").status_code == 200
    assert undo(served, "m-c", "m-a").json()["mergedIds"] == ["m-b"]  # whom it was merged into is found
    assert read(served, "m-a")["id"] == "m-a"


def test_a_call_that_is_sent_again_does_nothing_more(served: Running) -> None:
    make(served, "m-jo", "m-kim")
    first, again = (merge(served, "m-jo", "m-kim", idempotency_key="m-1") for _ in range(2))
    assert (again.status_code, again.json()) == (200, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    make(served, "m-lea")
    assert code(merge(served, "m-jo", "m-lea", idempotency_key="m-1")) == (422, "key_reused")
    parted, repeated = (undo(served, "m-jo", "m-kim", idempotency_key="m-2") for _ in range(2))
    assert repeated.json() == parted.json()
    assert [entry["action"] for entry in read(served, "m-kim", what="/audit")["audit"]][:2] == [
        "user.unmerged",
        "user.merged",
    ]


@pytest.mark.parametrize("deactivated", ["m-x", "m-y"])
def test_if_either_is_deactivated_both_are_until_they_part(served: Running, deactivated: str) -> None:
    def allowed(**who: str) -> bool:
        answer = served.client.get(f"{BASE}/access", params=who, headers={"authorization": f"Bearer {SECRET}"})
        return bool(answer.json()["allowed"])

    users = {name: f"{name}-{deactivated}" for name in ("m-x", "m-y")}
    make(served, *users.values())
    for id in users.values():
        served.post("/v1/track", {"userId": id, "anonymousId": f"of-{id}", "event": "Seen"})
    make(served, *users.values())
    blocked = users[deactivated]
    (other,) = set(users.values()) - {blocked}
    assert call(served, "POST", f"/users/{blocked}/deactivate", {"reason": "spam"}).status_code == 200
    assert merge(served, users["m-x"], users["m-y"]).json()["status"] == "Deactivated"
    for id in users.values():
        assert (allowed(user=id), allowed(anonymous=f"of-{id}")) == (False, False)
    listed = call(served, "POST", "/users/query", {"filter": {"status": "Deactivated"}}).json()["users"]
    assert users["m-x"] in [user["id"] for user in listed]
    undo(served, users["m-x"], users["m-y"])
    assert (allowed(user=blocked), allowed(anonymous=f"of-{blocked}")) == (False, False)
    assert (allowed(user=other), allowed(anonymous=f"of-{other}")) == (True, True)
    assert merge(served, users["m-x"], users["m-y"]).json()["status"] == "Deactivated"
    assert call(served, "POST", f"/users/{users['m-x']}/reactivate").json()["status"] == "Active"
    assert all(allowed(user=id) for id in users.values())
    undo(served, users["m-x"], users["m-y"])
    assert all(allowed(user=id) for id in users.values())


def test_who_was_deactivated_as_one_leaves_with_what_is_their_own(served: Running) -> None:
    make(served, "m-p", "m-q")
    merge(served, "m-p", "m-q")
    call(served, "POST", "/users/m-q/deactivate", {"reason": "spam"})  # who is m-p now
    assert read(served, "m-q")["status"] == "Deactivated"
    undo(served, "m-p", "m-q")
    assert (read(served, "m-p")["status"], read(served, "m-q")["status"]) == ("Deactivated", "Active")


def test_without_a_worker_it_is_pending_and_without_clickhouse_it_waits(
    served: Running, clickhouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path / "first", clickhouse) as gateway:
        make(served, "m-r", "m-s")
        monkeypatch.setattr(arrivals.Arrivals.wait, "__defaults__", (0.1,))
        pending = merge(gateway, "m-r", "m-s")
        assert (pending.status_code, pending.json()["change"]["status"]) == (202, "pending")
        other = merge(gateway, "m-s", "m-r")  # which would be a circle, and nobody here can know yet
        assert other.status_code == 202
        monkeypatch.setattr(arrivals.Arrivals.wait, "__defaults__", (60.0,))
        with working(gateway, clickhouse):
            make(gateway, "m-t")
            outcomes = [
                call(gateway, "GET", f"/changes/{one.json()['change']['id']}").json() for one in (pending, other)
            ]
        assert [outcome["change"]["status"] for outcome in outcomes] == ["applied", "refused"]
        assert outcomes[1]["change"]["code"] == "merge_refused"
        assert read(gateway, "m-s")["id"] == "m-r"
    with nowhere() as away, running(tmp_path / "second", away) as gateway:
        assert merge(gateway, "m-r", "m-s").status_code == 503
        assert undo(gateway, "m-r", "m-s").status_code == 503
