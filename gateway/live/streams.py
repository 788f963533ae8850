"""Those who look at what comes in: each has a bounded buffer, and is told what it was too slow for."""

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from ask0.gateway.live.shown import Line

MAX_WAITING_BYTES = 1_000_000  # of a reader that does not keep up …
MAX_WAITING_LINES = 1_000
TOO_SLOW = "this reader does not keep up"


@dataclass(eq=False)
class Stream:
    """What is empty asks for nothing. Used by one event loop."""

    project_id: str
    event: str = ""
    user: str = ""
    missed: int = 0
    why: str = ""
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    _lines: deque[bytes] = field(default_factory=deque)
    _size: int = 0

    def put(self, lines: Iterable[Line]) -> None:
        for line in lines:
            if not self._wants(line):
                continue
            if self._size + len(line.text) > MAX_WAITING_BYTES or len(self._lines) >= MAX_WAITING_LINES:
                self.miss(1, TOO_SLOW)
                continue
            self._lines.append(line.text)
            self._size += len(line.text)
        self.woken.set()

    def miss(self, lines: int, why: str) -> None:
        if lines:
            self.missed, self.why = self.missed + lines, why
            self.woken.set()

    def take(self) -> bytes:
        taken = b"".join(self._lines)
        self._lines.clear()
        self._size = 0
        self.woken.clear()
        return taken

    def take_missed(self) -> tuple[int, str]:
        missed, self.missed = self.missed, 0
        return missed, self.why

    def _wants(self, line: Line) -> bool:
        return (not self.event or line.event == self.event) and (not self.user or self.user in line.ids)
