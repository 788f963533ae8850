"""Jobs: many users are changed by one call, and it is seen how far it is."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from ask0.gateway.jobs import bulk
from ask0.gateway.jobs.kinds import Step
from ask0.schemas.jobs import MAX_JOBS, MAX_UNFINISHED
from ask0.warehouse.connect import Warehouse
from bench.stack import wait_for
from tests.gateway.running import SECRET, STRICT_SECRET, Running, nowhere, running, working

BASE = "/v1/projects/-"
SEGMENT = {"name": "Bulk", "filter": {"trait": "traits.bulk", "op": "is", "value": "here"}}


@pytest.fixture(scope="module")
def served(clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway and a worker."""
    with running(tmp_path_factory.mktemp("jobs"), clickhouse) as gateway:
        gateway.post("/v1/track", {"userId": "nobody", "event": "First"})  # there is a log now
        with working(gateway, clickhouse):
            yield gateway


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk.Bulk, "page_size", 7)
    monkeypatch.setattr(bulk.BulkDeactivations, "page_size", 3)


def call(gateway: Running, method: str, path: str, body: Any = None, key: str = SECRET, **headers: str) -> Any:
    sent = {"authorization": f"Bearer {key}"} | {name.replace("_", "-"): value for name, value in headers.items()}
    content = None if body is None else json.dumps(body)  # which writes half a surrogate pair as it is, too
    return gateway.client.request(method, BASE + path, content=content, headers=sent)


def make(gateway: Running, prefix: str, count: int, **fields: Any) -> list[str]:
    ids = [f"{prefix}-{number:03}" for number in range(count)]
    made = call(gateway, "POST", "/users/batch", {"users": [{"id": id, **fields} for id in ids]})
    assert made.is_success, made.text
    wait_for(lambda: found(gateway, ids) == ids, "the users")
    return ids


def found(gateway: Running, ids: list[str]) -> list[str]:
    return [user["id"] for user in users(gateway, ids)]


def users(gateway: Running, ids: list[str]) -> list[dict[str, Any]]:
    asked = {"ids": ids, "limit": 200}
    listed: list[dict[str, Any]] = call(gateway, "POST", "/users/query", asked).json()["users"]
    return listed


def finished(gateway: Running, answer: httpx.Response, key: str = SECRET) -> dict[str, Any]:
    """The job that was answered, at its end."""
    assert answer.status_code == 202, answer.text
    id = answer.json()["job"]["id"]

    def job() -> dict[str, Any]:
        shown: dict[str, Any] = call(gateway, "GET", f"/jobs/{id}", key=key).json()["job"]
        return shown

    wait_for(lambda: job()["status"] in ("done", "failed", "cancelled"), "the job")
    return job()


def bulk_job(gateway: Running, **work: Any) -> dict[str, Any]:
    return finished(gateway, call(gateway, "POST", "/users/bulk", work))


def test_everyone_of_a_filter_gets_a_tag_and_loses_it_again(served: Running) -> None:
    ids = make(served, "b-tag", 20, traits={"team": "red"})
    others = make(served, "b-other", 2, traits={"team": "blue"})
    filter = {"trait": "traits.team", "op": "is", "value": "red"}
    job = bulk_job(served, filter=filter, do="tag", tags=["chosen", "second"])
    assert (job["kind"], job["status"], job["progress"]) == ("tag", "done", {"done": 20, "total": 20})
    assert job["receipt"] == {"changed": 20, "unchanged": 0, "unknown": 0, "refused": {}}
    assert job["finishedAt"] >= job["createdAt"]
    assert {tuple(user["tags"]) for user in users(served, ids)} == {("chosen", "second")}
    assert {tuple(user["tags"]) for user in users(served, others)} == {()}
    assert bulk_job(served, filter=filter, do="untag", tags=["chosen"])["status"] == "done"
    assert {tuple(user["tags"]) for user in users(served, ids)} == {("second",)}


def test_users_that_a_change_moves_out_of_the_filter_are_reached_all_the_same(served: Running) -> None:
    ids = make(served, "b-set", 25, plan="b-free")
    job = bulk_job(served, filter={"plan": ["b-free"]}, do="set", traits={"plan": "b-pro", "note": {"deep": [1, None]}})
    assert (job["status"], job["receipt"]["changed"]) == ("done", 25)
    assert {user["plan"] for user in users(served, ids)} == {"b-pro"}
    assert users(served, ids)[3]["traits"] == {"note": {"deep": [1, None]}}
    audit = call(served, "GET", f"/users/{ids[0]}/history?trait=plan").json()
    assert "b-pro" in str(audit)


def test_those_named_are_changed_and_those_whom_nobody_knows_are_counted(served: Running) -> None:
    ids = make(served, "b-ids", 3)
    job = bulk_job(served, ids=[*ids, ids[0], "b-unheard-of"], do="tag", tags=["x"])
    assert job["receipt"] == {"changed": 3, "unchanged": 0, "unknown": 1, "refused": {}}
    assert job["progress"] == {"done": 4, "total": 4}
    assert call(served, "GET", "/users/b-unheard-of").status_code == 404


