"""How much a project may send: events and bytes, a token bucket each, ten seconds of burst."""

from collections.abc import Mapping
from typing import NamedTuple

from ask0.gateway.errors import QuotaExceeded

BURST_SECONDS = 10


class Cost(NamedTuple):
    """What a beacon costs a project."""

    events: float  # accepted or rejected
    bytes: float  # of the body, after inflating


class Quotas:
    """Only known projects get a bucket, so memory is bounded. A batch may overdraw, and is then waited off."""

    def __init__(self, events_per_second: float, bytes_per_second: float = 0) -> None:
        self._rates = Cost(events_per_second, bytes_per_second)
        self._buckets: dict[str, tuple[Cost, float]] = {}  # project → (what is left, at which monotonic time)

    def check(self, project_id: str, now: float) -> None:
        """Raises QuotaExceeded while the project has nothing left of one of them."""
        for left, rate, unit in zip(self._left(project_id, now), self._rates, Cost._fields, strict=True):
            if rate and left <= 0:
                raise QuotaExceeded(
                    f"the project's quota is {rate:,.0f} {unit} a second: send the same beacon again later",
                    retry_after=-left / rate,
                )

    def charge(self, costs: Mapping[str, Cost], now: float) -> None:
        """All the projects' parts of one beacon or, raising QuotaExceeded, none."""
        if not any(self._rates):
            return
        for project_id in costs:
            self.check(project_id, now)
        for project_id, cost in costs.items():
            left = self._left(project_id, now)
            self._buckets[project_id] = Cost(left.events - cost.events, left.bytes - cost.bytes), now

    def _left(self, project_id: str, now: float) -> Cost:
        full = Cost(*(rate * BURST_SECONDS for rate in self._rates))
        left, then = self._buckets.get(project_id, (full, now))
        passed = now - then
        return Cost(
            *(min(most, have + passed * rate) for most, have, rate in zip(full, left, self._rates, strict=True))
        )
