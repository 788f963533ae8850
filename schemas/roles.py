"""Roles: what a person who signs in may do in a project, as sets of the API's scopes."""

from typing import Final, NamedTuple

from ask0.schemas.scopes import SCOPES, Scope

OWNER: Final = "owner"
EVERYWHERE: Final = "*"  # in place of a project: all there are, and all to come

MAX_ROLES = 50  # of a project, beside those that are built in


class BuiltIn(NamedTuple):
    name: str
    scopes: frozenset[str]


def _built_in(name: str, *scopes: Scope) -> BuiltIn:
    return BuiltIn(name, frozenset(scopes))


# By id, the most powerful first. An admin may do all that an owner may, but for making and removing owners.
BUILT_IN: dict[str, BuiltIn] = {
    OWNER: _built_in("Owner", *SCOPES),
    "admin": _built_in("Admin", *SCOPES),
    "editor": _built_in(
        "Editor",
        "users:read",
        "users:write",
        "events:read",
        "segments:write",
        "actions:write",
        "access:read",
        "audit:read",
    ),
    "support": _built_in("Support", "users:read", "users:write", "events:read", "access:read"),
    "analyst": _built_in("Analyst", "users:read", "events:read", "segments:write", "sql:read"),
    "viewer": _built_in("Viewer", "users:read", "events:read"),
}
