"""Scopes: what a caller of the API may do. A secret key has them, and so has whoever signs in."""

from typing import Final, Literal, get_args

Scope = Literal[
    "users:read",
    "users:write",
    "users:erase",
    "events:read",
    "segments:write",
    "actions:write",
    "access:read",
    "audit:read",
    "settings:write",
    "members:write",
    "sql:read",
]
SCOPES: tuple[Scope, ...] = get_args(Scope)

# Events under a secret key are believed: they set whatever a change of a user sets.
SENDING: Final = "users:write"
