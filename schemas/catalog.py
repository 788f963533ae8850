"""The catalog's documents: projects and their keys. Of a secret key only its hash and first characters are kept.

The secret of an HS256 verification key is kept sealed (see catalog/sealing.py), as an HMAC cannot be checked with a
hash: whoever has it can sign in as any user of the project. RS256 has no such secret.
"""

from hashlib import sha256
from typing import Literal

import msgspec

from ask0.schemas.scopes import SCOPES, SENDING

MAX_VERIFICATION_KEYS = 2  # the one in use and the next one
MAX_LIVE_KEYS = 100  # of a project …
MAX_KEYS = 200  # … and together with those that are revoked: the one that was revoked first makes room
MAX_READABLE = 100  # traits
READABLE_TRAITS = ("name", "firstName", "lastName", "avatar", "company", "plan", "role")


class VerificationKey(msgspec.Struct, frozen=True, kw_only=True):
    """Checks the tokens with which a site's server says who its user is. `id` is `vk_…`, and no secret."""

    id: str
    algorithm: Literal["HS256", "RS256"]
    key: str  # the HMAC secret, sealed; the public key as PEM
    created_at: int

    def __repr__(self) -> str:
        return f"VerificationKey({self.id}, {self.algorithm})"


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """Which proof a project wants of its users, and which traits their pages may read."""

    required: bool = False
    keys: tuple[VerificationKey, ...] = ()  # the live ones, at most MAX_VERIFICATION_KEYS
    readable: tuple[str, ...] = READABLE_TRAITS  # as they are sent: firstName, or a name of the site's own


Permission = Literal["guest", "login", "user"]  # who may chat: anyone, the identified, those with a verified email


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant. `id` is `proj_…`; times are epoch ms."""

    id: str
    name: str
    created_at: int
    verification: Verification = Verification()
    permission: Permission = "guest"
    # Until the project says otherwise; those of before have it off, as an upgrade must not begin to drop events.
    enforces_consent: bool = False

    @property
    def project_id(self) -> str:
        return self.id


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A write key (public, may only send events) or a secret key (server side, may read and change users)."""

    id: str  # the write key itself; the SHA-256 of a secret key
    kind: Literal["write", "secret"]
    project_id: str
    shown: str  # what people see: the whole write key, `sk_ab12…` of a secret key
    created_at: int
    revoked_at: int | None = None
    scopes: tuple[str, ...] | None = None  # of a secret key; None is all, as keys of before have it
    name: str = ""  # that somebody has given it
    created_by: str = ""  # as the audit log names them; empty of keys of before
    change: str = ""  # the id of the change that made it, where a call did: sent again, it makes no other

    @property
    def allowed(self) -> frozenset[str]:
        """All of its scopes, also those that only newer code knows."""
        return frozenset(SCOPES if self.scopes is None else self.scopes)


def write_key(text: str, project_id: str, created_at: int) -> Key:
    return Key(id=text, kind="write", project_id=project_id, shown=text, created_at=created_at)


def secret_key(text: str, project_id: str, created_at: int, scopes: tuple[str, ...] | None = None) -> Key:
    return Key(
        id=hash_secret(text),
        kind="secret",
        project_id=project_id,
        shown=f"{text[:7]}…",
        created_at=created_at,
        scopes=scopes,
    )


def hash_secret(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()  # of what JSON may hold, too


class Catalog(msgspec.Struct, frozen=True, kw_only=True):
    """Everything in the catalog at one moment."""

    projects: dict[str, Project] = {}
    keys: dict[str, Key] = {}

    def project_of_write_key(self, text: str) -> str | None:
        key = self.keys.get(text)
        return key.project_id if key and key.kind == "write" and key.revoked_at is None else None

    def project_of_secret(self, hashed: str) -> str | None:
        """Of a key whose events are believed."""
        key = self.secret(hashed)
        return key.project_id if key and SENDING in key.allowed else None

    def secret(self, hashed: str) -> Key | None:
        """The live secret key of this hash."""
        key = self.keys.get(hashed)
        return key if key and key.kind == "secret" and key.revoked_at is None else None
