"""Many users exported as a job, whose file is made while it is downloaded. All ids begin with bex-."""

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from ask0.gateway import arrivals
from ask0.gateway.api import segment_export_files, segment_exports
from ask0.schemas.catalog import secret_key
from ask0.warehouse.connect import Warehouse
from bench.stack import wait_for
from tests.gateway.api.exported import call, create, download, lines_of, of_job, rows_of, tagged, taken
from tests.gateway.api.rows import NOON, act, get, of_user, store, user
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


@pytest.fixture(scope="module")
def gateway(clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """With a worker."""
    with running(tmp_path_factory.mktemp("segment-exports"), clickhouse) as gateway, working(gateway, clickhouse):
        yield gateway


@pytest.fixture(autouse=True)
def patiently(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals.Arrivals.wait, "__defaults__", (60.0,))


@pytest.fixture(scope="module")
def team(gateway: Running) -> list[str]:
    """Users of every kind of value, through the API; their tag is bex-team."""
    users: list[dict[str, Any]] = [
        {"id": "bex-a", "email": "a@example.com", "plan": "pro", "traits": {"seats": 12, "note": "=1+1", "none": ""}},
        {"id": "bex-b", "name": "Zoë 😀", "consent": {"analytics": "denied"}, "traits": {"list": [1, "two"]}},
        {"id": "bex-c", "name": '=cmd|"/C calc"!A0'},
    ]
    for one in users:
        one |= {"tags": ["bex-team", "a,b"], "createdAt": "2024-01-02T03:04:05.000Z"}
    answer = call(gateway, "POST", "/users/batch", {"users": users})
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in users]


@pytest.mark.parametrize(("format", "kind"), [("json", "application/x-ndjson"), ("csv", "text/csv")])
def test_a_segment_taken_in_elsewhere_gives_the_same_profiles(
    gateway: Running, team: list[str], format: str, kind: str
) -> None:
    project, secret = (BOT_PROJECT, BOT_SECRET) if format == "json" else (STRICT_PROJECT, STRICT_SECRET)
    segment = call(gateway, "POST", "/segments", {"name": f"Team {format}", "filter": {"tag": "bex-team"}}).json()
    answer, receipt = taken(gateway, segment=segment["id"], format=format)
    assert (receipt["users"], receipt["rows"], receipt["format"], receipt["what"]) == (3, 3, format, "profiles")
    headers = {"authorization": f"Bearer {secret}", "content-type": kind}
    report = gateway.client.post(f"/v1/projects/{project}/import", content=answer.content, headers=headers)
    assert (report.status_code, report.json()["accepted"]) == (200, 3), report.text
    said = ["email", "plan", "name", "traits", "tags", "consent", "version", "address", "customerId", "status"]
    for id in team:
        before = get(gateway, f"/users/{id}").json()
        after = get(gateway, f"/users/{id}", secret=secret, project=project).json()
        assert {name: after[name] for name in said} == {name: before[name] for name in said}


def test_cells_are_safe_in_a_spreadsheet(gateway: Running, team: list[str], clickhouse: Warehouse) -> None:
    answer, _ = taken(gateway, ids=["bex-c"], format="csv")
    assert rows_of(answer.content)[0]["name"] == '\'=cmd|"/C calc"!A0'
    user(clickhouse, "bex-sheet")
    user(clickhouse, "=bex-sheet")
    told = [("=1+1", "bex-sheet"), ("@x", "=bex-sheet")]
    store(clickhouse, "events", [act(event, NOON, id, conversation_id="\tx", ip="+y") for event, id in told])
    answer, _ = taken(gateway, ids=["bex-sheet", "=bex-sheet"], format="csv", what="everything")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        rows = rows_of(archive.read("events.csv"))
    cells = [[row[name] for name in ("user", "event", "conversationId", "ip")] for row in rows]
    assert cells == [["'=bex-sheet", "'@x", "'\tx", "'+y"], ["bex-sheet", "'=1+1", "'\tx", "'+y"]]


