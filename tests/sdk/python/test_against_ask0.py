"""The SDK and a real Ask0: what is said of users arrives once and can be asked for."""

import asyncio
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any
from uuid import uuid4
from zipfile import ZipFile

import pytest
from ask0_sdk import Ask0, Ask0Error, Refusal

from bench.stack import WRITE_KEY, Stack, wait_for
from tests.gate import open_gate
from tests.sdk.python.clients import KINDS, SECRET_KEY, Client, collect, outcome

pytestmark = [pytest.mark.apart, pytest.mark.parametrize("kind", KINDS)]


@pytest.fixture
def run() -> str:
    """The user of one test."""
    return f"run/{uuid4().hex[:12]} 😀"


def arrived(ask0: Stack, run: str) -> list[list[str]]:
    sql = f"SELECT type, event, properties.n FROM ask0.events WHERE sent_user_id = '{run}' ORDER BY message_id"
    return [line.split("\t") for line in ask0.query(sql).splitlines()]


def wait_until_arrived(ask0: Stack, run: str, count: int) -> None:
    wait_for(lambda: len(arrived(ask0, run)) == count, f"{count} events of {run}")


async def close(client: Any) -> None:
    await (asyncio.to_thread(client.close) if isinstance(client, Ask0) else client.close())


async def test_every_call_lands_where_it_belongs(kind: type[Client], ask0: Stack, run: str) -> None:
    told: list[Any] = []
    client: Any = kind(SECRET_KEY, ask0.url, on_refused=told.append, on_error=told.append)
    guest = f"{uuid4()}"
    client.track("Signed Up", {"n": 1}, anonymous_id=guest)
    client.identify({"id": run, "email": "ada@example.com", "customAttributes": {"seats": 3, "paid": Decimal("9.5")}})
    client.identify(run, {"plan": "pro", "since": date(2024, 1, 2)}, context={"consent": {"analytics": "granted"}})
    client.group("acme", {"industry": "tools"}, user_id=run)
    client.page("Install", {"path": "/install"}, category="Docs", user_id=run)
    client.screen("Home", {"dark": True}, user_id=run)
    client.track("Feature Used", {"userId": run, "feature": "API", "at": datetime(2024, 1, 2, tzinfo=UTC)})
    client.alias(run, guest)
    client.batch([{"event": "Opened", "userId": run, "page": "/docs"}, {"id": run, "role": "developer"}])
    await close(client)
    assert told == []
    wait_until_arrived(ask0, run, 9)
    assert [line[:2] for line in arrived(ask0, run)] == [
        ["identify", ""],
        ["identify", ""],
        ["group", ""],
        ["page", "Install"],
        ["screen", "Home"],
        ["track", "Feature Used"],
        ["alias", ""],
        ["track", "Opened"],
        ["identify", ""],
    ]
    rows = f"SELECT count() FROM ask0.users WHERE id = '{run}' AND role = 'developer' AND notEmpty(anonymous_ids)"
    wait_for(lambda: ask0.query(rows) == "1", f"the row of {run}")
    client = kind(SECRET_KEY, ask0.url)
    user = await outcome(client.users.get(run))
    assert (user["id"], user["email"], user["plan"], user["role"]) == (run, "ada@example.com", "pro", "developer")
    assert user["traits"] == {"seats": 3, "paid": 9.5, "since": "2024-01-02"}
    assert user["anonymousIds"] == [guest]
    assert (await outcome(client.users.get(f"g-{guest}")))["id"] == run
    await close(client)
    library = f"SELECT DISTINCT context.library.name FROM ask0.events WHERE user_id = '{run}'"
    assert ask0.query(library) == "ask0-sdk-python"


async def test_users_identify_is_durable_when_it_returns(kind: type[Client], ask0: Stack, run: str) -> None:
    client = kind(SECRET_KEY, ask0.url)
    answer = await outcome(client.users.identify(run, {"plan": "pro"}, project_id="proj_bench"))
    assert answer == {"success": True, "accepted": 1, "rejected": []}
    with pytest.raises(Ask0Error, match="400 no_usable_event") as raised:
        await outcome(client.users.identify(run, {"plan": "pro"}, project_id="another"))
    assert raised.value.status == 400
    await close(client)
    wait_until_arrived(ask0, run, 1)


async def test_errors_say_what_the_server_said(kind: type[Client], ask0: Stack) -> None:
    client = kind(SECRET_KEY, ask0.url)
    with pytest.raises(Ask0Error, match="404 unknown_user: nobody"):
        await outcome(client.users.get("no such user/../😀"))
    await close(client)
    client = kind(SECRET_KEY, ask0.url, project="another")
    with pytest.raises(Ask0Error, match="404 unknown_project"):
        await outcome(client.users.get("u"))
    await close(client)
    client = kind(WRITE_KEY, ask0.url)
    with pytest.raises(Ask0Error, match="401 unknown_secret_key"):
        await outcome(client.users.get("u"))
    await close(client)


