"""Whoever attacks costs nobody else: honest events are taken and seen, and the process stays within bounds."""

from os import environ
from pathlib import Path

from bench.stack import Stack, wait_for
from tests.faults.soak import ATTACKS, make_project, soak

SECONDS = float(environ.get("SOAK_SECONDS", "60"))


def test_honest_senders_notice_nothing_of_hostile_ones(tmp_path: Path) -> None:
    with Stack(tmp_path / "data") as stack:
        project = make_project(stack)
        headers = {"X-Write-Key": project.key}
        wait_for(lambda: stack.post("/v1/track", {"event": "x", "userId": "u"}, **headers)[0] == 200, "key")
        figures = soak(stack, project, SECONDS)
        assert set(figures.honest) == {200}
        assert figures.waits
        assert sum(figures.hostile.values()) > len(ATTACKS)
        assert stack.alive
        wait_for(lambda: stack.metric("ask0_worker_lag_records") == 0, "the backlog to be done", timeout=120)
        assert stack.query("SELECT count() FROM ask0.quarantine WHERE stage = 'worker'") == "0"
        middle, last = figures.looks[len(figures.looks) // 2], figures.looks[-1]
        assert last["descriptors"] < middle["descriptors"] + 200
        # Parts that were merged stay for minutes, so files grow as the rounds do: fewer while the machine is busy.
        assert last["files"] < 3 * middle["files"] + 500
        assert last["rss_mb"] < 4_000
