"""How much may be bad: a project with too many refused rows is parked; a log that cannot be read stops the worker."""

import time
from collections.abc import Callable

from ask0.consumers.worker import Again

WINDOW = 1_000  # records and events to judge by
SHARE = 0.5

MOST_REFUSED = 100  # rows of one project, then it is parked …
REFILL_PER_SECOND = 1 / 6  # … unless they come as slowly as this


class TooMuchPoison(Exception):
    """Too much of the log does not become rows. The worker stops and marks nothing done: see to the code first."""


class ProjectPoisoned(Again):
    """Too many rows of one project are refused: park it, and apply the chunks again without it."""

    def __init__(self, project_id: str, reason: str) -> None:
        super().__init__(f"{project_id}: {reason}")
        self.project_id = project_id
        self.reason = reason


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


class ProjectPoison:
    """Refused rows by project, in a bucket each that leaks. Only projects that had some are kept."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._levels: dict[str, tuple[float, float]] = {}  # project → (rows, at)

    def count(self, project_id: str, rows: int) -> bool:
        """Whether that is too much for the project."""
        now = self._clock()
        level, at = self._levels.get(project_id, (0.0, now))
        level = max(0.0, level - (now - at) * REFILL_PER_SECOND) + rows
        self._levels[project_id] = level, now
        return level > MOST_REFUSED

    def forget(self, project_id: str) -> None:
        self._levels.pop(project_id, None)
