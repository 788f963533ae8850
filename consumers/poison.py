"""When to stop: wrong code, or a wrong topic, must not drain the log into the quarantine."""

MOST_AT_ONCE = 1_000  # refused events of one chunk
WINDOW = 1_000  # records and events to judge by
SHARE = 0.5


class TooMuchPoison(Exception):
    """Too much of the log does not become rows. The worker stops and marks nothing done: see to the code first."""


class PoisonLimit:
    """Counts what was read and what of it was bad, and starts again after each good WINDOW."""

    def __init__(self) -> None:
        self._seen = 0
        self._bad = 0

    def count(self, seen: int, bad: int) -> None:
        self._seen += seen
        self._bad += bad
        if self._seen < WINDOW:
            return
        if self._bad > SHARE * self._seen:
            raise TooMuchPoison(
                f"{self._bad:,} of the last {self._seen:,} records and events can not be stored: is this worker older "
                "than the gateways, or the log another program's? They stay on the log; start a worker that reads them"
            )
        self._seen = self._bad = 0
