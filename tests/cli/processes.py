"""The real `ask0` in processes of its own: a command run to its end, and a server that lives for a block."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Self

import httpx

from ask0.cli.statements import stream
from bench.stack import wait_for

ROOT = Path(__file__).parents[2]


def run(*arguments: str, settings: Mapping[str, str], stdin: bytes = b"", cwd: Path | None = None) -> "Finished":
    """One command, to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "ask0.cli.main", *arguments],
        env=environment(settings),
        cwd=cwd or ROOT,
        input=stdin,
        capture_output=True,
        timeout=120,
    )
    return Finished(done.returncode, done.stdout.decode(), done.stderr.decode())


class Finished:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

    @property
    def json(self) -> Any:
        assert self.code in (0, 1), self.err
        return json.loads(self.out)

    def __repr__(self) -> str:
        return f"exit {self.code}\n{self.out}\n{self.err}"


class Server:
    """`ask0 serve` on any free port, with what it printed."""

    def __init__(self, data_dir: Path, **settings: str) -> None:
        self.settings = {"ASK0_DATA_DIR": str(data_dir), "ASK0_PORT": "0", "ASK0_CLICKHOUSE_HTTP_PORT": "0"} | settings
        self._note = data_dir / "serve.json"
        self._out = data_dir.parent / f"{data_dir.name}.out"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with open(self._out, "wb") as out:
            self.process = self._start(out)
        wait_for(lambda: self.greeted or self.ended, "the server to start")
        assert not self.ended, self.printed
        return self

    def __exit__(self, *exc_info: object) -> None:
        if not self.ended:
            self.stop()

    @property
    def printed(self) -> str:
        return self._out.read_text()

    @property
    def greeted(self) -> bool:
        return "Secret key" in self.printed or "does not answer yet" in self.printed

    @property
    def ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    @property
    def url(self) -> str:
        url: str = json.loads(self._note.read_text())["url"]
        return url

    @property
    def write_key(self) -> str:
        return next(line.split()[2] for line in self.printed.splitlines() if "Write key" in line)

    def stop(self, with_signal: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(with_signal)
        return self.process.wait(30)

    def run(self, *arguments: str, stdin: bytes = b"", cwd: Path | None = None) -> Finished:
        return run(*arguments, settings=self.settings, stdin=stdin, cwd=cwd)

    def query(self, sql: str) -> str:
        """Tab-separated, asked where `ask0 sql` asks."""
        dsn = json.loads(self._note.read_text())["clickhouse"]
        return b"".join(stream(dsn, sql, "TabSeparated")).decode().strip()

    def post(self, events: list[dict[str, Any]]) -> httpx.Response:
        return httpx.post(f"{self.url}/v1/batch", auth=(self.write_key, ""), json={"batch": events})

    def ready(self) -> Any:
        """What /health/ready says."""
        return httpx.get(f"{self.url}/health/ready").json()

    def _start(self, out: IO[bytes]) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "ask0.cli.main", "serve"]
        return subprocess.Popen(command, env=environment(self.settings), cwd=ROOT, stdout=out, stderr=subprocess.STDOUT)


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with no setting in it but those."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ASK0_")}
    return kept | {"PYTHONPATH": str(ROOT), **settings}
