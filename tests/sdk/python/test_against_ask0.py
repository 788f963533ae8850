"""The SDK and a real Ask0: what is said of users arrives once and can be asked for."""

import asyncio
import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from os import environ
from typing import Any
from uuid import uuid4
from zipfile import ZipFile

import pytest
from ask0_sdk import Ask0, Ask0Error, Refusal

from bench.stack import WRITE_KEY, Stack, wait_for
from tests.gate import open_gate
from tests.sdk.python.clients import KINDS, SECRET_KEY, Client, collect, flush, outcome

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


async def test_whoever_is_erased_is_gone_until_let_in_again(kind: type[Client], ask0: Stack, run: str) -> None:
    client: Any = kind(SECRET_KEY, ask0.url)
    await outcome(client.users.identify(run, {"email": "ada@example.com", "plan": "pro"}))
    talk = {"conversationId": f"talk-{run}", "text": "Where?"}
    client.track("Question Asked", talk, user_id=run)
    assert await flush(client)
    wait_until_arrived(ask0, run, 2)

    async def receipt(answer: Any) -> Any:
        job = (await outcome(client.jobs.wait((await outcome(answer))["job"]["id"])))["job"]
        assert job["status"] == "done", job
        assert job["receipt"]["signature"].startswith("signed:")
        return job["receipt"]

    assert (await receipt(client.users.delete_conversations(run)))["rows"]["conversations"] == 1
    user = await outcome(client.users.get(run))
    assert (user["email"], user["conversations"]) == ("ada@example.com", 0)
    gone = await receipt(client.users.delete(run, delete_conversations=True))
    assert (gone["did"], gone["people"], gone["conversations"]) == ("erase", 1, "removed")
    for call, code in ((client.users.get, "unknown_user"), (client.suppressions.lift, "unknown_suppression")):
        with pytest.raises(Ask0Error) as refused:
            await outcome(call(run if code == "unknown_user" else f"other {run}"))
        assert (refused.value.status, refused.value.code) == (404, code)
    with pytest.raises(Ask0Error) as erased:
        await outcome(client.users.upsert({"id": run, "plan": "free"}))
    assert (erased.value.status, erased.value.code) == (409, "erased")
    assert await outcome(client.suppressions.lift(run)) == {"lifted": True}
    assert (await outcome(client.users.upsert({"id": run, "plan": "free"})))["email"] is None
    nobodys = await receipt(client.users.delete(run, anonymize=True))
    assert (nobodys["did"], nobodys["people"]) == ("anonymize", 1)
    await close(client)


def make_project(ask0: Stack) -> dict[str, str]:
    """With its keys."""
    command = [sys.executable, "-m", "ask0.cli.main", "project", "create", f"Other {uuid4().hex}", "--json"]
    made = subprocess.run(command, env={**environ, **ask0.environ}, check=True, capture_output=True).stdout
    project: dict[str, str] = json.loads(made)
    return project


async def test_a_user_moves_to_another_project(kind: type[Client], ask0: Stack, run: str) -> None:
    other = make_project(ask0)
    here: Any = kind(SECRET_KEY, ask0.url)
    there: Any = kind(other["secretKey"], ask0.url)
    await outcome(here.users.upsert({"id": run, "plan": "pro"}))
    job = (await outcome(here.users.transfer(run, project=other["id"], key=other["secretKey"])))["job"]
    receipt = (await outcome(here.jobs.wait(job["id"])))["job"]["receipt"]
    assert (receipt["did"], receipt["into"], receipt["people"]) == ("transfer", other["id"], 1)
    assert (await outcome(there.users.get(run)))["plan"] == "pro"
    with pytest.raises(Ask0Error, match="404 unknown_user"):
        await outcome(here.users.get(run))
    await close(here)
    await close(there)


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
    many = (await outcome(client.exports.create(filter={"plan": [run]})))["job"]
    (line,) = b"".join(await collect(client.exports.download(many["id"]))).splitlines()
    assert (json.loads(line)["id"], (await outcome(client.jobs.wait(many["id"])))["job"]["receipt"]["users"]) == (
        run,
        1,
    )
    found = await outcome(client.audit.list(entity_id=run, action="user.updated"))
    assert [entry["traits"] for entry in found["audit"]] == [{"plan": run}]
    assert found["audit"][0] in (await outcome(client.audit.of_user(run)))["audit"]
    await close(client)


