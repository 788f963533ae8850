"""Stages of a project: defined as one document, tried in order, the same in a profile, a list and a filter."""

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import uuid4

import httpx
import pytest

from ask0.eventlog.open import open_control
from ask0.schemas import changes
from ask0.schemas.documents import MAX_STAGES
from ask0.schemas.segments import STAGES
from ask0.warehouse.connect import Warehouse
from tests.gateway.running import PROJECT, SECRET, STRICT_SECRET, Running, running

BASE = "/v1/projects/-"
MINE = {"trait": "email", "op": "is", "value": "x@stages.example"}
PEOPLE = {"stg-ada": ("pro", 12), "stg-bob": ("pro", 1), "stg-eve": ("free", 12), "stg-guy": (None, 0)}
BIG = {"name": "Big", "filter": {"trait": "seats", "op": "gte", "value": 10}}
PAYING = {"name": "Paying", "filter": {"trait": "plan", "op": "is", "value": "pro"}}
REST = {"name": "Rest", "filter": {"all": []}}


@pytest.fixture(scope="module")
def people(clickhouse: Warehouse) -> None:
    for id, (plan, seats) in PEOPLE.items():
        row = {
            "project_id": PROJECT,
            "id": id,
            "email": "x@stages.example",
            "plan": plan,
            "traits": json.dumps({"seats": seats}),
            "status": "Active",
            "last_active_at": time.time_ns() // 1_000_000,
            "merged_into": "",
            "_version": 1,
        }
        clickhouse.insert("user_rows", {name: [value] for name, value in row.items()}, token=uuid4().hex)


@pytest.fixture
def served(clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory, people: None) -> Iterator[Running]:
    """A gateway whose projects have defined nothing yet."""
    with running(tmp_path_factory.mktemp("stages"), clickhouse) as gateway:
        yield gateway


