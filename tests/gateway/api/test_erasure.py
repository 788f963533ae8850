"""Erasing people: nothing of them is left and nothing comes back, everybody else stays, and a receipt says so."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ask0.catalog.replica import Replica
from ask0.catalog.sealing import KEY_FILE, Seal
from ask0.consumers.restoring import restore
from ask0.eventlog.open import open_control
from ask0.gateway.jobs import erasing
from ask0.gateway.jobs.kinds import Step
from ask0.schemas.catalog import Key, Project, secret_key
from ask0.schemas.erasure import sign_text
from ask0.schemas.jobs import Job
from ask0.warehouse.connect import Warehouse
from bench.stack import wait_for
from tests.gateway.running import STRICT_PROJECT, STRICT_SECRET, Running, running, save, working

BASE = "/v1/projects/-"
PROJECT, KEY, SECRET = "proj_erasing", "wk_erasing", "sk_secret_of_erasing"  # no other file's erasures are of it
TABLES = "SELECT name FROM system.tables WHERE database = {database:String} AND engine LIKE '%MergeTree'"


@pytest.fixture(scope="module")
def served(clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("erasure"), clickhouse) as gateway, working(gateway, clickhouse):
        write = Key(id=KEY, kind="write", project_id=PROJECT, shown=KEY, created_at=1)
        documents = Project(id=PROJECT, name="Erasing", created_at=1), write, secret_key(SECRET, PROJECT, 1)
        asyncio.run(save(gateway.log_dsn, *documents))
        wait_for(lambda: call(gateway, "GET", "/me").is_success, "the key")
        yield gateway


def call(gateway: Running, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
    sent = {"authorization": f"Bearer {SECRET}"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return gateway.client.request(method, BASE + path, json=body, headers=sent)


def done(gateway: Running, answer: httpx.Response) -> dict[str, Any]:
    """The receipt of the job that was answered."""
    assert answer.status_code == 202, answer.text
    id = answer.json()["job"]["id"]

    def job() -> dict[str, Any]:
        found: dict[str, Any] = call(gateway, "GET", f"/jobs/{id}").json()["job"]
        return found

    wait_for(lambda: job()["status"] in ("done", "failed"), "the job")
    assert job()["status"] == "done", job()
    receipt: dict[str, Any] = job()["receipt"]
    return receipt


def says(gateway: Running, name: str, **fields: Any) -> None:
    """An event, once it is in the tables."""
    type = fields.pop("type", "track")
    wire = {"event": "Page Seen", "messageId": name, **fields} if type == "track" else {"messageId": name, **fields}
    assert gateway.post(f"/v1/{type}", wire, key=KEY).status_code == 200


def stored(clickhouse: Warehouse, *names: str) -> set[str]:
    sql = "SELECT message_id FROM events WHERE project_id = {project:String} AND message_id IN {names:Array(String)}"
    return {id for (id,) in clickhouse.query(sql, {"project": PROJECT, "names": [*names]})}


def settled(gateway: Running, clickhouse: Warehouse, name: str) -> None:
    """Whatever was sent before is in the tables, or dropped."""
    says(gateway, name, userId=f"witness-{name}")
    wait_for(lambda: stored(clickhouse, name), "the witness")


def lives(gateway: Running, clickhouse: Warehouse, who: str, secret: str) -> None:
    """Somebody of whom each table knows something: `who` as user, guest and merged user, a secret in all they say."""
    says(gateway, f"{who}-look", anonymousId=f"{who}-anon", properties={"q": secret}, context={"page": {"url": secret}})
    says(
        gateway,
        f"{who}-id",
        type="identify",
        userId=who,
        anonymousId=f"{who}-anon",
        traits={"email": secret, "x": secret},
    )
    talk = {"conversationId": f"{who}-talk"}
    says(gateway, f"{who}-q", userId=who, event="Question Asked", properties={**talk, "text": secret, "topic": "t"})
    says(gateway, f"{who}-a", userId=who, event="Answer Given", properties={**talk, "text": secret, "answered": True})
    settled(gateway, clickhouse, f"{who}-settled")
    call(gateway, "PUT", f"/users/{who}-old", {"name": secret})
    call(gateway, "POST", f"/users/{who}/merge", {"from": f"{who}-old"})
    call(gateway, "PATCH", f"/users/{who}", {"traits": {"note": secret}, "tags": [secret]})
    call(gateway, "POST", f"/users/{who}/deactivate", {"reason": secret})
    assert mentions(clickhouse, secret) > {"events", "user_facts", "user_rows", "user_changes", "audit"}
    assert mentions(clickhouse, f"{who}-anon") >= {"events", "identity_links", "user_facts"}


def mentions(clickhouse: Warehouse, text: str) -> set[str]:
    """Tables that say it in any column."""
    found = set()
    for (table,) in clickhouse.query(TABLES, {"database": clickhouse.database}):
        sql = f"SELECT count() FROM {table} WHERE position(toString(tuple(*)), {{text:String}}) > 0"
        if clickhouse.query(sql, {"text": text})[0][0]:
            found.add(table)
    return found


def test_nothing_of_an_erased_user_is_left_and_nothing_comes_back(served: Running, clickhouse: Warehouse) -> None:
    lives(served, clickhouse, "era-ann", "Secret of Ann")
    says(served, "era-other", userId="era-other", anonymousId="era-ann-anon")  # at the same browser
    settled(served, clickhouse, "era-ann-other")
    receipt = done(served, call(served, "DELETE", "/users/era-ann?deleteConversations=true"))
    assert mentions(clickhouse, "Secret of Ann") == set()
    assert mentions(clickhouse, "era-ann") - {"events", "user_facts", "user_rows"} == set()  # witnesses are named so
    assert stored(clickhouse, "era-ann-look", "era-ann-id", "era-ann-q", "era-ann-a") == set()
    assert stored(clickhouse, "era-other") == {"era-other"}
    assert call(served, "GET", "/users/era-ann").status_code == 404
    assert call(served, "GET", "/users/era-ann-old").status_code == 404
    assert receipt["people"] == 1
    assert receipt["conversations"] == "removed"
    assert receipt["rows"]["events"] == 4
    seal = Seal(file=served.data_dir / KEY_FILE)
    assert seal.has_signed(sign_text(receipt), receipt["signature"])
    assert not seal.has_signed(sign_text(receipt | {"people": 2}), receipt["signature"])

    says(served, "era-again", userId="era-ann")
    says(served, "era-guest", anonymousId="era-ann-anon")
    says(served, "era-merged", type="identify", userId="era-ann-old", traits={"email": "Secret of Ann"})
    settled(served, clickhouse, "era-again-settled")
    assert stored(clickhouse, "era-again", "era-guest", "era-merged") == set()
    refused = call(served, "PUT", "/users/era-ann", {"name": "Ann"})
    assert (refused.status_code, refused.json()["code"]) == (409, "erased")


def test_who_is_let_in_again_begins_anew(served: Running, clickhouse: Warehouse) -> None:
    says(served, "era-back-1", userId="era-back")
    settled(served, clickhouse, "era-back-settled")
    done(served, call(served, "DELETE", "/users/era-back"))
    for _ in range(2):
        assert call(served, "POST", "/suppressions/era-back/lift").json() == {"lifted": True}
    says(served, "era-back-2", userId="era-back")
    wait_for(lambda: stored(clickhouse, "era-back-2"), "the new event")
    assert stored(clickhouse, "era-back-1") == set()
    assert call(served, "PUT", "/users/era-back", {"name": "Back"}).is_success
    assert call(served, "DELETE", "/users/era-back").status_code == 202


def test_conversations_stay_under_a_random_id_unless_they_are_to_go(served: Running, clickhouse: Warehouse) -> None:
    lives(served, clickhouse, "era-bob", "Secret of Bob")
    receipt = done(served, call(served, "DELETE", "/users/era-bob"))
    assert receipt["conversations"] == "kept, under a random id"
    kept = clickhouse.query("SELECT user_id, properties FROM events WHERE conversation_id = 'era-bob-talk'")
    assert len(kept) == 2
    (owner,) = {user_id for user_id, _ in kept}
    assert owner.startswith("erased_")
    assert clickhouse.query("SELECT user_id FROM conversations WHERE id = 'era-bob-talk'") == [(owner,)]
    assert mentions(clickhouse, "Secret of Bob") <= {"events", "conversation_facts", "conversation_rows"}
    assert stored(clickhouse, "era-bob-look", "era-bob-id") == set()


def test_who_is_anonymized_stays_as_nobody(served: Running, clickhouse: Warehouse) -> None:
    lives(served, clickhouse, "era-cyd", "Secret of Cyd")
    call(served, "PATCH", "/users/era-cyd", {"plan": "pro", "traits": {"seats": 7}})
    before = call(served, "GET", "/users/era-cyd").json()
    receipt = done(served, call(served, "DELETE", "/users/era-cyd?anonymize=true"))
    assert receipt["did"] == "anonymize"
    (owner,) = clickhouse.query("SELECT DISTINCT user_id FROM events WHERE conversation_id = 'era-cyd-talk'")[0]
    user = call(served, "GET", f"/users/{owner}").json()
    assert (user["email"], user["plan"], user["traits"]) == (None, "pro", {"seats": 7})
    assert (user["questions"], user["firstSeenAt"]) == (before["questions"], before["firstSeenAt"])
    left = clickhouse.query("SELECT toString(properties) FROM events WHERE user_id = {id:String}", {"id": owner})
    assert sorted(json.loads(text) == {} for (text,) in left if "talk" not in text) == [False, True]
    assert mentions(clickhouse, "Secret of Cyd") == {"events"}  # in the properties of the site's own event
    assert call(served, "GET", "/users/era-cyd").status_code == 404


def test_of_an_anonymized_user_only_what_is_defined_as_not_personal_stays_as_text(
    served: Running, clickhouse: Warehouse
) -> None:
    properties = [
        {"name": "segment", "type": "text"},
        {"name": "nickname", "type": "text", "pii": True},
        {"name": "salary", "type": "number", "pii": True},
    ]
    assert call(served, "PUT", "/properties", {"properties": properties}, if_match="*").is_success
    traits = {"segment": "smb", "nickname": "Jo", "salary": 7, "seats": 7, "beta": True, "note": "free text"}
    assert call(served, "PUT", "/users/era-jo", {"email": "jo@example.com", "traits": traits}).is_success
    says(served, "era-jo-1", userId="era-jo")
    settled(served, clickhouse, "era-jo-settled")
    done(served, call(served, "DELETE", "/users/era-jo?anonymize=true"))
    sql = "SELECT id FROM users WHERE startsWith(id, 'erased_') AND toString(traits) LIKE '%smb%'"
    ((owner,),) = clickhouse.query(sql)
    user = call(served, "GET", f"/users/{owner}").json()
    assert (user["email"], user["traits"]) == (None, {"segment": "smb", "seats": 7, "beta": True})


def test_conversations_go_and_the_user_stays(served: Running, clickhouse: Warehouse) -> None:
    lives(served, clickhouse, "era-dan", "Secret of Dan")
    done(served, call(served, "DELETE", "/users/era-dan/conversations"))
    user = call(served, "GET", "/users/era-dan").json()
    assert (user["conversations"], user["questions"], user["email"]) == (0, 0, "Secret of Dan")
    assert clickhouse.query("SELECT count() FROM events WHERE conversation_id = 'era-dan-talk'") == [(0,)]
    says(
        served,
        "era-dan-new",
        userId="era-dan",
        event="Question Asked",
        properties={"conversationId": "era-dan-2", "text": "?"},
    )
    settled(served, clickhouse, "era-dan-settled-2")
    wait_for(lambda: call(served, "GET", "/users/era-dan").json()["questions"] == 1, "the new question")


def test_a_guest_is_who_they_became(served: Running, clickhouse: Warehouse) -> None:
    says(served, "era-gus-1", anonymousId="era-gus-anon")
    says(served, "era-gus-2", type="identify", userId="era-gus", anonymousId="era-gus-anon")
    settled(served, clickhouse, "era-gus-settled")
    assert done(served, call(served, "DELETE", "/users/g-era-gus-anon"))["people"] == 1
    assert call(served, "GET", "/users/era-gus").status_code == 404
    assert stored(clickhouse, "era-gus-1", "era-gus-2") == set()


def test_who_was_merged_into_somebody_is_that_one(served: Running, clickhouse: Warehouse) -> None:
    says(served, "era-ike-1", userId="era-ike")
    settled(served, clickhouse, "era-ike-settled")
    call(served, "PUT", "/users/era-ike-old", {"name": "Ike"})
    assert call(served, "POST", "/users/era-ike/merge", {"from": "era-ike-old"}).is_success
    assert done(served, call(served, "DELETE", "/users/era-ike-old"))["people"] == 1
    assert call(served, "GET", "/users/era-ike").status_code == 404
    assert stored(clickhouse, "era-ike-1") == set()


def test_what_arrives_while_they_are_erased_is_gone_too(served: Running, clickhouse: Warehouse) -> None:
    says(served, "era-hal-first", userId="era-hal")
    settled(served, clickhouse, "era-hal-settled")
    job = call(served, "DELETE", "/users/era-hal")
    sent: list[str] = []
    while call(served, "GET", f"/jobs/{job.json()['job']['id']}").json()["job"]["status"] != "done":
        sent.append(f"era-hal-{len(sent)}")
        says(served, sent[-1], userId="era-hal", anonymousId=f"{sent[-1]}-anon")
    assert sent
    settled(served, clickhouse, "era-hal-settled-2")
    assert stored(clickhouse, "era-hal-first", *sent) == set()
    assert call(served, "GET", "/users/era-hal").status_code == 404


def test_many_go_by_a_filter_in_runs_of_their_own(
    served: Running, clickhouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "USERS_AT_ONCE", 2)
    ids = [f"era-many-{number}" for number in range(5)]
    call(served, "POST", "/users/batch", {"users": [{"id": id, "tags": ["era-many"]} for id in ids]})
    call(served, "PUT", "/users/era-few", {"tags": ["era-few"]})
    receipt = done(served, call(served, "POST", "/users/bulk", {"filter": {"tag": "era-many"}, "do": "erase"}))
    assert (receipt["asked"], receipt["people"]) == (5, 5)
    assert call(served, "GET", "/users/era-few").is_success
    assert not any(call(served, "GET", f"/users/{id}").is_success for id in ids)


def test_one_who_never_was_has_a_receipt_of_zeros_and_twice_is_as_once(served: Running) -> None:
    first, second = (call(served, "DELETE", "/users/era-nobody") for _ in range(2))
    again = call(served, "DELETE", "/users/era-nobody", idempotency_key="era-1")
    same = call(served, "DELETE", "/users/era-nobody", idempotency_key="era-1")
    assert again.json()["job"]["id"] == same.json()["job"]["id"]
    for answer in (first, second, again):
        receipt = done(served, answer)
        assert (receipt["asked"], receipt["people"], receipt["rows"]) == (1, 0, {})


def test_who_comes_back_with_a_backup_is_erased_again_and_nobody_else(served: Running, clickhouse: Warehouse) -> None:
    """The tables are as they were before the erasure, and a worker starts."""
    lives(served, clickhouse, "era-eve", "Secret of Eve")
    call(served, "PUT", "/users/era-else", {"name": "Else"})
    tables = [table for (table,) in clickhouse.query(TABLES, {"database": clickhouse.database})]
    own = [table for table in tables if table in mentions(clickhouse, "era-eve") - {"audit", "user_changes"}]
    for table in own:
        clickhouse.command(f"CREATE TABLE backup_{table} AS {table} ENGINE = MergeTree ORDER BY tuple()")
        clickhouse.command(
            f"INSERT INTO backup_{table} SELECT * FROM {table} WHERE toString(tuple(*)) LIKE '%era-eve%'"
        )
    done(served, call(served, "DELETE", "/users/era-eve?deleteConversations=true"))
    for table in own:
        clickhouse.command(f"INSERT INTO {table} SELECT * FROM backup_{table}")
        clickhouse.command(f"DROP TABLE backup_{table} SYNC")
    clickhouse.command("TRUNCATE TABLE suppressions")
    assert call(served, "GET", "/users/era-eve").is_success
    (job,) = asyncio.run(restored(served, clickhouse))
    wait_for(lambda: call(served, "GET", f"/jobs/{job}").json()["job"]["status"] == "done", "the job")
    assert call(served, "GET", "/users/era-eve").status_code == 404
    assert mentions(clickhouse, "Secret of Eve") == set()
    assert call(served, "GET", "/users/era-else").is_success
    assert asyncio.run(restored(served, clickhouse)) == []


async def restored(gateway: Running, clickhouse: Warehouse) -> list[str]:
    """What a worker does before its first round: ids of the jobs."""
    replica = Replica(open_control(gateway.log_dsn))
    await replica.start()
    try:
        return [job.id for job in await restore(replica, clickhouse)]
    finally:
        await replica.close()


def test_a_user_moves_to_another_project_with_all_that_was_said(served: Running, clickhouse: Warehouse) -> None:
    lives(served, clickhouse, "era-fay", "Secret of Fay")
    call(served, "POST", "/users/era-fay/reactivate")
    before = told(served, "era-fay", SECRET)
    order = {"project": STRICT_PROJECT, "key": STRICT_SECRET}
    receipt = done(served, call(served, "POST", "/users/era-fay/transfer", order))
    assert (receipt["did"], receipt["into"], receipt["people"]) == ("transfer", STRICT_PROJECT, 1)
    assert told(served, "era-fay", STRICT_SECRET) == before
    assert call(served, "GET", "/users/era-fay").status_code == 404
    sql = "SELECT DISTINCT project_id FROM events WHERE user_id = 'era-fay'"
    assert clickhouse.query(sql) == [(STRICT_PROJECT,)]
    says(served, "era-fay-late", userId="era-fay")
    settled(served, clickhouse, "era-fay-late-settled")
    assert stored(clickhouse, "era-fay-late") == set()


@pytest.mark.parametrize("kind", ["erase", "anonymize", "delete_conversations", "transfer"])
def test_each_step_that_is_done_again_after_a_crash_comes_to_the_same(
    kind: str, served: Running, clickhouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever takes a job over does the last step again, of which nobody knows how far it has come."""
    step = erasing.Erasing.step

    async def twice(self: erasing.Erasing, job: Job) -> Step:
        await step(self, job)
        return await step(self, job)

    monkeypatch.setattr(erasing.Erasing, "step", twice)
    who = f"era-two-{kind}"
    lives(served, clickhouse, who, f"Secret of {who}")
    call(served, "PATCH", f"/users/{who}", {"traits": {"two": kind == "erase"}, "plan": f"plan of {kind}"})
    before = call(served, "GET", f"/users/{who}").json()
    if kind == "transfer":
        order = {"project": STRICT_PROJECT, "key": STRICT_SECRET}
        receipt = done(served, call(served, "POST", f"/users/{who}/transfer", order))
    else:
        receipt = done(served, call(served, "POST", "/users/bulk", {"ids": [who], "do": kind}))
    assert receipt["people"] == 1
    rows = clickhouse.query(
        "SELECT type, event, count(), uniqExact(_log, _partition, _off, _idx) FROM events"
        " WHERE conversation_id = {talk:String} GROUP BY ALL",
        {"talk": f"{who}-talk"},
    )
    assert all(count == different for _, _, count, different in rows), "nothing is there twice"
    assert len(rows) == (0 if kind == "delete_conversations" else 2)
    assert receipt["rows"]["events"] == {"delete_conversations": 2}.get(kind, 4)
    plans = clickhouse.query(f"SELECT questions FROM users WHERE plan = 'plan of {kind}'")
    expected = {"erase": [], "delete_conversations": [(0,)]}.get(kind, [(before["questions"],)])
    assert plans == expected


