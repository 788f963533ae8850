"""Settings of a project: what is kept for how long, and consent in force, as documents and as they are obeyed."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ask0.gateway import arrivals
from ask0.gateway.api import settings
from ask0.schemas.catalog import Key, Project, secret_key
from ask0.schemas.consent import PREFERENCES
from ask0.warehouse import retention
from ask0.warehouse.connect import Warehouse
from bench.stack import wait_for
from tests.gateway.running import BOT_SECRET, SECRET, STRICT_SECRET, Running, running, save, working
from tests.gateway.tokens import sign

BASE = "/v1/projects/-"
RETENTION, PRIVACY, DRY_RUN = "/settings/retention", "/settings/privacy", "/settings/retention/dry-run"
NEVER = dict.fromkeys(("inactiveUsers", "events", "conversations", "quarantine", "audit"))
DAY = 86_400_000


@pytest.fixture(autouse=True)
def patiently(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals.Arrivals.wait, "__defaults__", (60.0,))


@pytest.fixture(scope="module")
def served(clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("settings"), clickhouse) as gateway, working(gateway, clickhouse):
        yield gateway


def call(
    gateway: Running, method: str, path: str, body: Any = None, secret: str = SECRET, **headers: str
) -> httpx.Response:
    sent = {"authorization": f"Bearer {secret}"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return gateway.client.request(method, BASE + path, json=body, headers=sent)


def test_all_is_kept_for_ever_until_a_project_says_otherwise(gateway: Running) -> None:
    for secret in (SECRET, STRICT_SECRET):
        shown = call(gateway, "GET", RETENTION, secret=secret)
        assert shown.json() == NEVER | {"appliesFrom": None, "version": "0"}
    tag = shown.headers["etag"]
    assert call(gateway, "PUT", RETENTION, {"events": 30}, STRICT_SECRET).status_code == 428
    first = call(gateway, "PUT", RETENTION, {"events": 30, "audit": None}, STRICT_SECRET, if_match=tag)
    assert first.status_code == 200, first.text
    assert {name: first.json()[name] for name in NEVER} == NEVER | {"events": 30}
    assert first.json()["appliesFrom"] > time.strftime("%Y-%m-%dT%H:%M")
    second = call(gateway, "PUT", RETENTION, {"events": 1}, STRICT_SECRET, if_match=tag)
    assert (second.status_code, second.json()["current"]) == (412, first.json())
    again = call(gateway, "PUT", RETENTION, {}, STRICT_SECRET, if_match=first.headers["etag"])
    assert {name: again.json()[name] for name in NEVER} == NEVER
    assert call(gateway, "GET", RETENTION).json() == NEVER | {"appliesFrom": None, "version": "0"}


@pytest.mark.parametrize(
    "body",
    [
        {"events": 0},
        {"events": -1},
        {"events": 1.5},
        {"events": "many"},
        {"events": 36_501},
        {"events": 10**400},
        {"audit": 34},
        {"users": 30},
        [],
    ],
)
def test_what_is_no_number_of_days_is_refused_with_its_place(gateway: Running, body: Any) -> None:
    for method, path in (("PUT", RETENTION), ("POST", DRY_RUN)):
        answer = call(gateway, method, path, body, if_match="*")
        assert answer.status_code == 400, answer.text
        assert "version" not in answer.json()


@pytest.mark.parametrize("path", [RETENTION, PRIVACY])
def test_a_call_that_is_sent_again_is_the_same_change(gateway: Running, path: str) -> None:
    body = {"enforceConsent": True} if path == PRIVACY else {"conversations": 9}
    headers = {"if_match": "*", "idempotency_key": f"again {path}"}
    first, second = (call(gateway, "PUT", path, body, BOT_SECRET, **headers) for _ in range(2))
    assert (first.status_code, first.json()) == (200, second.json())
    other = {"enforceConsent": False} if path == PRIVACY else {"conversations": 8}
    assert call(gateway, "PUT", path, other, BOT_SECRET, **headers).json()["code"] == "key_reused"


def test_a_dry_run_counts_what_would_go_and_removes_nothing(served: Running, clickhouse: Warehouse) -> None:
    """Of a project of its own, as others' old users would be named too."""
    project, key, secret = "proj_counted", "wk_counted", "sk_secret_of_counted"
    write = Key(id=key, kind="write", project_id=project, shown=key, created_at=1)
    documents = Project(id=project, name="Counted", created_at=1), write, secret_key(secret, project, 1)
    asyncio.run(save(served.log_dsn, *documents))
    wait_for(lambda: call(served, "GET", "/me", secret=secret).is_success, "the key")
    now = time.time_ns() // 1_000_000
    old = {"userId": "set-old", "timestamp": now - 50 * DAY}
    talk = {"conversationId": "set-c", "text": "How?"}
    assert served.post("/v1/track", {**old, "event": "Question Asked", "properties": talk}, key=key).is_success
    assert call(served, "PUT", "/users/set-new", {"plan": "pro"}, secret).status_code == 201
    found = call(served, "POST", DRY_RUN, {"inactiveUsers": 30, "conversations": 30, "events": 30}, secret)
    assert found.status_code == 200, found.text
    shown = found.json()
    assert shown["inactiveUsers"]["sample"] == ["set-old"]
    assert shown["conversations"]["sample"] == ["set-c"]
    assert shown["events"]["count"] == 0  # they are as old as they were received
    assert (shown["quarantine"], shown["audit"]) == (None, None)
    assert {name: call(served, "POST", DRY_RUN, secret=secret).json()[name] for name in NEVER} == NEVER
    assert clickhouse.query("SELECT count() FROM users WHERE id = 'set-old'") == [(1,)]


