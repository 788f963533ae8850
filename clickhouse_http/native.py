"""Native blocks as a client of a given protocol revision reads them; chDB itself writes revision 0.

clickhouse-go, and so Grafana, asks for its own revision over HTTP and cannot read another. Its blocks carry a header
and a flag in front of each column's data, and the format Buffers says how long those data are.
"""

from collections.abc import Iterable, Iterator, Sequence
from struct import unpack_from

CUSTOM_SERIALIZATION = 54454  # from here on each column says whether its serialization is special
_BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"  # not an overflow block, no bucket, end

Column = tuple[str, str]  # name and type


def blocks(columns: Sequence[Column], buffers: Iterable[bytes]) -> Iterator[bytes]:
    """Native blocks out of what chDB gives in the format Buffers; an empty one where there are no rows."""
    heads = [_text(name) + _text(type_) + b"\x00" for name, type_ in columns]
    empty = True
    for data in buffers:
        at = 0
        while at < len(data):
            count, rows = unpack_from("<QQ", data, at)
            at += 16
            block = bytearray(_BLOCK_INFO + _number(count) + _number(rows))
            for head in heads:
                (size,) = unpack_from("<Q", data, at)
                at += 8
                block += head + data[at : at + size]
                at += size
            empty = False
            yield bytes(block)
    if empty:
        yield _BLOCK_INFO + _number(len(columns)) + _number(0) + b"".join(heads)


def _number(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _text(text: str) -> bytes:
    data = text.encode()
    return _number(len(data)) + data