def test_everything_of_a_user_is_on_their_line(gateway: Running, clickhouse: Warehouse, team: list[str]) -> None:
    store(clickhouse, "events", [act(f"Did {id}", NOON, id, properties={"text": "two\nlines"}) for id in team])
    answer, receipt = taken(gateway, filter={"tag": "bex-team"}, what="everything")
    lines = lines_of(answer)
    assert (receipt["users"], receipt["rows"]) == (3, 3)
    assert [line["profile"]["id"] for line in lines] == team
    for line in lines:
        alone = of_user(gateway, line["profile"]["id"], "export").json()
        own = ("projectId", "deactivations", "identities", "history", "conversations", "shownMessages", "configs")
        assert {name: line[name] for name in own} == {name: alone[name] for name in own}
        assert {one["id"] for one in line["segments"]} == {one["id"] for one in alone["segments"]}
        assert f"Did {line['profile']['id']}" in [one["event"] for one in line["events"]]
        assert "quarantine" not in line


def test_everything_as_a_zip_has_a_csv_of_each_part_whose_rows_name_the_user(
    gateway: Running, clickhouse: Warehouse, team: list[str]
) -> None:
    store(clickhouse, "events", [act("Seen", NOON + number, id) for id in team for number in range(4)])
    answer, receipt = taken(gateway, filter={"tag": "bex-team"}, what="everything", format="csv")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        found = {name: rows_of(archive.read(name)) for name in archive.namelist()}
    assert list(found) == [
        *("profile.csv", "deactivations.csv", "segments.csv", "identities.csv", "history.csv", "conversations.csv"),
        *("messages.csv", "events.csv", "shownMessages.csv", "configs.csv", "audit.csv", "about.csv"),
    ]
    assert [row["id"] for row in found["profile.csv"]] == team
    assert [row["user"] for row in found["events.csv"] if row["event"] == "Seen"] == [
        id for id in team for _ in range(4)
    ]
    assert {row["user"] for row in found["segments.csv"]} == {*team}
    assert {row["user"] for row in found["history.csv"]} == {*team}
    assert found["about.csv"][0]["users"] == "3"
    assert receipt["rows"] == sum(map(len, found.values())) - 1


def test_the_audit_log_has_an_entry_for_each_user_and_each_download(gateway: Running, clickhouse: Warehouse) -> None:
    ids = tagged(clickhouse, "bex-told", 2)
    taken(gateway, filter={"tag": "bex-told"})

    def entries(id: str) -> list[dict[str, Any]]:
        return [one for one in of_user(gateway, id, "audit").json()["audit"] if one["action"] == "user.exported"]

    wait_for(lambda: all(len(entries(id)) == 1 for id in ids), "the exports in the audit log")
    taken(gateway, ids=ids, format="csv", what="everything")
    wait_for(lambda: all(len(entries(id)) == 2 for id in ids), "the second one")
    assert entries(ids[0])[0]["actor"].startswith("key:")
    assert {one["requestId"] for one in entries(ids[0])} == {one["requestId"] for one in entries(ids[1])}


def test_ids_of_guests_and_merged_users_are_of_who_is_left_and_strangers_are_counted(
    gateway: Running, clickhouse: Warehouse
) -> None:
    user(clickhouse, "bex-left", merged_ids=["bex-gone"])
    user(clickhouse, "bex-gone", merged_into="bex-left")
    user(clickhouse, "g-bex-guest", merged_into="bex-gone")
    answer, receipt = taken(gateway, ids=["bex-gone", "g-bex-guest", "bex-left", "bex-nobody", "bex-gone"])
    assert [line["id"] for line in lines_of(answer)] == ["bex-left"]
    assert (receipt["users"], receipt["unknown"], receipt["erased"]) == (1, 1, 0)


@pytest.mark.parametrize("format", ["json", "csv"])
@pytest.mark.parametrize("what", ["profiles", "everything"])
def test_nobody_in_a_segment_is_a_whole_file_too(gateway: Running, format: str, what: str) -> None:
    answer, receipt = taken(gateway, filter={"tag": "bex-no-one"}, format=format, what=what)
    assert (receipt["users"], receipt["rows"]) == (0, 0)
    if format == "json":
        assert answer.content == b""
    elif what == "profiles":
        assert rows_of(answer.content) == []
    else:
        assert len(zipfile.ZipFile(io.BytesIO(answer.content)).namelist()) == 12


