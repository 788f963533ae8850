"""Erasing a thousand users of a million, with ten million events, beside writes that people wait for."""

import threading
import time
from typing import NamedTuple
from urllib.parse import quote

from bench.api import a_million_users, call, put
from bench.paced import drive
from bench.stack import Stack
from bench.users import Measured

ERASED = 1_000
WRITES = 20  # a second
LOOK_SECONDS = 0.5  # each look takes some of the machine
TIME = "erasing 1,000 users of a million"
WRITE = "a write until everyone reads it, at 20/s, meanwhile"


class Erasure(NamedTuple):
    seconds: float
    writes: Measured


def measure() -> Erasure:
    with a_million_users() as stack:
        _erase(stack, ["nobody"])  # the tables and their statements are warm then
        ids = _first(stack)
        stop = threading.Event()
        took: list[float] = []

        def write() -> None:
            number = 0
            while not stop.is_set():
                requests = [put(f"writer_{number + n}", {"plan": "pro"}) for n in range(WRITES)]
                took.extend(drive(stack.port, requests, WRITES))
                number += WRITES

        writer = threading.Thread(target=write)
        writer.start()
        try:
            seconds = _erase(stack, ids)
        finally:
            stop.set()
            writer.join()
    return Erasure(seconds, Measured(WRITE, took))


def _first(stack: Stack) -> list[str]:
    ids: list[str] = []
    cursor = ""
    while len(ids) < ERASED:
        page = call(stack, "GET", f"/users?limit=200{cursor}")
        ids += [user["id"] for user in page["users"]]
        cursor = f"&cursor={quote(page['next'])}"
    return ids


def _erase(stack: Stack, ids: list[str]) -> float:
    started = time.perf_counter()
    job = call(stack, "POST", "/users/bulk", {"ids": ids, "do": "erase", "deleteConversations": True})["job"]["id"]

    while (shown := call(stack, "GET", f"/jobs/{job}")["job"])["status"] not in ("done", "failed"):
        time.sleep(LOOK_SECONDS)
    if shown["status"] == "failed":
        raise SystemExit(f"the erasure failed: {shown}")
    return time.perf_counter() - started
