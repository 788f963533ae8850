"""The worker's thread, and the deadline that ends a process whatever still runs."""

import asyncio
import subprocess
import sys

import pytest

from ask0.cli.errors import NotAvailable
from ask0.cli.process import WorkerThread, listen, url_of
from tests.cli.processes import ROOT, environment

HANGS = """
import threading, time
from ask0.cli import process
process.STOP_SECONDS = 0.1
process.Deadline().begin({code})
threading.Thread(target=time.sleep, args=(600,)).start()
"""


def test_a_worker_that_is_stopped_has_not_failed() -> None:
    ended: list[str] = []

    async def work(stop: asyncio.Event) -> None:
        await stop.wait()

    worker = WorkerThread(work, lambda: ended.append("worker"))
    worker.start()
    worker.stop()
    assert (worker.failed, ended) == (False, [])


def test_a_worker_that_ends_by_itself_has_failed_and_says_so() -> None:
    ended: list[str] = []

    async def work(stop: asyncio.Event) -> None:
        raise RuntimeError("a bug")

    worker = WorkerThread(work, lambda: ended.append("worker"))
    worker.start()
    worker.join()
    assert (worker.failed, ended) == (True, ["worker"])
    worker.stop()


@pytest.mark.parametrize("code", [0, 1])
def test_a_process_that_hangs_ends_at_the_deadline(code: int) -> None:
    command = [sys.executable, "-c", HANGS.format(code=code)]
    assert subprocess.run(command, env=environment({}), cwd=ROOT, timeout=60, capture_output=True).returncode == code


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_an_address_to_reach_it_at(host: str) -> None:
    with listen(host, 0, "ASK0_PORT") as sock:
        assert url_of(sock) == f"http://127.0.0.1:{sock.getsockname()[1]}"


def test_a_port_in_use_is_said_with_the_setting_to_change() -> None:
    with listen("127.0.0.1", 0, "ASK0_PORT") as sock, pytest.raises(NotAvailable, match="in use; set ASK0_PORT"):
        listen("127.0.0.1", sock.getsockname()[1], "ASK0_PORT")
