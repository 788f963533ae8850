"""Where a write key stands in a request: Basic authorization, X-Write-Key, the query string."""

import binascii
from base64 import b64decode
from collections.abc import Mapping
from urllib.parse import parse_qs

MAX_QUERY_FIELDS = 64


def bearer(headers: Mapping[bytes, bytes]) -> str | None:
    authorization = headers.get(b"authorization", b"")
    return authorization[7:].decode("latin-1").strip() if authorization[:7].lower() == b"bearer " else None


def key_of_request(headers: Mapping[bytes, bytes], query: bytes) -> str | None:
    """The key outside the body, None if there is none. Basic carries it as the user name, with or without colon."""
    authorization = headers.get(b"authorization")
    if authorization is not None and authorization[:6].lower() == b"basic ":
        try:
            return b64decode(authorization[6:], validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""  # names no project
    header = headers.get(b"x-write-key")
    if header is not None:
        return header.decode("latin-1").strip()
    if b"writeKey=" in query:
        try:
            return parse_qs(query.decode("latin-1"), max_num_fields=MAX_QUERY_FIELDS).get("writeKey", [None])[0]
        except ValueError:
            return ""
    return None