def test_a_segment_is_deactivated_and_let_in_again(served: Running) -> None:
    ids = make(served, "b-off", 8, traits={"bulk": "here"})
    segment = call(served, "POST", "/segments", SEGMENT).json()["id"]
    assert call(served, "POST", f"/users/{ids[0]}/deactivate", {"reason": "before"}).is_success
    job = bulk_job(served, segment=segment, do="deactivate", reason="spam")
    assert job["receipt"] == {"changed": 7, "unchanged": 1, "unknown": 0, "refused": {}}
    assert call(served, "GET", f"/access?user={ids[5]}").json()["reason"] == "deactivated"
    again = bulk_job(served, ids=ids, do="reactivate")
    assert again["receipt"]["changed"] == 8
    assert call(served, "GET", f"/access?user={ids[5]}").json()["allowed"] is True


def test_a_job_without_anyone_is_done(served: Running) -> None:
    job = bulk_job(served, filter={"plan": ["b-nobody-has-this"]}, do="tag", tags=["x"])
    assert (job["status"], job["progress"]) == ("done", {"done": 0, "total": 0})


def test_a_key_stands_for_one_job(served: Running) -> None:
    work = {"filter": {"plan": ["b-key"]}, "do": "tag", "tags": ["x"]}
    first = call(served, "POST", "/users/bulk", work, idempotency_key="b-1")
    again = call(served, "POST", "/users/bulk", work, idempotency_key="b-1")
    assert (again.status_code, again.json()["job"]["id"]) == (202, first.json()["job"]["id"])
    assert again.headers["idempotency-replayed"] == "true"
    other = call(served, "POST", "/users/bulk", {**work, "tags": ["y"]}, idempotency_key="b-1")
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    finished(served, first)


@pytest.mark.parametrize(
    "wrong",
    [
        {"do": "tag", "tags": ["x"]},
        {"do": "tag", "tags": ["x"], "filter": None},
        {"do": "tag", "tags": ["x"], "ids": ["a"], "segment": "seg_active"},
        {"do": "tag", "ids": ["a"]},
        {"do": "tag", "ids": ["a"], "tags": [""]},
        {"do": "tag", "ids": [], "tags": ["x"]},
        {"do": "tag", "ids": ["undefined"], "tags": ["x"]},
        {"do": "tag", "ids": ["\ud800"], "tags": ["x"]},
        {"do": "tag", "ids": ["a"], "tags": ["x"], "reason": "why"},
        {"do": "set", "ids": ["a"]},
        {"do": "set", "ids": ["a"], "traits": {"": 1}},
        {"do": "set", "ids": ["a"], "traits": {"x": "y" * 40_000}},
        {"do": "deactivate", "ids": ["a"], "tags": ["x"]},
        {"do": "erase", "ids": ["a"], "tags": ["x"]},
        {"do": "tag", "tags": ["x"], "segment": "seg_unknown"},
        {"do": "tag", "tags": ["x"], "filter": {"trait": "plan", "op": "like"}},
        {"do": "tag", "tags": ["x"], "filter": {"plan": ["\ud800"]}},
        {"do": "tag", "tags": ["x"], "filter": {"segment": "seg_unknown"}},
        {"do": "tag", "tags": ["x"], "ids": ["a"], "limit": 5},
    ],
)
def test_what_cannot_be_done_is_refused_before_it_is_a_job(served: Running, wrong: dict[str, Any]) -> None:
    before = len(call(served, "GET", "/jobs").json()["jobs"])
    answer = call(served, "POST", "/users/bulk", wrong)
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] in ("invalid_body", "invalid_query")
    assert len(call(served, "GET", "/jobs").json()["jobs"]) == before


def test_to_set_what_the_properties_do_not_allow_is_refused(served: Running) -> None:
    defined = {"properties": [{"name": "seats", "type": "number"}]}
    call(served, "PUT", "/properties", defined, key=STRICT_SECRET, if_match="*")
    work = {"ids": ["a"], "do": "set", "traits": {"seats": "many"}}
    answer = call(served, "POST", "/users/bulk", work, key=STRICT_SECRET)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_property")


def test_jobs_are_of_their_project(served: Running) -> None:
    job = bulk_job(served, filter={"plan": ["b-own"]}, do="tag", tags=["x"])
    assert call(served, "GET", "/jobs").json()["jobs"][0] == job
    answer = call(served, "GET", f"/jobs/{job['id']}", key=STRICT_SECRET)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_job")
    assert call(served, "GET", "/jobs", key=STRICT_SECRET).json() == {"jobs": [], "next": None}


