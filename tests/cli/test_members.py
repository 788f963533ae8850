"""One gateway in several processes: one port, metrics of all, whoever ends is started again, and all end together."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bench.stack import Stack, answers, wait_for
from tests.cli.processes import run

NOBODY = "kafka://127.0.0.1:9/events"  # it serves all the same, and says 503


def settings_of(folder: Path) -> dict[str, str]:
    return {
        "ASK0_LOG": NOBODY,
        "ASK0_CLICKHOUSE": "http://ask0:secret@127.0.0.1:9/ask0",
        "ASK0_GATEWAY_PROCESSES": "2",
        "ASK0_DATA_DIR": str(folder),
    }


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path, "-m", "ask0.cli.main", "gateway", **settings_of(tmp_path)) as stack:
        yield stack


def members_of(gateway: Stack) -> set[int]:
    assert gateway.process
    children = Path(f"/proc/{gateway.process.pid}/task/{gateway.process.pid}/children").read_text()
    return set(map(int, children.split()))


def is_there(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def beacons(gateway: Stack) -> float:
    """Answered with 503, by all processes together."""
    return gateway.metric('ask0_beacons_total{status="503"}') or 0.0


def test_both_processes_answer_and_whoever_is_asked_counts_for_all(gateway: Stack) -> None:
    wait_for(lambda: len(members_of(gateway)) == 2, "two processes")
    for _ in range(40):  # each on a connection of its own, so that the kernel chooses
        assert gateway.post("/v1/track", {"event": "x", "userId": "u"})[0] == 503
    wait_for(lambda: beacons(gateway) == 40, "the beacons of both")
    assert {beacons(gateway) for _ in range(20)} == {40}


def test_one_that_was_killed_is_started_again_while_the_other_answers(gateway: Stack) -> None:
    first, second = members_of(gateway)
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: len(members_of(gateway)) == 2 and first not in members_of(gateway), "a new process")
    assert second in members_of(gateway)
    wait_for(lambda: answers(f"{gateway.url}/health/live"), "an answer")


def test_all_end_with_the_one_that_was_called(gateway: Stack) -> None:
    members = members_of(gateway)
    assert gateway.stop() == 0
    assert not any(map(is_there, members))


def test_all_end_when_the_one_that_was_called_is_killed(gateway: Stack) -> None:
    members = members_of(gateway)
    gateway.kill()
    wait_for(lambda: not any(map(is_there, members)), "the processes to end")
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{gateway.url}/health/live")


def test_a_port_that_is_taken_is_named(gateway: Stack, tmp_path: Path) -> None:
    single = settings_of(tmp_path) | {"ASK0_PORT": str(gateway.port), "ASK0_GATEWAY_PROCESSES": "1"}
    refused = run("gateway", settings=single)
    assert refused.code != 0
    assert "set ASK0_PORT to another one" in refused.err
