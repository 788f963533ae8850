"""What a worker tells Prometheus, whatever its step."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from ask0.eventlog.log import Chunk
from ask0.schemas.records import heading

STEP_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """A worker's counters, in the registry of the process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.rounds = Counter("ask0_worker_rounds", "Rounds applied", registry=registry)
        self.retries = Counter("ask0_worker_retries", "Rounds that must be repeated", ["cause"], registry=registry)
        self.lag = Gauge("ask0_worker_lag_records", "Records on the log that are not rows yet", registry=registry)
        self.steps = Histogram(
            "ask0_worker_step_seconds", "Duration of a round's steps", ["step"], registry=registry, buckets=STEP_SECONDS
        )
        self._fresh = 0.0
        self._oldest: int | None = None  # received_at of what has not become rows
        freshness = Gauge(
            "ask0_worker_freshness_seconds",
            "From receipt to readable row, for the newest event of the last round; the age of the oldest event of the"
            " round that runs or is to be repeated, if that is more",
            registry=registry,
        )
        freshness.set_function(self._freshness)

    @contextmanager
    def waiting(self, chunks: Sequence[Chunk]) -> Iterator[None]:
        """From now on until the chunks are applied, were it at the tenth attempt, their events grow old."""
        if self._oldest is None:
            self._oldest = next((at for chunk in chunks for _, value in chunk.records if (at := heading(value)[1])), 0)
        yield
        self._oldest = None

    def fresh(self, seconds: float) -> None:
        self._fresh = seconds

    def _freshness(self) -> float:
        oldest = self._oldest
        return max(self._fresh, time.time() - oldest / 1000) if oldest else self._fresh
