"""CityHash128 as of version 1.0.2, the checksum in ClickHouse's compressed frames; later versions give other values."""

from struct import unpack_from

_ALL = (1 << 64) - 1
_K0, _K1, _K2, _K3 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F, 0xC949D7C7509E6557
_MULTIPLIER = 0x9DDFEA08EB382D69

Pair = tuple[int, int]


def city_hash_128(data: bytes) -> bytes:
    """The hash of at least 8 bytes, as it stands in a frame."""
    size = len(data)
    if size >= 16:
        first, second = unpack_from("<QQ", data)
        low, high = _with_seed(data[16:], (first ^ _K3, second))
    else:
        seed = _word(data, 0) ^ (size * _K0 & _ALL), _word(data, size - 8) ^ _K1
        low, high = _with_seed(b"", seed)
    return low.to_bytes(8, "little") + high.to_bytes(8, "little")


def _with_seed(data: bytes, seed: Pair) -> Pair:
    if len(data) < 128:
        return _short(data, seed)
    x, y = seed
    z = len(data) * _K1 & _ALL
    v0 = (_rotate(y ^ _K1, 49) * _K1 + _word(data, 0)) & _ALL
    v1 = (_rotate(v0, 42) * _K1 + _word(data, 8)) & _ALL
    w0 = (_rotate(y + z & _ALL, 35) * _K1 + x) & _ALL
    w1 = _rotate(x + _word(data, 88) & _ALL, 53) * _K1 & _ALL
    end = len(data) & ~127
    for at in range(0, end, 64):
        d0, d1, d2, d3, d4, d5, d6, d7 = unpack_from("<8Q", data, at)
        x = _rotate(x + y + v0 + d2 & _ALL, 37) * _K1 & _ALL ^ w1
        y = _rotate(y + v1 + d6 & _ALL, 42) * _K1 & _ALL ^ v0
        z = _rotate(z ^ w0, 33)
        v0, v1 = _mix4(d0, d1, d2, d3, v1 * _K1, x + w0)
        w0, w1 = _mix4(d4, d5, d6, d7, z + w1, y)
        z, x = x, z
    y = (y + _rotate(w0, 37) * _K0 + z) & _ALL
    x = (x + _rotate(v0 + z & _ALL, 49) * _K0) & _ALL
    for done in range(32, len(data) - end + 32, 32):  # the rest, from its end, which may reach back before `end`
        at = len(data) - done
        d0, d1, d2, d3 = unpack_from("<4Q", data, at)
        y = (_rotate(y - x & _ALL, 42) * _K0 + v1) & _ALL
        w0 = w0 + d2 & _ALL
        x = (_rotate(x, 49) * _K0 + w0) & _ALL
        w0 = w0 + v0 & _ALL
        v0, v1 = _mix4(d0, d1, d2, d3, v0, v1)
    x, y = _join(x, v0), _join(y, w0)
    return (_join(x + v1 & _ALL, w1) + y) & _ALL, _join(x + w1 & _ALL, y + v1 & _ALL)


def _short(data: bytes, seed: Pair) -> Pair:
    a, b = seed
    size = len(data)
    if size <= 16:
        a = _fold(a * _K1 & _ALL) * _K1 & _ALL
        c = (b * _K1 + _shortest(data)) & _ALL
        d = _fold(a + (_word(data, 0) if size >= 8 else c) & _ALL)
    else:
        c = _join(_word(data, size - 8) + _K1 & _ALL, a)
        d = _join(b + size & _ALL, c + _word(data, size - 16) & _ALL)
        a = a + d & _ALL
        for at in range(0, size - 16, 16):
            a = (a ^ _fold(_word(data, at) * _K1 & _ALL) * _K1) * _K1 & _ALL
            b ^= a
            c = (c ^ _fold(_word(data, at + 8) * _K1 & _ALL) * _K1) * _K1 & _ALL
            d ^= c
    a, b = _join(a, c), _join(d, b)
    return a ^ b, _join(b, a)


def _shortest(data: bytes) -> int:
    size = len(data)
    if size > 8:
        last = _word(data, size - 8)
        return _join(_word(data, 0), _rotate(last + size & _ALL, size)) ^ last
    if size >= 4:
        first, last = *unpack_from("<I", data), *unpack_from("<I", data, size - 4)
        return _join((first << 3) + size, last)
    if size:
        y = data[0] + (data[size >> 1] << 8)
        z = size + (data[-1] << 2)
        return _fold((y * _K2 ^ z * _K3) & _ALL) * _K2 & _ALL
    return _K2


def _mix4(w: int, x: int, y: int, z: int, a: int, b: int) -> Pair:
    a = a + w & _ALL
    b = _rotate(b + a + z & _ALL, 21)
    c = a + x + y & _ALL
    return c + z & _ALL, b + _rotate(c, 44) + a & _ALL


def _join(u: int, v: int) -> int:
    a = _fold((u ^ v) * _MULTIPLIER & _ALL)
    b = _fold((v ^ a) * _MULTIPLIER & _ALL)
    return b * _MULTIPLIER & _ALL


def _fold(value: int) -> int:
    return value ^ value >> 47


def _rotate(value: int, bits: int) -> int:
    return value >> bits | value << (64 - bits) & _ALL


def _word(data: bytes, at: int) -> int:
    return int(unpack_from("<Q", data, at)[0])
