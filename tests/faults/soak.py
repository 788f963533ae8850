"""Hostile and honest senders at one `ask0 serve`: `python -m tests.faults.soak --seconds 600` prints figures."""

import argparse
import gzip
import json
import os
import random
import socket
import string
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from bench.stack import WRITE_KEY, Stack

HONEST_RATE = 20  # beacons of one event a second
LOOK_SECONDS = 5.0

chance = random.Random(7)


class Project(NamedTuple):
    id: str
    key: str


def text(length: int) -> str:
    return "".join(chance.choices(string.ascii_letters, k=length))


def identify(traits: dict[str, Any], **who: str) -> dict[str, Any]:
    return {"type": "identify", "traits": traits, **(who or {"userId": "victim"})}


def batch(*events: Any) -> bytes:
    return json.dumps({"batch": list(events)}).encode()


# Each with a public write key. A pair of a body and its encoding.
ATTACKS: dict[str, Callable[[], tuple[bytes, str]]] = {
    "keys that meet": lambda: (
        batch(
            identify(
                {"a.b": 1, "a%2Eb": 2, "A.b": {"c.d": [{".": 1, "%2E": 2}]}}, anonymousId=f"g-{chance.randrange(9)}"
            ),
            {"event": "x", "userId": "victim", "properties": {"a.b": 1, "a%2Eb": 2, "a%252Eb": 3}},
        ),
        "",
    ),
    "long ids": lambda: (
        batch(*(identify({}, userId=text(250) + str(n), anonymousId=text(250)) for n in range(300))),
        "",
    ),
    "one user, many anonymous ids": lambda: (
        batch(*({"event": "x", "userId": "one", "anonymousId": text(240)} for n in range(1_000))),
        "",
    ),
    "deep": lambda: (gzip.compress(b"[" * 249_000 + b"]" * 249_000), "gzip"),
    "members": lambda: (gzip.compress(b"") * 20_000, "gzip"),
    "unknown keys": lambda: (batch(*({"event": "x", "userId": "u", "writeKey": text(9)} for _ in range(2_400))), ""),
    "rejects": lambda: (gzip.compress(batch(*([{}] * 2_400))), "gzip"),
    "large rejects": lambda: (gzip.compress(batch(*({"event": 7, "x": "y" * 300} for _ in range(1_000)))), "gzip"),
    "trait names": lambda: (batch(*(identify({text(12): 1 for _ in range(400)}) for _ in range(20))), ""),
    "large traits": lambda: (batch(*(identify({"t": text(9_000), text(5): text(9_000)}) for _ in range(20))), ""),
    "property names": lambda: (
        batch(*({"event": "x", "userId": "u", "properties": {text(8): 1 for _ in range(4)}} for _ in range(500))),
        "",
    ),
    "not plain JSON": lambda: (b'[{"event":"x","userId":"u"},' + b"[1e400]," * 20_000 + b"NaN]", ""),
    "nonsense": lambda: (chance.randbytes(2_000), chance.choice(("", "gzip", "br", "zstd", "deflate"))),
}


@dataclass
class Figures:
    waits: list[float] = field(default_factory=list)  # seconds until an honest event was visible
    honest: Counter[int] = field(default_factory=Counter)  # beacons by status
    hostile: Counter[int] = field(default_factory=Counter)
    looks: list[dict[str, float]] = field(default_factory=list)


def soak(stack: Stack, honest: Project, seconds: float) -> Figures:
    """Raises the first error that an honest sender meets."""
    figures, end = Figures(), time.monotonic() + seconds
    errors: list[BaseException] = []

    def guarded(run: Callable[[], None]) -> threading.Thread:
        def body() -> None:
            try:
                run()
            except BaseException as error:
                errors.append(error)

        return threading.Thread(target=body)

    threads = [guarded(lambda: _attack(stack, figures, end)), guarded(lambda: _dawdle(stack, end))]
    threads += [guarded(lambda: _behave(stack, honest, figures, end))]
    for thread in threads:
        thread.start()
    while time.monotonic() < end:
        figures.looks.append(_look(stack))
        time.sleep(LOOK_SECONDS)
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    figures.looks.append(_look(stack))
    return figures


