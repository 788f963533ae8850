"""The keys that senders name: write keys for pages and apps, secret keys for servers."""

import secrets
import string
import time

from msgspec.structs import replace

from ask0.catalog.collection import Collection, Stored
from ask0.catalog.documents import KEY, add_document, replace_document
from ask0.catalog.errors import CatalogError, KeyTaken
from ask0.catalog.replica import Replica
from ask0.schemas.catalog import MAX_KEYS, Catalog, Key, Project, hash_secret, secret_key, write_key

ALPHABET = string.ascii_letters + string.digits


async def create_key(
    replica: Replica,
    project_id: str,
    kind: str,
    text: str | None = None,
    actor: str = "cli",
    scopes: tuple[str, ...] | None = None,
    name: str = "",
) -> str:
    """The key's text. `text` is one that the operator has chosen; a secret key without `scopes` has all of them."""
    key, text = new_key(project_id, kind, text or "", scopes)
    await add_document(replica, replace(key, name=name, created_by=actor), "key.created", actor)
    return text


def new_key(project_id: str, kind: str, text: str = "", scopes: tuple[str, ...] | None = None) -> tuple[Key, str]:
    """And its text, which nobody can read from a secret key."""
    prefix, length = ("wk_", 24) if kind == "write" else ("sk_", 40)
    text, at = text or prefix + random_text(length), now_ms()
    return write_key(text, project_id, at) if kind == "write" else secret_key(text, project_id, at, scopes), text


async def revoke_key(replica: Replica, key: Key) -> Key:
    """As it is then; one that was revoked before stays as it was."""
    if key.revoked_at is not None:
        return key
    revoked = replace(key, revoked_at=now_ms())
    await replace_document(replica, key, revoked, "key.revoked")
    return revoked


class Keys(Collection[Key]):
    """Of projects, in memory."""

    def __init__(self, replica: Replica) -> None:
        super().__init__(replica, KEY, Key)

    def oldest_first(self, project_id: str) -> list[Stored[Key]]:
        return sorted(self.of(project_id).values(), key=lambda stored: (stored.document.created_at, stored.version))

    def in_the_way(self, project_id: str) -> list[Stored[Key]]:
        """Those revoked that make room for one more, the one that was revoked first before the others."""
        every = self.of(project_id).values()
        revoked = [stored for stored in every if stored.document.revoked_at is not None]
        revoked.sort(key=lambda stored: stored.document.revoked_at or 0)
        return revoked[: max(0, len(every) + 1 - MAX_KEYS)]


def find_key(catalog: Catalog, text: str) -> Key:
    """By the key itself, or by its beginning as it is shown. Raises CatalogError."""
    exact = catalog.keys.get(text) or catalog.keys.get(hash_secret(text))
    if exact:
        return exact
    beginning = text.rstrip("…")
    found = [key for key in catalog.keys.values() if len(beginning) > 3 and key.shown.startswith(beginning)]
    if len(found) != 1:
        problem = "no key begins" if not found else f"{len(found)} keys begin"
        raise CatalogError(f"{problem} with {text!r}; `ask0 key list` shows them")
    return found[0]


def first_write_key(catalog: Catalog, project: Project | None) -> str:
    """The oldest key of the project, or of all, that may send events; empty if there is none."""
    keys = [
        key
        for key in catalog.keys.values()
        if key.kind == "write" and key.revoked_at is None and (project is None or key.project_id == project.id)
    ]
    return min(keys, key=lambda key: key.created_at).id if keys else ""


def has_key(catalog: Catalog, project_id: str, text: str) -> bool:
    """Whether the project has it. Raises KeyTaken."""
    key = catalog.keys.get(text) or catalog.keys.get(hash_secret(text))
    if key and key.project_id != project_id:
        raise KeyTaken("a key in ASK0_BOOTSTRAP_WRITE_KEY or ASK0_BOOTSTRAP_SECRET_KEY is another project's")
    return key is not None


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def random_text(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))