@contextmanager
def held_after_a_page(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Pages of changes last until the block ends; the event says that the first is done."""
    reached, gate, carry_out = threading.Event(), threading.Event(), bulk.Bulk.carry_out

    async def carry_out_and_wait(*of_page: Any) -> Step:
        step = await carry_out(*of_page)
        reached.set()
        await asyncio.to_thread(gate.wait)
        return step

    monkeypatch.setattr(bulk.Bulk, "carry_out", carry_out_and_wait)
    try:
        yield reached
    finally:
        gate.set()


def test_a_job_is_cancelled_after_the_piece_at_hand(served: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = make(served, "b-cancel", 20, plan="b-cancel")
    with held_after_a_page(monkeypatch) as reached:
        work = {"filter": {"plan": ["b-cancel"]}, "do": "tag", "tags": ["x"]}
        started = call(served, "POST", "/users/bulk", work)
        path = f"/jobs/{started.json()['job']['id']}/cancel"
        assert reached.wait(60)
        asked = call(served, "POST", path, idempotency_key="b-cancel")
        again = call(served, "POST", path, idempotency_key="b-cancel")
        for answer in (asked, again):
            assert (answer.status_code, answer.json()["job"]["status"]) == (202, "running")
        since = asked.json()["job"]["cancelAskedAt"]
        assert again.json()["job"]["cancelAskedAt"] == since is not None
    job = finished(served, started)
    assert (job["status"], job["progress"], job["cancelAskedAt"]) == ("cancelled", {"done": 7, "total": 20}, since)
    assert job["receipt"] == {"changed": 7, "unchanged": 0, "unknown": 0, "refused": {}}
    assert [user["id"] for user in users(served, ids) if user["tags"]] == ids[:7]
    answer = call(served, "POST", path)
    assert (answer.status_code, answer.json()["job"]) == (200, job)


def test_a_job_that_nobody_has_begun_is_cancelled_at_once(
    served: Running, clickhouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(served, "b-wait", 8, plan="b-wait")
    with held_after_a_page(monkeypatch) as reached:
        work = {"filter": {"plan": ["b-wait"]}, "do": "tag", "tags": ["x"]}
        first = call(served, "POST", "/users/bulk", work)
        assert reached.wait(60)
        named = call(served, "POST", "/users/bulk", {"ids": ["b-wait-000"], "do": "tag", "tags": ["y"]})
        id = named.json()["job"]["id"]
        assert _listed(clickhouse, id) == 1
        answer = call(served, "POST", f"/jobs/{id}/cancel")
        job = answer.json()["job"]
        assert (answer.status_code, job["status"], job["progress"]) == (200, "cancelled", {"done": 0, "total": None})
        assert job["receipt"] == {"changed": 0, "unchanged": 0, "unknown": 0, "refused": {}}
        assert job["finishedAt"] == job["cancelAskedAt"]
        assert _listed(clickhouse, id) == 0
        erased = call(served, "DELETE", "/users/b-wait-nobody").json()["job"]["id"]
        refused = call(served, "POST", f"/jobs/{erased}/cancel")
        assert (refused.status_code, refused.json()["code"]) == (409, "not_cancellable")
    assert finished(served, first)["receipt"]["changed"] == 8
    assert users(served, ["b-wait-000"])[0]["tags"] == ["x"]


def _listed(clickhouse: Warehouse, job: str) -> int:
    (row,) = clickhouse.query("SELECT count() FROM job_users WHERE startsWith(list, {job:String})", {"job": job})
    return int(row[0])


def test_a_job_that_is_finished_or_of_others_is_not_cancelled(served: Running) -> None:
    job = bulk_job(served, filter={"plan": ["b-finished"]}, do="tag", tags=["x"])
    answer = call(served, "POST", f"/jobs/{job['id']}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (409, "job_finished")
    for id, key in ((job["id"], STRICT_SECRET), ("job_unknown", SECRET)):
        answer = call(served, "POST", f"/jobs/{id}/cancel", key=key)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_job")


def test_the_newest_jobs_are_kept_and_no_more(served: Running) -> None:
    def ask(number: int) -> bool:
        work = {"filter": {"plan": [f"b-many-{number}"]}, "do": "tag", "tags": ["x"]}
        answer = call(served, "POST", "/users/bulk", work, idempotency_key=f"b-many-{number}")
        return bool(answer.status_code == 202)

    for number in range(MAX_JOBS + 5):
        wait_for(lambda number=number: ask(number), "room for one more")  # type: ignore[misc]
    jobs = call(served, "GET", "/jobs").json()["jobs"]
    assert len(jobs) == MAX_JOBS
    assert [job["createdAt"] for job in jobs] == sorted((job["createdAt"] for job in jobs), reverse=True)


def test_only_so_many_jobs_wait_and_while_clickhouse_is_away_they_do(tmp_path: Any) -> None:
    with nowhere() as away, running(tmp_path, away) as gateway:
        work = {"filter": {"plan": ["pro"]}, "do": "tag", "tags": ["x"]}
        for _ in range(MAX_UNFINISHED):
            assert call(gateway, "POST", "/users/bulk", work).status_code == 202
        full = call(gateway, "POST", "/users/bulk", work)
        assert (full.status_code, full.json()["code"]) == (429, "quota_exceeded")
        statuses = [job["status"] for job in call(gateway, "GET", "/jobs").json()["jobs"]]
        assert set(statuses) <= {"waiting", "running"}
        assert call(gateway, "POST", "/users/bulk", work, key=STRICT_SECRET).status_code == 202
        named = call(gateway, "POST", "/users/bulk", {"ids": ["a"], "do": "reactivate"}, key=STRICT_SECRET)
        assert named.status_code == 503
