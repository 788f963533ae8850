"""`ask0 job`: what the API answers, also while no server runs."""

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