def test_one_dry_run_of_a_project_is_under_way_at_a_time(
    clickhouse: Warehouse, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[httpx.Response] = []
    with running(tmp_path, clickhouse) as gateway:
        read = retention.read_due

        def read_meanwhile(*given: Any) -> Any:
            answers.append(call(gateway, "POST", DRY_RUN, {"events": 1}))
            return read(*given)

        monkeypatch.setattr(settings, "read_due", read_meanwhile)
        assert call(gateway, "POST", DRY_RUN, {"events": 1}).status_code == 200
        monkeypatch.undo()
        assert [(one.status_code, one.json()["code"]) for one in answers] == [(429, "being_counted")]
        assert call(gateway, "POST", DRY_RUN, {"events": 1}).status_code == 200


def test_settings_are_read_and_written_with_their_scope_alone(gateway: Running) -> None:
    assert gateway.client.get(f"{BASE}{PRIVACY}").status_code == 401
    for method, path in (("GET", PRIVACY), ("PUT", PRIVACY), ("GET", RETENTION), ("PUT", RETENTION), ("POST", DRY_RUN)):
        elsewhere = f"/v1/projects/proj_second{path}"
        sent = {"authorization": f"Bearer {SECRET}", "if-match": "*"}
        answer = gateway.client.request(method, elsewhere, json={"enforceConsent": True}, headers=sent)
        assert answer.status_code in (400, 404), answer.text
    assert call(gateway, "GET", PRIVACY, secret=STRICT_SECRET).json()["enforceConsent"] is False


def test_pages_get_no_traits_of_who_denies_it_once_that_is_in_force(served: Running) -> None:
    key = "wk_strict"
    user = {"userId": "set-page", "userToken": sign("set-page")}
    said = {**user, "traits": {"plan": "pro"}, "context": {"consent": {"personalization": "denied"}}}
    assert served.post("/v1/identify", said, key=key).json()["accepted"] == 1
    call(served, "PUT", "/users/set-other", {"plan": "pro"}, STRICT_SECRET)

    def seen() -> Any:
        return served.post("/v1/user", user, key=key).json()["user"]

    assert seen() == {"plan": "pro", "id": "set-page"}
    assert call(served, "PUT", PRIVACY, {"enforceConsent": True}, STRICT_SECRET, if_match="*").status_code == 200
    assert seen() is None
    allowed = {"consent": {"personalization": "granted"}}
    assert call(served, "PATCH", "/users/set-page", allowed, STRICT_SECRET).status_code == 200
    assert seen() == {"plan": "pro", "id": "set-page"}


def test_preferences_are_kept_as_consent_and_read_in_the_profile(served: Running) -> None:
    wanted = {"storeConversations": False, "shareWithTeam": True, "supportFollowUps": None}
    made = call(served, "PUT", "/users/set-prefers", {"preferences": wanted, "consent": {"marketing": "denied"}})
    assert made.status_code == 201, made.text
    assert made.json()["preferences"] == dict.fromkeys(PREFERENCES) | wanted
    assert made.json()["consent"] == {"marketing": "denied", "storeconversations": "denied", "sharewithteam": "granted"}
    same = call(served, "PATCH", "/users/set-prefers", {"consent": {"useForTraining": "denied"}})
    assert same.json()["preferences"]["useForTraining"] is False
    for wrong in ({"storeConversations": "no"}, {"storeTexts": False}):
        assert call(served, "PATCH", "/users/set-prefers", {"preferences": wrong}).status_code == 400
    text = {"conversationId": "set-secret", "text": "a secret of set-prefers"}
    served.post("/v1/track", {"userId": "set-prefers", "event": "Question Asked", "properties": text})
    call(served, "PATCH", "/users/set-prefers", {"plan": "pro"})  # the log is read in order
    (asked,) = call(served, "GET", "/users/set-prefers/events").json()["events"]
    assert asked["properties"] == {"conversationId": "set-secret"}
