"""The wire contract: every path, form and key form; the answers; one outcome for each event."""

import base64
from typing import Any

import pytest

from ask0.schemas.catalog import hash_secret
from ask0.schemas.wire import Accepted, Error
from tests.gateway.running import (
    KEY,
    OTHER_KEY,
    OTHER_PROJECT,
    PROJECT,
    REVOKED_KEY,
    REVOKED_SECRET,
    SECRET,
    Running,
    names,
    track,
)

CALLS: dict[str, dict[str, Any]] = {
    "identify": {"userId": "u1", "traits": {"plan": "pro"}},
    "track": {"userId": "u1", "event": "Clicked", "properties": {"n": 1}},
    "page": {"userId": "u1", "name": "Home"},
    "screen": {"userId": "u1", "name": "Home"},
    "group": {"userId": "u1", "groupId": "acme", "traits": {"size": 3}},
    "alias": {"userId": "u1", "previousId": "u0"},
}
SHORT = {"identify": "i", "track": "t", "page": "p", "screen": "s", "group": "g", "alias": "a"}
PREFIXES = ("/", "/v1/")
SLASHES = ("", "/")


def basic(key: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}


@pytest.mark.parametrize("call", CALLS)
def test_every_path_of_a_call_takes_it(gateway: Running, call: str) -> None:
    paths = [f"{prefix}{name}{slash}" for prefix in PREFIXES for name in (call, SHORT[call]) for slash in SLASHES]
    for path in paths:
        answer = gateway.post(path, CALLS[call])
        assert (answer.status_code, answer.json()) == (200, {"success": True, "accepted": 1, "rejected": []}), path
    events = gateway.events()
    assert [event.type for event in events] == [call] * len(paths)
    assert len({(event.user_id, event.event, event.group_id, bytes(event.properties)) for event in events}) == 1


@pytest.mark.parametrize("path", ["/batch", "/v1/batch", "/b", "/v1/b/", "/import", "/v1/import/", "/beacon/v1/batch"])
def test_every_batch_path_takes_every_form(gateway: Running, path: str) -> None:
    segment = [{"type": call, **body} for call, body in CALLS.items()]
    forms: list[tuple[Any, int]] = [
        ({"batch": segment, "sentAt": "2026-11-22T01:02:03Z"}, 6),
        (segment, 6),
        ([{"event": "Opened", "userId": "u1", "page": "/a"}, {"id": "u1", "email": "a@b.c"}], 2),
        (track(), 1),
        ({"userId": "u1", "traits": {"plan": "pro"}, "projectId": PROJECT}, 1),
    ]
    for body, events in forms:
        answer = gateway.post(path, body)
        assert (answer.status_code, answer.json()["accepted"]) == (200, events), body
    assert len(gateway.events()) == sum(events for _, events in forms)


def test_a_batch_on_the_path_of_one_call_is_taken_too(gateway: Running) -> None:
    assert (
        gateway.post("/v1/track", [{"event": "A", "userId": "u1"}, {"event": "B", "userId": "u1"}]).status_code == 200
    )
    assert gateway.post("/track", {"batch": [track("C"), {"id": "u1", "plan": "pro"}]}).json()["accepted"] == 2
    assert names(gateway.events()) == ["A", "B", "C", ""]


def test_a_trait_called_batch_does_not_make_an_event_a_batch(gateway: Running) -> None:
    assert gateway.post("/identify", {"id": "u1", "batch": ["a"]}).json()["accepted"] == 1
    (event,) = gateway.events()
    assert (event.type, bytes(event.properties)) == ("identify", b'{"batch":["a"]}')


def test_the_forms_of_a_call_are_stored_the_same(gateway: Running) -> None:
    gateway.post("/identify", {"id": "u1", "email": "a@b.c", "customAttributes": {"spend": 4}, "messageId": "m"})
    gateway.post("/batch", [{"traits": {"email": "a@b.c", "spend": 4}, "userId": "u1", "messageId": "m"}])
    gateway.post(
        "/v1/i", {"type": "identify", "userId": "u1", "traits": {"email": "a@b.c", "spend": 4}, "messageId": "m"}
    )
    events = gateway.events()
    assert {(e.type, e.user_id, e.message_id, bytes(e.properties)) for e in events} == {
        ("identify", "u1", "m", b'{"email":"a@b.c","spend":4}')
    }
    assert len(events) == 3


@pytest.mark.parametrize(
    "media_type", ["application/json", "text/plain", "application/x-www-form-urlencoded", "a/b", ""]
)
def test_the_content_type_decides_nothing(gateway: Running, media_type: str) -> None:
    assert (
        gateway.post("/v1/batch", b'[{"event":"A","userId":"u"}]', headers={"Content-Type": media_type}).status_code
        == 200
    )
    assert names(gateway.events()) == ["A"]


