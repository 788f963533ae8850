"""Work on many things in the event loop, without holding up anybody else who waits for it."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

TURN_SECONDS = 0.01

T = TypeVar("T")


async def in_turns(items: Sequence[T]) -> AsyncIterator[tuple[int, T]]:
    """Each with its place. In between everyone else gets a turn, too."""
    until = time.monotonic() + TURN_SECONDS
    for place, item in enumerate(items):
        if time.monotonic() > until:
            await asyncio.sleep(0)
            until = time.monotonic() + TURN_SECONDS
        yield place, item
