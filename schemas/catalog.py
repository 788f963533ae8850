"""The catalog's documents: projects and their keys. Of a secret key only its hash and first characters are kept."""

from hashlib import sha256
from typing import Literal

import msgspec


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant. `id` is `proj_…`; times are epoch ms."""

    id: str
    name: str
    created_at: int


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A write key (public, may only send events) or a secret key (server side, may read and change users)."""

    id: str  # the write key itself; the SHA-256 of a secret key
    kind: Literal["write", "secret"]
    project_id: str
    shown: str  # what people see: the whole write key, `sk_ab12…` of a secret key
    created_at: int
    revoked_at: int | None = None


def write_key(text: str, project_id: str, created_at: int) -> Key:
    return Key(id=text, kind="write", project_id=project_id, shown=text, created_at=created_at)


def secret_key(text: str, project_id: str, created_at: int) -> Key:
    return Key(id=hash_secret(text), kind="secret", project_id=project_id, shown=f"{text[:7]}…", created_at=created_at)


def hash_secret(text: str) -> str:
    return sha256(text.encode()).hexdigest()


class Catalog(msgspec.Struct, frozen=True, kw_only=True):
    """Everything in the catalog at one moment."""

    projects: dict[str, Project] = {}
    keys: dict[str, Key] = {}

    def project_of_write_key(self, text: str) -> str | None:
        key = self.keys.get(text)
        return key.project_id if key and key.kind == "write" and key.revoked_at is None else None
