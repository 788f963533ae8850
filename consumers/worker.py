"""The worker's loop: poll the log, apply the round, mark it done; wait and repeat when an engine is away."""

import asyncio
import logging
import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager, suppress

from prometheus_client import CollectorRegistry

from ask0.consumers.health import WorkerHealth
from ask0.consumers.metrics import Metrics
from ask0.consumers.tables.poison import ProjectPoisoned
from ask0.consumers.tables.rounds import Applied, Limits, apply
from ask0.eventlog.log import Chunk, ChunkLost, LogUnavailable, Reader
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import Unavailable

POLL_SECONDS = 0.5
FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 10.0
LAG_SECONDS = 2.0  # between looks at the lag while a round runs

logger = logging.getLogger(__name__)


class Worker:
    """Turns this reader's share of the log into rows. Any number of workers may run on one log and warehouse."""

    def __init__(
        self, reader: Reader, warehouse: Warehouse, registry: CollectorRegistry, health: WorkerHealth | None = None
    ) -> None:
        self._reader = reader
        self._warehouse = warehouse
        self._metrics = Metrics(registry)
        self._limits = Limits()
        self.health = health or WorkerHealth()
        self._failures = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set; a running round is finished first. An error that waiting cannot heal is raised, with
        the chunks not done: they are applied again, within the same bounds, by whoever starts next."""
        started = False
        with ThreadPoolExecutor(1, "ask0-worker") as thread:  # one thread, as each has a ClickHouse client of its own
            while not stop.is_set():
                try:
                    if not started:
                        await self._reader.start()
                        started = True
                    await self._turn(thread)
                    self._failures = 0
                    self.health.succeeded()
                except (Unavailable, LogUnavailable) as error:
                    self._retry(error)
                    await self._back_off(stop)
                except ChunkLost as error:
                    # What this worker still owns comes again and is dropped by its tokens; what it lost does not.
                    self._retry(error)
                except ProjectPoisoned as poisoned:
                    self._retry(poisoned)
                    await self._park(thread, poisoned, stop)

    async def _turn(self, thread: Executor) -> None:
        chunks = await self._reader.poll(POLL_SECONDS)
        try:
            if chunks:
                applied = await self._apply(thread, chunks)
                await self._reader.done(chunks)
                self._count(applied)
            elif self.health.parked:  # until somebody lets them go on, without a round in between
                await asyncio.get_running_loop().run_in_executor(thread, self._limits.parking.look, self._warehouse)
                self._show_parked()
        finally:
            await self._measure_lag()

    async def _apply(self, thread: Executor, chunks: Sequence[Chunk]) -> Applied:
        """The lag is kept true meanwhile, however long it takes, and also if it fails."""
        with self.health.round(), self._metrics.waiting(chunks):
            applying = asyncio.get_running_loop().run_in_executor(
                thread, apply, self._warehouse, chunks, self._limits, self._timed
            )
            while not (await asyncio.wait((applying,), timeout=LAG_SECONDS))[0]:
                await self._measure_lag()
            self._show_parked()
            return applying.result()

    def _show_parked(self) -> None:
        self.health.parked = self._metrics.parked = self._limits.parking.projects

    async def _measure_lag(self) -> None:
        with suppress(LogUnavailable):  # it keeps its last value
            self._metrics.lag.set(await self._reader.lag())

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        with self.health.step(step), self._metrics.steps.labels(step).time():
            yield

    def _count(self, applied: Applied) -> None:
        metrics = self._metrics
        metrics.rounds.inc()
        metrics.stored.inc(applied.stored)
        metrics.duplicates.inc(applied.duplicates)
        metrics.put_aside.inc(applied.parked)
        for reason, number in applied.quarantined.items():
            metrics.quarantined.labels(reason).inc(number)
        for reason, number in applied.left_out.items():
            metrics.left_out.labels(reason).inc(number)
        if applied.newest:
            metrics.fresh(max(0.0, time.time() - applied.newest / 1000))

    def _retry(self, error: Exception) -> None:
        self._metrics.retries.labels(type(error).__name__).inc()
        self.health.failed(error)
        logger.warning("the round is repeated: %s: %s", type(error).__name__, str(error)[:300])
        self._reader.retry()

    async def _park(self, thread: Executor, poisoned: ProjectPoisoned, stop: asyncio.Event) -> None:
        """Durably, before the chunks come again."""
        parking = self._limits.parking
        while not stop.is_set():
            try:
                await asyncio.get_running_loop().run_in_executor(
                    thread, parking.park, self._warehouse, poisoned.project_id, poisoned.reason
                )
                return
            except Unavailable as error:
                self.health.failed(error)
                await self._back_off(stop)

    async def _back_off(self, stop: asyncio.Event) -> None:
        longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2**self._failures)
        self._failures += 1
        try:
            await asyncio.wait_for(stop.wait(), random.uniform(longest / 2, longest))
        except TimeoutError:
            return
