"""Fair shares: when the workers do not keep up, the excess of the heaviest projects is turned away first."""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from ask0.gateway.errors import QuotaExceeded

TARGET = 2 / 3  # of the wait that is too long: what to come down to
OVERDUE_SECONDS = 3.0  # when the oldest has waited for so long, what is done is all that can be done
OUTAGE_SECONDS = 30.0  # without any progress: then no worker runs or ClickHouse is away, and nobody is to blame
WINDOW_SECONDS = 4.0  # to measure by, at least
USUAL_CAPACITY = 20_000.0  # units a second that the workers are believed to do where nothing else is known
FORGET = 0.005  # of what was seen, at each look
LEAST = 0.6  # of the capacity that is let in while a backlog is worked off
MAX_LOOKS = 1_000  # that are remembered
RISE = 1.25  # of the level, at most, at each look
BURST_SECONDS = 0.25
MIN_SHARE = 200.0  # units a second that every project may send, whatever happens
BYTES_PER_UNIT = 1_000  # of a body; an event or a reject is a unit by itself


class Look(NamedTuple):
    """The log at one moment."""

    at: float  # monotonic time
    appended: int  # records since the log began
    units: float  # that this gateway has appended until then
    done: float  # of them


class FairShares:
    """A level in units a second, which no project may go over while it is set. Whoever sends less is never turned away.

    How long what arrives now will wait follows from how much is waiting and how much the workers do in a second. When
    that is too long, the level is set so that the projects together send what can be done, the lightest in full. It
    rises again, and goes, when the wait is short. In an outage nothing is turned away: the log is there to take what
    arrives meanwhile. Nor is anything while nobody can look at the log any more.
    """

    def __init__(self, max_wait_seconds: float = 1.5) -> None:
        self._max_wait = max_wait_seconds
        self._target = max_wait_seconds * TARGET
        self.level: float | None = None
        self.wait = 0.0  # seconds, of what arrives now
        self.refused = 0
        self._units: dict[str, float] = {}  # by project, since the last look
        self._left: dict[str, tuple[float, float]] = {}  # project → (units, at which monotonic time)
        self._total = 0.0
        self._done = 0
        self._looks: deque[Look] = deque(maxlen=MAX_LOOKS)
        self._marks: deque[Look] = deque()  # when workers marked something as done, or had nothing to do
        self._capacity = USUAL_CAPACITY
        self._moved = float("-inf")  # when workers were last seen to get on
        self._refused_before = 0

    def check(self, project_id: str, now: float) -> None:
        """Raises QuotaExceeded for a project that is over the level."""
        if self.level is not None and now - self._looks[-1].at > OUTAGE_SECONDS:
            self._set(None)
        if self.level is not None and (left := self._units_left(project_id, now)) <= 0:
            self.refused += 1
            raise QuotaExceeded(
                "more arrives than can be worked on, and this project sends most: send the same beacon again later",
                retry_after=1 - left / self.level,
            )

    def charge(self, project_id: str, units: float, now: float) -> None:
        self._total += units
        self._units[project_id] = self._units.get(project_id, 0.0) + units
        if self.level is not None:
            self._left[project_id] = self._units_left(project_id, now) - units, now

    def look(self, appended: int, done: int, now: float) -> None:
        """To be called a few times a second, with how many records were ever appended, and how many are done."""
        last = self._looks[-1] if self._looks else Look(now - 0.5, appended, 0.0, 0.0)
        look = Look(now, appended, self._total, max(self._units_at(done), last.done))
        has_moved = done > self._done
        if has_moved:
            self._done, self._moved = done, now
        self._looks.append(look)
        rates = {project: units / max(now - last.at, 0.001) for project, units in self._units.items()}
        self._units.clear()
        self._measure(look, has_moved)
        self.wait = (look.units - look.done) / self._capacity
        turned_away, self._refused_before = self.refused > self._refused_before, self.refused
        if not self._max_wait or now - self._moved > OUTAGE_SECONDS:
            self._set(None)
        elif self.level is not None or self.wait > self._max_wait:
            self._adjust(rates, turned_away)

    def _adjust(self, rates: dict[str, float], turned_away: bool) -> None:
        allowed = self._capacity * max(LEAST, 2 - self.wait / self._target)
        total = sum(rates.values())
        if total > allowed:
            self._set(max(water_level(rates.values(), allowed), MIN_SHARE))
        elif self.level is not None and self.wait < self._target:
            is_free = not turned_away and self.level > 2 * max(rates.values(), default=0)
            self._set(None if is_free else self.level * RISE)

    def _units_at(self, record: int) -> float:
        """How many units this gateway had appended when the log had so many records."""
        if not self._looks or record >= self._looks[-1].appended:
            return self._total
        place = bisect_right(self._looks, record, key=lambda look: look.appended)
        if place == 0:
            return 0.0
        before, after = self._looks[place - 1], self._looks[place]
        share = (record - before.appended) / (after.appended - before.appended)
        return before.units + share * (after.units - before.units)

    def _measure(self, look: Look, has_moved: bool) -> None:
        """What the workers do in a second: the greatest that was seen; while they are overdue, what they did last."""
        rate = self._rate(look) if has_moved else 0.0
        if look.done >= look.units:
            self._marks.clear()  # a time without work says nothing
        if has_moved or not self._marks:
            self._marks.append(look)
        arrived = self._looks[bisect_right(self._looks, look.done, key=lambda past: past.units) - 1].at
        if look.at - arrived <= OVERDUE_SECONDS or look.done >= look.units:
            self._capacity = max(self._capacity + FORGET * (USUAL_CAPACITY - self._capacity), rate)
        elif rate:
            self._capacity = rate

    def _rate(self, look: Look) -> float:
        """From mark to mark, so over whole rounds: workers mark what they did in large pieces, and a window that begins
        or ends within a round would take them for much slower than they are."""
        while len(self._marks) > 1 and self._marks[1].at <= look.at - WINDOW_SECONDS:
            self._marks.popleft()
        first = self._marks[0] if self._marks else look
        return (look.done - first.done) / max(look.at - first.at, 0.5)

    def _set(self, level: float | None) -> None:
        self.level = level
        if level is None:
            self._left.clear()

    def _units_left(self, project_id: str, now: float) -> float:
        assert self.level is not None
        most = self.level * BURST_SECONDS
        units, then = self._left.get(project_id, (most, now))
        return min(most, units + (now - then) * self.level)


def water_level(rates: Iterable[float], budget: float) -> float:
    """The level at which rates, each cut to it, add up to the budget."""
    left, ordered = budget, sorted(rates)
    for place, rate in enumerate(ordered):
        even = left / (len(ordered) - place)
        if rate >= even:
            return even
        left -= rate
    return ordered[-1] if ordered else budget
