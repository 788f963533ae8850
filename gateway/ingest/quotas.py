"""How much a project may send: events and bytes, a token bucket each, ten seconds of burst."""

from ask0.gateway.errors import QuotaExceeded

BURST_SECONDS = 10


class Bucket:
    """What a project has left at a monotonic time. A batch may overdraw it, and is then waited off."""

    __slots__ = ("at", "bytes", "events")

    def __init__(self, events: float, bytes: float, at: float) -> None:
        self.events, self.bytes, self.at = events, bytes, at


class Quotas:
    """Only known projects get a bucket, so memory is bounded."""

    def __init__(self, events_per_second: float, bytes_per_second: float = 0) -> None:
        self._events, self._bytes = events_per_second, bytes_per_second
        self._unlimited = not (events_per_second or bytes_per_second)
        self._buckets: dict[str, Bucket] = {}

    def check(self, project_id: str, now: float) -> None:
        """Raises QuotaExceeded while the project has nothing left of one of them."""
        if self._unlimited:
            return
        bucket = self._bucket(project_id, now)
        if self._events and bucket.events <= 0:
            raise _exceeded(self._events, "events", -bucket.events)
        if self._bytes and bucket.bytes <= 0:
            raise _exceeded(self._bytes, "bytes", -bucket.bytes)

    def charge(self, project_id: str, events: float, bytes: float, now: float) -> None:
        """Events that were accepted or rejected, and bytes of the body after inflating."""
        if self._unlimited:
            return
        bucket = self._bucket(project_id, now)
        bucket.events -= events
        bucket.bytes -= bytes

    def seconds(self, events: float) -> float:
        """That so many events take which are sent as fast as the quota allows."""
        return events / self._events if self._events else 0.0

    def _bucket(self, project_id: str, now: float) -> Bucket:
        """As full as it is by now."""
        bucket = self._buckets.get(project_id)
        if bucket is None:
            bucket = Bucket(self._events * BURST_SECONDS, self._bytes * BURST_SECONDS, now)
            self._buckets[project_id] = bucket
        passed, bucket.at = now - bucket.at, now
        bucket.events = min(bucket.events + passed * self._events, self._events * BURST_SECONDS)
        bucket.bytes = min(bucket.bytes + passed * self._bytes, self._bytes * BURST_SECONDS)
        return bucket


def _exceeded(rate: float, unit: str, missing: float) -> QuotaExceeded:
    return QuotaExceeded(
        f"the project's quota is {rate:,.0f} {unit} a second: send the same beacon again later",
        retry_after=missing / rate,
    )
