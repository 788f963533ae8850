"""`ask0 tail` and `ask0 group` beside a running server: a second group on its log."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

import pytest

from ask0.eventlog.log import WORKERS
from bench.stack import wait_for
from tests.cli.processes import ROOT, Server, environment, run


@contextmanager
def tail(server: Server, out: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Reads once it is listed among the groups."""
    before = names(server)
    with open(out, "wb") as file:
        process = start(server, file, *arguments)
    try:
        wait_for(lambda: len(names(server)) > len(before) or process.poll() is not None, "the group to join")
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(20)


def start(server: Server, out: IO[bytes], *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "ask0.cli.main", "tail", *arguments]
    return subprocess.Popen(command, env=environment(server.settings), cwd=ROOT, stdout=out, stderr=subprocess.STDOUT)


def names(server: Server) -> set[str]:
    groups = run("group", "list", "--json", settings=server.settings).json
    return {group["name"] for group in groups if group["live"]}


def lines(out: Path) -> list[str]:
    return out.read_text().splitlines()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("tail") / "data") as server:
        yield server


def send(server: Server, *events: dict[str, object]) -> None:
    assert server.post(list(events)).json()["accepted"] == len(events)


def track(name: str, user: str, **properties: object) -> dict[str, object]:
    return {"type": "track", "event": name, "userId": user, "properties": properties}


def test_it_shows_what_comes_and_what_is_asked_for(server: Server, tmp_path: Path) -> None:
    out = tmp_path / "out"
    send(server, track("Before", "anna"))
    with tail(server, out, "--json", "--event", "Asked", "--user", "anna"):
        send(server, track("Asked", "anna", n=1), track("Other", "anna"), track("Asked", "ben"), track("Asked", "anna"))
        wait_for(lambda: len(lines(out)) == 2, "two events")
    first, second = (json.loads(line) for line in lines(out))
    assert (first["event"], first["userId"], first["properties"]) == ("Asked", "anna", {"n": 1})
    assert first["projectId"].startswith("proj_")
    assert second["properties"] == {}


def test_it_ends_after_so_many_events_and_leaves_no_group_behind(server: Server, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with tail(server, out, "--limit", "1") as process:
        send(server, track("Asked", "anna", text="hello"), track("Asked", "anna"))
        assert process.wait(20) == 0
    (line,) = lines(out)
    assert "Asked  anna" in line
    assert names(server) == {WORKERS}


def test_a_name_that_would_write_elsewhere_on_the_terminal_is_shown_as_text(server: Server, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with tail(server, out, "--limit", "1"):
        send(server, track("\x1b[2Jgone\nnext", "anna"))
        wait_for(lambda: bool(lines(out)), "the event")
    (line,) = lines(out)
    assert "\\u001b[2Jgone\\u000anext" in line


def test_a_named_group_misses_nothing_between_two_calls(server: Server, tmp_path: Path) -> None:
    with tail(server, tmp_path / "one", "--json", "--group", "export", "--event", "Kept"):
        send(server, track("Kept", "anna", n=1))
        wait_for(lambda: len(lines(tmp_path / "one")) == 1, "the first event")
        wait_for(lambda: waiting(server, "export") == 0, "its place to be kept")
    send(server, track("Kept", "anna", n=2))
    with tail(server, tmp_path / "two", "--json", "--group", "export", "--event", "Kept"):
        wait_for(lambda: len(lines(tmp_path / "two")) == 1, "the second event")
    assert [json.loads(line)["properties"] for line in lines(tmp_path / "two")] == [{"n": 2}]
    assert run("group", "drop", "export", settings=server.settings).code == 0
    assert run("group", "drop", "export", settings=server.settings).code == 1


def waiting(server: Server, name: str) -> int:
    groups = run("group", "list", "--json", settings=server.settings).json
    return int(next(group["lag"] for group in groups if group["name"] == name))


def test_a_killed_follower_shows_the_events_of_its_chunk_again(server: Server, tmp_path: Path) -> None:
    with tail(server, tmp_path / "one", "--json", "--group", "killed", "--event", "Twice") as process:
        os.kill(process.pid, signal.SIGSTOP)
        send(server, track("Twice", "anna", n=1))
        process.kill()
    with tail(server, tmp_path / "two", "--json", "--group", "killed", "--event", "Twice"):
        wait_for(lambda: len(lines(tmp_path / "two")) == 1, "the event")
    assert run("group", "drop", "killed", settings=server.settings).code == 0


def test_the_workers_cannot_be_dropped(server: Server) -> None:
    done = run("group", "drop", WORKERS, settings=server.settings)
    assert done.code == 1
    assert "read everything again" in done.err


def groups_check(server: Server) -> tuple[str, str]:
    checks = run("doctor", "--json", settings=server.settings).json["checks"]
    return next((check["status"], check["found"]) for check in checks if check["name"] == "groups")


def test_the_doctor_names_a_group_that_is_long_gone(server: Server, tmp_path: Path) -> None:
    with tail(server, tmp_path / "out", "--group", "gone"):
        pass
    send(server, track("Missed", "anna"))
    status, found = groups_check(server)
    assert status == "ok", "it may come back"
    assert f"{WORKERS} (reads" in found
    with closing(sqlite3.connect(Path(server.settings["ASK0_DATA_DIR"]) / "log.sqlite3", isolation_level=None)) as log:
        log.execute("UPDATE groups SET seen = seen - 90000 WHERE name = 'gone'")
    status, found = groups_check(server)
    assert status == "warning"
    assert "gone (1 records wait for it)" in found
    assert "`ask0 group drop`" in found
    assert run("group", "drop", "gone", settings=server.settings).code == 0
    assert groups_check(server)[0] == "ok"
