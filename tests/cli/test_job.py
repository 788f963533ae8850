"""`ask0 job`: what the API answers, also while no server runs; and the end of a job."""

from pathlib import Path

import httpx

from bench.stack import wait_for
from tests.cli.processes import Server, run


def test_jobs_are_listed_and_shown_whether_the_server_runs_or_not(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        assert "no jobs" in server.run("job", "list").out
        secret = server.run("key", "create", "--secret", "--json").json["key"]
        base, headers = f"{server.url}/v1/projects/-", {"authorization": f"Bearer {secret}"}
        work = {"ids": ["nobody"], "do": "tag", "tags": ["x"]}
        job = httpx.post(f"{base}/users/bulk", json=work, headers=headers).json()["job"]["id"]
        wait_for(lambda: server.run("job", "get", job, "--json").json["status"] == "done", "the job")
        assert server.run("job", "list", "--json").json == httpx.get(f"{base}/jobs", headers=headers).json()["jobs"]
        told = server.run("job", "get", job)
        assert "receipt.unknown" in told.out
    listed = run("job", "list", settings=server.settings)
    assert [line.split()[:3] for line in listed.out.splitlines()[1:]] == [[job, "tag", "done"]]
    nobody = run("job", "get", "job_unknown", settings=server.settings)
    assert (nobody.code, len(nobody.err.splitlines())) == (1, 1)


def test_a_job_is_cancelled_and_tells_what_it_did(tmp_path: Path) -> None:
    """Of two that take twenty seconds each, fifty users a second: one has begun, the other waits for it."""
    with Server(tmp_path / "data") as server:
        secret = server.run("key", "create", "--secret", "--json").json["key"]
        base, headers = f"{server.url}/v1/projects/-", {"authorization": f"Bearer {secret}"}
        lines = "".join(f'{{"id":"u-{n}"}}\n' for n in range(1_000))
        assert httpx.post(f"{base}/import", content=lines, headers=headers, timeout=60).json()["accepted"] == 1_000
        work = {"filter": {"all": []}, "do": "deactivate"}
        jobs = [httpx.post(f"{base}/users/bulk", json=work, headers=headers).json()["job"]["id"] for _ in range(2)]
        running, waiting = jobs
        wait_for(lambda: server.run("job", "get", running, "--json").json["progress"]["done"], "a part of it")
        told = server.run("job", "cancel", waiting, "--secret-key", secret)
        assert (told.code, told.out) == (0, f"The job {waiting} is cancelled.\n")
        job = server.run("job", "cancel", running, "--secret-key", secret, "--json").json
        assert job["cancelAskedAt"] is not None
        wait_for(lambda: server.run("job", "get", running, "--json").json["status"] == "cancelled", "its end")
        job = server.run("job", "get", running, "--json").json
        assert 0 < job["receipt"]["changed"] == job["progress"]["done"] < 1_000
        done = httpx.post(f"{base}/users/bulk", json={"ids": ["u-1"], "do": "reactivate"}, headers=headers)
        id = done.json()["job"]["id"]
        wait_for(lambda: server.run("job", "get", id, "--json").json["status"] == "done", "another job")
        for wrong, says in ((id, "it is done"), ("job_unknown", "there is no job"), ("..", "there is no job")):
            refused = server.run("job", "cancel", wrong, "--secret-key", secret)
            assert (refused.code, len(refused.err.splitlines())) == (1, 1), refused
            assert says in refused.err
