"""Reads a log's file in a thread of its own, and waits for what others commit to it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from ask0.eventlog.log import LogUnavailable
from ask0.eventlog.sqlite_file import LogFile, unwatch, watch

_LOOK_SECONDS = 0.05  # how often one that waits looks for commits of other processes

T = TypeVar("T")


class Follower:
    """Of one event loop. Its thread alone uses the file's connection. `watched` is what this process's writers
    announce their commits under."""

    def __init__(self, file: LogFile, watched: Path, name: str) -> None:
        self._file = file
        self._watched = watched
        self._name = name
        self._pool: ThreadPoolExecutor | None = None
        self._woken = asyncio.Event()

    @property
    def is_open(self) -> bool:
        return self._pool is not None

    async def open(self, join: Callable[[], object]) -> None:
        """`join` is called in the thread. Closed again when it raises LogUnavailable."""
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()
        self._pool = ThreadPoolExecutor(1, f"ask0-{self._name}")
        try:
            await self.run(join)
        except LogUnavailable:
            await self.close()
            raise
        watch(self._watched, self._wake)

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread(), function, *arguments)

    def run_later(self, function: Callable[[], object]) -> None:
        """Whose outcome nobody asks for."""
        self._thread().submit(function)

    async def until(self, timeout: float, look: Callable[[], T | None]) -> T | None:
        """What `look`, called in the thread, finds within so many seconds. It is called once at least."""
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            self._woken.clear()
            if (found := await self.run(look)) is not None:
                return found
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                return None
            with suppress(TimeoutError):  # `wait_for` of Python 3.11 may lose a cancellation
                async with asyncio.timeout(min(left, _LOOK_SECONDS)):
                    await self._woken.wait()

    def look_again(self) -> None:
        """At once, if it waits."""
        self._woken.set()

    async def close(self) -> None:
        unwatch(self._watched, self._wake)
        pool, self._pool = self._pool, None
        if pool:
            await self._loop.run_in_executor(pool, self._file.close)
            pool.shutdown()

    def _thread(self) -> ThreadPoolExecutor:
        if not self._pool:
            raise LogUnavailable(f"The reader {self._name} of the log is not open.")
        return self._pool

    def _wake(self) -> None:
        """In any thread."""
        if not self._woken.is_set():
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._woken.set)
