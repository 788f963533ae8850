"""Steps of a round at once, in two threads: ClickHouse works without the interpreter's lock."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

Here = TypeVar("Here")
Beside = TypeVar("Beside")

_threads = ThreadPoolExecutor(thread_name_prefix="ask0-beside")  # they stay, as each has a ClickHouse client of its own


def run_both(here: Callable[[], Here], beside: Callable[[], Beside]) -> tuple[Here, Beside]:
    """Runs `beside` in another thread, where it must not call `run_both`, and returns or raises when both have ended:
    nothing of a round outlives it."""
    other = _threads.submit(beside)
    try:
        first = here()
    finally:
        wait((other,))
    return first, other.result()


def run_each(steps: Sequence[Callable[[], Here]]) -> list[Here]:
    """What all of them return, in their order. They are begun in that order, and none once one has failed."""
    waiting = iter(enumerate(steps))
    done: dict[int, Here] = {}

    def run() -> None:
        for place, step in waiting:
            try:
                done[place] = step()
            except BaseException:
                for _ in waiting:
                    pass
                raise

    run_both(run, run)
    return [done[place] for place in range(len(steps))]
