"""What commits groups of records to the SQLite log; and the process that does only that, for a gateway:
`python -m ask0.eventlog.sqlite_commit FD PATH GROUP`. It imports little, as its memory comes on top of the gateway's.
"""

import signal
import socket
import struct
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec

from ask0.eventlog.log import LogUnavailable
from ask0.eventlog.sqlite_file import LogFile
from ask0.eventlog.sqlite_groups import join

_ROWS_AT_ONCE = 1024  # inserted by one statement

# In a thread each step of a statement gives the GIL up and has to win it back, which may take milliseconds beside a
# busy event loop: so every piece of work is one statement that handles many rows in one step.
_CHECK = "UPDATE state SET checks = checks + 1"


class Row(NamedTuple):
    events: int
    value: bytes


class Committed(NamedTuple):
    """A group is durable, or why it may not be."""

    log_id: str
    spans: Sequence[tuple[int, int]]  # (first offset, how many), one after the other
    error: Exception | None


class Committer:
    """Commits groups one after the other. `group` names the workers for whom records are kept."""

    def __init__(self, path: Path, group: str) -> None:
        self._file = LogFile(path)
        self._group = group
        self._joined = False

    def commit(self, rows: Sequence[Row], check: bool) -> Committed:
        """`check` writes something even if there are no rows. Never raises."""
        spans: list[tuple[int, int]] = []
        error = None
        try:
            if not self._joined:  # before there is a record, so that none is deleted which the workers have not done
                join(self._file, self._group, at_end=False, lasting=True)
                self._joined = True
            for start in range(0, len(rows), _ROWS_AT_ONCE):
                spans.append(self._insert(rows[start : start + _ROWS_AT_ONCE]))
            if check:
                self._file.write(_CHECK)
        except Exception as problem:  # the appenders wait for an answer, whatever happened
            error = problem
        return Committed(self._file.log_id, spans, error)

    def close(self) -> None:
        self._file.close()

    def _insert(self, rows: Sequence[Row]) -> tuple[int, int]:
        """Those of one statement follow on each other, as other writers wait meanwhile."""
        places = 1 << (len(rows) - 1).bit_length()
        cells = [cell for row in rows for cell in row] + [None] * (2 * (places - len(rows)))
        last = self._file.insert(_insert_statement(places), cells)
        return last + 1 - len(rows), len(rows)


@cache
def _insert_statement(rows: int) -> str:
    """Few lengths, so that the statements stay prepared: a power of two, unused rows being NULL."""
    values = ",".join(["(?,?)"] * rows)
    return f"INSERT INTO records (events, value) SELECT * FROM (VALUES {values}) WHERE column2 IS NOT NULL"


LENGTH = struct.Struct("<I")


class Request(NamedTuple):
    """What the gateway sends, its length before it; `check` writes something even if there are no rows."""

    rows: list[Row]
    check: bool


class Answer(NamedTuple):
    """What comes back, alike: see Committed."""

    log_id: str
    spans: list[tuple[int, int]]
    error: str
    retry_after: int


encode = msgspec.msgpack.Encoder().encode
decode_request = msgspec.msgpack.Decoder(Request).decode
decode_answer = msgspec.msgpack.Decoder(Answer).decode


def main() -> None:
    """The process's side: answers each group once it is durable, until the socket closes."""
    fd, path, group = sys.argv[1:]
    for number in (signal.SIGINT, signal.SIGTERM):  # meant for the gateway, which still has something to write
        signal.signal(number, signal.SIG_IGN)
    committer = Committer(Path(path), group)
    with socket.socket(fileno=int(fd)) as connection, connection.makefile("rb", buffering=1 << 20) as stream:
        while len(length := stream.read(LENGTH.size)) == LENGTH.size:
            size = LENGTH.unpack(length)[0]
            body = stream.read(size)
            if len(body) < size:
                break
            committed = committer.commit(*decode_request(body))
            error = committed.error
            known = isinstance(error, LogUnavailable)
            text = str(error) if known else f"{type(error).__name__}: {error}" if error else ""
            answer = encode((committed.log_id, committed.spans, text, getattr(error, "retry_after", 5)))
            try:
                connection.sendall(LENGTH.pack(len(answer)) + answer)
            except OSError:  # the gateway was killed
                break
    committer.close()


if __name__ == "__main__":
    main()
