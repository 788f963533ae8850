"""When workers do not keep up, the heaviest are turned away first; in an outage nobody is."""

import pytest

from ask0.gateway.errors import QuotaExceeded
from ask0.gateway.ingest.shares import MIN_SHARE, OUTAGE_SECONDS, FairShares, water_level


class Flood:
    """Projects that send so many units a second, and a worker that does so many. It marks what it did in rounds, as the
    real one does."""

    def __init__(self, worker: float, round_seconds: float = 1, **rates: float) -> None:
        self.shares = FairShares()
        self.rates = rates
        self.worker = worker
        self.round_steps = int(round_seconds * 20)
        self.now = 1_000.0
        self.appended = self.worked = self.done = 0.0
        self.taken = dict.fromkeys(rates, 0.0)
        self.sent = dict.fromkeys(rates, 0.0)
        self.shares.look(0, 0, self.now)

    def run(self, seconds: float) -> float:
        """The longest that something which was taken had to wait, if the worker goes on as it does."""
        longest = 0.0
        for step in range(int(seconds * 20)):
            self.now += 0.05
            for project, rate in self.rates.items():
                self._send(project, rate * 0.05)
            self.worked = min(self.worked + self.worker * 0.05, self.appended)
            if step % self.round_steps == 0 or self.worked == self.appended:
                self.done = self.worked
            if step % 10 == 0:
                self.shares.look(int(self.appended), int(self.done), self.now)
            longest = max(longest, (self.appended - self.worked) / self.worker if self.worker else 0)
        return longest

    def _send(self, project: str, units: float) -> None:
        self.sent[project] += units
        try:
            self.shares.check(project, self.now)
        except QuotaExceeded:
            return
        self.shares.charge(project, units, self.now)
        self.taken[project] += units
        self.appended += units


@pytest.mark.parametrize("capacity", [10_000, 40_000])
def test_one_project_that_floods_is_turned_away_and_nine_others_are_not(capacity: float) -> None:
    others = {f"p{n}": 500.0 for n in range(9)}
    flood = Flood(capacity, heavy=60_000.0, **others)
    assert flood.run(60) < 5.0
    assert {name: flood.taken[name] for name in others} == {name: flood.sent[name] for name in others}
    assert flood.taken["heavy"] < flood.sent["heavy"] * 0.9
    assert sum(flood.taken.values()) > 0.5 * capacity * 60, "the worker has enough to do"


@pytest.mark.parametrize("round_seconds", [2, 3, 4, 5, 6, 8])
@pytest.mark.parametrize("capacity", [4_000, 10_000, 40_000])
def test_however_long_a_round_takes_the_light_are_taken_in_full(capacity: float, round_seconds: int) -> None:
    others = {f"p{n}": 0.3 * capacity / 9 for n in range(9)}
    flood = Flood(capacity, round_seconds, heavy=6 * capacity, **others)
    flood.run(90)
    assert {name: flood.taken[name] for name in others} == {name: flood.sent[name] for name in others}
    assert sum(flood.taken.values()) > 0.5 * capacity * 90, "the worker has enough to do"


def test_nobody_is_turned_away_while_the_worker_keeps_up() -> None:
    flood = Flood(50_000, heavy=30_000.0, light=10.0)
    flood.run(20)
    assert (flood.shares.level, flood.shares.refused) == (None, 0)


def test_the_level_goes_when_the_flood_does() -> None:
    flood = Flood(10_000, heavy=60_000.0, light=10.0)
    flood.run(20)
    assert flood.shares.level is not None
    flood.rates["heavy"] = 100.0
    flood.run(20)
    assert flood.shares.level is None


def test_in_an_outage_nothing_is_turned_away() -> None:
    flood = Flood(50_000, heavy=30_000.0, light=10.0)
    flood.run(5)
    flood.worker = 0
    flood.run(OUTAGE_SECONDS + 2)
    assert flood.shares.level is None
    refused = flood.shares.refused
    flood.run(60)
    assert flood.shares.refused == refused
    assert flood.taken["light"] == flood.sent["light"]


def test_when_the_log_cannot_be_looked_at_any_more_nobody_is_turned_away() -> None:
    flood = Flood(10_000, heavy=60_000.0, light=10.0)
    flood.run(20)
    flood.shares.charge("heavy", 10**6, flood.now)
    with pytest.raises(QuotaExceeded):
        flood.shares.check("heavy", flood.now)
    flood.now += OUTAGE_SECONDS + 1
    flood.shares.check("heavy", flood.now)
    assert flood.shares.level is None


def test_without_a_worker_from_the_start_nothing_is_turned_away() -> None:
    flood = Flood(0, heavy=30_000.0)
    flood.run(20)
    assert flood.shares.refused == 0


def test_every_project_has_a_least_share_and_a_refusal_says_when_to_come_back() -> None:
    flood = Flood(100, heavy=30_000.0)
    flood.run(25)
    assert flood.shares.level == MIN_SHARE
    flood.shares.charge("p", 10 * MIN_SHARE, flood.now)
    with pytest.raises(QuotaExceeded) as refusal:
        flood.shares.check("p", flood.now)
    assert int(refusal.value.headers["retry-after"]) >= 9
    flood.shares.check("q", flood.now)


@pytest.mark.parametrize(
    ("rates", "budget", "level"),
    [([1, 2, 3], 6, 3), ([1, 2, 30], 6, 3), ([10, 10], 6, 3), ([1, 1, 1, 100], 3, 0.75), ([], 5, 5)],
)
def test_the_level_cuts_the_heaviest_until_all_fits(rates: list[float], budget: float, level: float) -> None:
    assert water_level(rates, budget) == level
