"""Each call of the API is one request: its method, path, query and body, the same from both clients."""

from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import httpx
import pytest
from ask0_sdk import NotJson

from tests.sdk.python.clients import KINDS, Client, collect, outcome
from tests.sdk.python.recorder import Recorder

USERS, SEGMENTS = "/v1/projects/-/users", "/v1/projects/-/segments"
SETTINGS, INSIGHTS = "/v1/projects/-/settings", "/v1/projects/-/insights"


class Case(NamedTuple):
    call: Callable[[Any], Any]
    method: str
    target: str
    body: Any = None
    if_match: str | None = None


CASES = {
    "upsert": Case(
        lambda c: c.users.upsert({"id": "user_123", "email": "john@example.com", "attributes": {"seats": 3}}),
        "PUT",
        f"{USERS}/user_123",
        {"email": "john@example.com", "attributes": {"seats": 3}},
    ),
    "upsert of a version": Case(
        lambda c: c.users.upsert({"id": 7, "plan": None}, if_match="a1"), "PUT", f"{USERS}/7", {"plan": None}, '"a1"'
    ),
    "create": Case(lambda c: c.users.create({"email": "a@b.c"}), "POST", USERS, {"email": "a@b.c"}),
    "get": Case(lambda c: c.users.get("user_123"), "GET", f"{USERS}/user_123"),
    "list": Case(lambda c: c.users.list(), "GET", USERS),
    "list by segment": Case(
        lambda c: c.users.list(segment="seg_1", sort="-lastActiveAt,traits.seats", limit=100, total=True),
        "GET",
        f"{USERS}?segment=seg_1&sort=-lastActiveAt%2Ctraits.seats&limit=100&total=true",
    ),
    "list by a filter": Case(
        lambda c: c.users.list({"plan": "pro", "lastActiveAfter": "2024-01-01"}, fields=["id", "email"], limit=100),
        "POST",
        f"{USERS}/query",
        {"filter": {"plan": "pro", "lastActiveAfter": "2024-01-01"}, "fields": ["id", "email"], "limit": 100},
    ),
    "list by ids": Case(lambda c: c.users.list(ids=["a,b", 7]), "POST", f"{USERS}/query", {"ids": ["a,b", "7"]}),
    "search": Case(lambda c: c.users.list(search="ada"), "POST", f"{USERS}/query", {"search": "ada"}),
    "update": Case(
        lambda c: c.users.update(
            "user_123",
            {"plan": "enterprise", "customAttributes": {"upgradeDate": datetime(2024, 5, 1, 12, tzinfo=UTC)}},
        ),
        "PATCH",
        f"{USERS}/user_123",
        {"plan": "enterprise", "customAttributes": {"upgradeDate": "2024-05-01T12:00:00.000Z"}},
    ),
    "delete": Case(
        lambda c: c.users.delete("user_123", delete_conversations=True),
        "DELETE",
        f"{USERS}/user_123?deleteConversations=true&anonymize=false",
    ),
    "delete_conversations": Case(
        lambda c: c.users.delete_conversations("a/b"), "DELETE", f"{USERS}/a%2Fb/conversations"
    ),
    "transfer": Case(
        lambda c: c.users.transfer("u", project="proj_b", key="sk_b"),
        "POST",
        f"{USERS}/u/transfer",
        {"project": "proj_b", "key": "sk_b"},
    ),
    "exports.create": Case(
        lambda c: c.exports.create(segment="seg_1", format="csv", what="everything"),
        "POST",
        "/v1/projects/-/exports",
        {"segment": "seg_1", "format": "csv", "what": "everything"},
    ),
    "exports.create of ids": Case(
        lambda c: c.exports.create(ids=["a/b", 7]),
        "POST",
        "/v1/projects/-/exports",
        {"ids": ["a/b", "7"], "format": "json", "what": "profiles"},
    ),
    "suppressions.lift": Case(lambda c: c.suppressions.lift("a/b"), "POST", "/v1/projects/-/suppressions/a%2Fb/lift"),
    "get_conversations": Case(
        lambda c: c.users.get_conversations("user_123", limit=20, sort="recent", unanswered=True),
        "GET",
        f"{USERS}/user_123/conversations?sort=recent&unanswered=true&limit=20",
    ),
    "segment by conditions": Case(
        lambda c: c.users.segment({"name": "High Value", "conditions": {"plan": ["pro"]}}, limit=5),
        "POST",
        f"{SEGMENTS}/query",
        {"name": "High Value", "conditions": {"plan": ["pro"]}, "limit": 5},
    ),
    "segment by a filter alone": Case(
        lambda c: c.users.segment({"all": []}), "POST", f"{SEGMENTS}/query", {"filter": {"all": []}}
    ),
    "deactivate": Case(lambda c: c.users.deactivate("u", "spam"), "POST", f"{USERS}/u/deactivate", {"reason": "spam"}),
    "reactivate": Case(lambda c: c.users.reactivate("u"), "POST", f"{USERS}/u/reactivate", {}),
    "tag": Case(lambda c: c.users.tag("u", "vip", "beta"), "POST", f"{USERS}/u/tags", {"tags": ["vip", "beta"]}),
    "merge": Case(lambda c: c.users.merge("u", "old"), "POST", f"{USERS}/u/merge", {"from": "old"}),
    "unmerge": Case(lambda c: c.users.unmerge("u", "a/b"), "DELETE", f"{USERS}/u/merge/a%2Fb"),
    "untag": Case(lambda c: c.users.untag("u", "a/b c"), "DELETE", f"{USERS}/u/tags/a%2Fb%20c"),
    "batch": Case(
        lambda c: c.users.batch([{"id": "a"}, {"id": "b"}]),
        "POST",
        f"{USERS}/batch",
        {"users": [{"id": "a"}, {"id": "b"}]},
    ),
    "messages": Case(lambda c: c.users.messages("a/b", limit=5), "GET", f"{USERS}/a%2Fb/messages?limit=5"),
    "configs": Case(lambda c: c.users.configs("u", cursor="c1"), "GET", f"{USERS}/u/configs?cursor=c1"),
    "insights.overview": Case(
        lambda c: c.insights.overview(days=7, until=date(2026, 1, 31), tz="Europe/Berlin"),
        "GET",
        f"{INSIGHTS}/overview?days=7&until=2026-01-31&tz=Europe%2FBerlin",
    ),
    "insights.trends": Case(
        lambda c: c.insights.trends("questions", until=datetime(2026, 1, 31, 12, tzinfo=UTC)),
        "GET",
        f"{INSIGHTS}/trends?metric=questions&until=2026-01-31",
    ),
    "insights.topics": Case(
        lambda c: c.insights.topics(sort="unanswered", limit=5), "GET", f"{INSIGHTS}/topics?sort=unanswered&limit=5"
    ),
    "insights.active_hours": Case(lambda c: c.insights.active_hours(), "GET", f"{INSIGHTS}/active-hours"),
    "insights.unanswered": Case(
        lambda c: c.insights.unanswered(topic="a&b", days=90), "GET", f"{INSIGHTS}/unanswered?topic=a%26b&days=90"
    ),
    "insights.retention": Case(lambda c: c.insights.retention(weeks=4), "GET", f"{INSIGHTS}/retention?weeks=4"),
    "insights.cohorts": Case(
        lambda c: c.insights.cohorts(months=6, until="2026-01-31"),
        "GET",
        f"{INSIGHTS}/cohorts?months=6&until=2026-01-31",
    ),
    "insights.funnel": Case(
        lambda c: c.insights.funnel(["A, b", "C"], hours=2),
        "GET",
        f"{INSIGHTS}/funnel?steps=%5B%22A%2C%20b%22%2C%20%22C%22%5D&hours=2",
    ),
    "insights.journeys": Case(
        lambda c: c.insights.journeys(start="A", depth=3, limit=5, days=90),
        "GET",
        f"{INSIGHTS}/journeys?start=A&depth=3&limit=5&days=90",
    ),
    "catalog.events": Case(
        lambda c: c.catalog.events(event="A", limit=5), "GET", "/v1/projects/-/catalog/events?event=A&limit=5"
    ),
    "settings.retention": Case(lambda c: c.settings.retention(), "GET", f"{SETTINGS}/retention"),
    "settings.put_retention": Case(
        lambda c: c.settings.put_retention({"events": 400, "audit": None}, if_match="3"),
        "PUT",
        f"{SETTINGS}/retention",
        {"events": 400, "audit": None},
        '"3"',
    ),
    "settings.dry_run_retention": Case(
        lambda c: c.settings.dry_run_retention({"events": 30}), "POST", f"{SETTINGS}/retention/dry-run", {"events": 30}
    ),
    "settings.dry_run_retention of what stands": Case(
        lambda c: c.settings.dry_run_retention(), "POST", f"{SETTINGS}/retention/dry-run", {}
    ),
    "settings.privacy": Case(lambda c: c.settings.privacy(), "GET", f"{SETTINGS}/privacy"),
    "settings.put_privacy": Case(
        lambda c: c.settings.put_privacy(True, if_match="*"),
        "PUT",
        f"{SETTINGS}/privacy",
        {"enforceConsent": True},
        "*",
    ),
    "settings.chat": Case(lambda c: c.settings.chat(), "GET", f"{SETTINGS}/chat"),
    "settings.put_chat": Case(
        lambda c: c.settings.put_chat("login", if_match="3"), "PUT", f"{SETTINGS}/chat", {"permission": "login"}, '"3"'
    ),
    "settings.verification": Case(lambda c: c.settings.verification(), "GET", f"{SETTINGS}/verification"),
    "settings.put_verification": Case(
        lambda c: c.settings.put_verification(True, ("plan",), if_match="*"),
        "PUT",
        f"{SETTINGS}/verification",
        {"required": True, "readable": ["plan"]},
        "*",
    ),
    "settings.add_verification_key": Case(
        lambda c: c.settings.add_verification_key(), "POST", f"{SETTINGS}/verification/keys", {}
    ),
    "settings.remove_verification_key": Case(
        lambda c: c.settings.remove_verification_key("vk/1", if_match="*"),
        "DELETE",
        f"{SETTINGS}/verification/keys/vk%2F1",
        if_match="*",
    ),
    "keys.list": Case(lambda c: c.keys.list(), "GET", "/v1/projects/-/keys"),
    "keys.create": Case(
        lambda c: c.keys.create("Backend", scopes=["users:read"]),
        "POST",
        "/v1/projects/-/keys",
        {"name": "Backend", "kind": "secret", "scopes": ["users:read"]},
    ),
    "keys.revoke": Case(
        lambda c: c.keys.revoke("wk/1", if_match="3"), "DELETE", "/v1/projects/-/keys/wk%2F1", if_match='"3"'
    ),
    "jobs.cancel": Case(lambda c: c.jobs.cancel("job/1"), "POST", "/v1/projects/-/jobs/job%2F1/cancel"),
    "segments.list": Case(lambda c: c.segments.list(limit=5), "GET", f"{SEGMENTS}?limit=5"),
    "segments.get": Case(lambda c: c.segments.get("seg_1"), "GET", f"{SEGMENTS}/seg_1"),
    "segments.create": Case(
        lambda c: c.segments.create({"name": "Pro", "filter": {"all": []}}),
        "POST",
        SEGMENTS,
        {"name": "Pro", "filter": {"all": []}},
    ),
    "segments.update": Case(
        lambda c: c.segments.update("seg_1", {"name": "P"}, if_match=7),
        "PATCH",
        f"{SEGMENTS}/seg_1",
        {"name": "P"},
        '"7"',
    ),
    "segments.delete": Case(
        lambda c: c.segments.delete("seg_1", if_match='W/"x"'), "DELETE", f"{SEGMENTS}/seg_1", None, 'W/"x"'
    ),
    "segments.users": Case(lambda c: c.segments.users("seg_1", limit=9), "GET", f"{SEGMENTS}/seg_1/users?limit=9"),
    "segments.count": Case(lambda c: c.segments.count("seg_1"), "GET", f"{SEGMENTS}/seg_1/count"),
    "segments.history": Case(lambda c: c.segments.history("seg_1", days=7), "GET", f"{SEGMENTS}/seg_1/history?days=7"),
    "audit.list": Case(
        lambda c: c.audit.list(action="key.used", entity_id=7, since="2026-01-01", limit=5),
        "GET",
        "/v1/projects/-/audit?action=key.used&since=2026-01-01&entityId=7&limit=5",
    ),
    "audit.of_user": Case(lambda c: c.audit.of_user("a/b", limit=5), "GET", f"{USERS}/a%2Fb/audit?limit=5"),
    "stages.list": Case(lambda c: c.stages.list(), "GET", "/v1/projects/-/stages"),
    "stages.put": Case(
        lambda c: c.stages.put([{"name": "All", "filter": {"all": []}}], if_match="7"),
        "PUT",
        "/v1/projects/-/stages",
        {"stages": [{"name": "All", "filter": {"all": []}}]},
        '"7"',
    ),
    "access of a user": Case(lambda c: c.access(user="a&b"), "GET", "/v1/projects/-/access?user=a%26b"),
    "access of a guest": Case(lambda c: c.access(anonymous="g-1"), "GET", "/v1/projects/-/access?anonymous=g-1"),
    "sql": Case(lambda c: c.sql("SELECT 1"), "POST", "/v1/projects/-/sql", {"sql": "SELECT 1"}),
    "sql of so many rows": Case(
        lambda c: c.sql("SELECT 'é'", limit=5), "POST", "/v1/projects/-/sql", {"sql": "SELECT 'é'", "limit": 5}
    ),
    "bulk": Case(
        lambda c: c.users.bulk({"ids": ["."], "do": "erase"}), "POST", f"{USERS}/bulk", {"ids": ["."], "do": "erase"}
    ),
    "jobs.list": Case(lambda c: c.jobs.list(), "GET", "/v1/projects/-/jobs"),
    "jobs.get": Case(lambda c: c.jobs.get("job_1"), "GET", "/v1/projects/-/jobs/job_1"),
    "changes.get": Case(lambda c: c.changes.get("chg/1"), "GET", "/v1/projects/-/changes/chg%2F1"),
    "anything else": Case(lambda c: c.request("GET", "/properties"), "GET", "/v1/projects/-/properties"),
    "any other change": Case(
        lambda c: c.request("put", "/properties", body={"seats": "number"}, if_match="*"),
        "PUT",
        "/v1/projects/-/properties",
        {"seats": "number"},
        "*",
    ),
}

