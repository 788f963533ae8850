"""ClickHouse's own compressed frames (`compress=1`, `decompress=1`): checksum, method, sizes, data."""

from collections.abc import Iterable, Iterator
from struct import Struct

import lz4.block
import zstandard

from ask0.clickhouse_http.cityhash import city_hash_128
from ask0.clickhouse_http.codes import Code, failed

PIECE_BYTES = 1 << 20
MAX_FRAME_BYTES = 64 << 20
CHECKSUM_BYTES = 16
_HEAD = Struct("<BII")  # method, size with this head, size of the data
_LZ4, _ZSTD, _NONE = 0x82, 0x90, 0x02


class Framer:
    """Puts pieces of an answer into frames; has the methods of a compressor."""

    def compress(self, data: bytes) -> bytes:
        out = bytearray()
        for at in range(0, len(data), PIECE_BYTES):
            piece = data[at : at + PIECE_BYTES]
            packed = lz4.block.compress(piece, store_size=False)
            frame = _HEAD.pack(_LZ4, _HEAD.size + len(packed), len(piece)) + packed
            out += city_hash_128(frame) + frame
        return bytes(out)

    def flush(self) -> bytes:
        return b""


def unframed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The data of frames that arrive in pieces of any size. Raises QueryFailed."""
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        while len(buffer) >= CHECKSUM_BYTES + _HEAD.size:
            method, frame_size, size = _HEAD.unpack_from(buffer, CHECKSUM_BYTES)
            if not _HEAD.size < frame_size <= MAX_FRAME_BYTES or size > MAX_FRAME_BYTES:
                raise failed(Code.CANNOT_DECOMPRESS, "the body is not in compressed frames")
            end = CHECKSUM_BYTES + frame_size
            if len(buffer) < end:
                break
            checksum, frame = bytes(buffer[:CHECKSUM_BYTES]), bytes(buffer[CHECKSUM_BYTES:end])
            if city_hash_128(frame) != checksum:
                raise failed(Code.CHECKSUM_DOESNT_MATCH, "a compressed frame is damaged")
            del buffer[:end]
            yield _unpacked(method, frame[_HEAD.size :], size)
    if buffer:
        raise failed(Code.CANNOT_DECOMPRESS, "the body ends inside a compressed frame")


def _unpacked(method: int, data: bytes, size: int) -> bytes:
    try:
        if method == _LZ4:
            return bytes(lz4.block.decompress(data, uncompressed_size=size))
        if method == _ZSTD:
            return zstandard.ZstdDecompressor().decompress(data, max_output_size=size)
    except (lz4.block.LZ4BlockError, zstandard.ZstdError) as error:
        raise failed(Code.CANNOT_DECOMPRESS, f"a compressed frame does not decompress: {error}") from error
    if method == _NONE:
        return data
    raise failed(Code.CANNOT_DECOMPRESS, f"a frame is compressed by the unknown method {method:#x}")
