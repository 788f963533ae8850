"""Lines of a file that may be plain, gzip or zstd, or of standard input."""

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import zstandard

from ask0.cli.errors import Failure
from ask0.schemas.user_files import MAX_LINE_BYTES

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"


class Lines:
    """The lines of an open file, and how much of the file itself has been read."""

    def __init__(self, source: BinaryIO, size: int | None) -> None:
        self.size = size
        self._source = source
        self._text = _inflated(source)

    def __iter__(self) -> Iterator[bytes]:
        """Of a line beyond the limit, its beginning: no JSON, so it is refused with its number."""
        while line := self._text.readline(MAX_LINE_BYTES):
            rest = line
            while not rest.endswith(b"\n") and len(rest) == MAX_LINE_BYTES:
                rest = self._text.readline(MAX_LINE_BYTES)
            yield line

    @property
    def position(self) -> int:
        return self._source.tell() if self.size is not None else 0


@contextmanager
def open_lines(path: str) -> Iterator[Lines]:
    """`path` is a file's name, or `-` for standard input. Raises Failure."""
    try:
        if path == "-":
            yield Lines(sys.stdin.buffer, None)
        else:
            with open(path, "rb") as source:
                yield Lines(source, Path(path).stat().st_size)
    except (gzip.BadGzipFile, EOFError, zlib.error, zstandard.ZstdError) as error:
        raise Failure(f"{path} is damaged or cut short: {error}") from error


def _inflated(source: BinaryIO) -> io.BufferedIOBase:
    """By the first bytes, not by the name."""
    buffered = cast(io.BufferedReader, source)
    head = buffered.peek(4)[:4]
    if head.startswith(GZIP):
        return gzip.GzipFile(fileobj=buffered)
    if head == ZSTD:
        frames = zstandard.ZstdDecompressor().stream_reader(buffered, read_across_frames=True)
        return io.BufferedReader(cast(io.RawIOBase, frames), 1 << 16)
    return buffered
