"""Bytes on the disk: where a text is in a folder, also in what ClickHouse has compressed."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import lz4.block
import zstandard

CHECKSUM = 16  # bytes before each frame
HEADER = 9  # method, compressed size with these nine, size
NONE, LZ4, ZSTD = 0x02, 0x82, 0x90


def traces(folders: Iterable[Path], text: bytes) -> list[Path]:
    """Files that have it."""
    # Not `rglob`, which fails when a part goes meanwhile.
    files = (Path(at) / name for folder in folders for at, _, names in os.walk(folder) for name in names)
    return [file for file in files if has(file, text)]


def has(file: Path, text: bytes) -> bool:
    try:
        content = file.read_bytes()
    except FileNotFoundError:  # a merge has ended meanwhile
        return False
    return text in content or any(text in frame for frame in frames(content))


def frames(content: bytes) -> Iterator[bytes]:
    """What a column's file holds; nothing of any other file."""
    at = 0
    while at + CHECKSUM + HEADER <= len(content):
        start = at + CHECKSUM
        method = content[start]
        size, full = (int.from_bytes(content[start + place : start + place + 4], "little") for place in (1, 5))
        frame = content[start + HEADER : start + size]
        if method not in (NONE, LZ4, ZSTD) or size < HEADER or len(frame) != size - HEADER:
            return
        if method == LZ4:
            yield lz4.block.decompress(frame, uncompressed_size=full)
        elif method == ZSTD:
            yield zstandard.ZstdDecompressor().decompress(frame, max_output_size=full)
        else:
            yield frame
        at = start + size