async def test_the_gateways_refusals_come_back_with_their_events(kind: type[Client], ask0: Stack, run: str) -> None:
    told: list[Refusal] = []
    client: Any = kind(SECRET_KEY, ask0.url, on_refused=told.append)
    client.track("No user")
    client.track("Good", {"n": 1}, user_id=run)
    client.track("Long id", user_id="x" * 256)
    client.track("", user_id=run)
    client.track("No time", user_id=run, timestamp="yesterday")
    client.track("Large", {"text": "x" * 33_000}, user_id=run)
    client.track("No context", user_id=run, context=["x"])
    client.batch([{"userId": run}])
    await close(client)
    assert [(refusal.reason, refusal.event.get("event")) for refusal in told] == [
        ("missing_user", "No user"),
        ("invalid_id", "Long id"),
        ("missing_event", ""),
        ("invalid_timestamp", "No time"),
        ("too_large", "Large"),
        ("invalid_properties", "No context"),
        ("unknown_type", None),
    ]
    wait_until_arrived(ask0, run, 1)


async def test_a_wrong_key_is_told(kind: type[Client], ask0: Stack) -> None:
    told: list[Refusal] = []
    client: Any = kind("sk_" + "1" * 40, ask0.url, on_refused=told.append)
    client.track("Asked", user_id="u")
    await close(client)
    assert [refusal.event["event"] for refusal in told] == ["Asked"]
    assert told[0].reason.startswith("unknown_")


@pytest.mark.parametrize("trouble", ["a 503 period", "cut connections", "dropped requests"])
async def test_every_event_arrives_once_through(kind: type[Client], ask0: Stack, run: str, trouble: str) -> None:
    with open_gate(ask0.port) as gate:
        if trouble == "a 503 period":
            gate.refuse(503, {"Retry-After": "0"}, times=3)
        elif trouble == "cut connections":
            gate.cut(times=3)  # the gateway has taken them, and the SDK cannot know
        else:
            gate.drop(times=3)
        client: Any = kind(SECRET_KEY, gate.url, on_error=lambda error: None)
        for n in range(1_000):
            client.track("Asked", {"n": n}, user_id=run)
        await close(client)
        assert gate.refused == 3
    wait_until_arrived(ask0, run, 1_000)
    counts = f"SELECT count(), uniqExact(properties.n.:Int64) FROM ask0.events WHERE user_id = '{run}'"
    assert ask0.query(counts) == "1000\t1000"


async def test_a_user_is_made_changed_found_and_let_in(kind: type[Client], ask0: Stack, run: str) -> None:
    client: Any = kind(SECRET_KEY, ask0.url)
    made = await outcome(client.users.upsert({"id": run, "email": "ada@example.com", "traits": {"seats": 5}}))
    changed = await outcome(client.users.update(run, {"plan": run}, if_match=made["version"]))
    assert (changed["plan"], changed["traits"]) == (run, {"seats": 5})
    with pytest.raises(Ask0Error) as late:
        await outcome(client.users.update(run, {"plan": "free"}, if_match=made["version"]))
    assert (late.value.status, late.value.code) == (412, "moved_on")
    assert (await outcome(client.users.tag(run, "vip")))["tags"] == ["vip"]
    found = await collect(client.users.iterate(filter={"all": [{"trait": "plan", "op": "is", "value": run}]}))
    assert [user["id"] for user in found] == [run]
    segment = await outcome(client.segments.create({"name": "Mine", "conditions": {"plan": [run]}}))
    assert (await outcome(client.segments.count(segment["id"])))["count"] == 1
    await outcome(client.segments.delete(segment["id"], if_match=segment["version"]))
    stages = await outcome(client.stages.list())
    kept = await outcome(client.stages.put(stages["stages"], if_match=stages["version"]))
    assert (kept["stages"], int(kept["version"]) > int(stages["version"])) == (stages["stages"], True)
    await outcome(client.users.deactivate(run, reason="spam"))
    assert (await outcome(client.access(user=run)))["reason"] == "deactivated"
    await outcome(client.users.reactivate(run))
    assert (await outcome(client.access(user=run)))["allowed"] is True
    whole = json.loads(b"".join(await collect(client.users.export(run))))
    assert (whole["profile"]["id"], whole["profile"]["traits"]) == (run, {"seats": 5})
    archive = ZipFile(BytesIO(b"".join(await collect(client.users.export(run, format="csv")))))
    assert run in archive.read("profile.csv").decode()
    found = await outcome(client.audit.list(entity_id=run, action="user.updated"))
    assert [entry["traits"] for entry in found["audit"]] == [{"plan": run}]
    assert found["audit"][0] in (await outcome(client.audit.of_user(run)))["audit"]
    await close(client)
