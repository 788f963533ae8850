"""Senders whose head names no known write key: what they cost until it is known, each address pays by itself."""

from collections import OrderedDict
from dataclasses import dataclass

from ask0.gateway.errors import QuotaExceeded

REQUESTS_PER_SECOND = 50  # without a known key, of one address, sustained …
BURST = 500  # … and at once
BYTES_PER_REQUEST = 10_000  # of a body after inflating, that cost as much as a request
MAX_ADDRESSES = 10_000  # that are remembered; the one not seen for longest is forgotten first


class Strangers:
    """One token bucket for each address. Whoever turns out to have a key gets everything back."""

    def __init__(self) -> None:
        self.refused = 0
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # address → (tokens, monotonic time)

    def admit(self, address: str, now: float) -> "Stranger":
        """Raises QuotaExceeded for an address that has asked too often."""
        tokens = self._tokens(address, now)
        if tokens < 1:
            self.refused += 1
            raise QuotaExceeded(
                "too many requests without a known write key come from this address: send the key in X-Write-Key or as "
                "Basic user name, or come back later",
                retry_after=(1 - tokens) / REQUESTS_PER_SECOND,
            )
        stranger = Stranger(self, address, now)
        stranger.pay(1)
        return stranger

    def take(self, address: str, cost: float, now: float) -> None:
        self._buckets[address] = min(self._tokens(address, now) - cost, BURST), now
        self._buckets.move_to_end(address)
        if len(self._buckets) > MAX_ADDRESSES:
            self._buckets.popitem(last=False)

    def _tokens(self, address: str, now: float) -> float:
        tokens, then = self._buckets.get(address, (BURST, now))
        return min(BURST, tokens + (now - then) * REQUESTS_PER_SECOND)


@dataclass
class Stranger:
    """One such request."""

    strangers: Strangers
    address: str
    now: float
    paid: float = 0

    def pay(self, cost: float) -> None:
        self.strangers.take(self.address, cost, self.now)
        self.paid += cost

    def pay_for_body(self, size: int) -> None:
        """`size` in bytes, after inflating."""
        self.pay(size / BYTES_PER_REQUEST)

    def is_known(self) -> None:
        """It has a key after all."""
        self.pay(-self.paid)
