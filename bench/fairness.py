"""One project floods, nine send as always: how long until what the nine send is visible? `python -m bench.fairness`.

The flood is 50 times what one of the others sends, as batches, and more than the worker can take. Each of the nine
sends small batches at a steady rate and, as an SDK does, sends again what was turned away. One event of each second is
looked for in ClickHouse, timed from its first sending. The nine together must be less than the worker can take: where
it takes less, lower --rate.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
import uuid
from collections import Counter
from typing import Any, NamedTuple

import httpx
import orjson

from bench.events import event
from bench.stack import Stack, ask0, wait_for

NEIGHBOURS = 9
BEATS = 10  # batches a second of each neighbour
FLOOD = 50  # times the rate of a neighbour
SENDERS = 4  # of the flood
BATCH = 500  # events of one beacon of the flood
LOOK_SECONDS = 0.1
PATIENCE_SECONDS = 120  # for the last event to become visible

PROBE = b'{"event":"x","userId":"u"}'


class Project(NamedTuple):
    id: str
    write_key: str

    @property
    def headers(self) -> dict[str, str]:
        return {"X-Write-Key": self.write_key}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=int, default=600, help="events a second of each of the nine")
    parser.add_argument("--max-wait", default="1.5", help="ASK0_MAX_WAIT_SECONDS; 0 shows what happens without")
    options = parser.parse_args()
    # Without the project's own quota, which would stop such a flood by itself.
    with ask0("serve", ASK0_MAX_WAIT_SECONDS=options.max_wait) as stack:
        projects = [_make_project(stack, n) for n in range(NEIGHBOURS + 1)]
        run = Run(stack, options.rate, options.seconds)
        asyncio.run(run.measure(projects))
    print(f"flood: {dict(run.flood)} beacons of {BATCH:,} events by status, {run.flood_rate:,.0f} events/s sent")
    print(f"neighbours: {dict(run.neighbours)} beacons by status, {NEIGHBOURS * options.rate:,} events/s sent")
    print(f"accepted after {_spread(run.accepts)}")
    print(f"visible after {_spread(run.waits)}")


def _spread(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    places = {percent: min(len(ordered) * percent // 100, len(ordered) - 1) for percent in (50, 99, 100)}
    return ", ".join(f"p{percent} {ordered[place]:.1f} s" for percent, place in places.items()) + f" ({len(ordered)})"


def _make_project(stack: Stack, number: int) -> Project:
    command = [sys.executable, "-m", "ask0.cli.main", "project", "create", f"fair {number}", "--json"]
    made = json.loads(
        subprocess.run(command, env={**os.environ, **stack.environ}, check=True, capture_output=True).stdout
    )
    project = Project(made["id"], made["writeKey"])
    wait_for(lambda: stack.post("/v1/track", PROBE, **project.headers)[0] == 200, "the key to be known")
    return project


class Run:
    """Everyone sends for so many seconds; then all that was looked for has become visible."""

    def __init__(self, stack: Stack, rate: int, seconds: float) -> None:
        self.flood: Counter[int] = Counter()  # beacons by status
        self.neighbours: Counter[int] = Counter()
        self.accepts: list[float] = []  # seconds from the first sending to the 200, of each beacon of the neighbours
        self.waits: list[float] = []  # … until an event of it was visible, of one each second
        self._stack = stack
        self._rate = rate
        self._seconds = seconds
        self._awaited: dict[str, float] = {}  # messageId → when it was first sent
        self._sending = True

    @property
    def flood_rate(self) -> float:
        return sum(self.flood.values()) * BATCH / self._seconds

    async def measure(self, projects: list[Project]) -> None:
        end = time.monotonic() + self._seconds
        limits = httpx.Limits(max_connections=200)
        async with httpx.AsyncClient(base_url=self._stack.url, timeout=30, limits=limits) as client:
            looking = asyncio.create_task(self._look())
            floods = [self._flood(client, projects[0], end) for _ in range(SENDERS)]
            await asyncio.gather(*floods, *(self._neighbour(client, each, end) for each in projects[1:]))
            self._sending = False
            await asyncio.wait_for(looking, PATIENCE_SECONDS)

    async def _flood(self, client: httpx.AsyncClient, project: Project, end: float) -> None:
        """At its rate, whatever is answered: what is turned away is not kept."""
        started, sent = time.monotonic(), 0
        while (now := time.monotonic()) < end:
            if sent > (now - started) * FLOOD * self._rate / SENDERS:
                await asyncio.sleep(0.005)
                continue
            body = orjson.dumps(_events(BATCH))
            sent += BATCH
            self.flood[(await client.post("/v1/batch", content=body, headers=project.headers)).status_code] += 1

    async def _neighbour(self, client: httpx.AsyncClient, project: Project, end: float) -> None:
        deliveries, beat, next_at = [], 0, time.monotonic()
        while next_at < end:
            events = _events(self._rate // BEATS)
            if beat % BEATS == 0:
                self._awaited[events[0]["messageId"]] = time.monotonic()
            deliveries.append(asyncio.create_task(self._deliver(client, project, orjson.dumps(events))))
            beat, next_at = beat + 1, next_at + 1 / BEATS
            await asyncio.sleep(max(0, next_at - time.monotonic()))
        await asyncio.gather(*deliveries)

    async def _deliver(self, client: httpx.AsyncClient, project: Project, body: bytes) -> None:
        started = time.monotonic()
        while True:
            answer = await client.post("/v1/batch", content=body, headers=project.headers)
            self.neighbours[answer.status_code] += 1
            if answer.status_code == 200:
                self.accepts.append(time.monotonic() - started)
                return
            await asyncio.sleep(int(answer.headers["retry-after"]))

    async def _look(self) -> None:
        """One question for all that is awaited, so that looking takes little from the worker."""
        while self._sending or self._awaited:
            if self._awaited:
                ids = ",".join(f"'{message_id}'" for message_id in self._awaited)
                found = f"SELECT message_id FROM ask0.events WHERE message_id IN ({ids})"
                for message_id in (await asyncio.to_thread(self._stack.query, found)).split():
                    self.waits.append(time.monotonic() - self._awaited.pop(message_id))
            await asyncio.sleep(LOOK_SECONDS)


def _events(count: int) -> list[dict[str, Any]]:
    run = uuid.uuid4().int >> 64 & 0xFFFF_FFFF
    return [event(n, run) for n in range(count)]


if __name__ == "__main__":
    main()
