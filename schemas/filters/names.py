"""Names of traits: the fields of a user, and paths to the site's own."""

import re
from functools import lru_cache
from typing import Literal

Kind = Literal["text", "number", "boolean", "date", "geo", "texts", "numbers"]

# A user's fields by the names that the API gives them. A bare name is a field first.
FIELDS: dict[str, Kind] = {
    **dict.fromkeys(("id", "customerId", "email", "name", "firstName", "lastName", "phone", "avatar"), "text"),
    **dict.fromkeys(("company", "plan", "role", "status"), "text"),
    **dict.fromkeys(("createdAt", "updatedAt", "confirmedAt", "firstSeenAt", "lastActiveAt"), "date"),
    **dict.fromkeys(("conversations", "questions", "answers", "answered", "satisfaction", "nps"), "number"),
}
OWN = "traits"  # begins the name of a trait of the site's own
MAX_NAME_CHARACTERS = 512
MAX_KEYS = 32

# What the product itself does to a user. A segment that hung on them could hang on itself.
PRODUCT_EVENTS = frozenset(
    ("Segment Entered", "Segment Left", "Config Served", "Message Shown", "Message Clicked", "Message Dismissed")
)

_KEY = re.compile(r"(?:[^.\\]|\\.)*", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def keys_of(name: str) -> tuple[str, ...]:
    """The keys down to a value: `a.b` is `b` in the object `a`, and `a\\.b` is one key with a dot in it. Raises
    ValueError, whose text says what to do."""
    if len(name) > MAX_NAME_CHARACTERS:
        raise ValueError(f"the name has {len(name):,} characters, at most {MAX_NAME_CHARACTERS} are taken")
    keys, place = [], 0
    while True:
        found = _KEY.match(name, place)
        assert found  # it matches nothing, too
        keys.append(_ESCAPED.sub(r"\1", found[0]))
        place = found.end() + 1
        if found.end() == len(name):
            break
        if name[found.end()] == "\\":
            raise ValueError(r"a backslash stands before a dot or a backslash: write \\ for one")
    if not all(keys):
        raise ValueError("the name is empty, or has an empty part between its dots")
    if len(keys) > MAX_KEYS:
        raise ValueError(f"the name has {len(keys)} parts, at most {MAX_KEYS} are taken")
    return tuple(keys)


def name_of(keys: tuple[str, ...]) -> str:
    """The name that `keys_of` reads as these keys."""
    return ".".join(key.replace("\\", "\\\\").replace(".", "\\.") for key in keys)


@lru_cache(maxsize=4_096)
def locate(name: str) -> str | tuple[str, ...]:
    """The field that a trait's name means, or the keys to a trait of the site's own."""
    if name in FIELDS:
        return name
    keys = keys_of(name)
    return keys[1:] if keys[0] == OWN and len(keys) > 1 else keys


def own_name(name: str) -> str:
    """By which the site's definitions know a trait of their own: without `traits.`."""
    found = locate(name)
    return found if isinstance(found, str) else name_of(found)