def test_the_write_key_may_stand_anywhere(gateway: Running) -> None:
    sendings: list[dict[str, Any]] = [
        {"headers": basic(KEY)},
        {"headers": {"Authorization": "basic " + base64.b64encode(KEY.encode()).decode()}},
        {"headers": {"X-Write-Key": KEY}},
        {"params": {"writeKey": KEY}},
        {"body": {"batch": [track()], "writeKey": KEY}},
        {"body": track(writeKey=KEY)},
        {"body": [track(writeKey=KEY)]},
        {"headers": basic(SECRET)},
        {"headers": {"X-Write-Key": SECRET}},
        {"params": {"writeKey": SECRET}},
        {"body": {"batch": [track()], "writeKey": SECRET}},
        {"body": [track(writeKey=SECRET)]},
    ]
    for sending in sendings:
        body = sending.pop("body", track())
        assert gateway.post("/v1/batch", body, key=None, **sending).status_code == 200, sending
    assert [record.project_id for record in gateway.records()] == [PROJECT] * len(sendings)


@pytest.mark.parametrize("key", ["wk_nobodys", "", REVOKED_KEY, REVOKED_SECRET, hash_secret(SECRET), "\xff"])
def test_a_key_that_may_not_send_is_refused_wherever_it_stands(gateway: Running, key: str) -> None:
    sendings: list[dict[str, Any]] = [
        {"headers": basic(key)},
        {"params": {"writeKey": key} if key else {}},
        {"body": {"batch": [track()], "writeKey": key}},
        {"body": [track(writeKey=key)]},
    ]
    for sending in sendings:
        body = sending.pop("body", track())
        answer = gateway.post("/v1/batch", body, key=None, **sending)
        assert (answer.status_code, Error.model_validate(answer.json()).code) == (401, "unknown_write_key"), sending
        assert answer.headers["access-control-allow-origin"] == "*"
    assert gateway.records() == []


@pytest.mark.parametrize("authorization", ["Basic", "Basic =", "Basic !!!", "Basic /w==", "Basic 4pi6"])
def test_basic_authorization_that_holds_no_key_is_refused(gateway: Running, authorization: str) -> None:
    answer = gateway.post("/track", track(), key=None, headers={"Authorization": authorization})
    assert answer.status_code == 401


def test_a_write_key_that_is_not_text_is_refused(gateway: Running) -> None:
    assert gateway.post("/track", track(writeKey=7), key=None).status_code == 401


def test_an_events_own_key_names_its_project(gateway: Running) -> None:
    answer = gateway.post("/batch", [track("A"), track("B", writeKey=OTHER_KEY), track("C", writeKey="wk_nobodys")])
    assert answer.status_code == 200
    assert Accepted.model_validate(answer.json()).accepted == 2
    (rejected,) = answer.json()["rejected"]
    assert (rejected["index"], rejected["code"]) == (2, "wrong_key")
    found = {(r.project_id, *names(r.events), *(reject.reason for reject in r.rejects)) for r in gateway.records()}
    assert found == {(PROJECT, "A"), (OTHER_PROJECT, "B"), (PROJECT, "wrong_key")}


def test_an_event_without_any_key_is_refused_beside_one_that_has_one(gateway: Running) -> None:
    answer = gateway.post("/batch", [track("A", writeKey=KEY), track("B")], key=None)
    assert (answer.json()["accepted"], answer.json()["rejected"][0]["index"]) == (1, 1)
    (record,) = gateway.records()
    assert names(record.events) == ["A"]


def test_another_projects_id_is_refused(gateway: Running) -> None:
    assert gateway.post("/identify", {"projectId": PROJECT, "userId": "u", "traits": {}}).status_code == 200
    bodies: list[Any] = [
        {"projectId": OTHER_PROJECT, "userId": "u", "traits": {}},
        [{"projectId": OTHER_PROJECT, "userId": "u", "traits": {}}],
        {"projectId": OTHER_PROJECT, "batch": [track()]},
        {"projectId": ["x"], "batch": [track()]},
    ]
    for body in bodies:
        answer = gateway.post("/batch", body)
        assert (answer.status_code, answer.json()["rejected"][0]["code"]) == (400, "wrong_key")
    assert [reject.reason for record in gateway.records() for reject in record.rejects] == ["wrong_key"] * 4


