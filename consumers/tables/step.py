"""The step of the workers that turn the log into rows."""

from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge

from ask0.consumers.health import WorkerHealth
from ask0.consumers.tables.poison import ProjectPoisoned
from ask0.consumers.tables.rounds import Applied, Limits, apply
from ask0.consumers.worker import Timed, Worker
from ask0.eventlog.log import Chunk, Reader
from ask0.warehouse.connect import Warehouse


class Rows:
    """Rows in every table, of the events of each chunk."""

    def __init__(
        self, warehouse: Warehouse, registry: CollectorRegistry, health: WorkerHealth, limits: Limits | None = None
    ) -> None:
        self._warehouse = warehouse
        self._metrics = Metrics(registry)
        self._health = health
        self._limits = limits or Limits()
        self._applied: Applied | None = None

    def apply(self, chunks: Sequence[Chunk], timed: Timed) -> int:
        try:
            self._applied = apply(self._warehouse, chunks, self._limits, timed)
        except ProjectPoisoned as poisoned:  # park it durably, before the chunks come again
            self._limits.parking.park(self._warehouse, poisoned.project_id, poisoned.reason)
            raise
        finally:
            self._show_parked()
        return self._applied.newest

    def finish(self) -> None:
        if self._applied:
            self._metrics.count(self._applied)
            self._applied = None

    def rest(self) -> None:
        if self._health.parked:  # until somebody lets them go on, without a round in between
            self._limits.parking.look(self._warehouse)
            self._show_parked()

    def _show_parked(self) -> None:
        self._health.parked = self._metrics.parked = self._limits.parking.projects


class Metrics:
    """What became of the events."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._stored = Counter("ask0_worker_events_stored", "Events that became rows", registry=registry)
        self._duplicates = Counter("ask0_worker_events_duplicate", "Events that were stored before", registry=registry)
        self._put_aside = Counter(
            "ask0_worker_events_parked", "Events and rejects put aside with their parked project", registry=registry
        )
        self._erased = Counter(
            "ask0_worker_events_erased", "Events of people who are erased, which are dropped", registry=registry
        )
        self._denied = Counter(
            "ask0_worker_events_denied", "Events of people who deny analytics, which are dropped", registry=registry
        )
        self._quarantined = Counter(
            "ask0_worker_quarantined", "Events and records put into the quarantine", ["reason"], registry=registry
        )
        self._left_out = Counter(
            "ask0_worker_left_out",
            "Facts over a bound, which a user or conversation does not gather; their events are stored",
            ["reason"],
            registry=registry,
        )
        self.parked: Mapping[str, str] = {}
        parked = Gauge("ask0_worker_parked_projects", "Projects whose records are put aside", registry=registry)
        parked.set_function(lambda: len(self.parked))

    def count(self, applied: Applied) -> None:
        self._stored.inc(applied.stored)
        self._duplicates.inc(applied.duplicates)
        self._put_aside.inc(applied.parked)
        self._denied.inc(applied.denied)
        self._erased.inc(applied.erased)
        for reason, number in applied.quarantined.items():
            self._quarantined.labels(reason).inc(number)
        for reason, number in applied.left_out.items():
            self._left_out.labels(reason).inc(number)


def rows_worker(
    reader: Reader,
    warehouse: Warehouse,
    registry: CollectorRegistry,
    health: WorkerHealth | None = None,
    limits: Limits | None = None,
) -> Worker:
    """Any number of them may run on one log and warehouse."""
    health = health or WorkerHealth()
    return Worker(reader, Rows(warehouse, registry, health, limits), registry, health)
