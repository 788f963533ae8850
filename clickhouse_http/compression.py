"""Bodies compressed as HTTP says: inflated never more than a piece at a time, so that a bomb meets its limit."""

import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol

import brotli
import lz4.frame
import zstandard

from ask0.clickhouse_http.codes import Code, failed
from ask0.clickhouse_http.frames import Framer

PIECE_BYTES = 1 << 16
ZSTD_PIECE_BYTES = 1 << 10  # which give 32 MB at most; this inflater takes no limit


class Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


class Plain:
    def compress(self, data: bytes) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""


class Lz4:
    def __init__(self) -> None:
        self._compressor = lz4.frame.LZ4FrameCompressor()
        self._begun = False

    def compress(self, data: bytes) -> bytes:
        begin = b"" if self._begun else self._compressor.begin()
        self._begun = True
        return bytes(begin + self._compressor.compress(data))

    def flush(self) -> bytes:
        return bytes(self._compressor.flush())


def compressor_of(encoding: str) -> Compressor:
    match encoding:
        case "gzip":
            return zlib.compressobj(level=1, wbits=31)
        case "lz4":
            return Lz4()
        case "frames":
            return Framer()
    return Plain()


def inflated(body: BinaryIO, encoding: str, limit: int) -> Iterator[bytes]:
    """The body's bytes in pieces, at most `limit` of them in all. Raises QueryFailed."""
    total = 0
    try:
        for piece in _pieces(body, encoding):
            total += len(piece)
            if total > limit:
                raise failed(Code.QUERY_IS_TOO_LARGE, f"the body is more than {limit:,} bytes")
            yield piece
    except (OSError, EOFError, RuntimeError, zlib.error, brotli.error, zstandard.ZstdError) as error:
        raise failed(Code.CANNOT_DECOMPRESS, f"the body is not {encoding}: {error}") from error


def _pieces(body: BinaryIO, encoding: str) -> Iterator[bytes]:
    match encoding:
        case "" | "identity":
            return _read(body.read)
        case "gzip" | "x-gzip":
            return _deflate(body, wbits=31)
        case "zstd":
            return _zstd(body)
        case "lz4":
            return _read(lz4.frame.LZ4FrameFile(body).read)
        case "deflate":
            return _deflate(body, wbits=15)
        case "br":
            return _brotli(body)
    raise failed(Code.NOT_IMPLEMENTED, f"Content-Encoding {encoding} is not known: use gzip, zstd, lz4, br or deflate")


def _read(read: Callable[[int], bytes]) -> Iterator[bytes]:
    while piece := read(PIECE_BYTES):
        yield piece


def _deflate(body: BinaryIO, wbits: int) -> Iterator[bytes]:
    inflater = zlib.decompressobj(wbits=wbits)
    while piece := inflater.unconsumed_tail or body.read(PIECE_BYTES):
        yield inflater.decompress(piece, PIECE_BYTES)
    if not inflater.eof:
        raise EOFError("it ends too early")


def _zstd(body: BinaryIO) -> Iterator[bytes]:
    inflater = zstandard.ZstdDecompressor().decompressobj()
    while piece := body.read(ZSTD_PIECE_BYTES):
        yield inflater.decompress(piece)
    if not inflater.eof:
        raise EOFError("it ends too early")


def _brotli(body: BinaryIO) -> Iterator[bytes]:
    inflater = brotli.Decompressor()
    while piece := body.read(PIECE_BYTES):
        while data := inflater.process(piece, output_buffer_limit=PIECE_BYTES):
            yield data
            piece = b""
    if not inflater.is_finished():
        raise EOFError("it ends too early")