# What a POST only asks needs no key.
READS = {"list by a filter", "list by ids", "search", "segment by conditions", "segment by a filter alone"}
READS |= {"settings.dry_run_retention", "settings.dry_run_retention of what stands", "sql", "sql of so many rows"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CASES)
async def test_a_call_is_one_request(kind: type[Client], name: str) -> None:
    case, network = CASES[name], Recorder(httpx.Response(200, json={"id": "x"}))
    answer = await outcome(case.call(network.client(kind)))
    assert answer == {"id": "x"}
    (seen,) = network.seen
    assert (seen.method, seen.url.raw_path.decode()) == (case.method, case.target)
    assert network.body == case.body
    assert seen.headers.get("if-match") == case.if_match
    assert seen.headers["authorization"] == "Bearer sk_secret"
    assert ("idempotency-key" in seen.headers) == (case.method != "GET" and name not in READS)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_project_is_named_in_the_path(kind: type[Client]) -> None:
    network = Recorder()
    await outcome(network.client(kind, project="proj/1").users.get("u"))
    assert network.last.url.raw_path == b"/v1/projects/proj%2F1/users/u"


@pytest.mark.parametrize(
    ("id", "path"),
    [
        ("a/b", "a%2Fb"),
        ("../admin", "..%2Fadmin"),
        ("😀", "%F0%9F%98%80"),
        ("50% off?#&", "50%25%20off%3F%23%26"),
        ("a+b c", "a%2Bb%20c"),
        ("x" * 255, "x" * 255),
        ("%2e%2e", "%252e%252e"),
        ("...", "..."),
    ],
)
async def test_an_id_goes_into_the_path_as_one_part(id: str, path: str) -> None:
    network = Recorder()
    network.client(KINDS[0]).users.get(id)
    assert network.last.url.raw_path.decode() == f"{USERS}/{path}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("id", [".", "..", "properties", "query", "batch"])
