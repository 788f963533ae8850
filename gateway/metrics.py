"""What the gateway counts, as plain integers on the hot path and Prometheus families when somebody asks."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from ask0.gateway.disk import Disk
from ask0.gateway.ingest.shares import FairShares

APPEND_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds


class Metrics(Collector):
    """Every event of an answered beacon is counted once, as accepted or as rejected for one reason."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.accepted = 0
        self.rejected: Counter[str] = Counter()
        self.beacons: Counter[int] = Counter()
        self.body_bytes = 0
        self.rejects_not_kept = 0
        self.strangers_refused: Callable[[], int] = lambda: 0
        self.ready = {"log": True, "clickhouse": True}
        self._appends = [0] * (len(APPEND_BUCKETS) + 1)
        self._append_seconds = 0.0
        self._disk: Disk | None = None
        self._shares: FairShares | None = None
        registry.register(self)

    def observe_append(self, seconds: float) -> None:
        self._appends[bisect_left(APPEND_BUCKETS, seconds)] += 1
        self._append_seconds += seconds

    def register_gauges(self, disk: Disk, shares: FairShares) -> None:
        self._disk, self._shares = disk, shares

    def collect(self) -> Iterator[Metric]:
        events = CounterMetricFamily("ask0_events", "Events by outcome", labels=["outcome", "reason"])
        events.add_metric(["accepted", ""], self.accepted)
        for reason, count in self.rejected.items():
            events.add_metric(["rejected", reason], count)
        yield events
        beacons = CounterMetricFamily(
            "ask0_beacons", "Beacons by the status they were answered with", labels=["status"]
        )
        for status, count in self.beacons.items():
            beacons.add_metric([str(status)], count)
        yield beacons
        yield CounterMetricFamily("ask0_body_bytes", "Bytes of bodies as they came, before inflating", self.body_bytes)
        yield CounterMetricFamily(
            "ask0_rejects_not_kept",
            "Rejected events that the quarantine does not keep, as their beacon or project has too many",
            self.rejects_not_kept,
        )
        yield CounterMetricFamily(
            "ask0_strangers_refused",
            "Requests without a known write key from addresses that sent too many of them",
            self.strangers_refused(),
        )
        yield from self._bounds()
        yield self._append_histogram()
        ready = GaugeMetricFamily("ask0_ready", "Whether a part the gateway needs answers", labels=["part"])
        for part, state in self.ready.items():
            ready.add_metric([part], float(state))
        yield ready

    def _bounds(self) -> Iterator[Metric]:
        if self._disk:
            yield GaugeMetricFamily("ask0_disk_free_bytes", "Room on the fullest disk in use", self._disk.free_bytes)
            used = GaugeMetricFamily("ask0_disk_used_bytes", "Room the embedded engines take", labels=["part"])
            for part, size in self._disk.used_bytes.items():
                used.add_metric([part], size)
            yield used
        if self._shares:
            yield GaugeMetricFamily(
                "ask0_backlog_seconds", "How long what arrives now waits for a worker", self._shares.wait
            )
            level = self._shares.level
            yield GaugeMetricFamily(
                "ask0_share_level", "Units a second that no project may go over now, 0: no such level", level or 0.0
            )
            yield CounterMetricFamily(
                "ask0_beacons_turned_away", "Beacons of projects that were over that level", self._shares.refused
            )

    def _append_histogram(self) -> HistogramMetricFamily:
        total = 0
        buckets: list[tuple[str, float]] = []
        for bound, count in zip((*map(str, APPEND_BUCKETS), "+Inf"), self._appends, strict=True):
            total += count
            buckets.append((bound, total))
        return HistogramMetricFamily(
            "ask0_append_seconds", "Time until the log said durable", buckets=buckets, sum_value=self._append_seconds
        )
