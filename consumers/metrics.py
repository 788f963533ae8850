"""What a worker tells Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

STEP_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """A worker's counters, in the registry of the process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.rounds = Counter("ask0_worker_rounds", "Rounds applied", registry=registry)
        self.retries = Counter("ask0_worker_retries", "Rounds that must be repeated", ["cause"], registry=registry)
        self.stored = Counter("ask0_worker_events_stored", "Events that became rows", registry=registry)
        self.duplicates = Counter("ask0_worker_events_duplicate", "Events that were stored before", registry=registry)
        self.quarantined = Counter(
            "ask0_worker_quarantined", "Events and records put into the quarantine", ["reason"], registry=registry
        )
        self.lag = Gauge("ask0_worker_lag_records", "Records on the log that are not rows yet", registry=registry)
        self.freshness = Gauge(
            "ask0_worker_freshness_seconds",
            "From receipt to readable row, for the newest event of the last round",
            registry=registry,
        )
        self.steps = Histogram(
            "ask0_worker_step_seconds", "Duration of a round's steps", ["step"], registry=registry, buckets=STEP_SECONDS
        )