async def test_two_users_become_one_and_two_again(kind: type[Client], ask0: Stack, run: str) -> None:
    client: Any = kind(SECRET_KEY, ask0.url)
    await outcome(client.users.upsert({"id": run, "email": "ada@example.com", "plan": "free"}))
    await outcome(client.users.upsert({"id": f"{run}-old", "plan": "pro", "traits": {"seats": 3}}))
    merged = await outcome(client.users.merge(run, f"{run}-old"))
    assert (merged["id"], merged["mergedIds"], merged["plan"], merged["traits"]) == (
        run,
        [f"{run}-old"],
        "pro",
        {"seats": 3},
    )
    assert (await outcome(client.users.get(f"{run}-old")))["id"] == run
    with pytest.raises(Ask0Error, match="409 one_user"):
        await outcome(client.users.merge(f"{run}-old", run))
    parted = await outcome(client.users.unmerge(run, f"{run}-old"))
    assert (parted["mergedIds"], parted["plan"], parted["traits"]) == ([], "free", {})
    assert (await outcome(client.users.get(f"{run}-old")))["traits"] == {"seats": 3}
    await close(client)


async def test_what_a_user_was_shown_and_served_is_told(kind: type[Client], ask0: Stack, run: str) -> None:
    client: Any = kind(SECRET_KEY, ask0.url)
    await outcome(client.users.upsert({"id": run}))
    client.track("Message Shown", {"messageId": "welcome", "name": "Welcome"}, user_id=run)
    client.track("Survey Answered", {"messageId": "welcome", "nps": 9, "answer": "so"}, user_id=run)
    client.track("Config Served", {"key": "banner", "variation": "on"}, user_id=run)
    assert await flush(client)
    wait_until_arrived(ask0, run, 3)
    (message,) = (await outcome(client.users.messages(run)))["messages"]
    assert (message["name"], message["shown"], message["answers"][0]["nps"]) == ("Welcome", 1, 9)
    (config,) = (await outcome(client.users.configs(run, limit=5)))["configs"]
    assert (config["key"], config["variation"]) == ("banner", "on")
    await close(client)


async def test_a_job_is_followed_and_cancelled(kind: type[Client], ask0: Stack, run: str) -> None:
    """Fifty users a second are deactivated: these take four seconds, and they wait for a job that takes as long."""
    client: Any = kind(SECRET_KEY, ask0.url)
    await outcome(client.users.batch([{"id": f"{run}-{n}", "plan": run} for n in range(200)]))
    work = {"filter": {"plan": [run]}, "do": "deactivate"}
    jobs = [(await outcome(client.users.bulk(work)))["job"]["id"] for _ in range(2)]
    for id in reversed(jobs):
        asked = await outcome(client.jobs.cancel(id))
        assert asked["job"]["cancelAskedAt"] is not None
    for id in jobs:
        ended = (await outcome(client.jobs.wait(id)))["job"]
        assert (ended["status"], ended["receipt"]["changed"]) == ("cancelled", ended["progress"]["done"])
    tagged = await outcome(client.users.bulk({"ids": [run], "do": "tag", "tags": ["x"]}))
    done = (await outcome(client.jobs.wait(tagged["job"]["id"])))["job"]
    assert (done["status"], done["receipt"]["unknown"]) == ("done", 1)
    with pytest.raises(Ask0Error, match="409 job_finished"):
        await outcome(client.jobs.cancel(done["id"]))
    assert done in (await outcome(client.jobs.list()))["jobs"]
    await close(client)


