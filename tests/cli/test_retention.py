"""`ask0 retention` beside a real server: what would go, what goes, and what a kill in the middle leaves."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from bench.stack import wait_for
from tests.cli.processes import Server, run

DAY = 86_400_000


def fill(server: Server, secret: str, people: int) -> None:
    """Half of them did something lately."""
    now = time.time_ns() // 1_000_000
    batch = []
    for place in range(people):
        id, at = f"user-{place}", now - (50 if place % 2 else 1) * DAY
        talk = {"conversationId": f"c-{place}", "text": "How?"}
        batch.append({"type": "identify", "userId": id, "timestamp": at, "traits": {"email": f"{id}@example.com"}})
        batch.append({"type": "track", "event": "Question Asked", "userId": id, "timestamp": at, "properties": talk})
    headers = {"authorization": f"Bearer {secret}"}
    assert server.post(batch).json()["accepted"] == len(batch)
    users = f"{server.url}/v1/projects/-/users?total=true"
    wait_for(lambda: httpx.get(users, headers=headers).json()["total"] == people, "the users")


def test_who_is_inactive_goes_by_command_and_a_kill_changes_nothing(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        assert "No project has said" in server.run("retention", "show").out
        assert "Nothing is too old" in server.run("retention", "run").out
        secret = server.run("key", "create", "--secret", "--json").json["key"]
        base, headers = f"{server.url}/v1/projects/-", {"authorization": f"Bearer {secret}"}
        fill(server, secret, 40)

        def ids() -> set[str]:
            page = httpx.get(f"{base}/users?limit=200&fields=id", headers=headers).json()
            return {user["id"] for user in page["users"]}

        put = httpx.put(f"{base}/settings/retention", json={"inactiveUsers": 30}, headers={**headers, "if-match": "*"})
        assert put.status_code == 200, put.text
        (shown,) = server.run("retention", "show", "--json").json
        assert (shown["kind"], shown["days"]) == ("inactiveUsers", 30)
        (due,) = server.run("retention", "run", "--dry-run", "--json").json
        assert (due["count"], len(due["sample"])) == (20, 10)
        assert "inactiveUsers" in server.run("retention", "run", "--dry-run").out
        assert len(ids()) == 40

        def jobs() -> list[dict[str, Any]]:
            found = httpx.get(f"{base}/jobs", headers=headers).json()["jobs"]
            return [job for job in found if job["kind"] == "retention"]

        command = [sys.executable, "-m", "ask0.cli.main", "retention", "run"]
        cut = subprocess.Popen(command, env={**os.environ, **server.settings}, stdout=subprocess.DEVNULL)
        wait_for(jobs, "the run to begin")
        cut.kill()
        cut.wait()
        again = server.run("retention", "run", "--json").json
        assert len(again) <= 1  # it may have been done before it was killed
        (job,) = jobs()
        assert job["status"] == "done"
        assert job["receipt"]["removed"] == {"inactiveUsers": 20, "conversations": 20, "events": 40}
        assert job["progress"] == {"done": 80, "total": 80}
        assert ids() == {f"user-{place}" for place in range(0, 40, 2)}
        assert "Nothing is too old" in server.run("retention", "run").out
        gone = httpx.get(f"{base}/users/user-1", headers=headers)
        assert gone.status_code == 404
    assert "30" in run("retention", "show", settings=server.settings).out
    assert "Nothing is too old" in run("retention", "run", settings=server.settings).out
