"""Answers that are costly to find and do not change within a minute: found once for all who ask meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable

MOST = 64  # of all projects; the oldest goes first
SECONDS = 60.0
TIMES = 300  # as long as it took to find an answer, it may be kept: finding it takes no more than that part of the time


class Kept:
    """For one event loop."""

    def __init__(self, seconds: float = SECONDS, most: int = MOST) -> None:
        self._seconds, self._most = seconds, most
        self._found: dict[Hashable, asyncio.Task[bytes]] = {}

    @property
    def size(self) -> int:
        """How many are kept, or being found."""
        return len(self._found)

    async def find(self, key: Hashable, make: Callable[[], Awaitable[bytes]], longest: float = 0) -> bytes:
        """What `make` returns, or has returned not long ago. Raises what it raises, and does not keep that. What took
        long to find is kept for longer, up to `longest` seconds."""
        task = self._found.get(key)
        if task is None:
            if len(self._found) >= self._most:
                del self._found[next(iter(self._found))]
            task = self._found[key] = asyncio.ensure_future(self._make(make))
            began = asyncio.get_running_loop().time()
            task.add_done_callback(lambda done: self._done(key, done, began, longest))
        return await asyncio.shield(task)  # who goes away takes it from nobody else

    @staticmethod
    async def _make(make: Callable[[], Awaitable[bytes]]) -> bytes:
        return await make()

    def _done(self, key: Hashable, task: asyncio.Task[bytes], began: float, longest: float) -> None:
        if task.cancelled() or task.exception() is not None:
            self._forget(key, task)
        else:  # texts that people wrote stay for no longer either
            loop = asyncio.get_running_loop()
            seconds = max(self._seconds, min(longest, TIMES * (loop.time() - began)))
            loop.call_later(seconds, self._forget, key, task)

    def _forget(self, key: Hashable, task: asyncio.Task[bytes]) -> None:
        if self._found.get(key) is task:
            del self._found[key]