def _attack(stack: Stack, figures: Figures, end: float) -> None:
    names = list(ATTACKS)
    with httpx.Client(base_url=stack.url, timeout=60) as client:
        for number in range(10**9):
            if time.monotonic() > end:
                return
            body, encoding = ATTACKS[names[number % len(names)]]()
            headers = {"X-Write-Key": WRITE_KEY} if number % 5 else {}
            if encoding:
                headers["Content-Encoding"] = encoding
            figures.hostile[client.post("/v1/batch", content=body, headers=headers).status_code] += 1


def _dawdle(stack: Stack, end: float) -> None:
    """Bodies that never end."""
    head = f"POST /v1/batch HTTP/1.1\r\nHost: x\r\nX-Write-Key: {WRITE_KEY}\r\nContent-Length: 400000\r\n\r\n".encode()
    while time.monotonic() < end:
        slow = [socket.create_connection(("127.0.0.1", stack.port), timeout=60) for _ in range(40)]
        for connection in slow:
            connection.sendall(head + b"[" * 100_000)
        time.sleep(2)
        for connection in slow:
            connection.close()


def _behave(stack: Stack, project: Project, figures: Figures, end: float) -> None:
    waiting: list[tuple[str, float]] = []
    with httpx.Client(base_url=stack.url, timeout=60, headers={"X-Write-Key": project.key}) as client:
        for number in range(10**9):
            started = time.monotonic()
            if started > end:
                break
            message = str(uuid.uuid4())
            event = {"event": "Honest", "userId": f"h{number % 50}", "messageId": message, "properties": {"n": number}}
            status = client.post("/v1/track", json=event).status_code
            figures.honest[status] += 1
            if status == 200 and number % HONEST_RATE == 0:
                waiting.append((message, started))
            waiting = list(_still_waiting(stack, project, waiting, figures))
            time.sleep(max(0, started + 1 / HONEST_RATE - time.monotonic()))
    while waiting:
        waiting = list(_still_waiting(stack, project, waiting, figures))


def _still_waiting(
    stack: Stack, project: Project, waiting: list[tuple[str, float]], figures: Figures
) -> Iterator[tuple[str, float]]:
    for message, sent in waiting:
        found = f"SELECT count() FROM ask0.events WHERE project_id = '{project.id}' AND message_id = '{message}'"
        if stack.query(found) == "0":
            yield message, sent
        else:
            figures.waits.append(time.monotonic() - sent)


def _look(stack: Stack) -> dict[str, float]:
    assert stack.process is not None
    walk = os.walk(stack.environ["ASK0_DATA_DIR"])
    sizes = list(_sizes(os.path.join(folder, name) for folder, _, names in walk for name in names))
    return {
        "rss_mb": stack.resident_mb(),
        "descriptors": len(list(Path(f"/proc/{stack.process.pid}/fd").iterdir())),
        "files": len(sizes),
        "disk_mb": sum(sizes) / 1e6,
    }


def _sizes(paths: Iterable[str]) -> Iterator[int]:
    for path in paths:
        with suppress(FileNotFoundError):  # merged meanwhile
            yield os.path.getsize(path)


def make_project(stack: Stack) -> Project:
    """One of its own."""
    command = [sys.executable, "-m", "ask0.cli.main", "project", "create", "honest", "--json"]
    done = subprocess.run(command, env={**os.environ, **stack.environ}, check=True, capture_output=True)
    project = json.loads(done.stdout)
    return Project(project["id"], project["writeKey"])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=600)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder)) as stack:
        figures = soak(stack, make_project(stack), seconds)
        waits = sorted(figures.waits)
        print(f"honest beacons by status {dict(figures.honest)}, hostile ones {dict(figures.hostile)}")
        print(f"visible after p50 {waits[len(waits) // 2]:.2f} s, longest {waits[-1]:.2f} s ({len(waits)} looked for)")
        step = max(len(figures.looks) // 8, 1)
        for look in figures.looks[::step] + figures.looks[-1:]:
            print(", ".join(f"{name} {value:,.0f}" for name, value in look.items()))


if __name__ == "__main__":
    main()
