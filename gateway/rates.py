"""How often a secret key may call the API: a token bucket each, in each process, two seconds of burst."""

import math

from ask0.gateway.errors import QuotaExceeded
from ask0.gateway.responses import Headers

BURST_SECONDS = 2
BYTES_PER_CALL = 20_000  # of a body after inflating, that cost as much as one more call


class Rates:
    """Only keys that are known get a bucket, so memory is bounded."""

    def __init__(self, per_second: float = 0) -> None:
        """0 is no limit."""
        self._rate, self._burst = per_second, per_second * BURST_SECONDS
        self._buckets: dict[str, tuple[float, float]] = {}  # key → (calls that are left, monotonic time)

    def take(self, key: str, now: float, headers: Headers) -> None:
        """One call. What is left is added to the headers of its answer, whatever that is. Raises QuotaExceeded."""
        if not self._rate:
            return
        left, then = self._buckets.get(key, (self._burst, now))
        left = min(left + (now - then) * self._rate, self._burst)
        is_over = left < 1
        self._buckets[key] = left if is_over else left - 1, now
        headers += self._told(self._buckets[key][0])
        if is_over:
            raise QuotaExceeded(
                f"this key may make {self._rate:,.0f} calls a second: send the same again later",
                retry_after=(1 - left) / self._rate,
            )

    def charge(self, key: str, size: int, now: float, headers: Headers) -> None:
        """What the body of a call costs beside the call: it is answered all the same, and those after it wait."""
        calls = size // BYTES_PER_CALL
        if not self._rate or not calls:
            return
        left, then = self._buckets.get(key, (self._burst, now))
        self._buckets[key] = min(left + (now - then) * self._rate, self._burst) - calls, now
        headers[:] = [header for header in headers if header[0] not in (b"ratelimit", b"ratelimit-policy")]
        headers += self._told(self._buckets[key][0])

    def _told(self, left: float) -> Headers:
        """As draft-ietf-httpapi-ratelimit-headers has it: `r` calls are left now, all of them again after `t` s."""
        full = math.ceil((self._burst - left) / self._rate)
        return [
            (b"ratelimit-policy", b'"key";q=%d;w=%d' % (self._burst, BURST_SECONDS)),
            (b"ratelimit", b'"key";r=%d;t=%d' % (max(0, left), full)),
        ]