async def test_an_id_that_no_path_can_hold_is_looked_up_in_the_list(kind: type[Client], id: str) -> None:
    network = Recorder(httpx.Response(200, json={"users": [{"id": id}], "next": None}))
    client = network.client(kind)
    assert await outcome(client.users.get(id)) == {"id": id}
    assert network.last.url.raw_path.decode() == f"{USERS}?ids={id}"
    await outcome(client.users.upsert({"id": id, "plan": "pro"}))
    assert (network.last.url.raw_path.decode(), network.body) == (
        f"{USERS}/batch",
        {"users": [{"id": id, "plan": "pro"}]},
    )
    for call in (client.users.delete, client.users.deactivate, client.users.get_conversations):
        with pytest.raises(ValueError, match="no path can hold"):
            await outcome(call(id))
    assert len(network.seen) == 2


@pytest.mark.parametrize("id", ["", " ", None, True, 1.5, b"x"])
def test_what_is_no_id_is_never_sent(id: Any) -> None:
    """An empty one would make the path of all users."""
    network = Recorder()
    client = network.client(KINDS[0])
    with pytest.raises(ValueError, match="cannot stand in a path"):
        client.users.delete(id)
    with pytest.raises(ValueError, match="needs an `id`|cannot stand"):
        client.users.upsert({"id": id})
    assert network.seen == []


