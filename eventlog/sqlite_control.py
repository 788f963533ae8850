"""The control stream in the file of a SQLite log."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from ask0.eventlog.sqlite_file import LogFile, announce
from ask0.eventlog.sqlite_follower import Follower

_READ_AT_ONCE = 1000
_READ = f"SELECT position, value FROM control WHERE position > ? ORDER BY position LIMIT {_READ_AT_ONCE}"


class SqliteControl:
    rewritable = True

    def __init__(self, path: Path) -> None:
        self._file = LogFile(path)
        # Of its own: who waits for events is not woken by a change.
        self._changes = path.with_name(f"{path.name}#control")
        self._follower = Follower(self._file, self._changes, "control")
        self._starting = asyncio.Lock()
        self.log_id = ""

    async def start(self) -> None:
        async with self._starting:  # a second caller must not go on before it has started
            if not self._follower.is_open:
                await self._follower.open(self._end)
                self.log_id = self._file.log_id

    async def append(self, value: bytes) -> None:
        await self._follower.run(self._file.write, "INSERT INTO control (value) VALUES (?)", (value,))
        announce(self._changes)

    async def read(self, after: int, timeout: float) -> list[tuple[int, bytes]]:
        def look() -> list[tuple[int, bytes]] | None:
            rows = self._file.read(_READ, (after,))
            return [(int(position), bytes(value)) for position, value in rows] or None

        return await self._follower.until(timeout, look) or []

    async def end(self) -> int:
        return await self._follower.run(self._end)

    async def rewrite(self, records: Mapping[int, bytes]) -> None:
        await self._follower.run(self._rewrite, records)

    async def close(self) -> None:
        await self._follower.close()

    def _rewrite(self, records: Mapping[int, bytes]) -> None:
        """The journal is emptied with that of the events, which are forgotten next (sqlite_erasure.py)."""
        self._file.read("PRAGMA secure_delete = ON")
        for position, value in records.items():
            self._file.write("UPDATE control SET value = ? WHERE position = ?", (value, position))

    def _end(self) -> int:
        ((position,),) = self._file.read("SELECT ifnull(max(position), 0) FROM control")
        return int(position)
