"""kill -9 at any moment loses nothing that was acknowledged and counts nothing twice, on both homes of the log.

The control tells the same story with the protection taken away: the check has to notice. FAULT_ROUNDS says how often
the process is killed.
"""

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.stack import WRITE_KEY, Stack, wait_for
from tests.faults.conversations import write_conversations
from tests.faults.follower import Follower
from tests.kafka_broker import kafka_broker

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "4"))
CONVERSATIONS = 1000  # of one demo, about 10,000 events
CRASHES = 3

EVENTS = "SELECT count(), uniqExact(message_id) FROM ask0.events"
TALK = "SELECT count(), sum(questions), sum(answers) FROM ask0.conversations"


@contextmanager
def log_of(home: str) -> Iterator[dict[str, str]]:
    if home == "sqlite":
        yield {}
    else:
        with kafka_broker() as broker:
            yield {"ASK0_LOG": f"kafka://{broker.bootstrap}/events"}


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("home", ["sqlite", "kafka"])
def test_kill_9_during_the_demo_leaves_every_acknowledged_event_in_once(home: str, tmp_path: Path) -> None:
    """A second group, which is killed as often, misses none either."""
    chance = random.Random(home)
    with log_of(home) as settings, Stack(tmp_path / "data", **settings) as stack:
        demos, follower = Demos(tmp_path, stack), Follower(tmp_path / "followed", stack)
        for _ in range(ROUNDS):
            threading.Event().wait(chance.uniform(0.05, 0.7))  # the moment of death is what varies
            demos.go_on()
            follower.kill()
            stack.kill()
            follower.start()
            stack.start()
        demos.finish()
        follower.wait_for(demos.accepted)
        assert len(follower.messages()) == demos.accepted
        follower.kill()
        wait_for(lambda: counts(stack, EVENTS)[1] == demos.accepted, "every accepted event to be visible", timeout=300)
        wait_for(lambda: counts(stack, TALK) == demos.talk, "every conversation", timeout=60)
        assert counts(stack, EVENTS) == [demos.accepted, demos.accepted]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("home", ["sqlite", "kafka"])
@pytest.mark.parametrize("protection", ["on", "off"])
def test_death_between_insert_and_done_repeats_rows_only_without_the_protection(
    home: str, protection: str, tmp_path: Path
) -> None:
    conversations = tmp_path / "conversations.jsonl.gz"
    write_conversations(conversations, 200)
    with log_of(home) as settings:
        stack = Stack(tmp_path / "data", "-m", "tests.faults.crashing", protection, **settings)
        stack.launch()
        demo = play(conversations, stack)
        for crash in range(CRASHES):
            wait_for(lambda: not stack.alive, f"death number {crash + 1}", timeout=90)
            if crash + 1 < CRASHES:
                stack.launch()
        stack.command = ("-m", "ask0.cli.main", "serve")
        with stack:
            accepted = finish(demo)
            wait_for(lambda: counts(stack, EVENTS)[1] == accepted, "every accepted event to be visible", timeout=120)
            wait_for(lambda: stack.metric("ask0_worker_lag_records") == 0, "the worker to be level with the log")
            rows, messages = counts(stack, EVENTS)
    if protection == "on":
        assert rows == messages
    else:
        assert rows > messages, "the check is blind: nothing was repeated without the protection"


class Demos:
    """`ask0 demo`, one after the other, each with conversations of its own, for as long as there is killing to do."""

    def __init__(self, folder: Path, stack: Stack) -> None:
        self.folder, self.stack = folder, stack
        self.accepted, self.number = 0, 0
        self.talk = [0, 0, 0]  # conversations, questions, answers
        self._begin()

    def _begin(self) -> None:
        self.number += 1
        path = self.folder / f"{self.number}.jsonl.gz"
        questions, replies = write_conversations(path, CONVERSATIONS, name=f"demo-{self.number}")
        self.talk = [a + b for a, b in zip(self.talk, (CONVERSATIONS, questions, replies), strict=True)]
        self.demo = play(path, self.stack, seed=self.number)

    def go_on(self) -> None:
        if self.demo.poll() is not None:
            self.finish()
            self._begin()

    def finish(self) -> None:
        self.accepted += finish(self.demo)


def play(path: Path, stack: Stack, seed: int = 1) -> "subprocess.Popen[str]":
    arguments = ["demo", "--conversations", str(path), "--users", "40", "--seed", str(seed), "--url", stack.url]
    return subprocess.Popen(
        [sys.executable, "-m", "ask0.cli.main", *arguments, "--write-key", WRITE_KEY, "--json", "--parallel", "2"],
        stdout=subprocess.PIPE,
        text=True,
    )


def finish(demo: "subprocess.Popen[str]") -> int:
    """How many events the demo was told are safe."""
    output, _ = demo.communicate(timeout=600)
    assert demo.returncode == 0
    accepted: int = json.loads(output)["accepted"]
    return accepted


def counts(stack: Stack, sql: str) -> list[int]:
    return [int(cell) for cell in stack.query(sql).split()]
