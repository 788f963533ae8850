"""Who commits for an event loop; and the thread that does it for those who append little."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Protocol

from ask0.eventlog.sqlite_commit import Committed, Committer, Row


class Writer(Protocol):
    """Commits for one event loop. `settle` is called on it for every group that was written, in their order, and never
    within `write`."""

    shares_gil: bool

    async def start(self, settle: Callable[[Committed], None]) -> None: ...

    def write(self, rows: Sequence[Row], check: bool) -> None: ...

    async def close(self) -> None:
        """Once all is settled."""


class ThreadWriter:
    shares_gil = True

    def __init__(self, path: Path, group: str) -> None:
        self._committer = Committer(path, group)
        self._queue: SimpleQueue[tuple[Sequence[Row], bool] | None] = SimpleQueue()  # None ends the thread
        self._thread: threading.Thread | None = None

    async def start(self, settle: Callable[[Committed], None]) -> None:
        self._thread = threading.Thread(
            target=self._run, args=(asyncio.get_running_loop(), settle), name="ask0-log", daemon=True
        )
        self._thread.start()

    def write(self, rows: Sequence[Row], check: bool) -> None:
        self._queue.put((rows, check))

    async def close(self) -> None:
        thread, self._thread = self._thread, None
        if thread:
            self._queue.put(None)
            await asyncio.to_thread(thread.join)

    def _run(self, loop: asyncio.AbstractEventLoop, settle: Callable[[Committed], None]) -> None:
        while written := self._queue.get():
            committed = self._committer.commit(*written)
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(settle, committed)
        self._committer.close()
