"""The events that wait to be delivered: in order, in bounded memory, shared by callers and one courier."""

import time
from collections import deque
from collections.abc import Callable
from itertools import islice
from threading import RLock

MAX_BATCH_EVENTS = 2_500  # the gateway's bound
MAX_BATCH_BYTES = 450_000  # of 500,000 that the gateway takes, with room for the envelope
EVENT_COST_BYTES = 150  # what Python keeps beside an event's bytes

FULL = "queue_full"
CLOSED = "closed"


class Outbox:
    """Any thread may call. Bells are rung, outside the lock, when there may be something to do for who waits."""

    def __init__(self, max_bytes: int, flush_at: int, flush_seconds: float) -> None:
        self.bells: set[Callable[[], None]] = set()
        self.closes_at: float | None = None  # time.monotonic() after which nothing is tried; nothing new is taken
        self._max_bytes = max_bytes
        self._flush_at = min(flush_at, MAX_BATCH_EVENTS)
        self._flush_seconds = flush_seconds
        self._lock = RLock()  # a signal's handler may track in the middle of a call
        self._events: deque[bytes] = deque()
        self._under_way: list[bytes] = []
        self._bytes = 0
        self._since = 0.0  # when the wait for company began
        self._put = self._settled = self._wanted = 0  # running counts: flush() wants all up to one of them

    def empty_copy(self) -> "Outbox":
        """For a forked process, where the lock may be held by a thread that is not there."""
        copy = Outbox(self._max_bytes, self._flush_at, self._flush_seconds)
        copy.closes_at = self.closes_at
        return copy

    def __len__(self) -> int:
        return len(self._events)

    @property
    def size(self) -> int:
        """Bytes."""
        return self._bytes

    def put(self, event: bytes) -> str | None:
        """None if it was taken, else the reason why not."""
        with self._lock:
            if self.closes_at is not None:
                return CLOSED
            cost = len(event) + EVENT_COST_BYTES
            if self._bytes + cost > self._max_bytes:
                return FULL
            self._events.append(event)
            self._bytes += cost
            self._put += 1
            count = len(self._events)
            if count == 1:
                self._since = time.monotonic()
        if count == 1 or count % self._flush_at == 0:
            self._ring()
        return None

    def seconds_until_due(self) -> float | None:
        """0 if a batch is to be sent now, None while there is nothing to send."""
        with self._lock:
            if not self._events:
                return None
            if self.closes_at is not None or self._wanted > self._settled or len(self._events) >= self._flush_at:
                return 0
            return max(0.0, self._since + self._flush_seconds - time.monotonic())

    def take(self, max_events: int) -> list[bytes]:
        """The oldest events, as many as one request holds. They stay until they are settled."""
        with self._lock:
            batch: list[bytes] = []
            size = 0
            for event in islice(self._events, max_events):
                size += len(event) + 1
                if batch and size > MAX_BATCH_BYTES:
                    break
                batch.append(event)
            self._under_way = batch
            return batch

    def settle(self, batch: list[bytes]) -> bool:
        """The batch has its outcome. False if it was given up meanwhile: then its outcome has been told."""
        with self._lock:
            if batch is not self._under_way:
                return False
            self._drop(len(batch))
            self._since = time.monotonic()
        self._ring()
        return True

    def hurry(self) -> int:
        """Everything that is here now is to be sent now; a number for is_settled."""
        with self._lock:
            self._wanted = self._put
        self._ring()
        return self._wanted

    def is_settled(self, number: int) -> bool:
        return self._settled >= number

    def close(self, at: float) -> None:
        """Nothing new from now on; the rest until then. An earlier time stands."""
        with self._lock:
            self.closes_at = at if self.closes_at is None else min(self.closes_at, at)
        self._ring()

    def give_up(self) -> list[bytes]:
        """Empties it: what has no outcome yet."""
        with self._lock:
            left = list(self._events)
            self._drop(len(left))
        self._ring()
        return left

    def _drop(self, count: int) -> None:
        for _ in range(count):
            self._bytes -= len(self._events.popleft()) + EVENT_COST_BYTES
        self._settled += count
        self._under_way = []

    def _ring(self) -> None:
        for bell in list(self.bells):
            bell()
