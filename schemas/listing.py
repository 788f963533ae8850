"""How a list of users is asked for: what it is sorted by, and the cursor that goes on where a page ended."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from ask0.schemas.filters.names import locate
from ask0.schemas.ids import is_text

MAX_SORT_KEYS = 3
MAX_CURSOR_CHARACTERS = 8_000
MAX_SEARCH_CHARACTERS = 200
MAX_SEARCH_WORDS = 8
MAX_LIMIT = 200
DEFAULT_LIMIT = 30

Place = str | int | float | bool | None  # a part of where a row stands in its order


class SortKey(NamedTuple):
    name: str  # a field, or a trait as filters name it
    descends: bool


class ListingInvalid(Exception):
    """`at` is the parameter; the message says what to do."""

    def __init__(self, at: str, message: str) -> None:
        super().__init__(message)
        self.at = at


class WrongCursor(Exception):
    """It is of another list, or was edited."""


def read_sort(text: str | Sequence[str] | None) -> tuple[SortKey, ...]:
    """`-lastActiveAt,traits.seats`, or such names in a list: `-` descends, `+`, a space or nothing ascends. Raises
    ListingInvalid."""
    parts = text.split(",") if isinstance(text, str) else list(text or ())
    keys = tuple(_read_key(part) for part in parts if part.strip())
    if len(keys) > MAX_SORT_KEYS:
        raise ListingInvalid("sort", f"sort by at most {MAX_SORT_KEYS} names, these are {len(keys)}")
    if len({key.name for key in keys}) < len(keys):
        raise ListingInvalid("sort", "a name stands twice in the sort")
    return keys


def read_search(text: str) -> tuple[str, ...]:
    """The words, each of which has to be found. Raises ListingInvalid."""
    if len(text) > MAX_SEARCH_CHARACTERS:
        raise ListingInvalid("search", f"search for at most {MAX_SEARCH_CHARACTERS} characters")
    words = tuple(dict.fromkeys(text.split()))
    if len(words) > MAX_SEARCH_WORDS:
        raise ListingInvalid("search", f"search for at most {MAX_SEARCH_WORDS} words")
    if not is_text(text):
        raise ListingInvalid("search", "this holds half of a surrogate pair, which no name has")
    return words


def digest_of(*parts: object) -> str:
    """Of a query, so that its cursor is no other's."""
    return blake2b(msgspec.json.encode(parts), digest_size=9).hexdigest()


def write_cursor(digest: str, places: Sequence[Place]) -> str:
    return urlsafe_b64encode(msgspec.json.encode([digest, *places])).rstrip(b"=").decode()


def read_cursor(cursor: str, digest: str) -> list[Place]:
    """Raises WrongCursor."""
    try:
        if len(cursor) > MAX_CURSOR_CHARACTERS:
            raise WrongCursor
        text = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        given, *places = msgspec.json.decode(text, type=list[Place])
    except (ValueError, msgspec.MsgspecError) as error:
        raise WrongCursor from error
    if given != digest:
        raise WrongCursor
    return places


def _read_key(part: str) -> SortKey:
    descends = part.lstrip().startswith("-")
    name = part.strip().removeprefix("-" if descends else "+").strip()
    try:
        locate(name)
    except ValueError as error:
        raise ListingInvalid("sort", str(error)) from None
    if not is_text(name):
        raise ListingInvalid("sort", "the name holds half of a surrogate pair, which no trait has")
    return SortKey(name, descends)
