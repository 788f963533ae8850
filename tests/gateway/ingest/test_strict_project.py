"""A project that requires tokens: who may change a user, what is kept of the others, and what is never kept."""

import base64
import json
from typing import Any

import pytest

from tests.gateway.running import KEY, PROJECT, SECRET, STRICT_KEY, STRICT_PROJECT, STRICT_SECRET, Running, track
from tests.gateway.tokens import NEXT_SECRET, sign


def identify(**more: Any) -> dict[str, Any]:
    return {"type": "identify", "userId": "u1", "traits": {"plan": "pro"}, "messageId": "m", **more}


def test_the_token_may_stand_in_the_envelope_of_every_form(gateway: Running) -> None:
    token = sign()
    sendings: list[tuple[str, Any]] = [
        ("/v1/identify", {"userId": "u1", "traits": {"plan": "pro"}, "userToken": token}),
        ("/identify", {"id": "u1", "plan": "pro", "userToken": token}),
        ("/i", {"userId": "u1", "plan": "pro", "context": {"userToken": token}}),
        ("/v1/batch", {"batch": [identify(userToken=token)] * 3}),
        ("/v1/alias", {"userId": "u1", "previousId": "a", "userToken": token}),
    ]
    for path, body in sendings:
        assert gateway.post(path, body, key=STRICT_KEY).status_code == 200, body
    for record in gateway.records():
        assert token not in repr(record)
        assert [(event.user_id, event.unverified) for event in record.events] == [("u1", False)] * len(record.events)


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (None, "token_missing"),
        ("x.y.z", "token_invalid"),
        (sign(key=NEXT_SECRET), "token_invalid"),
        (sign(exp=-100), "token_expired"),
        (sign("u2"), "token_wrong_subject"),
    ],
)
def test_without_a_good_token_a_user_is_not_changed_and_the_reason_is_kept(
    gateway: Running, token: str | None, reason: str
) -> None:
    for more in ({"userToken": token}, {"context": {"userToken": token}}):
        answer = gateway.post("/v1/batch", [identify(**more), track("A")], key=STRICT_KEY)
        assert (answer.json()["accepted"], answer.json()["rejected"][0]["code"]) == (1, reason)
    rejects = gateway.rejects()
    assert [reject.reason for reject in rejects] == [reason] * 2
    for reject in rejects:
        assert json.loads(reject.raw)["traits"] == {"plan": "pro"}
        assert token is None or token not in reject.raw
        assert token is None or "…" in reject.raw


def test_no_part_of_a_refused_event_shows_what_opens_something(gateway: Running) -> None:
    token = sign()
    holder = {"userToken": token, "n": 1}
    event = {"type": "identify", "userId": "u1", "timestamp": "never", "messageId": "m", "writeKey": STRICT_SECRET}
    odd = [{**event, "userToken": token, "context": holder, "traits": {**holder, "customAttributes": holder}}, [holder]]
    gateway.post("/v1/batch", odd + [{**event, "writeKey": "wk_nobodys"}], key=STRICT_KEY)
    rejects = gateway.rejects()
    assert [reject.reason for reject in rejects] == ["invalid_timestamp", "not_an_object", "wrong_key"]
    assert not any(secret in reject.raw for reject in rejects for secret in (token, STRICT_SECRET))
    assert "wk_nobodys" in rejects[2].raw
    assert rejects[0].raw.count('"n":1') == 3


def test_events_that_name_a_user_without_proof_are_stored_and_marked(gateway: Running) -> None:
    events = [track("A"), track("B", userToken=sign()), {"event": "C", "anonymousId": "a"}]
    assert gateway.post("/v1/batch", events, key=STRICT_KEY).json()["accepted"] == 3
    assert [(event.event, event.unverified) for event in gateway.events()] == [("A", True), ("B", False), ("C", False)]


def test_a_guests_own_identify_needs_no_token(gateway: Running) -> None:
    for ids in ({"anonymousId": "a"}, {"id": "g-a"}, {"userId": "g-a"}):
        assert gateway.post("/identify", {**ids, "plan": "pro"}, key=STRICT_KEY).status_code == 200


def test_the_secret_key_vouches_wherever_it_stands(gateway: Running) -> None:
    basic = {"Authorization": "Basic " + base64.b64encode(f"{STRICT_SECRET}:".encode()).decode()}
    sendings: list[dict[str, Any]] = [
        {"headers": basic},
        {"headers": {"X-Write-Key": STRICT_SECRET}},
        {"params": {"writeKey": STRICT_SECRET}},
        {"body": {"batch": [identify(), track()], "writeKey": STRICT_SECRET}},
        {"body": [identify(writeKey=STRICT_SECRET), track(writeKey=STRICT_SECRET)]},
        {"body": [identify(writeKey=STRICT_KEY), track(writeKey=STRICT_KEY)], "headers": basic},
        {"body": [identify(writeKey=STRICT_SECRET), track(writeKey=STRICT_SECRET)], "headers": {"X-Write-Key": KEY}},
    ]
    for sending in sendings:
        body = sending.pop("body", [identify(), track()])
        answer = gateway.post("/v1/batch", body, key=None, **sending)
        assert (answer.status_code, answer.json().get("accepted")) == (200, 2), sending
    records = gateway.records()
    assert {record.project_id for record in records} == {STRICT_PROJECT}
    assert not any(event.unverified for record in records for event in record.events)


def test_another_projects_secret_key_does_not(gateway: Running) -> None:
    body = [identify(writeKey=STRICT_KEY), track("A")]
    answer = gateway.post("/v1/batch", body, key=SECRET)
    assert [entry["code"] for entry in answer.json()["rejected"]] == ["token_missing"]
    assert {record.project_id for record in gateway.records()} == {PROJECT, STRICT_PROJECT}


def test_a_secret_key_is_for_sending_alone(gateway: Running) -> None:
    assert gateway.client.get(f"/v1/projects/{SECRET}/settings").status_code == 401
    assert gateway.client.get("/sourceConfig", params={"writeKey": SECRET}).status_code == 401


def test_a_key_that_is_half_a_surrogate_pair_is_only_unknown(gateway: Running) -> None:
    assert gateway.post("/track", b'{"event":"A","userId":"u","writeKey":"\\ud800"}', key=None).status_code == 401


def test_a_project_without_keys_lets_tokens_be(gateway: Running) -> None:
    assert gateway.post("/identify", identify(userToken="whatever")).status_code == 200
    (event,) = gateway.events()
    assert "whatever" not in repr(event)