def call(
    gateway: Running, method: str, path: str, body: Any = None, secret: str = SECRET, **headers: str
) -> httpx.Response:
    sent = {"authorization": f"Bearer {secret}"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return gateway.client.request(method, BASE + path, json=body, headers=sent)


def put(gateway: Running, *stages: dict[str, Any], **headers: str) -> httpx.Response:
    return call(gateway, "PUT", "/stages", {"stages": stages}, **{"if_match": "*", **headers})


def defined(gateway: Running, *stages: dict[str, Any]) -> list[dict[str, Any]]:
    answer = put(gateway, *stages)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["stages"]
    return found


def listed(gateway: Running, **filter: Any) -> dict[str, str | None]:
    asked = {"filter": {"all": [MINE, filter] if filter else [MINE]}, "sort": "id"}
    answer = call(gateway, "POST", "/users/query", asked)
    assert answer.status_code == 200, answer.text
    return {user["id"]: user["stage"] for user in answer.json()["users"]}


def refused(gateway: Running, *stages: dict[str, Any]) -> dict[str, Any]:
    answer = put(gateway, *stages)
    assert answer.status_code == 400, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_a_project_that_has_defined_none_has_the_products_own(served: Running) -> None:
    answer = call(served, "GET", "/stages")
    assert [stage["name"] for stage in answer.json()["stages"]] == [rule.name for rule in STAGES]
    assert answer.json()["stages"] == answer.json()["defaults"]
    assert (answer.headers["etag"], answer.json()["version"]) == ('"0"', "0")
    assert listed(served) == {"stg-ada": "Customer", "stg-bob": "Customer", "stg-eve": "Trial", "stg-guy": "Trial"}


def test_the_first_that_holds_is_the_users_wherever_it_is_asked(served: Running) -> None:
    big, _, rest = defined(served, BIG, PAYING, REST)
    expected = {"stg-ada": "Big", "stg-bob": "Paying", "stg-eve": "Big", "stg-guy": "Rest"}
    assert listed(served) == expected
    assert {id: call(served, "GET", f"/users/{id}").json()["stage"] for id in PEOPLE} == expected
    assert [*listed(served, stage="Big")] == [*listed(served, stage=big["id"])] == ["stg-ada", "stg-eve"]
    assert [*listed(served, stage=["Paying", rest["id"]])] == ["stg-bob", "stg-guy"]
    assert call(served, "POST", "/users/query", {"filter": {"stage": "Customer"}}).status_code == 400
    bot = call(served, "GET", f"/users/properties?stageIds={big['id']}&limit=200").json()["data"]["items"]
    assert {"stg-ada", "stg-eve"} == {item["userId"] for item in bot} & PEOPLE.keys()
    unknown = call(served, "GET", "/users/properties?stageIds=Customer").json()["error"]
    assert unknown["code"] == "unknown_stage"


def test_whoever_is_in_none_has_none_and_other_projects_keep_theirs(served: Running) -> None:
    defined(served, PAYING)
    assert listed(served) == {"stg-ada": "Paying", "stg-bob": "Paying", "stg-eve": None, "stg-guy": None}
    others = call(served, "GET", "/stages", secret=STRICT_SECRET).json()
    assert (others["version"], others["stages"]) == ("0", others["defaults"])


def test_a_segment_of_a_stage_is_as_the_stages_are(served: Running) -> None:
    made = call(served, "POST", "/segments", {"name": "In big", "filter": {"all": [MINE, {"stage": "Customer"}]}})
    path = f"/segments/{made.json()['id']}/count"
    before = call(served, "GET", path).json()
    assert before["count"] == 2
    defined(served, BIG | {"name": "Customer"}, REST)
    assert [*listed(served, segment=made.json()["id"])] == ["stg-ada", "stg-eve"]


def test_an_id_stays_when_name_filter_and_order_change(served: Running) -> None:
    big, paying, rest = defined(served, BIG, {**PAYING, "id": "paying"}, REST)
    assert (paying["id"], big["id"][:6]) == ("paying", "stage_")
    again = defined(served, REST, {**PAYING, "id": big["id"], "name": "Was big"}, {**PAYING, "id": "paying"})
    assert [one["id"] for one in again] == [rest["id"], big["id"], "paying"]
    assert call(served, "GET", "/stages").json()["stages"] == again
    assert defined(served, {"name": "Trial", "filter": {"all": []}})[0]["id"] != "stage_trial"


def test_a_name_of_the_products_own_keeps_its_id(served: Running) -> None:
    assert defined(served, {"name": "Customer", "filter": PAYING["filter"]})[0]["id"] == "stage_customer"


def test_of_two_who_edit_them_the_second_is_told(served: Running) -> None:
    tag = call(served, "GET", "/stages").headers["etag"]
    assert call(served, "PUT", "/stages", {"stages": [REST]}).json()["code"] == "if_match_required"
    first = put(served, BIG, REST, if_match=tag)
    assert first.status_code == 200
    second = put(served, REST, if_match=tag)
    assert (second.status_code, second.json()["code"], second.json()["current"]) == (412, "moved_on", first.json())
    assert put(served, REST, if_match=first.headers["etag"]).status_code == 200


def test_sent_again_under_its_key_it_makes_the_same_stages(served: Running) -> None:
    first, again = (put(served, BIG, REST, idempotency_key="stages") for _ in range(2))
    assert first.json() == again.json()
    assert put(served, REST, idempotency_key="stages").json()["code"] == "key_reused"


@pytest.mark.parametrize(
    "stages",
    [
        [],
        [REST] * 2,
        [REST, {**BIG, "name": "rest"}],
        [{**REST, "id": "a"}, {**BIG, "id": "A"}],
        [{**REST, "id": "Big"}, BIG],
        [{**REST, "id": "a b"}],
        [{**REST, "name": ""}],
        [{**REST, "name": " Rest"}],
        [{**REST, "name": "x" * 201}],
        [{"name": "x"}],
        [{**REST, "conditions": {"plan": "pro"}}],
        [{**REST, "order": 1}],
        [{"name": f"Stage {number}", "filter": {"all": []}} for number in range(MAX_STAGES + 1)],
    ],
)
def test_what_are_no_stages_is_refused(gateway: Running, stages: list[dict[str, Any]]) -> None:
    assert refused(gateway, *stages)["code"] == "invalid_body"


@pytest.mark.parametrize(
    ("filter", "message"),
    [
        ({"all": [{"stage": "Rest"}]}, "stages[1].filter.all[0]: this asks for a stage"),
        ({"did": "Bought"}, "stages[1].filter: this asks for what someone did"),
        ({"segment": "seg_nowhere"}, "there is no segment"),
        ({"trait": "nps", "op": "startsWith", "value": "x"}, "stages[1].filter"),
    ],
)
def test_what_a_stage_cannot_ask_is_refused_with_its_place(gateway: Running, filter: Any, message: str) -> None:
    told = refused(gateway, REST, {"name": "Bad", "filter": filter})
    assert told["code"] == "invalid_filter"
    assert message in told["message"]
    assert told["details"][0]["at"].startswith("stages[1].filter")


def test_a_filter_that_cannot_be_read_is_told_by_its_place(gateway: Running) -> None:
    told = refused(gateway, REST, {"name": "Bad", "filter": {"trait": "plan"}})
    assert told["details"][0]["at"].startswith("stages[1].filter")
    told = refused(gateway, REST, {"name": "Bad", "conditions": {"plan": {"almost": "pro"}}})
    assert told["details"][0]["at"].startswith("stages[1].conditions.plan")


def test_ask0s_conditions_are_read_too(served: Running) -> None:
    assert defined(served, {"name": "Paying", "conditions": {"plan": ["pro"]}})[0]["filter"] == {
        "all": [{"trait": "plan", "op": "in", "value": ["pro"]}]
    }


def segment(gateway: Running, filter: Any) -> str:
    answer = call(gateway, "POST", "/segments", {"name": "Of stages", "filter": filter})
    assert answer.status_code == 201, answer.text
    id: str = answer.json()["id"]
    return id


def test_stages_and_segments_make_no_circle(served: Running) -> None:
    of_stage = segment(served, {"stage": "Customer"})
    around = segment(served, {"not": {"segment": of_stage}})
    for id in (of_stage, around):
        told = refused(served, {"name": "Circle", "filter": {"segment": id}}, REST)
        assert "asks for a stage" in told["message"]
    plain = segment(served, {"trait": "plan", "op": "is", "value": "pro"})
    outer = segment(served, {"segment": plain})
    defined(served, {"name": "Paying", "filter": {"segment": outer}}, REST)
    assert listed(served)["stg-bob"] == "Paying"
    for filter in ({"stage": "Rest"}, {"did": "Bought"}, {"segment": segment(served, {"did": "Bought"})}):
        answer = call(served, "PATCH", f"/segments/{plain}", {"filter": filter}, if_match="*")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_filter")
        assert "asks for this segment" in answer.json()["message"]
    call(
        served, "PATCH", f"/segments/{plain}", {"filter": {"trait": "plan", "op": "is", "value": "free"}}, if_match="*"
    )
    assert listed(served)["stg-eve"] == "Paying"
    in_use = call(served, "DELETE", f"/segments/{outer}", if_match="*")
    assert (in_use.status_code, in_use.json()["code"]) == (409, "in_use")


def test_two_who_close_a_circle_at_once_do_not_both_succeed(served: Running) -> None:
    plain = segment(served, {"tag": "vip"})

    async def both() -> Sequence[httpx.Response]:
        headers = {"authorization": f"Bearer {SECRET}", "if-match": "*"}
        async with httpx.AsyncClient(base_url=served.url, headers=headers, timeout=60) as client:
            return await asyncio.gather(
                client.put(f"{BASE}/stages", json={"stages": [{"name": "One", "filter": {"segment": plain}}]}),
                client.patch(f"{BASE}/segments/{plain}", json={"filter": {"stage": "One"}}),
                client.patch(f"{BASE}/segments/{plain}", json={"filter": {"stage": "stage_trial"}}),
            )

    statuses = [answer.status_code for answer in asyncio.run(both())]
    assert statuses[0] != 200 or set(statuses[1:]) <= {400, 412}


def test_what_a_stage_goes_by_may_change_and_nobody_is_in_it_then(served: Running) -> None:
    defined(served, {"name": "Texts", "filter": {"trait": "seats", "op": "contains", "value": "1"}}, REST)
    properties = {"properties": [{"name": "seats", "type": "number"}]}
    assert call(served, "PUT", "/properties", properties, if_match="*").status_code == 200
    assert set(listed(served).values()) == {"Rest"}
    assert listed(served, stage="Texts") == {}
    assert len(listed(served, stage="Rest")) == len(PEOPLE)


def test_a_deactivated_users_stage_goes_by_that_status(served: Running) -> None:
    defined(served, {"name": "Out", "filter": {"status": "Deactivated"}}, REST)
    assert call(served, "POST", "/users/stg-guy/deactivate").json()["stage"] == "Out"
    assert listed(served, stage="Out") == {"stg-guy": "Out"}


def test_as_many_as_there_may_be_are_asked_for_at_once(served: Running) -> None:
    filter = {"any": [{"trait": "seats", "op": "is", "value": number} for number in range(5)]}
    many = [{"name": f"Stage {number}", "filter": filter} for number in range(MAX_STAGES)]
    made = defined(served, *many)
    assert [*listed(served, stage=[one["id"] for one in made])] == ["stg-bob", "stg-guy"]
    assert listed(served, stage=made[-1]["name"]) == {}
    larger = {"any": filter["any"] * 2}
    assert "all stages together" in refused(served, *({**one, "filter": larger} for one in many))["message"]


def test_who_changed_them_is_on_the_stream(served: Running) -> None:
    put(served, REST, **{"x-request-id": "stages-1"})

    async def last() -> changes.Change | None:
        control = open_control(served.log_dsn)
        await control.start()
        try:
            end = await control.end()
            return changes.decode((await control.read(end - 1, 1))[-1][1])
        finally:
            await control.close()

    change = asyncio.run(last())
    assert change is not None
    assert (change.kind, change.subject, change.action, change.request) == (
        "stages",
        PROJECT,
        "stages.changed",
        "stages-1",
    )
    assert change.actor.startswith("key:")
