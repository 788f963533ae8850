"""How people stand, sign up and go on: guests who become users, users who are merged, deactivated, erased."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from ask0.gateway.api import kept
from ask0.schemas.catalog import Key, Project, secret_key
from ask0.schemas.insights import Cohorts, Journeys, Overview
from ask0.warehouse.connect import Warehouse
from bench.stack import wait_for
from tests.gateway.api.rows import get
from tests.gateway.running import Running, running, save, working

PROJECT, KEY, SECRET = "proj_people", "wk_people", "sk_secret_of_people"
SIGNED_UP = datetime.now(UTC) - timedelta(days=50)
# Of who is known now, as an analyst would ask it.
WHO = "FROM users WHERE project_id = 'proj_people'"


@pytest.fixture(scope="module")
def told(clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with (
        pytest.MonkeyPatch.context() as patch,
        running(tmp_path_factory.mktemp("people"), clickhouse) as gateway,
        working(gateway, clickhouse),
    ):
        patch.setattr(kept, "SECONDS", 0)
        write = Key(id=KEY, kind="write", project_id=PROJECT, shown=KEY, created_at=1)
        documents = Project(id=PROJECT, name="People", created_at=1), write, secret_key(SECRET, PROJECT, 1)
        asyncio.run(save(gateway.log_dsn, *documents))
        wait_for(lambda: call(gateway, "GET", "/me").is_success, "the key")
        _live(gateway, clickhouse)
        yield gateway


def call(gateway: Running, method: str, path: str, body: Any = None) -> httpx.Response:
    headers = {"authorization": f"Bearer {SECRET}"}
    return gateway.client.request(method, f"/v1/projects/-{path}", json=body, headers=headers)


def ask(gateway: Running, what: str, **query: Any) -> Any:
    answer = get(gateway, f"/insights/{what}", secret=SECRET, **query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _say(gateway: Running, type: str, **fields: Any) -> None:
    assert gateway.post(f"/v1/{type}", fields, key=KEY).status_code == 200


def _does(gateway: Running, *events: str, **who: str) -> None:
    """One after the other, a minute apart, some hours ago."""
    began = datetime.now(UTC) - timedelta(hours=3)
    for number, event in enumerate(events):
        at = (began + timedelta(minutes=number)).isoformat()
        _say(gateway, "track", event=event, timestamp=at, **who)


def _live(gateway: Running, clickhouse: Warehouse) -> None:
    people = ("ada", "ben", "cleo", "dan", "eva", "finn")
    for id in people:
        traits = {"createdAt": SIGNED_UP.isoformat(), "plan": "free"}
        _say(gateway, "identify", userId=id, traits=traits)
    for id, score in (("ada", 10), ("ben", 9), ("cleo", 7), ("dan", 0), ("eva", 6), ("finn", 2), ("finn", 10)):
        _say(gateway, "track", userId=id, event="Survey Answered", properties={"survey": "nps", "nps": score})
    _does(gateway, "Visited", "Asked", "Asked", anonymousId="was-guest")
    _does(gateway, "Visited", "Left", anonymousId="guest")
    _does(gateway, "Visited", "Asked", "Bought", userId="ben")
    _does(gateway, "Visited", "Bought", userId="cleo")
    _does(gateway, "Visited", "Left", userId="finn")
    _say(gateway, "identify", userId="ada", anonymousId="was-guest")
    _say(gateway, "track", userId="witness", event="Seen")
    wait_for(lambda: call(gateway, "GET", "/users/witness").is_success, "what was said")
    for id, plan in (("ben", "pro"), ("cleo", "enterprise"), ("dan", "pro"), ("finn", "pro"), ("ada", "trial")):
        assert call(gateway, "PATCH", f"/users/{id}", {"plan": plan}).is_success
    assert call(gateway, "PATCH", "/users/eva", {"traits": {"emailVerified": False}}).is_success
    assert call(gateway, "POST", "/users/ada/merge", {"from": "cleo"}).is_success
    assert call(gateway, "POST", "/users/dan/deactivate", {"reason": "spam"}).is_success
    job = call(gateway, "DELETE", "/users/finn").json()["job"]["id"]
    wait_for(lambda: call(gateway, "GET", f"/jobs/{job}").json()["job"]["status"] == "done", "the erasure")
    merged = "SELECT count() FROM events WHERE project_id = 'proj_people' AND user_id = 'cleo'"
    wait_for(lambda: clickhouse.query(merged) == [(0,)], "the merge")


def test_everybody_has_one_status(told: Running, clickhouse: Warehouse) -> None:
    found = Overview.model_validate(ask(told, "overview"))
    statuses = found.statuses.model_dump()
    assert statuses == {"active": 3, "guest": 1, "unconfirmed": 1, "deactivated": 1}  # ada, ben, witness
    assert clickhouse.query(f"SELECT count() {WHO}") == [(sum(statuses.values()),)]
    for status, users in statuses.items():
        listed = get(told, "/users", secret=SECRET, filter=f'{{"status": "{status.title()}"}}', total=True)
        assert listed.json()["total"] == users, status


def test_who_was_active_lately_is_who_the_lists_find(told: Running) -> None:
    lately = Overview.model_validate(ask(told, "overview")).lately
    for span, users in (("24h", lately.day), ("7d", lately.week), ("30d", lately.month)):
        filter = f'{{"trait": "lastActiveAt", "op": "inLast", "value": "{span}"}}'
        assert get(told, "/users", secret=SECRET, filter=filter, total=True).json()["total"] == users, span
    assert 0 < lately.day <= lately.week <= lately.month


def test_the_score_is_promoters_less_detractors(told: Running, clickhouse: Warehouse) -> None:
    found = Overview.model_validate(ask(told, "overview")).nps
    sql = f"SELECT countIf(nps >= 9), countIf(nps = 7 OR nps = 8), countIf(nps < 7) {WHO}"
    ((promoters, passives, detractors),) = clickhouse.query(sql)
    assert (found.promoters, found.passives, found.detractors) == (promoters, passives, detractors)
    assert found.promoters + found.passives + found.detractors == 4  # ada's is also cleo's, finn's is gone
    assert found.score == pytest.approx(100 * (promoters - detractors) / 4)
    for segment, users in (("promoters", promoters), ("passives", passives), ("detractors", detractors)):
        listed = get(told, "/users", secret=SECRET, segment=f"seg_{segment}", total=True)
        assert listed.json()["total"] == users


def test_who_signed_up_is_told_as_they_are_now(told: Running, clickhouse: Warehouse) -> None:
    cohorts = Cohorts.model_validate(ask(told, "cohorts", months=4)).cohorts
    sql = f"SELECT toStartOfMonth(ifNull(created_at, first_seen_at)) AS month, count() {WHO} AND status != 'Guest'"
    signed_up = {f"{month:%Y-%m}": users for month, users in clickhouse.query(f"{sql} GROUP BY month")}
    assert {one.month: one.users for one in cohorts if one.users} == signed_up
    (own,) = (one for one in cohorts if one.month == f"{SIGNED_UP:%Y-%m}")
    assert own.users == 4  # ada, ben, dan, eva
    # Ben, and dan though deactivated. Ada is on trial: cleo, who paid, is one with her, and what was said last stands.
    assert (own.upgraded, own.upgrade_rate) == (2, 0.5)
    assert own.active[0] == 0  # they came later
    assert sum(own.active) >= 4


def test_a_way_is_the_way_of_who_they_are_now(told: Running, clickhouse: Warehouse) -> None:
    found = Journeys.model_validate(ask(told, "journeys", start="Visited", depth=3))
    # Of ada, who was a guest and is one with cleo: Visited, Asked or Bought at the same minute, by their names.
    assert {(node.step, node.event): node.users for node in found.nodes} == {
        (1, "Visited"): 3,
        (2, "Asked"): 2,
        (2, "Left"): 1,
        (3, "Bought"): 2,
    }
    sql = "SELECT uniqExact(user_id) FROM events WHERE project_id = 'proj_people' AND event = 'Visited'"
    assert clickhouse.query(sql) == [(found.users,)]
    assert [(link.from_event, link.to, link.users) for link in found.links] == [
        ("Visited", "Asked", 2),
        ("Visited", "Left", 1),
        ("Asked", "Bought", 2),
    ]


@pytest.mark.parametrize(
    ("what", "asked", "at"),
    [
        ("cohorts", {"months": "25"}, "months"),
        ("cohorts", {"months": "0"}, "months"),
        ("cohorts", {"until": "2999-01-01"}, "until"),
        ("cohorts", {"weeks": "3"}, "weeks"),
        ("journeys", {"days": "91"}, "days"),
        ("journeys", {"depth": "7"}, "depth"),
        ("journeys", {"limit": "21"}, "limit"),
        ("journeys", {"start": ""}, "start"),
        ("journeys", {"start": "x" * 256}, "start"),
        ("journeys", {"tz": "Nowhere"}, "tz"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_place(
    told: Running, what: str, asked: dict[str, str], at: str
) -> None:
    answer = get(told, f"/insights/{what}", secret=SECRET, **asked)
    assert (answer.status_code, answer.json()["details"][0]["at"]) == (400, at)


@pytest.mark.parametrize("what", ["cohorts", "journeys"])
def test_a_project_sees_its_own_alone(told: Running, what: str) -> None:
    other = get(told, f"/insights/{what}", secret=SECRET, project="proj_first")
    assert (other.status_code, other.json()["code"]) == (404, "unknown_project")
    assert get(told, f"/insights/{what}", secret=SECRET, project=PROJECT).json()["asOf"]
