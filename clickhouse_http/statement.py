"""Where a statement's text ends and its data begins, and which format it names."""

import re
from dataclasses import dataclass

# chDB writes each block of a stream as a document of its own, so only formats without an end stream, and of those with
# a beginning the ones that execution.py takes it from.
STREAMED = frozenset(
    (
        "TabSeparated",
        "TSV",
        "TabSeparatedRaw",
        "TSVRaw",
        "Raw",
        "CSV",
        "RowBinary",
        "RowBinaryWithNames",
        "RowBinaryWithNamesAndTypes",
        "Native",
        "JSONEachRow",
        "JSONLines",
    )
    + (
        "NDJSON",
        "JSONL",
        "JSONCompactEachRow",
        "JSONStringsEachRow",
        "JSONCompactStringsEachRow",
        "LineAsString",
        "TSKV",
    )
)

_TOKEN = re.compile(
    rb"""(?P<space> \s+ | --[^\n]* | \#[!\s][^\n]* | /\*.*?\*/ )
       | (?P<quoted> '(?:[^'\\]|\\.)*' | `(?:[^`\\]|\\.)*` | "(?:[^"\\]|\\.)*" )
       | (?P<word> [A-Za-z_][A-Za-z0-9_]* )
       | (?P<other> . )""",
    re.DOTALL | re.VERBOSE,
)
_DATA_GAP = re.compile(rb"[ \t\f\r]*\n?")
_NOT_FROM_BODY = frozenset((b"SELECT", b"WITH", b"VALUES", b"INFILE", b"FROM"))


@dataclass(frozen=True)
class Insert:
    """An INSERT whose rows follow its text in a format."""

    into: str  # INSERT INTO … (…)
    settings: str  # SETTINGS …, or nothing
    format: str
    data_at: int  # offset of the first byte of the rows


def find_insert(text: bytes) -> Insert | None:
    """The INSERT … FORMAT x that `text` begins with; None for everything else, rows written as VALUES included."""
    first = True
    depth = 0
    settings_at: int | None = None
    tokens = _TOKEN.finditer(text)
    for token in tokens:
        kind = token.lastgroup
        if kind == "space":
            continue
        word = token.group().upper()
        if first and word != b"INSERT":
            return None
        first = False
        depth += {b"(": 1, b")": -1}.get(word, 0)
        if kind != "word" or depth:
            continue
        if word in _NOT_FROM_BODY:
            return None
        if word == b"SETTINGS":
            settings_at = token.start()
        if word == b"FORMAT":
            name = next((after for after in tokens if after.lastgroup != "space"), None)
            if name is None or name.lastgroup != "word" or name.group().upper() == b"VALUES":
                return None
            gap = _DATA_GAP.match(text, name.end())
            into, settings = text[:settings_at] if settings_at else text[: token.start()], b""
            if settings_at:
                settings = text[settings_at : token.start()]
            return Insert(into.decode(), settings.decode(), name.group().decode(), gap.end() if gap else name.end())
    return None


def format_of(text: bytes) -> str | None:
    """The format that a statement names in its closing FORMAT clause."""
    words = _words(text)
    for at in range(len(words) - 2, -1, -1):
        if words[at].upper() == b"FORMAT" and (words[at + 2 :] or [b";"])[0].upper() in (b";", b"SETTINGS"):
            return words[at + 1].decode(errors="replace")
    return None


def has_totals(text: bytes) -> bool:
    """Whether totals may follow the rows, which chDB leaves out when it streams."""
    return any(word.upper() == b"TOTALS" for word in _words(text))


def _words(text: bytes) -> list[bytes]:
    return [token.group() for token in _TOKEN.finditer(text) if token.lastgroup != "space"]


def first_word(text: bytes) -> bytes:
    return next((token.group().upper() for token in _TOKEN.finditer(text) if token.lastgroup != "space"), b"")
