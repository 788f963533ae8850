"""Work whose size a sender chooses, cut into pages: one statement takes one page, whatever the keys are."""

from collections.abc import Callable, Collection, Iterable, Iterator
from operator import itemgetter
from typing import TypeVar

from ask0.schemas.ids import utf8_bytes

MAX_PAGE_KEYS = 50_000  # as many as a chunk has events: what looks for them reads most of a table, however few they are
MAX_PAGE_BYTES = 6_000_000  # of keys; `round_keys` holds them five times at the most, beside those of other workers

T = TypeVar("T")


def pages(items: Iterable[T], size: Callable[[T], int], most: int = MAX_PAGE_KEYS) -> Iterator[list[T]]:
    """Runs of the items in their order, each of at most so many and MAX_PAGE_BYTES, or of one item."""
    page: list[T] = []
    taken = 0
    for item in items:
        weight = size(item)
        if page and (len(page) == most or taken + weight > MAX_PAGE_BYTES):
            yield page
            page, taken = [], 0
        page.append(item)
        taken += weight
    if page:
        yield page


def key_bytes(key: tuple[str, str]) -> int:
    """Of a (project, id), as UTF-8, and some for the project."""
    return len(key[0]) + utf8_bytes(key[1])


def in_order(keys: Collection[tuple[str, str]]) -> list[tuple[str, str]]:
    """Sorted. Texts are compared much faster than pairs of them are."""
    return sorted(sorted(keys, key=itemgetter(1)), key=itemgetter(0))