@pytest.mark.parametrize("kind", KINDS)
async def test_users_identify_is_an_event_whose_answer_is_awaited(kind: type[Client]) -> None:
    network = Recorder(httpx.Response(200, json={"success": True, "accepted": 1, "rejected": []}))
    answer = await outcome(network.client(kind).users.identify("user_123", {"plan": "pro"}, project_id="proj_123"))
    assert answer["accepted"] == 1
    assert network.last.url.raw_path == b"/v1/identify"
    assert network.last.headers["authorization"] == f"Basic {b64encode(b'sk_secret:').decode()}"
    assert (network.body["userId"], network.body["traits"], network.body["projectId"]) == (
        "user_123",
        {"plan": "pro"},
        "proj_123",
    )
    assert network.body["messageId"]


@pytest.mark.parametrize("kind", KINDS)
async def test_iterate_follows_the_cursors_by_id(kind: type[Client]) -> None:
    pages = [{"users": [{"id": "a"}, {"id": "b"}], "next": "c/1="}, {"users": [], "next": "c2"}]
    pages.append({"users": [{"id": "c"}], "next": None})
    network = Recorder(*(httpx.Response(200, json=page) for page in pages))
    users = await collect(network.client(kind).users.iterate(segment="seg_1"))
    assert [user["id"] for user in users] == ["a", "b", "c"]
    assert [seen.url.raw_path.decode() for seen in network.seen] == [
        f"{USERS}?segment=seg_1&sort=id&limit=200{cursor}" for cursor in ("", "&cursor=c%2F1%3D", "&cursor=c2")
    ]


