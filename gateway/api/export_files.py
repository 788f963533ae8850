"""An export as it is written: one JSON object, or a zip of CSVs, in pieces of a page each.

Whoever reads to the end has all of it. A page that cannot be read ends it before that: the object is not closed, and
the zip has no directory.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any, NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import orjson

from ask0.schemas import user_export as shown
from ask0.schemas.activity import AuditEntry, Conversation
from ask0.schemas.api import HeldSegment
from ask0.schemas.served import ServedConfig, ShownMessage
from ask0.schemas.user_export import columns_of
from ask0.schemas.user_files import FIELDS, write_head, write_row
from ask0.warehouse.user_export import Everything, Page

PIECE_BYTES = 250_000
READABLE = 0o600 << 16  # for their owner, where they are unpacked


@dataclass(frozen=True)
class Export:
    """`head` are the first fields of the document: they have been read already, the rest is read as it is written."""

    head: Mapping[str, Any]
    everything: Everything


def write_json(export: Export) -> Iterator[bytes]:
    everything = export.everything
    yield from _parts(export)
    yield from _array("quarantine", everything.quarantine())
    yield b',\n"quarantineSince":%s}\n' % orjson.dumps(everything.quarantine_since)


def write_json_line(export: Export) -> Iterator[bytes]:
    """Likewise, on one line and without the quarantine, which is looked through for each user: one of many."""
    for piece in _parts(export):
        yield piece.replace(b"\n", b" ")  # in a text of JSON there is none
    yield b"}\n"


def _parts(export: Export) -> Iterator[bytes]:
    everything = export.everything
    yield orjson.dumps(export.head)[:-1]
    yield from _array("identities", everything.identities())
    yield from _array("history", everything.history())
    yield from _gathered(_conversations(everything))
    yield from _array("events", everything.events())
    yield from _array("shownMessages", everything.shown_messages())
    yield from _array("configs", everything.served_configs())
    yield from _array("audit", everything.audit())


def _array(name: str, pages: Iterable[Page]) -> Iterator[bytes]:
    yield b',\n"%s":[' % name.encode()
    comma = b"\n"
    for page in pages:
        yield b"".join(_items(page, comma)) or b"\n"  # a reader that waits may take silence for the end
        comma = b",\n" if page else comma
    yield b"\n]"


def _items(page: Page, comma: bytes) -> Iterator[bytes]:
    for item in page:
        yield comma
        yield orjson.dumps(item)
        comma = b",\n"


def _gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= PIECE_BYTES:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


def _conversations(everything: Everything) -> Iterator[bytes]:
    """Each with its messages, which may be many: two lists in the same order, read side by side."""
    yield b',\n"conversations":['
    messages = _Messages(everything.messages())
    comma = b"\n"
    for page in everything.conversations():
        for conversation in page:
            yield comma + orjson.dumps(conversation)[:-1] + b',"messages":['
            yield from messages.of(conversation["id"])
            yield b"]}"
            comma = b",\n"
    yield b"\n]"


class _Messages:
    def __init__(self, pages: Iterator[Page]) -> None:
        self._pages = pages
        self._page: Page = []
        self._place = 0

    def of(self, id: str) -> Iterator[bytes]:
        """Those of the conversation; those of one that was not there when the conversations were read are left out."""
        separator = b""
        while (message := self._next()) and message["conversationId"].encode() <= id.encode():
            if message["conversationId"] == id:
                yield separator + orjson.dumps(message)
                separator = b",\n"
            self._place += 1

    def _next(self) -> dict[str, Any] | None:
        while self._place == len(self._page):
            page = next(self._pages, None)
            if page is None:
                return None
            self._page, self._place = page, 0
        return self._page[self._place]


def write_zip(export: Export) -> Iterator[bytes]:
    head, everything = export.head, export.everything
    archive = Archive(head["exportedAt"])
    for part in (*PARTS, QUARANTINE):
        with archive.file(part.name) as file:
            file.write(write_head(part.columns))
            for page in part.pages(export):
                file.write(b"".join([write_row(row, part.columns) for row in page]))
                yield archive.take()
    about = {name: head[name] for name in ("exportedAt", "projectId")}
    archive.write("about", about | {"quarantineSince": everything.quarantine_since})
    archive.close()
    yield archive.take()


class Part(NamedTuple):
    """A CSV of the zip."""

    name: str
    columns: Sequence[str]
    pages: Callable[[Export], Iterable[Page]]


# What of a user is in the head comes first.
OF_HEAD = (
    Part("profile", FIELDS, lambda export: [[export.head["profile"]]]),
    Part("deactivations", columns_of(shown.ExportedDeactivation), lambda export: [export.head["deactivations"]]),
    Part("segments", columns_of(HeldSegment), lambda export: [export.head["segments"]]),
)
OF_TABLES = (
    Part("identities", columns_of(shown.ExportedIdentity), lambda export: export.everything.identities()),
    Part("history", columns_of(shown.HistoryEntry), lambda export: export.everything.history()),
    Part("conversations", columns_of(Conversation), lambda export: export.everything.conversations()),
    Part("messages", columns_of(shown.ExportedMessage), lambda export: export.everything.messages()),
    Part("events", columns_of(shown.ExportedEvent), lambda export: export.everything.events()),
    Part("shownMessages", columns_of(ShownMessage), lambda export: export.everything.shown_messages()),
    Part("configs", columns_of(ServedConfig), lambda export: export.everything.served_configs()),
    Part("audit", columns_of(AuditEntry), lambda export: export.everything.audit()),
)
PARTS = (*OF_HEAD, *OF_TABLES)
QUARANTINE = Part("quarantine", columns_of(shown.ExportedReject), lambda export: export.everything.quarantine())


class Archive:
    """A zip of CSVs that is taken away while it is written. Without its `close` it has no directory."""

    def __init__(self, at: str) -> None:
        self._written = _Written()
        self._at = datetime.fromisoformat(at).timetuple()[:6]
        # It needs no more of a file than this has.
        self._zip: ZipFile = _Zip(self._written, "w")  # type: ignore[call-overload]

    def file(self, name: str) -> IO[bytes]:
        """Is written to until it is closed, one at a time."""
        info = ZipInfo(f"{name}.csv", self._at)
        info.compress_type, info.external_attr = ZIP_DEFLATED, READABLE
        return self._zip.open(info, "w", force_zip64=True)

    def write(self, name: str, row: Mapping[str, Any]) -> None:
        """A file with one row."""
        with self.file(name) as file:
            file.write(write_head([*row]) + write_row(row, [*row]))

    def take(self) -> bytes:
        """What was written since the last time."""
        return self._written.take()

    def close(self) -> None:
        self._zip.close()


class _Zip(ZipFile):
    def __del__(self) -> None:
        """Nothing is behind it, so one that nobody takes to its end needs no end; its file may be open still."""


class _Written:
    """A file that is written and cannot be sought in, as far as zipfile needs one."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """Whatever was written is there."""

    def take(self) -> bytes:
        """What was written since the last time."""
        taken, self._pieces = b"".join(self._pieces), []
        return taken
