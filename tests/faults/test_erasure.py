"""An erasure whose process is killed at any moment ends the same, on both homes of the log: they are gone, all and only
they, and what comes of them later or again is dropped."""

import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.stack import SECRET_KEY, WRITE_KEY, Stack, wait_for
from tests.kafka_broker import kafka_broker

USERS = 60
EVENTS = 5  # of each
DEATHS = 5
BASE = "/v1/projects/-"
BEARER = {"authorization": f"Bearer {SECRET_KEY}"}


@contextmanager
def log_of(home: str) -> Iterator[dict[str, str]]:
    if home == "sqlite":
        yield {}
    else:
        with kafka_broker() as broker:
            yield {"ASK0_LOG": f"kafka://{broker.bootstrap}/events", "ASK0_SEALING_KEY": 4 * "ten signs "}


def call(stack: Stack, method: str, path: str, **options: Any) -> Any:
    answer = httpx.request(method, f"{stack.url}{BASE}{path}", headers=BEARER, timeout=60, **options)
    assert answer.is_success, answer.text
    return answer.json()


def send(stack: Stack, prefix: str) -> None:
    """Of each user as many events, and an email."""
    batch: list[dict[str, Any]] = [
        {"type": "track", "event": "Opened", "userId": f"{prefix}-{user}", "messageId": f"{prefix}-{user}-{number}"}
        for user in range(USERS)
        for number in range(EVENTS - 1)
    ]
    batch += [
        {
            "type": "identify",
            "userId": f"{prefix}-{user}",
            "messageId": f"{prefix}-{user}-id",
            "traits": {"plan": prefix},
        }
        for user in range(USERS)
    ]
    for start in range(0, len(batch), 100):
        body = json.dumps({"batch": batch[start : start + 100]}).encode()
        answer = httpx.post(f"{stack.url}/v1/batch", content=body, headers={"x-write-key": WRITE_KEY}, timeout=60)
        assert answer.is_success, answer.text


def events(stack: Stack, prefix: str) -> int:
    return int(stack.query(f"SELECT count() FROM ask0.events WHERE user_id LIKE '{prefix}-%'"))


def users(stack: Stack, prefix: str) -> int:
    return int(stack.query(f"SELECT count() FROM ask0.users WHERE plan = '{prefix}'"))


def is_there(stack: Stack, prefix: str) -> bool:
    return events(stack, prefix) == USERS * EVENTS and users(stack, prefix) == USERS


@pytest.mark.timeout(600)
@pytest.mark.parametrize("home", ["sqlite", "kafka"])
def test_kill_9_in_the_middle_of_an_erasure_ends_the_same(home: str, tmp_path: Path) -> None:
    chance = random.Random(home)
    with log_of(home) as settings, Stack(tmp_path / "data", **settings) as stack:
        send(stack, "goes")
        send(stack, "stays")
        for prefix in ("goes", "stays"):
            wait_for(partial(is_there, stack, prefix), "the users and their events")
        job = call(stack, "POST", "/users/bulk", json={"filter": {"plan": ["goes"]}, "do": "erase"})["job"]["id"]
        # On Kafka another gateway takes a job over once it has stood still for a minute.
        for _ in range(DEATHS if home == "sqlite" else 0):
            threading.Event().wait(chance.uniform(0.05, 0.8))  # the moment of death is what varies
            stack.kill()
            stack.start()

        def shown() -> Any:
            return call(stack, "GET", f"/jobs/{job}")["job"]

        wait_for(lambda: shown()["status"] in ("done", "failed"), "the job", timeout=200)
        assert shown()["status"] == "done", shown()
        receipt = shown()["receipt"]
        assert (receipt["asked"], receipt["people"]) == (USERS, USERS)
        assert receipt["rows"]["events"] == USERS * EVENTS
        assert (events(stack, "goes"), events(stack, "stays")) == (0, USERS * EVENTS)
        assert (users(stack, "goes"), users(stack, "stays")) == (0, USERS)
        send(stack, "goes")
        send(stack, "later")
        wait_for(lambda: events(stack, "later") == USERS * EVENTS, "what was sent after it")
        assert events(stack, "goes") == 0
