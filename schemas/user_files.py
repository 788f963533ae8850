"""Files of users: CSV whose cells are safe in a spreadsheet, and JSON lines. What is written can be read again."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import orjson

from ask0.schemas.api import Profile
from ask0.schemas.user_writes import BatchItem

WRITABLE = tuple(BatchItem.model_fields)
FIELDS = tuple(field.alias or name for name, field in Profile.model_fields.items())
READ_ONLY = frozenset(FIELDS).difference(WRITABLE)  # of an export: they follow from other things
OBJECTS = ("traits", "attributes", "customAttributes", "consent", "preferences", "address")  # cells that hold JSON
MADE_OF_PARTS = ("traits", "consent")  # of which a column may be one part: traits.seats

MAX_LINE_BYTES = 1_000_000
MAX_COLUMNS = 2_000
MAX_ROW_BYTES = 2 * MAX_LINE_BYTES  # of CSV, where a cell may have several lines

# A spreadsheet would compute a cell that begins like this.
FORMULA = tuple("=+-@\t\r\n＝＋－＠")


class FileInvalid(Exception):
    """No line of it can be read. The message says what to do."""


class Refused(NamedTuple):
    """A line that is not sent, or that the server did not take."""

    line: int
    id: str
    code: str
    message: str


class Line(NamedTuple):
    number: int
    user: dict[str, Any]


def write_line(profile: Mapping[str, Any]) -> bytes:
    """As JSON, without what is not known: in an import null would unset it."""
    known = {name: value for name, value in profile.items() if value is not None}
    return orjson.dumps(known, option=orjson.OPT_APPEND_NEWLINE)


def write_head(columns: Sequence[str] = FIELDS) -> bytes:
    return _row(columns)


def write_row(profile: Mapping[str, Any], columns: Sequence[str] = FIELDS) -> bytes:
    return _row([_cell(profile[name]) for name in columns])


def write_cells(values: Iterable[Any]) -> bytes:
    """A row of whatever there is."""
    return _row(map(_cell, values))


def _row(cells: Iterable[str]) -> bytes:
    """All in quotes, so that a spreadsheet that splits at semicolons finds no cell within one."""
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow(cells)
    return out.getvalue().encode("utf-8", "replace")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return orjson.dumps(value).decode()  # a number may begin with a minus
    return f"'{value}" if _is_like_a_formula(value) else value


def _is_like_a_formula(text: str) -> bool:
    return text.lstrip("'").startswith(FORMULA)


def split_lines(pieces: Iterable[bytes], most: int = MAX_LINE_BYTES) -> Iterator[bytes]:
    """The lines of what comes in pieces, however it is cut. Of a line beyond the limit its beginning: no user, so it is
    refused with its number."""
    line = bytearray()
    for piece in pieces:
        start = 0
        while end := piece.find(b"\n", start) + 1:
            line += piece[start : min(end, start + most - len(line))]
            yield bytes(line)
            line.clear()
            start = end
        line += piece[start : start + most - len(line)]
    if line:
        yield bytes(line)


def read_users(lines: Iterable[bytes], fmt: str | None) -> Iterator[Line | Refused]:
    """Each user with the number of their line. `fmt` is csv or jsonl; by default the first character tells. Raises
    FileInvalid."""
    all_lines = iter(lines)
    first = next(all_lines, b"")
    whole = chain([first.removeprefix(b"\xef\xbb\xbf")], all_lines)
    is_json = fmt == "jsonl" or (fmt is None and first.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"))
    return _from_json(whole) if is_json else _from_csv(whole)


def _from_json(lines: Iterable[bytes]) -> Iterator[Line | Refused]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            user = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            yield Refused(number, "", "not_json", f"the line is not JSON: {error}")
            continue
        if isinstance(user, dict):
            yield Line(number, _writable(user))
        else:
            yield Refused(number, "", "not_an_object", "a user is a JSON object")


def _writable(user: dict[str, Any]) -> dict[str, Any]:
    """Of an export, what may be said of a user. A createdAt that nobody has set is when they were first seen."""
    is_set = "firstSeenAt" not in user or user.get("createdAt") != user["firstSeenAt"]
    return {name: value for name, value in user.items() if name not in READ_ONLY and (name != "createdAt" or is_set)}


def _from_csv(lines: Iterable[bytes]) -> Iterator[Line | Refused]:
    text = _Text(lines)
    reader = csv.reader(text)
    try:
        names = next(reader, None)
    except (csv.Error, ValueError) as error:
        raise FileInvalid(f"the first line names the columns, and is no CSV: {error}") from None
    if names is None:
        return
    names = [name.strip() for name in names]
    _check_names(names)
    while True:
        number = text.number + 1
        text.begin()
        try:
            cells = next(reader)
            if cells:
                yield Line(number, _writable(_user(names, cells)))
        except StopIteration:
            return
        except (csv.Error, ValueError) as error:
            yield Refused(number, "", "not_csv", str(error))


class _Text:
    """Lines for the csv module, which would keep all of a row whose quote is never closed."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self.number = 0  # of the line that was read last
        self._lines = iter(lines)
        self.begin()

    def begin(self) -> None:
        """A row."""
        self._left = MAX_ROW_BYTES

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        """Raises ValueError."""
        line = next(self._lines)
        self.number += 1
        self._left -= len(line)
        if self._left < 0:
            raise ValueError(f"a user has at most {MAX_ROW_BYTES:,} bytes: is there a quote that is not closed?")
        return line.decode("utf-8", "surrogateescape")


def _check_names(names: list[str]) -> None:
    if "id" not in names:
        raise FileInvalid(f"the first line names the columns, one of which is id; it has {', '.join(names)[:200]}")
    if len(names) > MAX_COLUMNS:
        raise FileInvalid(f"the first line names {len(names):,} columns, at most {MAX_COLUMNS:,} are taken")
    for name in names:
        if name not in WRITABLE and name not in READ_ONLY and name.partition(".")[0] not in MADE_OF_PARTS:
            raise FileInvalid(f"there is no column {name[:80]!r}: call a trait of your own traits.{name[:80]}")
        if names.count(name) > 1:
            raise FileInvalid(f"two columns are called {name[:80]!r}")


def _user(names: list[str], cells: list[str]) -> dict[str, Any]:
    """An empty cell says nothing of its column. Raises ValueError."""
    if len(cells) != len(names):
        raise ValueError(f"the line has {len(cells)} cells, the first one {len(names)}")
    user: dict[str, Any] = {}
    parts: list[tuple[str, str, Any]] = []
    for name, cell in zip(names, cells, strict=True):
        if cell == "":
            continue
        text = cell[1:] if cell.startswith("'") and _is_like_a_formula(cell) else cell
        whole, dot, part = name.partition(".")
        if dot:
            parts.append((whole, part, _json_or_text(text) if whole == "traits" else text))
        elif name in OBJECTS:
            user[name] = _json_or_text(text)
        elif name == "tags":
            user[name] = _tags(text)
        else:
            user[name] = text
    for whole, part, value in parts:
        held = user.setdefault(whole, {})
        if not isinstance(held, dict):
            raise ValueError(f"{whole} is no JSON object")
        held[part] = value
    return user


def _json_or_text(text: str) -> Any:
    try:
        return orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        return text


def _tags(text: str) -> Any:
    """A JSON list, or names with commas."""
    read = _json_or_text(text)
    return read if isinstance(read, list) else [tag.strip() for tag in text.split(",") if tag.strip()]
