"""Work whose size a sender chooses, cut into pages: one statement takes one page, whatever the keys are."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from ask0.schemas.ids import utf8_bytes

MAX_PAGE_KEYS = 20_000
MAX_PAGE_BYTES = 2_000_000  # of keys; `round_keys` holds them five times at the most, beside those of other workers

T = TypeVar("T")


def pages(items: Iterable[T], size: Callable[[T], int]) -> Iterator[list[T]]:
    """Runs of the items in their order, each of at most MAX_PAGE_KEYS items and MAX_PAGE_BYTES, or of one item."""
    page: list[T] = []
    taken = 0
    for item in items:
        weight = size(item)
        if page and (len(page) == MAX_PAGE_KEYS or taken + weight > MAX_PAGE_BYTES):
            yield page
            page, taken = [], 0
        page.append(item)
        taken += weight
    if page:
        yield page


def key_bytes(key: tuple[str, str]) -> int:
    """Of a (project, id), as UTF-8, and some for the project."""
    return len(key[0]) + utf8_bytes(key[1])