async def test_who_may_chat_is_changed_and_a_key_is_made_works_and_is_revoked(kind: type[Client], ask0: Stack) -> None:
    client: Any = kind(SECRET_KEY, ask0.url)
    chat = await outcome(client.settings.chat())
    put = await outcome(client.settings.put_chat(chat["permission"], if_match=chat["version"]))
    assert put["permission"] == chat["permission"]
    added = await outcome(client.settings.add_verification_key())
    seen = added["verification"]["version"]
    await outcome(client.settings.remove_verification_key(added["id"], if_match=seen))
    made = await outcome(client.keys.create("SDK", scopes=["users:read"]))
    other: Any = kind(made["secret"], ask0.url)
    await outcome(other.users.list(limit=1))
    with pytest.raises(Ask0Error, match="403 missing_scope"):
        await outcome(other.keys.list())
    await outcome(client.keys.revoke(made["key"]["id"], if_match=made["key"]["version"]))
    with pytest.raises(Ask0Error, match="401 unknown_secret_key"):
        await outcome(other.users.list(limit=1))
    (shown,) = [one for one in (await outcome(client.keys.list()))["keys"] if one["id"] == made["key"]["id"]]
    assert shown["revokedAt"]
    await close(client)
    await close(other)


async def test_settings_are_read_tried_and_changed(kind: type[Client], ask0: Stack) -> None:
    client: Any = kind(SECRET_KEY, ask0.url)
    before = await outcome(client.settings.retention())
    found = await outcome(client.settings.dry_run_retention({"events": 30}))
    assert (found["events"]["count"], found["quarantine"]) == (0, None)
    changed = await outcome(client.settings.put_retention({"events": 4_000}, if_match=before["version"]))
    assert (changed["events"], changed["audit"]) == (4_000, None)
    assert changed["appliesFrom"] is not None
    assert (await outcome(client.settings.dry_run_retention()))["events"]["count"] == 0
    with pytest.raises(Ask0Error, match="412 moved_on") as late:
        await outcome(client.settings.put_retention({}, if_match=before["version"]))
    assert late.value.current["events"] == 4_000
    kept = await outcome(client.settings.put_retention({}, if_match=changed["version"]))
    assert (kept["events"], kept["appliesFrom"]) == (None, None)
    privacy = await outcome(client.settings.privacy())
    put = await outcome(client.settings.put_privacy(privacy["enforceConsent"], if_match=privacy["version"]))
    assert put["enforceConsent"] == privacy["enforceConsent"]
    await close(client)


async def test_insights_tell_what_the_whole_project_does(kind: type[Client], ask0: Stack, run: str) -> None:
    client: Any = kind(SECRET_KEY, ask0.url)
    first, then = f"First {run}", f"Then {run}"
    for user in (run, f"{run}-b"):
        client.track(first, {"n": 1}, user_id=user, timestamp=datetime.now(UTC) - timedelta(seconds=9))
    client.track(then, user_id=run)
    assert await flush(client)
    wait_until_arrived(ask0, run, 2)
    wait_until_arrived(ask0, f"{run}-b", 1)
    insights = client.insights
    ways = await outcome(insights.journeys(start=first, depth=2, days=1))
    assert [(node["event"], node["users"]) for node in ways["nodes"]] == [(first, 2), (then, 1)]
    assert ways["links"] == [{"step": 1, "from": first, "to": then, "users": 1}]
    funnel = await outcome(insights.funnel([first, then], days=1))
    assert [step["users"] for step in funnel["steps"]] == [2, 1]
    overview = await outcome(insights.overview())
    assert overview["activeUsers"]["value"] >= 2
    assert overview["statuses"].keys() == {"active", "guest", "unconfirmed", "deactivated"}
    assert len((await outcome(insights.trends("events", days=3)))["values"]) == 3
    assert isinstance((await outcome(insights.topics(sort="questions", limit=5)))["topics"], list)
    assert len((await outcome(insights.active_hours(until=datetime.now(UTC))))["hours"]) == 7
    assert (await outcome(insights.unanswered(topic=run)))["groups"] == []
    assert len((await outcome(insights.retention(weeks=2)))["cohorts"]) == 2
    assert len((await outcome(insights.cohorts(months=2, tz="Asia/Tokyo")))["cohorts"]) == 2
    (met,) = (await outcome(client.catalog.events(event=first)))["events"]
    assert (met["count"], met["properties"]) == (2, [{"name": "n", "types": ["number"]}])
    with pytest.raises(Ask0Error) as refused:
        await outcome(insights.cohorts(months=25))
    assert (refused.value.status, refused.value.details[0]["at"]) == (400, "months")
    await close(client)
