"""A progress bar with a rate, on a terminal; nothing where no person looks."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn


class Bar:
    """Counts events, or what `counted` says, against a total in any unit (bytes of a file, conversations)."""

    def __init__(self, what: str, total: int | None, counted: str = "events") -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn(f"{{task.fields[events]:,}} {counted}"),
            TextColumn("{task.fields[rate]:,.0f}/s"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task(what, total=total, events=0, rate=0.0)
        self.events = 0

    def move(self, events: int, position: int) -> None:
        self.events += events
        self._progress.update(
            self._task, completed=position, events=self.events, rate=self.events / max(self.seconds, 0.001)
        )

    @property
    def seconds(self) -> float:
        return self._progress.tasks[self._task].elapsed or 0.0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