def told(gateway: Running, id: str, key: str) -> Any:
    """All that the API says of a user, but for what is of the project."""
    parts = [
        gateway.client.get(f"{BASE}/users/{id}{part}", headers={"authorization": f"Bearer {key}"}).json()
        for part in ("", "/events?limit=200", "/conversations", "/export")
    ]
    profile, events, conversations, export = parts
    assert events["events"]
    assert conversations["conversations"]
    return (
        {name: value for name, value in profile.items() if name != "version"},
        [event for event in events["events"] if event["type"] != "segment"],
        conversations["conversations"],
        export.keys(),
    )


def test_nobody_moves_without_the_right_to_write_there(served: Running) -> None:
    def refused(**order: str) -> tuple[int, str]:
        answer = call(served, "POST", "/users/era-x/transfer", order)
        return answer.status_code, answer.json()["code"]

    assert refused(project=STRICT_PROJECT, key="sk_unheard_of") == (401, "unknown_secret_key")
    assert refused(project=STRICT_PROJECT, key=SECRET) == (403, "wrong_project")
    assert refused(project=PROJECT, key=SECRET) == (409, "same_project")
    assert refused(project=STRICT_PROJECT, key=KEY) == (401, "unknown_secret_key")


def test_what_makes_no_sense_is_refused(served: Running) -> None:
    both = call(served, "DELETE", "/users/era-x?anonymize=true&deleteConversations=true")
    assert (both.status_code, both.json()["code"]) == (400, "invalid_query")
    tags = call(served, "POST", "/users/bulk", {"ids": ["era-x"], "do": "erase", "tags": ["x"]})
    assert tags.status_code == 400
    assert call(served, "POST", "/suppressions/era-x/lift").json()["code"] == "unknown_suppression"
