"""The audit log of a running server: who changed which document, and two admins at once."""

from pathlib import Path

from bench.stack import wait_for
from tests.cli.processes import Server


def actions(server: Server) -> list[str]:
    rows = server.query("SELECT action, outcome FROM audit_log ORDER BY position")
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
        rows = server.query("SELECT actor, count(), min(project_id <> '') FROM audit_log GROUP BY actor ORDER BY actor")
        assert rows == "ask0\t3\t1\ncli\t3\t1"
