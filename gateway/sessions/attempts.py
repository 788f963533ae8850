"""How often somebody may try to sign in: from one address, and as one person. What is right costs nothing."""

from collections import OrderedDict
from hashlib import blake2b

from ask0.gateway.errors import QuotaExceeded

BURST = 10  # failures at once …
SECONDS = 30.0  # … and one more after so long
MAX_KNOWN = 10_000  # addresses and people; the one not tried for longest is forgotten first


class Attempts:
    def __init__(self, burst: int = BURST, seconds: float = SECONDS) -> None:
        self._burst, self._seconds = burst, seconds
        self._failed: OrderedDict[bytes, tuple[float, float]] = OrderedDict()  # (failures that count, monotonic time)

    def check(self, *whose: str, now: float) -> None:
        """Raises QuotaExceeded once any of them has failed too often: whether this one is right is not looked at."""
        worst = max(self._left_of(_key(one), now) for one in whose)
        if worst > self._burst - 1:
            raise QuotaExceeded(
                "too many attempts to sign in have failed: wait, then try again",
                retry_after=(worst - self._burst + 1) * self._seconds,
                code="too_many_attempts",
            )

    def fail(self, *whose: str, now: float) -> None:
        for key in map(_key, whose):
            self._failed[key] = self._left_of(key, now) + 1, now
            self._failed.move_to_end(key)
        while len(self._failed) > MAX_KNOWN:
            self._failed.popitem(last=False)

    def succeed(self, *whose: str) -> None:
        """Takes back one that was counted, and only that: who knows one password shall not try others for nothing."""
        for key in map(_key, whose):
            if key in self._failed:
                failures, then = self._failed[key]
                self._failed[key] = max(0.0, failures - 1), then

    def _left_of(self, key: bytes, now: float) -> float:
        failures, then = self._failed.get(key, (0.0, now))
        return max(0.0, failures - (now - then) / self._seconds)


def _key(text: str) -> bytes:
    """Of one size, whatever a stranger sends."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).digest()
