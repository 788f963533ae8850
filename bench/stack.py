"""Real processes to measure and to test: yardstick servers, and `ask0` on a data folder of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

WRITE_KEY = "wk_000000000000000000bench"
SECRET_KEY = f"sk_{'bench' * 8}"
WRITE_KEYS = [WRITE_KEY, *(f"wk_00000000000000000bench{n}" for n in range(1, 10))]  # of a project each
PASSWORD = "bench"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(condition: Callable[[], object], what: str, timeout: float = 60) -> None:
    """Returns once the condition holds; fails, saying what was waited for, when it never does."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout:g} s for {what}")
        time.sleep(0.02)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return error.code < 500
    except OSError:
        return False


class Stack:
    """One `ask0` process. It can be killed and started again on the same ports and the same data."""

    def __init__(self, folder: Path, *command: str, **settings: str) -> None:
        self.port, self.clickhouse_port = free_port(), free_port()
        self.command: Sequence[str] = command or ("-m", "ask0.cli.main", "serve")
        self.url = f"http://127.0.0.1:{self.port}"
        self.environ = {
            "ASK0_PORT": str(self.port),
            "ASK0_DATA_DIR": str(folder),
            "ASK0_CLICKHOUSE_HTTP_PORT": str(self.clickhouse_port),
            "ASK0_ANALYST_PASSWORD": PASSWORD,
            "ASK0_BOOTSTRAP_PROJECT": "proj_bench",
            "ASK0_BOOTSTRAP_WRITE_KEY": WRITE_KEY,
            "ASK0_BOOTSTRAP_SECRET_KEY": SECRET_KEY,
            "ASK0_LOG_LEVEL": "warning",
            "ASK0_QUOTA_EVENTS_PER_SECOND": "0",
            "ASK0_QUOTA_BYTES_PER_SECOND": "0",
            "ASK0_API_REQUESTS_PER_SECOND": "0",
            **settings,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *self.command], env={**os.environ, **self.environ}, stdout=subprocess.DEVNULL
        )

    def start(self) -> None:
        self.launch()
        wait_for(lambda: answers(f"{self.url}/health/live") or not self.alive, "the gateway to answer")
        if not self.alive:
            raise RuntimeError(f"{' '.join(self.command)} ended at start; its messages are above")

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(30)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.alive:
            self.stop()

    def query(self, sql: str) -> str:
        """Asks as an analyst would: over ClickHouse's HTTP interface, tab-separated."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.clickhouse_port}/?user=analyst&password={PASSWORD}", data=sql.encode()
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            text: str = answer.read().decode()
            return text.strip()

    def post(self, path: str, body: object, **headers: str) -> tuple[int, dict[str, object]]:
        """(status, answer) of one beacon."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers={"X-Write-Key": WRITE_KEY, **headers})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def metric(self, name: str) -> float | None:
        """The value of a Prometheus series, None if it is not there."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=10) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(f"{name} "):
                    return float(line.split()[1])
        return None

    def resident_mb(self) -> float:
        """Of the process and those it has started."""
        assert self.process is not None
        pid = self.process.pid
        return sum(map(_resident_mb, (pid, *_children(pid))))


def _children(pid: int) -> list[int]:
    return [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]


def _resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmRSS: the memory figure needs Linux")


@contextmanager
def ask0(command: str, **settings: str) -> Iterator[Stack]:
    words = ("-m", "ask0.cli.main", command)
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), *words, **settings) as stack:
        yield stack


@contextmanager
def server(kind: str) -> Iterator[int]:
    """One of bench.servers; its port."""
    port = free_port()
    with subprocess.Popen([sys.executable, "-m", "bench.servers", kind, str(port)]) as child:
        try:
            wait_for(lambda: answers(f"http://127.0.0.1:{port}/"), f"the {kind} server")
            yield port
        finally:
            child.terminate()


def load(port: int, requests: list[bytes], *, seconds: float = 0, connections: int = 64) -> tuple[int, float]:
    """Drives the requests from another process; (answers with a 2xx status, seconds). Any other answer ends the run."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump([request.decode("latin-1") for request in requests], file)
        file.flush()
        command = [sys.executable, "-m", "bench.load", str(port), file.name, "--seconds", str(seconds)]
        result = subprocess.run(
            [*command, "--connections", str(connections)], check=True, capture_output=True, text=True
        )
    outcome = json.loads(result.stdout)
    failed = {status: count for status, count in outcome["counts"].items() if not status.startswith("2")}
    if failed:
        raise SystemExit(f"the server under load answered {failed}")
    return sum(outcome["counts"].values()), outcome["seconds"]
