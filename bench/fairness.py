"""One project floods, nine send as always: how long until what the nine send is visible? `python -m bench.fairness`.

The flood is 50 times what one of the others sends, as batches, and more than the worker can take. Each of the nine
sends small batches at a steady rate; one event of each second is looked for in ClickHouse, timed from its sending.
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
from typing import NamedTuple

import httpx
import orjson

from bench.events import event
from bench.stack import Stack, ask0, wait_for

NEIGHBOURS = 9
RATE = 600  # events a second of each neighbour, as batches of a tenth of a second
FLOOD = 50 * RATE
SENDERS = 4  # of the flood
BATCH = 500  # events of one beacon of the flood


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
    parser.add_argument("--max-wait", default="1.5", help="ASK0_MAX_WAIT_SECONDS; 0 shows what happens without")
    options = parser.parse_args()
    # Without the project's own quota, which would stop such a flood by itself.
    with ask0("serve", ASK0_MAX_WAIT_SECONDS=options.max_wait) as stack:
        projects = [_make_project(stack, n) for n in range(NEIGHBOURS + 1)]
        waits, statuses = asyncio.run(_run(stack, projects, options.seconds))
    waits.sort()
    print(f"flood: {dict(statuses['flood'])} beacons of {BATCH:,} events by status")
    print(f"neighbours: {dict(statuses['neighbours'])} beacons by status")
    share = {f"p{percent}": waits[min(len(waits) * percent // 100, len(waits) - 1)] for percent in (50, 99, 100)}
    print(
        "visible after " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in share.items()) + f" ({len(waits)})"
    )


def _make_project(stack: Stack, number: int) -> Project:
    command = [sys.executable, "-m", "cli.main", "project", "create", f"fair {number}", "--json"]
    made = json.loads(
        subprocess.run(command, env={**os.environ, **stack.environ}, check=True, capture_output=True).stdout
    )
    project = Project(made["id"], made["writeKey"])
    wait_for(lambda: stack.post("/v1/track", PROBE, **project.headers)[0] == 200, "the key to be known")
    return project


async def _run(stack: Stack, projects: list[Project], seconds: float) -> tuple[list[float], dict[str, Counter[int]]]:
    end = time.monotonic() + seconds
    statuses = {"flood": Counter[int](), "neighbours": Counter[int]()}
    waits: list[float] = []
    limits = httpx.Limits(max_connections=200)
    async with httpx.AsyncClient(base_url=stack.url, timeout=30, limits=limits) as client:
        neighbours = [_neighbour(stack, client, each, end, statuses["neighbours"], waits) for each in projects[1:]]
        floods = [_flood(client, projects[0], end, statuses["flood"]) for _ in range(SENDERS)]
        await asyncio.gather(*floods, *neighbours)
    return waits, statuses


async def _flood(client: httpx.AsyncClient, project: Project, end: float, statuses: Counter[int]) -> None:
    """At its rate, whatever is answered: what is turned away is not kept."""
    started, sent = time.monotonic(), 0
    while (now := time.monotonic()) < end:
        if sent > (now - started) * FLOOD / SENDERS:
            await asyncio.sleep(0.005)
            continue
        run = uuid.uuid4().int >> 64 & 0xFFFF_FFFF
        body = orjson.dumps([event(n, run) for n in range(BATCH)])
        sent += BATCH
        statuses[(await client.post("/v1/batch", content=body, headers=project.headers)).status_code] += 1


async def _neighbour(
    stack: Stack, client: httpx.AsyncClient, project: Project, end: float, statuses: Counter[int], waits: list[float]
) -> None:
    beat, looks = 0, []
    while time.monotonic() < end:
        started = time.monotonic()
        run = uuid.uuid4().int >> 64 & 0xFFFF_FFFF
        events = [event(n, run) for n in range(RATE // 10)]
        answer = await client.post("/v1/batch", content=orjson.dumps(events), headers=project.headers)
        statuses[answer.status_code] += 1
        if beat % 10 == 0 and answer.status_code == 200:
            looks.append(asyncio.create_task(asyncio.to_thread(_wait, stack, project, events[0]["messageId"], started)))
        beat += 1
        await asyncio.sleep(max(0, started + 0.1 - time.monotonic()))
    waits += await asyncio.gather(*looks)


def _wait(stack: Stack, project: Project, message_id: str, started: float) -> float:
    found = f"SELECT count() FROM ask0.events WHERE project_id = '{project.id}' AND message_id = '{message_id}'"
    wait_for(lambda: stack.query(found) != "0", message_id, 120)
    return time.monotonic() - started


if __name__ == "__main__":
    main()