def test_pages_follow_one_another_without_a_gap(
    gateway: Running, clickhouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = tagged(clickhouse, "bex-pages", 23)
    monkeypatch.setattr(segment_export_files, "FIRST_USERS", 3)
    monkeypatch.setattr(segment_export_files, "MOST_USERS", 5)
    monkeypatch.setattr(segment_exports, "IDS_AT_ONCE", 4)
    for whom in ({"filter": {"tag": "bex-pages"}}, {"ids": ids[::-1]}):
        answer, receipt = taken(gateway, **whom)
        assert [line["id"] for line in lines_of(answer)] == ids
        assert receipt["users"] == 23


def test_the_same_key_makes_one_export(gateway: Running, clickhouse: Warehouse) -> None:
    tagged(clickhouse, "bex-key", 1)
    body: dict[str, Any] = {"filter": {"tag": "bex-key"}}
    first, second = (call(gateway, "POST", "/exports", body, idempotency_key="bex-key") for _ in range(2))
    assert first.json()["job"]["id"] == second.json()["job"]["id"]
    assert first.json()["download"] == second.json()["download"]
    assert second.headers["idempotency-replayed"] == "true"
    other = call(gateway, "POST", "/exports", body | {"format": "csv"}, idempotency_key="bex-key")
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    assert download(gateway, first.json()).status_code == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_body"),
        ({"ids": ["a"], "filter": {"all": []}}, "invalid_body"),
        ({"ids": []}, "invalid_body"),
        ({"ids": ["a"], "format": "xml"}, "invalid_body"),
        ({"ids": ["a"], "what": "events"}, "invalid_body"),
        ({"ids": ["a"], "do": "tag"}, "invalid_body"),
        ({"ids": ["x" * 300]}, "invalid_body"),
        ({"segment": "seg_none"}, "invalid_body"),
        ({"filter": {"any": 1}}, "invalid_query"),
    ],
)
def test_what_cannot_be_meant_is_refused(gateway: Running, body: dict[str, Any], code: str) -> None:
    answer = call(gateway, "POST", "/exports", body)
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text


def test_everything_is_exported_of_so_many_users_at_most(
    gateway: Running, clickhouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    tagged(clickhouse, "bex-many", 3)
    monkeypatch.setattr(segment_exports, "MOST_OF_EVERYTHING", 2)
    answer = call(gateway, "POST", "/exports", {"filter": {"tag": "bex-many"}, "what": "everything"})
    assert (answer.status_code, answer.json()["code"]) == (422, "too_many_users")
    taken(gateway, filter={"tag": "bex-many"})


async def test_a_key_needs_the_scopes_of_what_is_in_it(gateway: Running, clickhouse: Warehouse) -> None:
    tagged(clickhouse, "bex-scope", 1)
    await save(gateway.log_dsn, secret_key("sk_bex_users", PROJECT, 1, ("users:read",)))
    body: dict[str, Any] = {"filter": {"tag": "bex-scope"}}
    wait_for(lambda: get(gateway, "/users", secret="sk_bex_users").status_code == 200, "the key")
    answer = call(gateway, "POST", "/exports", body | {"what": "everything"}, secret="sk_bex_users")
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
    made = create(gateway, **body, what="everything")
    answer = call(gateway, "GET", made["download"].partition(PROJECT)[2], secret="sk_bex_users")
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
    own = call(gateway, "POST", "/exports", body, secret="sk_bex_users").json()
    assert call(gateway, "GET", own["download"].partition(PROJECT)[2], secret="sk_bex_users").status_code == 200
    assert download(gateway, made).status_code == 200


def test_a_stranger_finds_no_export(gateway: Running, clickhouse: Warehouse) -> None:
    tagged(clickhouse, "bex-own", 1)
    made = create(gateway, filter={"tag": "bex-own"})
    id = made["job"]["id"]
    for project, secret, code in (
        (PROJECT, STRICT_SECRET, "unknown_project"),
        (STRICT_PROJECT, STRICT_SECRET, "unknown_job"),
        ("-", STRICT_SECRET, "unknown_job"),
    ):
        answer = get(gateway, f"/exports/{id}/file", secret=secret, project=project)
        assert (answer.status_code, answer.json()["code"]) == (404, code)
    assert gateway.client.get(made["download"]).status_code == 401
    bulk = call(gateway, "POST", "/users/bulk", {"do": "tag", "ids": ["bex-own-0000"], "tags": ["x"]}).json()
    assert get(gateway, f"/exports/{bulk['job']['id']}/file").json()["code"] == "unknown_job"
    head = gateway.client.head(made["download"], headers={"authorization": f"Bearer {SECRET}"})
    assert (head.status_code, head.content, head.headers["cache-control"]) == (200, b"", "no-store")
    assert head.headers["content-disposition"] == f'attachment; filename="export-{id}.jsonl"'
    assert of_job(gateway, made)["status"] == "waiting"
    assert download(gateway, made).status_code == 200
