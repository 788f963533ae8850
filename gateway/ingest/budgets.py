"""What a beacon costs its projects: of their quotas, and of their share of what the workers can do."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from ask0.gateway.ingest.quotas import Quotas
from ask0.gateway.ingest.shares import BYTES_PER_UNIT, FairShares


@dataclass(frozen=True)
class Budgets:
    quotas: Quotas
    shares: FairShares

    def check(self, project: str) -> None:
        """Before any work. Raises QuotaExceeded."""
        now = time.monotonic()
        self.quotas.check(project, now)
        self.shares.check(project, now)

    def charge(self, project: str, events: int, size: float) -> None:
        """So many events, accepted or rejected, and their bytes of the body after inflating."""
        now = time.monotonic()
        self.quotas.charge(project, events, size, now)
        self.shares.charge(project, events + size / BYTES_PER_UNIT, now)

    def pause(self, events: int) -> float:
        """Seconds to wait after so many events that we send in a project's name ourselves: half of its quota is left
        for what arrives meanwhile."""
        return 2 * self.quotas.seconds(events)

    def charge_all(self, counts: Mapping[str, int], size: int) -> None:
        """A beacon of so many events of each project: all of them, or none, raising QuotaExceeded."""
        for project in counts:
            self.check(project)
        total = sum(counts.values())
        for project, count in counts.items():
            self.charge(project, count, size * count / total)
