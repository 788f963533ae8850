"""Every call a server-side SDK has, then tracks: python_calls.py MODULE HOST WRITE_KEY RUN TRACKS.

The clients of Segment and RudderStack have the same methods, since one began as the other.
"""

import sys
from importlib import import_module
from typing import Any


def make_calls(client: Any, run: str, tracks: int) -> None:
    guest = f"{run}-before"
    client.identify(run, {"email": f"{run}@example.com", "plan": "pro", "seats": 3})
    client.group(run, "acme", {"industry": "tools", "n": 0})
    client.page(run, "Docs", "Install", {"path": "/install", "n": 1})
    client.screen(run, "App", "Home", {"dark": True, "n": 2})
    client.track(anonymous_id=guest, event="Signed Up", properties={"n": 3})
    client.alias(guest, run)
    for n in range(4, 4 + tracks):
        client.track(run, "Asked", {"conversationId": f"{run}-talk", "n": n})


def main(module: str, host: str, write_key: str, run: str, tracks: str) -> None:
    lost: list[object] = []
    client = import_module(module).Client(
        write_key,
        host=host,
        gzip=True,
        max_queue_size=int(tracks) + 10,
        on_error=lambda error, batch: lost.append(error),
    )
    make_calls(client, run, int(tracks))
    client.shutdown()
    if lost:
        sys.exit(f"gave up: {lost}")


main(*sys.argv[1:])
