"""Room on the disk: below a floor nothing is accepted, before anything breaks; above it again, by itself."""

import asyncio
import logging
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ask0.gateway.errors import ServiceUnavailable
from ask0.schemas.settings import Settings

LOOK_SECONDS = 2.0
MEASURE_SECONDS = 60.0  # between looks at how large everything is
ABOVE = 1.1  # times the floor must be free before events are taken again
RETRY_SECONDS = 60.0

logger = logging.getLogger(__name__)


class Disk:
    """The disks of the data folder, of the embedded log and of the embedded ClickHouse. Those of Kafka and of a
    ClickHouse server are looked after there."""

    def __init__(self, settings: Settings, free: Callable[[Path], int] | None = None) -> None:
        self.is_full = False
        self.free_bytes = 0
        self.used_bytes: dict[str, int] = {}
        self._floor = settings.min_free_mb * 1_000_000
        self._free = free or _free
        self._parts = {"log": _path_of(settings.log_dsn), "clickhouse": _path_of(settings.clickhouse_dsn)}
        self._paths = [settings.data_dir, *(path for path in self._parts.values() if path)]

    def check(self) -> None:
        """Raises ServiceUnavailable while there is too little room."""
        if self.is_full:
            raise ServiceUnavailable(
                "the disk is nearly full, so nothing is accepted now: send the same beacon again later",
                retry_after=RETRY_SECONDS,
            )

    def look(self) -> None:
        self.free_bytes = min(map(self._free, self._paths))
        full = self.free_bytes < self._floor * (ABOVE if self.is_full else 1)
        if full != self.is_full:
            self.is_full = full
            logger.error(
                "the disk has %s MB free, the floor is %s MB: %s",
                self.free_bytes // 1_000_000,
                self._floor // 1_000_000,
                "nothing is accepted until there is more" if full else "events are accepted again",
            )

    def report(self) -> dict[str, object]:
        """For /health/ready."""
        state = "unavailable" if self.is_full else "ok"
        return {"status": state, "free_mb": self.free_bytes // 1_000_000, "floor_mb": self._floor // 1_000_000}

    async def watch(self) -> None:
        """For ever. What could not be looked at stays as it was."""
        looks = 0
        while True:
            try:
                self.look()
                if looks % (MEASURE_SECONDS // LOOK_SECONDS) == 0:
                    self.used_bytes = await asyncio.to_thread(self._measure)
            except OSError as error:
                logger.warning("the disk cannot be looked at, trying again", extra={"error": str(error)})
            looks += 1
            await asyncio.sleep(LOOK_SECONDS)

    def _measure(self) -> dict[str, int]:
        return {name: size_of(path) for name, path in self._parts.items() if path}


def _free(path: Path) -> int:
    """Of the nearest folder that is there."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return shutil.disk_usage(path).free


def _path_of(dsn: str) -> Path | None:
    url = urlsplit(dsn)
    return Path(unquote(url.path)) if url.scheme in ("sqlite", "chdb") else None


def size_of(path: Path) -> int:
    """Bytes on the disk: of a folder, or of a file and those beside it that begin with its name."""
    if path.is_dir():
        return sum(_sizes(os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names))
    return sum(_sizes(str(file) for file in path.parent.glob(f"{path.name}*")))


def _sizes(files: Iterable[str]) -> Iterable[int]:
    for file in files:
        try:
            yield os.stat(file, follow_symlinks=False).st_blocks * 512
        except OSError:
            continue  # merged or trimmed meanwhile
