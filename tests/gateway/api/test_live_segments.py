"""Live segments: who comes in and goes out is kept, and told as an event, whatever it was that moved them."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from ask0.consumers.membership import loop, waiting
from ask0.warehouse.connect import Warehouse
from bench.stack import wait_for
from tests.gateway.keeping import keeping
from tests.gateway.running import KEY, SECRET, Running, running, working

BASE = "/v1/projects/-"
WEEK = 7 * 86_400_000


@pytest.fixture(scope="module")
def served(clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """With a worker."""
    with running(tmp_path_factory.mktemp("live"), clickhouse) as gateway, working(gateway, clickhouse):
        yield gateway


@pytest.fixture(scope="module")
def live(served: Running, clickhouse: Warehouse) -> Iterator[Running]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "SWEEP_MS", 500)
        with keeping(served, clickhouse):
            yield served


def call(gateway: Running, method: str, path: str, body: Any = None, **headers: str) -> Any:
    sent = {"authorization": f"Bearer {SECRET}"} | {name.replace("_", "-"): value for name, value in headers.items()}
    answer = gateway.client.request(method, BASE + path, json=body, headers=sent)
    assert answer.status_code < 300, answer.text
    return answer.json() if answer.content else None


def make(gateway: Running, filter: Any, name: str = "One") -> str:
    return str(call(gateway, "POST", "/segments", {"name": name, "filter": filter})["id"])


def among(tag: str, filter: Any) -> dict[str, Any]:
    return {"all": [{"tag": tag}, filter]}


def members(clickhouse: Warehouse, segment: str) -> dict[str, str]:
    """Why each is in it."""
    sql = "SELECT user_id, cause FROM segment_members WHERE segment_id = {segment:String}"
    return dict(clickhouse.query(sql, {"segment": segment}))


def settled(clickhouse: Warehouse, segment: str) -> bool:
    sql = "SELECT count() FROM segment_marks FINAL WHERE segment_id = {segment:String} AND definition != ''"
    return bool(clickhouse.query(sql, {"segment": segment})[0][0])


def moves(gateway: Running, user: str) -> list[tuple[str, str, str]]:
    """What was told of a user, the oldest first."""
    events = call(gateway, "GET", f"/users/{user}/events")["events"]
    return [
        (event["event"], event["properties"]["segment"], event["properties"]["cause"])
        for event in reversed(events)
        if event["type"] == "segment"
    ]


def test_a_new_segment_has_its_members_without_an_event_of_each(live: Running, clickhouse: Warehouse) -> None:
    call(live, "PUT", "/users/live-a", {"tags": ["live-new"], "traits": {"seats": 7}})
    call(live, "PUT", "/users/live-b", {"tags": ["live-new"], "traits": {"seats": 2}})
    segment = make(live, among("live-new", {"trait": "traits.seats", "op": "gte", "value": 5}))
    wait_for(lambda: members(clickhouse, segment) == {"live-a": "definition"}, "the member")
    assert moves(live, "live-a") == []


def test_who_changes_comes_in_and_goes_out_and_is_told_of(live: Running, clickhouse: Warehouse) -> None:
    call(live, "PUT", "/users/live-c", {"tags": ["live-change"], "plan": "free"})
    active = call(live, "GET", "/users/live-c")["lastActiveAt"]
    segment = make(live, among("live-change", {"trait": "plan", "op": "is", "value": "pro"}), "Payers")
    wait_for(lambda: settled(clickhouse, segment), "the segment to be settled")
    call(live, "PATCH", "/users/live-c", {"plan": "pro"})
    wait_for(lambda: members(clickhouse, segment) == {"live-c": "change"}, "the member")
    call(live, "PATCH", "/users/live-c", {"plan": "free"})
    wait_for(lambda: not members(clickhouse, segment), "no member")
    call(live, "PATCH", "/users/live-c", {"plan": "pro"})
    told = [("Segment Entered", segment, "change"), ("Segment Left", segment, "change")]
    wait_for(lambda: moves(live, "live-c") == [*told, told[0]], "what was told")
    assert call(live, "GET", "/users/live-c")["lastActiveAt"] == active
    named = next(e for e in call(live, "GET", "/users/live-c/events")["events"] if e["type"] == "segment")
    assert named["properties"]["name"] == "Payers"


def test_what_they_do_brings_them_in(live: Running, clickhouse: Warehouse) -> None:
    did = {"did": "Live Clicked", "times": {"atLeast": 2}, "when": {"last": "7d"}}
    segment = make(live, did)
    wait_for(lambda: settled(clickhouse, segment), "the segment to be settled")
    for number in range(2):
        assert not members(clickhouse, segment)
        event = {"userId": "live-d", "event": "Live Clicked", "messageId": f"live-click-{number}"}
        assert live.post("/v1/track", event, key=KEY).status_code == 200
    wait_for(lambda: members(clickhouse, segment) == {"live-d": "change"}, "the member")


def test_time_alone_moves_them(live: Running, clickhouse: Warehouse) -> None:
    is_recent = {"trait": "traits.liveSince", "op": "inLast", "value": "1m"}
    segment = make(live, is_recent)
    wait_for(lambda: settled(clickhouse, segment), "the segment to be settled")
    then = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 56))
    call(live, "PUT", "/users/live-e", {"traits": {"liveSince": then}})
    wait_for(lambda: len(moves(live, "live-e")) == 2, "the user to come and go")
    assert moves(live, "live-e") == [("Segment Entered", segment, "change"), ("Segment Left", segment, "time")]
    assert not members(clickhouse, segment)


def test_time_moves_those_who_did_something_long_ago(live: Running, clickhouse: Warehouse) -> None:
    segment = make(live, {"did": "Live Waited", "when": {"last": "1m"}})
    wait_for(lambda: settled(clickhouse, segment), "the segment to be settled")
    call(live, "PUT", "/users/live-f", {"name": "F"})
    then = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 55))
    event = {"userId": "live-f", "event": "Live Waited", "messageId": "live-wait", "timestamp": then}
    assert live.post("/v1/track", event, key=KEY).status_code == 200
    wait_for(lambda: len(moves(live, "live-f")) == 2, "the user to come and go")
    assert moves(live, "live-f")[1] == ("Segment Left", segment, "time")


def test_who_is_deactivated_moves_by_that(live: Running, clickhouse: Warehouse) -> None:
    call(live, "PUT", "/users/live-g", {"tags": ["live-status"]})
    segment = make(live, among("live-status", {"status": "Deactivated"}))
    wait_for(lambda: settled(clickhouse, segment), "the segment to be settled")
    call(live, "POST", "/users/live-g/deactivate", {"reason": "abuse"})
    wait_for(lambda: members(clickhouse, segment) == {"live-g": "change"}, "the member")
    call(live, "POST", "/users/live-g/reactivate")
    wait_for(lambda: not members(clickhouse, segment), "no member")


def test_an_edit_moves_them_and_a_deleted_segment_has_nobody(live: Running, clickhouse: Warehouse) -> None:
    for number in range(3):
        call(live, "PUT", f"/users/live-h{number}", {"tags": ["live-edit"], "traits": {"seats": number}})
    segment = make(live, among("live-edit", {"trait": "traits.seats", "op": "gte", "value": 1}))
    wait_for(lambda: members(clickhouse, segment).keys() == {"live-h1", "live-h2"}, "the members")
    filter = among("live-edit", {"trait": "traits.seats", "op": "lt", "value": 2})
    call(live, "PATCH", f"/segments/{segment}", {"filter": filter}, if_match="*")
    wait_for(lambda: members(clickhouse, segment).keys() == {"live-h0", "live-h1"}, "the others")
    call(live, "DELETE", f"/segments/{segment}", if_match="*")
    wait_for(lambda: not members(clickhouse, segment), "nobody")
    assert not any(moves(live, f"live-h{number}") for number in range(3))


def test_a_guest_who_becomes_a_user_is_in_it_once(live: Running, clickhouse: Warehouse) -> None:
    segment = make(live, {"did": "Live Looked"})
    wait_for(lambda: settled(clickhouse, segment), "the segment to be settled")
    look = {"anonymousId": "live-guest", "event": "Live Looked", "messageId": "live-look"}
    assert live.post("/v1/track", look, key=KEY).status_code == 200
    wait_for(lambda: members(clickhouse, segment).keys() == {"g-live-guest"}, "the guest")
    identify = {"anonymousId": "live-guest", "userId": "live-i", "messageId": "live-id"}
    assert live.post("/v1/identify", identify, key=KEY).status_code == 200
    wait_for(lambda: members(clickhouse, segment).keys() == {"live-i"}, "the user")


def test_moves_of_before_a_restart_are_told_after_it_and_once_by_two(served: Running, clickhouse: Warehouse) -> None:
    with keeping(served, clickhouse):
        call(served, "PUT", "/users/live-j", {"tags": ["live-again"], "plan": "free"})
        segment = make(served, among("live-again", {"trait": "plan", "op": "is", "value": "pro"}))
        wait_for(lambda: settled(clickhouse, segment), "the segment to be settled")
    call(served, "PATCH", "/users/live-j", {"plan": "pro"})
    with keeping(served, clickhouse), keeping(served, clickhouse):
        wait_for(lambda: members(clickhouse, segment) == {"live-j": "change"}, "the member")
        call(served, "PATCH", "/users/live-j", {"plan": "free"})
        wait_for(lambda: not members(clickhouse, segment), "no member")
        told = [("Segment Entered", segment, "change"), ("Segment Left", segment, "change")]
        wait_for(lambda: moves(served, "live-j") == told, "what was told")


def test_its_size_is_kept_and_so_is_since_when_each_is_in_it(live: Running, clickhouse: Warehouse) -> None:
    call(live, "PUT", "/users/live-l", {"tags": ["live-size"], "plan": "live plan"})
    segment = make(live, among("live-size", {"all": []}))
    assert call(live, "GET", f"/segments/{segment}/count")["count"] == 1  # counted, as nobody has kept it yet
    wait_for(lambda: settled(clickhouse, segment), "the segment to be settled")
    call(live, "PUT", "/users/live-m", {"tags": ["live-size"]})
    wait_for(lambda: call(live, "GET", f"/segments/{segment}/count")["count"] == 2, "the size")
    wait_for(lambda: call(live, "GET", f"/segments/{segment}/history?days=2")["history"][-1]["size"] == 2, "today's")
    assert call(live, "GET", f"/segments/{segment}/history?days=2")["history"][0]["size"] is None
    held = {one["id"]: one["since"] for one in call(live, "GET", "/users/live-m/segments")["segments"]}
    known = clickhouse.query("SELECT since FROM segment_members WHERE user_id = 'live-m'")[0][0]
    assert held[segment] == known.strftime("%Y-%m-%dT%H:%M:%S.") + f"{known.microsecond // 1000:03}Z"


def test_the_products_own_are_counted_each_hour(live: Running, clickhouse: Warehouse) -> None:
    wait_for(lambda: call(live, "GET", "/segments/seg_active/history")["history"][-1]["size"] is not None, "the size")


def tagged(gateway: Running, tag: str, users: int) -> list[str]:
    """So many in one batch."""
    ids = [f"{tag}-{number}" for number in range(users)]
    call(gateway, "POST", "/users/batch", {"users": [{"id": id, "tags": [tag]} for id in ids]})
    return ids


def test_more_moves_than_one_turn_tells_are_told_in_the_next(
    served: Running, clickhouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "TOLD_AT_ONCE", 2)
    with keeping(served, clickhouse):
        segment = make(served, {"tag": "live-many"})
        wait_for(lambda: settled(clickhouse, segment), "the segment to be settled")
        ids = tagged(served, "live-many", 7)
        wait_for(lambda: members(clickhouse, segment) == dict.fromkeys(ids, "change"), "all of them")
        told = [("Segment Entered", segment, "change")]
        wait_for(lambda: all(moves(served, id) == told for id in ids), "what was told")


def test_when_too_many_wait_all_are_moved_together(
    served: Running, clickhouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "MOST", 3)
    with keeping(served, clickhouse) as registry:
        segment = make(served, {"tag": "live-flood"})
        wait_for(lambda: settled(clickhouse, segment), "the segment to be settled")
        ids = tagged(served, "live-flood", 9)
        wait_for(lambda: members(clickhouse, segment).keys() == set(ids), "all of them")
        assert registry.get_sample_value("ask0_segment_waiting") == 0


def test_no_page_can_say_that_somebody_came_into_a_segment(live: Running) -> None:
    forged = {"userId": "live-k", "type": "segment", "event": "Segment Entered", "messageId": "live-forged"}
    assert live.post("/v1/track", forged, key=KEY).status_code == 400
    assert live.post("/v1/batch", {"batch": [forged]}, key=KEY).status_code == 400
