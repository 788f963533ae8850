"""To wait until what was put on the log is in the tables: one question at a time to ClickHouse, whoever waits."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import NamedTuple

from ask0.eventlog.log import Log, Position
from ask0.warehouse.applied import read_applied
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import QueryFailed, Unavailable

LOOK_SECONDS = 0.05  # between questions
WAIT_SECONDS = 5.0

logger = logging.getLogger(__name__)


class _Waiter(NamedTuple):
    needed: Mapping[int, int]  # by partition, the offset that has to be below what is applied
    arrived: "asyncio.Future[None]"


@dataclass
class Arrivals:
    """Used by one event loop."""

    log: Log
    warehouse: Warehouse
    threads: Executor

    def __post_init__(self) -> None:
        self._waiters: list[_Waiter] = []
        self._looking: asyncio.Task[None] | None = None

    async def wait(self, positions: Sequence[Position], seconds: float = WAIT_SECONDS) -> bool:
        """Whether all of it was in the tables within so long. False says nothing: it may be there a moment later."""
        needed: dict[int, int] = {}
        for partition, offset in positions:
            needed[partition] = max(offset, needed.get(partition, 0))
        waiter = _Waiter(needed, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            async with asyncio.timeout(seconds):
                await waiter.arrived
        except TimeoutError:
            return False
        finally:
            self._waiters.remove(waiter)
        return True

    async def close(self) -> None:
        if self._looking:
            self._looking.cancel()
            await asyncio.wait([self._looking])

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiters:
            asking = list(self._waiters)
            try:
                applied = await loop.run_in_executor(self.threads, read_applied, self.warehouse, self.log.log_id)
            except (QueryFailed, Unavailable) as error:
                logger.debug("how far the rows are is not known now, trying again", extra={"error": str(error)})
                applied = {}
            for waiter in asking:
                arrived = all(applied.get(partition, 0) > offset for partition, offset in waiter.needed.items())
                if arrived and not waiter.arrived.done():
                    waiter.arrived.set_result(None)
            await asyncio.sleep(LOOK_SECONDS)
