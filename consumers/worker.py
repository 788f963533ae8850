"""The loop of a worker, whatever its step: poll the log, apply the chunks, mark them done; wait or repeat."""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Protocol

from prometheus_client import CollectorRegistry

from ask0.consumers.health import WorkerHealth
from ask0.consumers.metrics import Metrics
from ask0.eventlog.log import Chunk, ChunkLost, LogUnavailable, Reader
from ask0.warehouse.errors import Unavailable

POLL_SECONDS = 0.5
FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 10.0
LAG_SECONDS = 2.0  # between looks at the lag while a round runs

logger = logging.getLogger(__name__)


Timed = Callable[[str], AbstractContextManager[object]]


class Again(Exception):
    """What was in the way has been put right: the same chunks are to be applied again, at once."""


class Step(Protocol):
    """What the workers of a group do with chunks. All of it is called in one thread, a worker's own."""

    def apply(self, chunks: Sequence[Chunk], timed: Timed) -> int:
        """When the newest event was received, epoch ms, 0 if there was none. May come again with the same chunks, as
        `repeated`, after an error or a crash. Raises Unavailable to have it wait, or Again; any other error ends the
        worker, with the chunks not done. `timed` is put around each of its parts, with a name."""

    def finish(self) -> None:
        """What was applied last is marked as done."""

    def rest(self) -> None:
        """Nothing has come."""


class Worker:
    """Does its step with this reader's share of the log. Any number of workers may be in one group."""

    def __init__(
        self, reader: Reader, step: Step, registry: CollectorRegistry, health: WorkerHealth | None = None
    ) -> None:
        self._reader = reader
        self._step = step
        self._metrics = Metrics(registry)
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
                except (ChunkLost, Again) as error:
                    # Of a chunk that was lost, what this worker still owns comes again and is known by its tokens.
                    self._retry(error)

    async def _turn(self, thread: Executor) -> None:
        chunks = await self._reader.poll(POLL_SECONDS)
        loop = asyncio.get_running_loop()
        try:
            if chunks:
                newest = await self._apply(thread, chunks)
                await self._reader.done(chunks)
                await loop.run_in_executor(thread, self._step.finish)
                self._metrics.rounds.inc()
                if newest:
                    self._metrics.fresh(max(0.0, time.time() - newest / 1000))
            else:
                await loop.run_in_executor(thread, self._step.rest)
        finally:
            await self._measure_lag()

    async def _apply(self, thread: Executor, chunks: Sequence[Chunk]) -> int:
        """The lag is kept true meanwhile, however long it takes, and also if it fails."""
        with self.health.round(), self._metrics.waiting(chunks):
            applying = asyncio.get_running_loop().run_in_executor(thread, self._step.apply, chunks, self._timed)
            while not (await asyncio.wait((applying,), timeout=LAG_SECONDS))[0]:
                await self._measure_lag()
            return applying.result()

    async def _measure_lag(self) -> None:
        with suppress(LogUnavailable):  # it keeps its last value
            self._metrics.lag.set(await self._reader.lag())

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        with self.health.step(step), self._metrics.steps.labels(step).time():
            yield

    def _retry(self, error: Exception) -> None:
        self._metrics.retries.labels(type(error).__name__).inc()
        self.health.failed(error)
        logger.warning("the round is repeated: %s: %s", type(error).__name__, str(error)[:300])
        self._reader.retry()

    async def _back_off(self, stop: asyncio.Event) -> None:
        longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2**self._failures)
        self._failures += 1
        try:
            await asyncio.wait_for(stop.wait(), random.uniform(longest / 2, longest))
        except TimeoutError:
            return
