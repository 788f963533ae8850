"""What of a client's JSON goes into a JSON column, and what only into the text beside it.

A JSON column has one path for each name, and names are the client's to choose. Three things it cannot say: a key with
`%2E` in it, which ClickHouse reads back as a dot; a list of several kinds of values, which become one kind; and more
names than a project may have. Where one of them is met, the whole text is kept as it was sent, beside the column.
"""

import re
from collections.abc import Callable
from typing import Any, Protocol

import msgspec
import orjson

EXACT_INTEGER = 1 << 53  # a double holds every whole number up to here

# ClickHouse writes a dot in a key as %2E and reads %2E as a dot. So what looks like it, or like the result of this
# escaping, gets one %25 more: no two keys meet, and only keys of this form read differently.
LIKE_A_DOT = re.compile(r"%((?:25)*2E)")
LIKE_A_DOT_IN_SQL = "%((?:25)*2E)"
_has_like_a_dot = re.compile(rb"%(?:25)*2E").search

Node = dict[str | None, Any]  # what lies below a name: by key, of a list's items by None
ITEMS = None
SCALAR = str | int | float | bool | None
MAX_SHAPE_NAMES = 300  # see known_shape


class Names(Protocol):
    """The names that the column may have."""

    @property
    def root(self) -> Node: ...

    @property
    def knows(self) -> Callable[[bytes], bool]:
        """See `known_shape`."""

    def add(self, node: Node, path: tuple[str | None, ...]) -> Node | None:
        """Take a new name, the last of `path`, below `node`; None if there is no room."""


class Fitted(msgspec.Struct, frozen=True, gc=False):  # of each event two, and a tuple costs six times as much
    json: str  # for the column
    sent: str = ""  # the text as it was sent, empty where the column says the same
    left_out: int = 0  # names


def fit(raw: bytes, names: Names | None = None) -> Fitted:
    """`raw` is compact JSON, of an object if `names` bound what it may hold."""
    text = str(raw, "utf-8")
    if raw[:1] not in (b"{", b"[") or len(raw) == 2 or (names is not None and names.knows(raw)):
        return Fitted(text)
    odd_key = _has_like_a_dot(raw) is not None
    if names is None and not odd_key and b"[" not in raw:
        return Fitted(text)
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return Fitted(text)  # ClickHouse refuses it by itself
    if names is not None and type(value) is not dict:
        return Fitted(text)  # likewise
    if names is not None and not odd_key and _is_known(value, names.root):
        return Fitted(text)
    fitting = _Fitting(names)
    stored = fitting.value(value, names.root if names else {}, ())
    if not fitting.differs and not fitting.left_out:
        return Fitted(text)
    return Fitted(orjson.dumps(stored).decode(), text, fitting.left_out)


def known_shape(root: Node) -> Callable[[bytes], bool]:
    """A quick look, in compiled code: whether JSON is an object whose names are all there, and whose lists are all of
    texts, or of objects where that is known of them. No says nothing."""
    if _count(root, MAX_SHAPE_NAMES) >= MAX_SHAPE_NAMES:  # each object would be made with all of them
        return _know_nothing
    try:
        read: Callable[[bytes], object] = msgspec.json.Decoder(_type_of(root)).decode
    except (TypeError, ValueError, RecursionError):  # a name or a depth that a type cannot have
        return _know_nothing

    def knows(raw: bytes) -> bool:
        try:
            read(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return False
        return True

    return knows


def _know_nothing(raw: bytes) -> bool:
    return False


def _count(node: Node, most: int) -> int:
    """How many names there are, if they are fewer than `most`."""
    total, level = 0, [node]
    while level and total < most:
        total += sum(map(len, level))
        level = [below for each in level for below in each.values()]
    return total


def _type_of(node: Node) -> type:
    """Raises ValueError for a name that would have to be escaped."""
    fields: list[tuple[str, Any, Any]] = []
    for key, below in node.items():
        if key is None:
            continue
        if escape_key(key) != key:
            raise ValueError(key)
        items = _type_of(below[ITEMS]) if ITEMS in below else str
        kinds: Any = SCALAR | list[items]  # type: ignore[valid-type]
        if below.keys() - {ITEMS}:
            kinds |= _type_of(below)
        fields.append((f"field{len(fields)}", kinds, msgspec.field(default=None, name=key)))
    return msgspec.defstruct("Known", fields, forbid_unknown_fields=True, gc=False)


def escape_key(key: str) -> str:
    return LIKE_A_DOT.sub(r"%25\1", key)


def _is_known(value: dict[str, Any], node: Node) -> bool:
    """Whether all of an object's names are there and all its lists are of one kind: of most events, in a pass without
    a copy."""
    for key, item in value.items():
        below = node.get(key)
        if below is None:
            return False
        kind = type(item)
        if kind is dict:
            if not _is_known(item, below):
                return False
        elif kind is list and not _is_known_list(item, below):
            return False
    return True


def _is_known_list(items: list[Any], node: Node) -> bool:
    flat = _flat(items)
    if not _is_of_one_kind(flat):
        return False
    if not any(type(item) is dict for item in flat):
        return True
    below = node.get(ITEMS)
    return below is not None and all(_is_known(item, below) for item in flat if item)


def _flat(items: list[Any]) -> list[Any]:
    """A list's items, those of the lists in it too, without nulls."""
    while any(type(item) is list for item in items):
        if not all(type(item) is list or item is None for item in items):
            return [item for item in items if item is not None]  # of several kinds already
        items = [inner for item in items if item for inner in item]
    return [item for item in items if item is not None]


def _is_of_one_kind(items: list[Any]) -> bool:
    kinds = {type(item) for item in items}
    if kinds == {int, float}:
        return all(-EXACT_INTEGER <= item <= EXACT_INTEGER for item in items if type(item) is int)
    return len(kinds) <= 1


class _Fitting:
    """The value again, without what the column cannot say."""

    def __init__(self, names: Names | None) -> None:
        self._names = names
        self.differs = False
        self.left_out = 0

    def value(self, value: Any, node: Node, path: tuple[str | None, ...]) -> Any:
        if type(value) is dict:
            return self._object(value, node, path)
        if type(value) is list:
            if not _is_of_one_kind(_flat(value)):
                self.differs = True
            return self._list(value, node, path)
        return value

    def _object(self, value: dict[str, Any], node: Node, path: tuple[str | None, ...]) -> dict[str, Any]:
        fitted = {}
        for key, item in value.items():
            below = self._below(node, key, path)
            if below is None:
                self.left_out += 1
                continue
            stored = escape_key(key)
            self.differs |= stored != key
            fitted[stored] = self.value(item, below, (*path, key))
        return fitted

    def _list(self, items: list[Any], node: Node, path: tuple[str | None, ...]) -> list[Any]:
        fitted: list[Any] = []
        for item in items:
            if type(item) is list:
                fitted.append(self._list(item, node, path))
            elif type(item) is dict and item:
                below = self._below(node, ITEMS, path)
                fitted.append({} if below is None else self._object(item, below, (*path, ITEMS)))
                self.left_out += below is None
            else:
                fitted.append(item)
        return fitted

    def _below(self, node: Node, key: str | None, path: tuple[str | None, ...]) -> Node | None:
        below: Node | None = node.get(key)
        if below is None:
            below = {} if self._names is None else self._names.add(node, (*path, key))
        return below
