"""A job whose process is killed at any moment ends the same: everyone is changed, and each of them once; or, where it
was cancelled, nobody any more."""

import json
import random
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.stack import SECRET_KEY, Stack, wait_for

USERS = 3_000
DEATHS = 4
BASE = "/v1/projects/-"
BEARER = {"authorization": f"Bearer {SECRET_KEY}"}


def call(stack: Stack, method: str, path: str, **options: Any) -> Any:
    answer = httpx.request(method, f"{stack.url}{BASE}{path}", headers=BEARER, timeout=60, **options)
    assert answer.is_success, answer.text
    return answer.json()


def number(stack: Stack, sql: str) -> int:
    return int(stack.query(sql))


def make_users(stack: Stack) -> None:
    lines = b"".join(json.dumps({"id": f"u-{n}", "plan": "free"}).encode() + b"\n" for n in range(USERS))
    report = call(stack, "POST", "/import", content=lines)
    assert (report["accepted"], report["refused"]) == (USERS, 0)
    wait_for(lambda: number(stack, "SELECT uniqExact(id) FROM ask0.users WHERE plan = 'free'") == USERS, "the users")


def deactivated(stack: Stack) -> int:
    query = {"filter": {"status": "Deactivated"}, "total": True, "limit": 1}
    return int(call(stack, "POST", "/users/query", json=query)["total"])


@pytest.mark.timeout(400)
def test_kill_9_in_the_middle_of_a_bulk_change_changes_everyone_once(tmp_path: Path) -> None:
    chance = random.Random("jobs")
    with Stack(tmp_path / "data") as stack:
        make_users(stack)
        work = {"filter": {"plan": ["free"]}, "do": "set", "traits": {"plan": "pro"}}
        job = call(stack, "POST", "/users/bulk", json=work)["job"]["id"]
        for _ in range(DEATHS):
            threading.Event().wait(chance.uniform(0.05, 0.6))  # the moment of death is what varies
            stack.kill()
            stack.start()

        def shown() -> Any:
            return call(stack, "GET", f"/jobs/{job}")["job"]

        wait_for(lambda: shown()["status"] == "done", "the job", timeout=200)
        assert shown()["progress"] == {"done": USERS, "total": USERS}
        assert shown()["receipt"] == {"changed": USERS, "unchanged": 0, "unknown": 0, "refused": {}}
        assert number(stack, "SELECT count() FROM ask0.users WHERE plan = 'pro'") == USERS
        changes = "SELECT count() FROM ask0.audit_log WHERE entity = 'user' AND action = 'user.updated'"
        wait_for(lambda: number(stack, changes) == USERS, "each change once")
        asked = "SELECT arraySort(groupArray(action)) FROM ask0.audit_log WHERE entity = 'job'"
        wait_for(lambda: stack.query(asked) == "['job.done','job.made']", "the audit log to have it")
        assert len(call(stack, "GET", "/jobs")["jobs"]) == 1


@pytest.mark.timeout(300)
def test_kill_9_after_a_job_was_cancelled_leaves_it_cancelled(tmp_path: Path) -> None:
    """Also where nobody had ended it yet: it was asked for, so it ends. Fifty documents a second take a minute."""
    with Stack(tmp_path / "data") as stack:
        make_users(stack)
        work = {"filter": {"plan": ["free"]}, "do": "deactivate", "reason": "a mistake"}
        path = f"/jobs/{call(stack, 'POST', '/users/bulk', json=work)['job']['id']}"

        def shown() -> Any:
            return call(stack, "GET", path)["job"]

        wait_for(lambda: shown()["progress"]["done"] > 0, "a part of it")
        assert call(stack, "POST", f"{path}/cancel")["job"]["cancelAskedAt"] is not None
        stack.kill()
        stack.start()
        wait_for(lambda: shown()["status"] == "cancelled", "the job")
        job, blocked = shown(), deactivated(stack)
        assert 0 < job["receipt"]["changed"] <= blocked < USERS
        assert job["receipt"]["changed"] == job["progress"]["done"]
        after = call(stack, "POST", "/users/bulk", json={"ids": ["u-0"], "do": "tag", "tags": ["x"]})["job"]["id"]
        wait_for(lambda: call(stack, "GET", f"/jobs/{after}")["job"]["status"] == "done", "the next job")
        assert deactivated(stack) == blocked
        asked = "SELECT arraySort(groupArray(action)) FROM ask0.audit_log WHERE entity = 'job'"
        expected = "['job.cancelled','job.cancelling','job.done','job.made','job.made']"
        wait_for(lambda: stack.query(asked) == expected, "the audit log")
        assert call(stack, "POST", f"{path}/cancel")["job"] == job
