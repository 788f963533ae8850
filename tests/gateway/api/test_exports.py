"""Everything that is stored of one user, as the gateway hands it out. All ids begin with exp-."""

import csv
import io
import json
import socket
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from ask0.gateway import arrivals
from ask0.gateway.api import exports
from ask0.gateway.api.exports import MAX_AT_ONCE, MAX_OF_PROJECT, ExportPlaces
from ask0.gateway.errors import GatewayError
from ask0.schemas.catalog import secret_key
from ask0.schemas.user_export import UserExport
from ask0.schemas.user_files import write_line
from ask0.warehouse import bounded_pages, moments
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import Unavailable
from ask0.warehouse.whose import Person
from bench.stack import wait_for
from tests.gateway.api.rows import HOUR, NOON, act, get, of_user, store, user
from tests.gateway.running import (
    BOT_PROJECT,
    BOT_SECRET,
    PROJECT,
    SECRET,
    STRICT_PROJECT,
    STRICT_SECRET,
    Running,
    running,
    save,
    working,
)

LARGE = "x" * 30_000


@pytest.fixture(scope="module")
def gateway(clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """With a worker."""
    with running(tmp_path_factory.mktemp("exports"), clickhouse) as gateway:
        gateway.post("/v1/track", {"userId": "exp-nobody", "event": "First"})  # there is a log now
        with working(gateway, clickhouse):
            yield gateway


@pytest.fixture(autouse=True)
def patiently(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals.Arrivals.wait, "__defaults__", (60.0,))


def write(gateway: Running, id: str, secret: str = SECRET, **body: Any) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {secret}"}
    answer = gateway.client.put(f"/v1/projects/-/users/{quote(id, safe='')}", json=body, headers=headers)
    assert answer.status_code in (200, 201), answer.text
    profile: dict[str, Any] = answer.json()
    return profile


def export(gateway: Running, id: str, **query: Any) -> dict[str, Any]:
    answer = of_user(gateway, id, "export", **query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    document: dict[str, Any] = answer.json()
    UserExport.model_validate(document)
    return document


def files(gateway: Running, id: str) -> dict[str, list[dict[str, str]]]:
    answer = of_user(gateway, id, "export", format="csv")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        return {name: list(csv.DictReader(archive.read(name).decode().splitlines())) for name in archive.namelist()}


def audited(gateway: Running, id: str) -> list[dict[str, Any]]:
    entries = of_user(gateway, id, "audit").json()["audit"]
    return [entry for entry in entries if entry["action"] == "user.exported"]


@pytest.fixture(scope="module")
def ada(gateway: Running, clickhouse: Warehouse) -> str:
    """A user of whom there is something of every kind."""
    told: list[dict[str, Any]] = [
        {
            "type": "page",
            "name": "Home",
            "anonymousId": "exp-ada-guest",
            "context": {"consent": {"analytics": "denied"}},
        },
        {
            "type": "identify",
            "traits": {"plan": "free", "seats": 1, "emailVerified": True},
            "anonymousId": "exp-ada-guest",
        },
        {"type": "track", "event": "Question Asked", "properties": {"text": "How?", "conversationId": "exp-t1"}},
        {"type": "track", "event": "Answer Given", "properties": {"text": "So.", "conversationId": "exp-t1"}},
        {"type": "identify", "traits": {"plan": "free", "seats": 2}, "context": {"ip": "?", "big": 2**70}},
        {"type": "track", "event": "Clicked", "timestamp": "yesterday"},  # refused
    ]
    for number, event in enumerate(told):
        whose = {} if number == 0 else {"userId": "exp-ada"}
        more = {"messageId": f"exp-ada-{number}"} | ({} if "timestamp" in event else {"timestamp": NOON + number})
        gateway.post("/v1/batch", {"batch": [{**event, **whose, **more}]}, headers={"user-agent": "curl/8.0"})
    wait_for(lambda: of_user(gateway, "exp-ada", "export").status_code == 200, "the user")
    write(gateway, "exp-ada", plan="pro", tags=["vip"], consent={"analytics": "granted"}, traits={"seats": 2})
    write(gateway, "exp-ada", tags={"remove": ["vip"]}, traits={"seats": None})
    as_server = {"authorization": f"Bearer {SECRET}"}
    blocked = gateway.client.post("/v1/projects/-/users/exp-ada/deactivate", json={"reason": "Spam"}, headers=as_server)
    assert blocked.status_code == 200
    wait_for(lambda: len(export(gateway, "exp-ada")["quarantine"]) == 1, "what was refused")
    return "exp-ada"


def test_an_export_has_everything(gateway: Running, ada: str) -> None:
    document = export(gateway, ada)
    assert document["profile"] == get(gateway, f"/users/{ada}").json()
    assert document["projectId"] == PROJECT
    (block,) = document["deactivations"]
    assert (block["userId"], block["reason"], block["anonymousIds"]) == (ada, "Spam", ["exp-ada-guest"])
    assert document["segments"] == of_user(gateway, ada, "segments").json()["segments"] != []
    (identity,) = document["identities"]
    assert (identity["id"], identity["kind"]) == ("exp-ada-guest", "anonymous")
    assert identity["linkedAt"]
    (talk,) = document["conversations"]
    assert (talk["id"], talk["questions"]) == ("exp-t1", 1)
    assert [(one["kind"], one["text"]) for one in talk["messages"]] == [("question", "How?"), ("answer", "So.")]
    assert [one["messageId"] for one in document["events"]] == [f"exp-ada-{number}" for number in range(5)]
    assert document["events"][4]["context"]["big"] == 2**70
    assert {one["userAgent"] for one in document["events"]} == {"curl/8.0"}
    assert document["events"][1]["ignored"] == ["emailVerified"]
    assert document["events"][0]["ip"] == "127.0.0.0"
    (refused,) = document["quarantine"]
    assert (refused["reason"], json.loads(refused["raw"])["userId"]) == ("invalid_timestamp", ada)
    assert document["quarantineSince"] is None


def test_the_history_tells_what_became_of_each_trait_tag_and_choice_and_by_whom(gateway: Running, ada: str) -> None:
    history = export(gateway, ada)["history"]
    told = [(one["what"], one["name"], one["value"], one["source"]) for one in history]
    assert told == [
        ("consent", "analytics", "denied", "event"),
        ("trait", "plan", "free", "event"),
        ("trait", "seats", 1, "event"),
        ("trait", "seats", 2, "event"),
        ("trait", "plan", "pro", "change"),
        ("tag", "vip", True, "change"),
        ("consent", "analytics", "granted", "change"),
        ("trait", "seats", None, "change"),
        ("tag", "vip", False, "change"),
    ]
    assert [one["id"] for one in history[:4]] == [f"exp-ada-{number}" for number in (0, 1, 1, 4)]
    assert [one["action"] for one in history[:2]] == ["page", "identify"]
    assert {one["actor"] for one in history[:4]} == {None}
    assert all(one["actor"].startswith("key:") for one in history[4:])


def test_the_audit_has_what_was_done_to_the_user_and_who_took_an_export(gateway: Running, ada: str) -> None:
    before = get(gateway, f"/users/{ada}").json()
    key = {"authorization": f"Bearer {SECRET}", "idempotency-key": "exp-again", "x-request-id": "exp-request"}
    for _ in range(2):  # both, whatever the key says
        assert gateway.client.get(f"/v1/projects/-/users/{ada}/export", headers=key).status_code == 200

    def taken() -> list[dict[str, Any]]:
        """Not those of other tests, which may come late."""
        return [entry for entry in audited(gateway, ada) if entry["requestId"] == "exp-request"]

    wait_for(lambda: len(taken()) == 2, "the exports in the audit")
    assert (taken()[0]["traits"], taken()[0]["tags"]) == ({}, {})
    assert taken()[0]["actor"].startswith("key:")
    after = get(gateway, f"/users/{ada}").json()
    assert {name: after[name] for name in after} == before
    told = [one for one in of_user(gateway, ada, "audit", limit=200).json()["audit"] if one["source"] == "change"]
    audit = export(gateway, ada)["audit"]
    actions = [one["action"] for one in audit]
    assert actions.count("user.put") == 2
    assert actions.count("user.exported") >= 2
    assert audit[-len(told) :] == told


def test_a_guest_who_became_a_user_is_answered_as_that_user(gateway: Running, ada: str) -> None:
    assert export(gateway, "g-exp-ada-guest")["profile"]["id"] == ada


def test_a_zip_has_a_csv_of_each_part(gateway: Running, ada: str) -> None:
    found = files(gateway, ada)
    document = export(gateway, ada)
    assert list(found) == [
        *("profile.csv", "deactivations.csv", "segments.csv", "identities.csv", "history.csv", "conversations.csv"),
        *("messages.csv", "events.csv", "shownMessages.csv", "configs.csv", "audit.csv", "quarantine.csv", "about.csv"),
    ]
    parts = ("deactivations", "segments", "identities", "history", "conversations", "events", "quarantine")
    for name in (*parts, "shownMessages", "configs"):
        assert len(found[f"{name}.csv"]) == len(document[name]), name
    assert [one["conversationId"] for one in found["messages.csv"]] == ["exp-t1", "exp-t1"]
    assert found["profile.csv"][0]["id"] == ada
    assert json.loads(found["events.csv"][4]["context"])["big"] == 2**70
    assert found["about.csv"][0]["projectId"] == PROJECT


def test_cells_are_safe_in_a_spreadsheet(gateway: Running, clickhouse: Warehouse) -> None:
    user(clickhouse, "exp-sheet")
    store(clickhouse, "events", [act("=1+1", NOON, "exp-sheet", conversation_id="\tx", ip="@y", user_agent="-z")])
    (event,) = files(gateway, "exp-sheet")["events.csv"]
    told = [event[name] for name in ("event", "conversationId", "ip", "userAgent")]
    assert told == ["'=1+1", "'\tx", "'@y", "'-z"]


def test_an_export_taken_in_elsewhere_gives_the_same_profile(gateway: Running, clickhouse: Warehouse) -> None:
    traits = {"seats": 12, "address": {"city": "Bern"}, "note": "=not a formula", "list": [1, "two"], "none": ""}
    own = {"email": "exp@example.com", "name": "Zoë 😀", "plan": "pro", "createdAt": "2024-01-02T03:04:05.000Z"}
    consent = {"analytics": "granted", "marketing": "denied"}
    write(gateway, "exp-zoe", **own, traits=traits, tags=["vip", "a,b"], consent=consent)
    profile = export(gateway, "exp-zoe")["profile"]
    archive = zipfile.ZipFile(io.BytesIO(of_user(gateway, "exp-zoe", "export", format="csv").content))
    said = [*own, "traits", "tags", "consent", "version", "address", "customerId", "status"]
    for project, secret, content, kind in (
        (BOT_PROJECT, BOT_SECRET, write_line(profile), "application/x-ndjson"),
        (STRICT_PROJECT, STRICT_SECRET, archive.read("profile.csv"), "text/csv"),
    ):
        headers = {"authorization": f"Bearer {secret}", "content-type": kind}
        report = gateway.client.post(f"/v1/projects/{project}/import", content=content, headers=headers)
        assert (report.status_code, report.json()["accepted"]) == (200, 1), report.text
        after = get(gateway, "/users/exp-zoe", secret=secret, project=project).json()
        assert {name: after[name] for name in said} == {name: profile[name] for name in said}


def test_who_is_not_there_or_of_another_project_is_unknown(gateway: Running, ada: str) -> None:
    for answer in (
        of_user(gateway, "exp/no such 🦊%2F", "export"),
        get(gateway, f"/users/{ada}/export", secret=STRICT_SECRET, project=STRICT_PROJECT),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_user")
    answer = get(gateway, f"/users/{ada}/export", secret=STRICT_SECRET, project=PROJECT)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_project")
    answer = of_user(gateway, ada, "export", format="xml")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_query")
    assert (
        gateway.client.get(f"/v1/projects/-/users/{ada}/export", headers={"x-write-key": "wk_first"}).status_code == 401
    )


async def test_it_takes_both_scopes_as_events_are_in_it(gateway: Running, ada: str) -> None:
    keys = {"sk_exp_users": ("users:read",), "sk_exp_events": ("events:read",), "sk_exp": ("users:read", "events:read")}
    await save(gateway.log_dsn, *(secret_key(key, PROJECT, 1, scopes) for key, scopes in keys.items()))
    wait_for(lambda: get(gateway, f"/users/{ada}/export", secret="sk_exp").status_code == 200, "the keys")
    for key in ("sk_exp_users", "sk_exp_events"):
        answer = get(gateway, f"/users/{ada}/export", secret=key)
        assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")


def test_head_tells_that_there_is_one_and_takes_none(gateway: Running, clickhouse: Warehouse) -> None:
    write(gateway, "exp-head", plan="pro")
    as_server = {"authorization": f"Bearer {SECRET}"}
    answer = gateway.client.head("/v1/projects/-/users/exp-head/export", headers=as_server)
    assert (answer.status_code, answer.content) == (200, b"")
    assert gateway.client.head("/v1/projects/-/users/exp-none/export", headers=as_server).status_code == 404
    export(gateway, "exp-head")
    wait_for(lambda: audited(gateway, "exp-head"), "the export in the audit")
    assert len(audited(gateway, "exp-head")) == 1


@pytest.mark.parametrize(
    ("id", "name"),
    [
        ("exp-plain_1", "user-exp-plain_1.json"),
        ('exp-"; filename="evil.exe', "user-exp-_filename_evil_exe.json"),
        ("exp-../../é\r\nx-evil: 1", "user-exp-_x-evil_1.json"),
        ("exp-" + "y" * 200, f"user-exp-{'y' * 76}.json"),
    ],
)
def test_the_name_of_the_file_is_safe(gateway: Running, clickhouse: Warehouse, id: str, name: str) -> None:
    user(clickhouse, id)
    answer = of_user(gateway, id, "export")
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert (answer.headers["x-content-type-options"], answer.headers["cache-control"]) == ("nosniff", "no-store")
    assert "x-evil" not in answer.headers


def read_into(got: list[bytes], gateway: Running, path: str) -> None:
    with gateway.client.stream("GET", path, headers={"authorization": f"Bearer {SECRET}"}) as answer:
        assert answer.status_code == 200
        got.extend(answer.iter_bytes())


def test_nobody_takes_what_breaks_off_for_the_whole(
    gateway: Running, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_rows(warehouse: Warehouse, sql: str, bound: Any) -> Any:
        if "sent_context, ignored" in sql:  # the page of events
            raise Unavailable("gone")
        return real(warehouse, sql, bound)

    real = moments.read_rows
    monkeypatch.setattr(bounded_pages, "PAUSES", (0.01,))
    monkeypatch.setattr(bounded_pages, "read_rows", read_rows)
    for format in ("json", "csv"):
        got: list[bytes] = []
        with pytest.raises(httpx.RemoteProtocolError):
            read_into(got, gateway, f"/v1/projects/-/users/{ada}/export?format={format}")
        whole = b"".join(got)
        assert whole
        with pytest.raises((ValueError, zipfile.BadZipFile)):
            json.loads(whole) if format == "json" else zipfile.ZipFile(io.BytesIO(whole))
    monkeypatch.setattr(bounded_pages, "read_rows", real)
    assert export(gateway, ada)["events"]


def test_a_page_that_fails_once_is_read_again(gateway: Running, ada: str, monkeypatch: pytest.MonkeyPatch) -> None:
    failed: list[str] = []

    def read_rows(warehouse: Warehouse, sql: str, bound: Any) -> Any:
        if sql not in failed:
            failed.append(sql)
            raise Unavailable("busy")
        return real(warehouse, sql, bound)

    real = moments.read_rows
    monkeypatch.setattr(bounded_pages, "PAUSES", (0.01,))
    monkeypatch.setattr(bounded_pages, "read_rows", read_rows)
    assert len(export(gateway, ada)["events"]) == 5
    assert failed


def test_without_clickhouse_there_is_an_error_and_no_file(tmp_path: Path, nobody_there: Warehouse) -> None:
    with running(tmp_path, nobody_there) as gateway:
        answer = of_user(gateway, "exp-ada", "export")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert "content-disposition" not in answer.headers


@pytest.fixture
def nobody_there() -> Iterator[Warehouse]:
    with Warehouse("http://127.0.0.1:9/ask0") as warehouse:
        yield warehouse


def fill(clickhouse: Warehouse, id: str) -> None:
    """With more than a connection holds that nobody reads."""
    user(clickhouse, id)
    rows = [act("Large", NOON + number * HOUR, id, properties={"text": LARGE}) for number in range(400)]
    store(clickhouse, "events", rows)


@contextmanager
def reading_slowly(gateway: Running, id: str) -> Iterator[httpx.Response]:
    """An export of which nothing is read that the block does not read, and of which little fits on the way."""
    little = httpx.HTTPTransport(socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 262_144)])
    with (
        httpx.Client(base_url=gateway.url, transport=little, timeout=30) as client,
        client.stream(
            "GET", f"/v1/projects/-/users/{id}/export", headers={"authorization": f"Bearer {SECRET}"}
        ) as answer,
    ):
        yield answer


def test_a_user_is_exported_once_at_a_time_and_a_reader_who_leaves_makes_room(
    gateway: Running, clickhouse: Warehouse
) -> None:
    fill(clickhouse, "exp-much")
    with reading_slowly(gateway, "exp-much") as answer:
        pieces = answer.iter_raw()
        assert next(pieces)
        second = of_user(gateway, "exp-much", "export")
        assert (second.status_code, second.json()["code"]) == (429, "being_exported")
        assert int(second.headers["retry-after"]) >= 5
        assert of_user(gateway, "exp-nobody", "export").status_code == 200  # others are
    wait_for(lambda: of_user(gateway, "exp-much", "export").status_code == 200, "the place of who has left")


def test_who_reads_nothing_for_long_is_cut_off(
    gateway: Running, clickhouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "PATIENCE_SECONDS", 0.2)
    fill(clickhouse, "exp-slow")
    with reading_slowly(gateway, "exp-slow") as answer:
        pieces = answer.iter_raw()
        next(pieces)
        monkeypatch.setattr(exports, "PATIENCE_SECONDS", 60.0)
        wait_for(lambda: of_user(gateway, "exp-slow", "export").status_code == 200, "the place of who reads nothing")
        with pytest.raises(httpx.RemoteProtocolError):
            list(pieces)


def test_a_slow_reader_holds_no_thread(gateway: Running, clickhouse: Warehouse) -> None:
    ids = [f"exp-lazy-{number}" for number in range(MAX_OF_PROJECT - 1)]
    for id in ids:
        fill(clickhouse, id)
    with ExitStack() as held:
        answers = [held.enter_context(reading_slowly(gateway, id)) for id in ids]
        assert len(answers) > 2  # as many as there are threads
        assert export(gateway, "exp-nobody")["events"]
        for answer in answers:
            assert len(json.loads(answer.read())["events"]) == 400


def test_places_are_so_many_for_a_project_and_for_all() -> None:
    places = ExportPlaces()
    own = [places.take(Person("p", str(number))) for number in range(MAX_OF_PROJECT)]
    with pytest.raises(GatewayError) as refused:
        places.take(Person("p", "more"))
    assert (refused.value.status, refused.value.code) == (429, "too_many_exports")
    for number in range(MAX_AT_ONCE - MAX_OF_PROJECT):
        places.take(Person(f"q{number}", "u"))
    with pytest.raises(GatewayError) as refused:
        places.take(Person("r", "u"))
    assert refused.value.status == 503
    own[0]()
    places.take(Person("r", "u"))
    with pytest.raises(GatewayError) as refused:
        places.take(Person("r", "u"))
    assert (refused.value.status, refused.value.code) == (429, "being_exported")
