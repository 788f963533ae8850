"""A second group on the log of the process under test."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.stack import Stack, wait_for


class Follower:
    """`ask0 tail` as a group of its own."""

    def __init__(self, out: Path, stack: Stack) -> None:
        self._out = out
        self._environ = {**os.environ, **stack.environ}
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "ask0.cli.main", "tail", "--json", "--group", "follower", "--from-start"]
        with open(self._out, "ab") as out:
            out.write(b"\n")  # after a line that was cut
            out.flush()
            self._process = subprocess.Popen(command, env=self._environ, stdout=out, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def wait_for(self, count: int) -> None:
        wait_for(lambda: len(self.messages()) >= count, f"the second group to have {count} events", timeout=120)

    def messages(self) -> set[str]:
        """Ids; a line that was cut when it died comes whole the next time."""
        return {found for line in self._out.read_bytes().splitlines() if (found := _message_of(line))}


@contextmanager
def following(out: Path, stack: Stack) -> Iterator[Follower]:
    follower = Follower(out, stack)
    try:
        yield follower
    finally:
        follower.kill()


def _message_of(line: bytes) -> str:
    try:
        return str(json.loads(line)["messageId"])
    except (ValueError, KeyError, TypeError):
        return ""
