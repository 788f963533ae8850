"""The audit log of a running server: who changed which document, and two admins at once."""

from pathlib import Path

import httpx

from bench.stack import wait_for
from tests.cli.processes import Server


def actions(server: Server) -> list[str]:
    """In projects: links that let the first owner in are of none."""
    rows = server.query("SELECT action, outcome FROM audit_log WHERE project_id <> '' ORDER BY position")
    return [row.replace("\t", " ") for row in rows.splitlines()]


def test_every_change_is_in_the_audit_log_once_also_after_a_restart(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        key = server.run("key", "create", "--json").json["key"]
        assert server.run("key", "revoke", key).code == 0
        first = ["project.created done", "key.created done", "key.created done", "key.created done", "key.revoked done"]
        wait_for(lambda: actions(server) == first, "the changes")
    with Server(tmp_path / "data") as server:
        assert server.run("verification", "readable", "plan").code == 0
        wait_for(lambda: actions(server) == [*first, "verification.readable_changed done"], "the next change")
        rows = server.query("SELECT actor, count() FROM audit_log WHERE project_id <> '' GROUP BY actor ORDER BY actor")
        assert rows == "ask0\t3\ncli\t3"
        links = server.query("SELECT action FROM audit_log WHERE project_id = '' ORDER BY position").splitlines()
        assert links == ["link.first", "link.first", "link.used"]  # a new one at each start, in place of the one before


def test_an_operator_reads_it_and_checks_that_nobody_changed_it(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        secret = server.run("key", "create", "--secret", "--json").json["key"]
        headers = {"authorization": f"Bearer {secret}"}
        for number in range(3):
            answer = httpx.put(f"{server.url}/v1/projects/-/users/ada", json={"plan": f"p{number}"}, headers=headers)
            assert answer.status_code in (200, 201, 202), answer.text
        wait_for(lambda: len(server.run("audit", "list", "--user", "ada", "--json").json) == 3, "the changes")
        newest = server.run("audit", "list", "--user", "ada", "--limit", "1", "--json").json[0]
        assert (newest["action"], newest["traits"], newest["entityId"]) == ("user.put", {"plan": "p2"}, "ada")
        assert server.run("audit", "list", "--action", "key.used").out.count("key.used") == 1
        assert (
            server.run("audit", "list", "--action", "nothing").out.strip() == "The audit log has nothing of the kind."
        )
        done = server.run("audit", "verify", "--json")
        assert (done.code, done.json["problems"], done.json["unchained"]) == (0, [], 0)
        assert done.json["rows"] >= 8
        assert done.json["note"].startswith("nothing was signed yet")
        change = "ALTER TABLE audit UPDATE actor = 'cli' WHERE action = 'user.put' AND details LIKE '%p1%'"
        assert server.run("sql", f"{change} SETTINGS mutations_sync = 1").code == 0
        done = server.run("audit", "verify")
        assert done.code == 1
        assert "changed " in done.out
        assert "1 problems" in done.out
        other = server.run("project", "create", "Other", "--json")
        assert other.code == 0, other
        assert server.run("audit", "verify", "--project", "Other").code == 0
        assert server.run("audit", "list", "--project", "nowhere").code == 1
    assert Server(tmp_path / "data").run("audit", "verify").code == 1  # also while no server runs
