"""Identifiers: how they are made, cut and hashed."""

from hashlib import blake2b
from uuid import UUID


def uuid7(time_ms: int, random_bits: int) -> str:
    """A UUIDv7 (RFC 9562) from a time in epoch ms and at least 74 random bits, both the caller's."""
    value = (time_ms & (1 << 48) - 1) << 80 | 0x7 << 76 | (random_bits & 0xFFF) << 64
    value |= 0b10 << 62 | (random_bits >> 12) & (1 << 62) - 1
    return str(UUID(int=value))


def is_text(text: str) -> bool:
    """Whether UTF-8 can carry it: half of a surrogate pair, it cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def utf8_bytes(text: str) -> int:
    """How many bytes a text takes."""
    return len(text) if text.isascii() else len(text.encode())


def guest_id(anonymous_id: str) -> str:
    """The user id of a guest: `g-…`, as the console shows it."""
    return anonymous_id if anonymous_id.startswith("g-") else f"g-{anonymous_id}"


def message_key(message_id: str) -> int:
    """128 bits that stand for a messageId. A UUID is its own key, so that time-ordered ids stay neighbours on disk."""
    if len(message_id) == 36 and message_id[8] == message_id[13] == message_id[18] == message_id[23] == "-":
        try:
            digits = bytes.fromhex(message_id.replace("-", ""))
        except ValueError:
            digits = b""
        if len(digits) == 16:
            return int.from_bytes(digits, "big")
    return _hash(message_id, 16)


def short_key(text: str) -> int:
    """64 bits that stand for an id inside one user's or one conversation's set."""
    return _hash(text, 8)


def _hash(text: str, size: int) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=size).digest(), "little")
