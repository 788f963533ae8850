"""Files of users as the body of a request: read while they are sent, and from their beginning again at each try."""

import asyncio
import os
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import IO, Literal, TypeGuard

Format = Literal["csv", "jsonl"]
File = str | os.PathLike[str] | IO[bytes] | Iterable[bytes]

PIECE_BYTES = 65_536
ANSWER_SECONDS = 300.0  # for whoever takes a file in: they may let us wait for their turn, and for a database
CONTENT_TYPES = {None: "application/octet-stream", "csv": "text/csv", "jsonl": "application/x-ndjson"}


class FileBroke(Exception):
    """The file could not be read: `why`."""

    def __init__(self, why: Exception) -> None:
        super().__init__(why)
        self.why = why


class Upload:
    """A path, a file that is open for bytes, or bytes in pieces. Raises TypeError for anything else."""

    def __init__(self, file: File | AsyncIterable[bytes]) -> None:
        self._file = file
        self._start: int | None = None
        if isinstance(file, (str, os.PathLike)):
            self.is_repeatable = True
        elif _is_open(file):
            self._start = file.tell() if file.seekable() else None
            self.is_repeatable = self._start is not None
        elif isinstance(file, (Iterable, AsyncIterable)) and not isinstance(file, (bytes, bytearray, dict)):
            self.is_repeatable = not isinstance(
                file, (Iterator, AsyncIterator)
            )  # a second try would find it at its end
        else:
            raise TypeError("a file is a path, a file that is open for bytes, or an iterable of bytes")

    def pieces(self) -> Iterator[bytes]:
        """From the beginning. Raises FileBroke."""
        try:
            for piece in self._pieces():
                yield _checked(piece)
        except Exception as error:
            raise FileBroke(error) from error

    async def pieces_for_tasks(self) -> AsyncIterator[bytes]:
        """Likewise; a thread reads, as files may be slow."""
        if isinstance(self._file, AsyncIterable):
            try:
                async for piece in self._file:
                    yield _checked(piece)
            except Exception as error:
                raise FileBroke(error) from error
            return
        pieces = self.pieces()
        while (read := await asyncio.to_thread(next, pieces, None)) is not None:
            yield read

    def _pieces(self) -> Iterator[bytes]:
        file = self._file
        if isinstance(file, (str, os.PathLike)):
            with open(file, "rb") as opened:
                yield from _read(opened)
        elif _is_open(file):
            if self._start is not None:
                file.seek(self._start)
            yield from _read(file)
        elif isinstance(file, Iterable):
            yield from file
        else:
            raise TypeError("an async iterable is for AsyncAsk0")


def _is_open(file: object) -> TypeGuard[IO[bytes]]:
    return hasattr(file, "read")


def _read(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(PIECE_BYTES):
        yield piece


def _checked(piece: object) -> bytes:
    if not isinstance(piece, (bytes, bytearray, memoryview)):
        raise TypeError(f"a file of users is bytes, and this is {type(piece).__name__}: open it with 'rb'")
    return bytes(piece)
