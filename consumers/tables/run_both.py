"""Two steps of a round at once: ClickHouse works without the interpreter's lock."""

from collections.abc import Callable
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