def test_a_rejected_event_is_kept_and_its_neighbours_pass(gateway: Running) -> None:
    answer = gateway.post("/batch", [track("A"), {"event": "B", "messageId": "m2"}, 7, track("C")])
    assert answer.json() == {
        "success": True,
        "accepted": 2,
        "rejected": [
            {
                "index": 1,
                "messageId": "m2",
                "code": "missing_user",
                "message": "an event needs a userId or an anonymousId",
            },
            {
                "index": 2,
                "messageId": "",
                "code": "not_an_object",
                "message": "an event is a JSON object, this is a number",
            },
        ],
    }
    events, rejects = gateway.records()
    assert names(events.events) == ["A", "C"]
    assert [(r.index, r.message_id, r.raw) for r in rejects.rejects] == [
        (1, "m2", '{"event":"B","messageId":"m2"}'),
        (2, "", "7"),
    ]


def test_a_beacon_without_a_usable_event_is_refused_and_still_kept(gateway: Running) -> None:
    answer = gateway.post("/track", {"event": "A"})
    body = Error.model_validate(answer.json())
    assert (answer.status_code, body.code) == (400, "no_usable_event")
    assert body.rejected is not None
    assert [(item.index, item.code) for item in body.rejected] == [(0, "missing_user")]
    assert [reject.reason for reject in gateway.rejects()] == ["missing_user"]


def test_one_record_holds_a_projects_events_where_the_log_keeps_no_users_apart(gateway: Running) -> None:
    gateway.post("/batch", [track(str(n), userId=f"u{n % 3}") for n in range(9)])
    assert [names(record.events) for record in gateway.records()] == [[str(n) for n in range(9)]]


def test_a_record_says_when_whence_and_with_what(gateway: Running) -> None:
    gateway.post(
        "/batch", {"batch": [track()], "sentAt": "2026-11-22T01:02:03.456Z"}, headers={"User-Agent": "x" * 600}
    )
    gateway.post("/track", track(sentAt="soon"), headers={"User-Agent": "caf\u00e9".encode()})
    first, second = gateway.records()
    assert (first.sent_at, first.user_agent, first.ip) == (1795309323456, "x" * 512, "127.0.0.0")
    assert second.sent_at is None
    assert first.received_at <= second.received_at


def test_an_event_without_a_message_id_gets_one_that_sorts_by_time(gateway: Running) -> None:
    gateway.post("/batch", [track(), track(), track(messageId="mine")])
    first, second, third = gateway.events()
    assert third.message_id == "mine"
    assert first.message_id != second.message_id
    assert first.message_id[14] == "7"


def test_a_huge_beacon_becomes_records_that_kafka_takes(gateway: Running) -> None:
    numbers = "1e15," * 1_600  # five bytes each here, eighteen on the log
    body = "[" + ",".join(f'{{"event":"E{n}","userId":"u","properties":{{"n":[{numbers}1]}}}}' for n in range(55)) + "]"
    answer = gateway.post("/batch", body.encode())
    assert answer.json()["accepted"] == 55
    records = gateway.records()
    assert len(records) > 1
    assert [name for record in records for name in names(record.events)] == [f"E{n}" for n in range(55)]


def test_sdk_metrics_are_ignored(gateway: Running) -> None:
    for path in ("/m", "/v1/m", "/v1/m/", "/rsaMetrics"):
        assert gateway.post(path, {"series": []}, key=None).status_code == 200
    assert gateway.records() == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
def test_another_method_is_told_which_one_to_use(gateway: Running, method: str) -> None:
    answer = gateway.client.request(method, "/v1/track")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST, OPTIONS")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert method == "HEAD" or Error.model_validate(answer.json()).code == "method_not_allowed"


def test_every_event_is_counted_once(gateway: Running) -> None:
    def counts() -> tuple[float, float]:
        accepted = gateway.metric("ask0_events_total", outcome="accepted", reason="")
        return accepted, gateway.metric("ask0_events_total", outcome="rejected", reason="missing_user")

    accepted, rejected = counts()
    statuses = {status: gateway.metric("ask0_beacons_total", status=str(status)) for status in (200, 400, 401)}
    gateway.post("/batch", [track(), track(), {"event": "A"}])
    gateway.post("/batch", [{"event": "A"}])
    gateway.post("/batch", [track()], key="wk_nobodys")
    assert counts() == (accepted + 2, rejected + 2)
    assert {s: gateway.metric("ask0_beacons_total", status=str(s)) - n for s, n in statuses.items()} == {
        200: 1,
        400: 1,
        401: 1,
    }
    assert gateway.metric("ask0_append_seconds_count") >= 2
    assert gateway.metric("ask0_body_bytes_total") > 0
