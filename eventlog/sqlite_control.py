"""The control stream in the file of a SQLite log."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from ask0.eventlog.log import LogUnavailable
from ask0.eventlog.sqlite_file import LogFile, announce, unwatch, watch

_LOOK_SECONDS = 0.05  # how often a waiting reader looks for what other processes wrote
_READ_AT_ONCE = 1000
_READ = f"SELECT position, value FROM control WHERE position > ? ORDER BY position LIMIT {_READ_AT_ONCE}"

T = TypeVar("T")


class SqliteControl:
    def __init__(self, path: Path) -> None:
        self._file = LogFile(path)
        self._pool: ThreadPoolExecutor | None = None
        self._starting = asyncio.Lock()
        self._woken = asyncio.Event()
        self.log_id = ""

    async def start(self) -> None:
        async with self._starting:  # a second caller must not go on before it has started
            if self._pool:
                return
            self._loop = asyncio.get_running_loop()
            self._woken = asyncio.Event()
            self._pool = ThreadPoolExecutor(1, "ask0-control")
            try:
                await self.end()
            except LogUnavailable:
                await self.close()
                raise
            self.log_id = self._file.log_id
            watch(self._key, self._wake)

    async def append(self, value: bytes) -> None:
        await self._run(self._file.write, "INSERT INTO control (value) VALUES (?)", (value,))
        announce(self._key)

    async def read(self, after: int, timeout: float) -> list[tuple[int, bytes]]:
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            self._woken.clear()
            if rows := await self._run(self._file.read, _READ, (after,)):
                return [(int(position), bytes(value)) for position, value in rows]
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                return []
            with suppress(TimeoutError):  # `wait_for` of Python 3.11 may lose a cancellation
                async with asyncio.timeout(min(left, _LOOK_SECONDS)):
                    await self._woken.wait()

    async def end(self) -> int:
        ((position,),) = await self._run(self._file.read, "SELECT ifnull(max(position), 0) FROM control")
        return int(position)

    async def close(self) -> None:
        unwatch(self._key, self._wake)
        pool, self._pool = self._pool, None
        if pool:
            await self._loop.run_in_executor(pool, self._file.close)
            pool.shutdown()

    @property
    def _key(self) -> Path:
        """Of its own: who waits for events is not woken by a change."""
        return self._file.path.with_name(f"{self._file.path.name}#control")

    def _wake(self) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._woken.set)

    async def _run(self, function: Callable[..., T], *arguments: object) -> T:
        if not self._pool:
            raise LogUnavailable("The control stream is not open.")
        return await self._loop.run_in_executor(self._pool, function, *arguments)
