"""How many events a project may send: one token bucket each, ten seconds of burst."""

from collections.abc import Mapping

from gateway.errors import QuotaExceeded

BURST_SECONDS = 10


class Quotas:
    """Only known projects get a bucket, so memory is bounded. A batch may overdraw, and is then waited off."""

    def __init__(self, events_per_second: int) -> None:
        self.limited = events_per_second > 0
        self._rate = events_per_second
        self._buckets: dict[str, tuple[float, float]] = {}  # project → (tokens, at which monotonic time)

    def check(self, project_id: str, now: float) -> None:
        """Raises QuotaExceeded while the project has nothing left."""
        if self.limited and (tokens := self._tokens(project_id, now)) <= 0:
            raise QuotaExceeded(
                f"the project's quota is {self._rate} events a second: send the same beacon again later",
                retry_after=-tokens / self._rate,
            )

    def charge(self, events: Mapping[str, int], now: float) -> None:
        """All the projects' events of one beacon or, raising QuotaExceeded, none."""
        if self.limited:
            for project_id in events:
                self.check(project_id, now)
            for project_id, count in events.items():
                self._buckets[project_id] = (self._tokens(project_id, now) - count, now)

    def _tokens(self, project_id: str, now: float) -> float:
        full = float(self._rate * BURST_SECONDS)
        tokens, then = self._buckets.get(project_id, (full, now))
        return min(full, tokens + (now - then) * self._rate)
