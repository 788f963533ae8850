"""The demo page: the snippet with the project's key under a strict policy, and the visitor's own rows."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ask0.warehouse.connect import Warehouse
from tests.gateway.running import KEY, PROJECT, Running, nowhere, running

HOUR = 3_600_000
NOW = 1_795_309_323_456


@pytest.fixture(scope="module")
def demo(clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("demo-static")
    for name in ("ask0.js", "ask0.1.js", "snippet.js"):
        (folder / name).write_text("")
    (folder / "demo.html").write_text('<script nonce="__NONCE__">load("__ASK0_HOST__","__ASK0_KEY__")</script>')
    (folder / "manifest.json").write_text(json.dumps({"version": "1"}))
    insert_visits(clickhouse)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ask0.gateway.app.STATIC", folder)
        with running(tmp_path_factory.mktemp("demo"), clickhouse, demo=PROJECT) as gateway:
            yield gateway


def insert_visits(clickhouse: Warehouse) -> None:
    """A guest who logged in, another one, and a namesake in another project."""
    who = [(PROJECT, "u1", "anon1"), (PROJECT, "g-anon2", "anon2"), ("proj_second", "u1", "anon1")]
    clickhouse.insert(
        "events",
        {
            "project_id": [project for project, _, _ in who for _ in range(2)],
            "type": ["track"] * 6,
            "event": ["Old", "New"] * 3,
            "user_id": [user for _, user, _ in who for _ in range(2)],
            "anonymous_id": [anonymous for _, _, anonymous in who for _ in range(2)],
            "message_id": [f"m{n}" for n in range(6)],
            **{name: [NOW - HOUR, NOW] * 3 for name in ("timestamp", "occurred_at", "received_at")},
            "properties": ['{"n":1}'] * 6,
            "context": ["{}"] * 6,
        },
        token="visits",
    )
    clickhouse.command(
        "INSERT INTO identity_links VALUES"
        " ({p:String}, 'g-anon1', (fromUnixTimestamp64Milli({now:Int64}), 'u1', 'anon1'))",
        {"p": PROJECT, "now": NOW},
    )


def rows(demo: Running, user: str, **more: str) -> dict[str, list[dict[str, object]]]:
    answer = demo.client.get("/demo/rows", params={"user": user, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, list[dict[str, object]]] = answer.json()
    return found


def test_the_page_has_the_projects_key_and_a_nonce_of_its_own(demo: Running) -> None:
    pages = [demo.client.get("/demo") for _ in range(2)]
    nonces = set()
    for page in pages:
        nonce, host, key = re.findall(r'nonce="(.+)">load\("(.+)","(.+)"\)', page.text)[0]
        policy = page.headers["content-security-policy"]
        assert (host, key) == (demo.url, KEY)
        assert f"script-src 'nonce-{nonce}'" in policy
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        nonces.add(nonce)
    assert len(nonces) == 2


def test_the_start_leads_to_the_demo(demo: Running) -> None:
    for path in ("/", "/demo/"):
        answer = demo.client.get(path)
        assert (answer.status_code, answer.headers["location"]) == (307, "/demo")


@pytest.mark.parametrize("user", ["anon1", "u1"])
def test_a_visitor_sees_what_was_stored_of_them_by_either_id(demo: Running, user: str) -> None:
    found = rows(demo, user)
    assert {row["message_id"] for row in found["events"]} == {"m0", "m1"}
    assert found["identities"][0]["user_id"] == "u1"
    assert found["events"][0]["properties"] == {"n": 1}
    assert {*found} == {"events", "users", "conversations", "identities"}


def test_a_visitor_sees_nobody_else(demo: Running) -> None:
    assert {row["message_id"] for row in rows(demo, "anon2")["events"]} == {"m2", "m3"}
    assert rows(demo, "unheard-of") == {"events": [], "users": [], "conversations": [], "identities": []}
    assert rows(demo, "' OR 1=1 --")["events"] == []


def test_rows_may_be_asked_for_since_a_time(demo: Running) -> None:
    assert [row["event"] for row in rows(demo, "anon1", since=str(NOW))["events"]] == ["New"]


@pytest.mark.parametrize("query", ["", "?user=", "?user=a&since=x", "?user=a&since=-1", "?user=a&since=" + "9" * 20])
def test_a_question_without_a_user_or_with_a_bad_time_is_refused(demo: Running, query: str) -> None:
    assert demo.client.get("/demo/rows" + query).status_code == 400


@pytest.mark.parametrize("host", ["rebound.example", "rebound.example:80", "127.0.0.1.rebound.example", "[::", ""])
def test_a_name_that_only_points_here_sees_nothing(demo: Running, host: str) -> None:
    for path in ("/demo", "/demo/rows?user=u1"):
        answer = demo.client.get(path, headers={"Host": host})
        assert (answer.status_code, answer.json()["code"]) == (403, "wrong_host")
    assert demo.client.get("/demo/rows?user=u1", headers={"Host": "localhost:1"}).status_code == 200


def test_without_clickhouse_the_demo_says_so(tmp_path: Path) -> None:
    with running(tmp_path, nowhere(), demo=PROJECT) as gateway:
        answer = gateway.client.get("/demo/rows", params={"user": "a"})
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True)


def test_without_a_demo_project_there_is_no_demo(tmp_path: Path) -> None:
    with running(tmp_path, nowhere()) as gateway:
        assert gateway.client.get("/demo").status_code == 404
        assert gateway.client.get("/demo/rows", params={"user": "a"}).status_code == 404