@pytest.mark.parametrize("kind", KINDS)
async def test_an_export_comes_in_pieces(kind: type[Client]) -> None:
    network = Recorder(httpx.Response(200, content=b"id,email\r\n" * 10_000))
    pieces = await collect(network.client(kind).users.export("a/b", format="csv"))
    assert b"".join(pieces) == b"id,email\r\n" * 10_000
    assert network.last.url.raw_path.decode() == f"{USERS}/a%2Fb/export?format=csv"


@pytest.mark.parametrize("kind", KINDS)
async def test_an_export_of_many_comes_in_pieces(kind: type[Client]) -> None:
    network = Recorder(httpx.Response(200, content=b"{}\n" * 10_000))
    assert b"".join(await collect(network.client(kind).exports.download("job_1"))) == b"{}\n" * 10_000
    assert network.last.url.raw_path.decode() == "/v1/projects/-/exports/job_1/file"


@pytest.mark.parametrize("kind", KINDS)
async def test_wait_looks_again_until_the_job_is_finished_or_the_time_is_up(kind: type[Client]) -> None:
    answers = [httpx.Response(200, json={"job": {"status": status}}) for status in ("waiting", "running", "failed")]
    recorder = Recorder(*answers)
    client = recorder.client(kind)
    assert await outcome(client.jobs.wait("job_1")) == {"job": {"status": "failed"}}
    assert len(recorder.seen) == 3
    endless = Recorder(answers[1])
    with pytest.raises(TimeoutError, match="job_1"):
        await outcome(endless.client(kind).jobs.wait("job_1", timeout_seconds=0))
    assert len(endless.seen) == 1


def test_a_body_that_json_cannot_carry_is_never_sent() -> None:
    network = Recorder()
    with pytest.raises(NotJson, match=r"traits\.x: nan is no number in JSON"):
        network.client(KINDS[0]).users.update("u", {"traits": {"x": float("nan")}})
    with pytest.raises(TypeError, match="a list is meant"):
        network.client(KINDS[0]).users.list(ids="user_1")
    assert network.seen == []


@pytest.mark.parametrize(
    "options",
    [
        {"host": "ask0.example.com"},
        {"secret_key": ""},
        {"secret_key": "sk_\nx"},
        {"project": ".."},
        {"flush_at": 0},
        {"max_retries": -1},
        {"timeout_seconds": float("nan")},
    ],
)
def test_options_that_cannot_be_meant_are_refused_at_the_start(options: dict[str, Any]) -> None:
    for kind in KINDS:
        with pytest.raises(ValueError, match=r"host|secret_key|project|flush_at|max_retries|timeout_seconds"):
            kind(**{"secret_key": "sk_1", "host": "https://ask0.example.com", **options})


def test_the_secret_key_is_not_shown() -> None:
    for kind in KINDS:
        client = kind("sk_secret", "https://ask0.example.com")
        assert "sk_secret" not in repr(client) + repr(vars(client))
