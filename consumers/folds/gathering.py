"""What one user or one conversation did, gathered event by event in one pass."""

from collections.abc import Iterable
from typing import TypeVar

from ask0.consumers.folds.records import NOTHING, Placed

Key = tuple[str, str]  # project, id

SILENT: list[Placed] = []  # never written to: tens of thousands are gathered at once, and most have nothing of most


class Gathering:
    """When it was, and its conversation events."""

    __slots__ = ("first", "last", "talk")

    def __init__(self, at: int) -> None:
        self.first, self.last = at, 0
        self.talk = SILENT

    def add(self, placed: Placed) -> None:
        at = placed.occurred_at
        if at < self.first:
            self.first = at
        if at > self.last:
            self.last = at
        if placed.said is not NOTHING:
            self.talk = self.talk or []
            self.talk.append(placed)


G = TypeVar("G", bound=Gathering)


def gather(kind: type[G], keyed: Iterable[tuple[Key, Placed]]) -> dict[Key, G]:
    """One for each key, with all of its events."""
    found: dict[Key, G] = {}
    for key, placed in keyed:
        own = found.get(key)
        if own is None:
            own = found[key] = kind(placed.occurred_at)
        own.add(placed)
    return found
