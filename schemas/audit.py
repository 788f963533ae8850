"""Entries of the audit log, and the digests that chain those of a project: whoever changes, adds, moves or takes out
one breaks what comes after it.

What may name a person goes into the chain as a salted digest. An erase takes the field and its salt away and leaves
that digest, so that the chain still holds and nobody can find the field by guessing.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Final, Literal

import msgspec

DOCUMENTS: Final = "documents"
USERS: Final = "users"

FORM = "ask0 audit 1"  # what the digests are made of, and how
SALT_CHARACTERS = 48  # half of it for what is said of a person, half for the address
PERSONAL_KINDS = frozenset({"deactivation"})  # documents that are of a user, whose id is in their subject

KEY_USED: Final = "key.used"


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is told to the audit log of something that is no user: the properties of a change that names nobody."""

    entity: str
    id: str
    details: dict[str, str] = {}


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Who did what. `off` and `idx` say where it lies: on the control stream, or in a partition of the events."""

    project_id: str
    stream: Literal["documents", "users"]
    log: str
    partition: int
    off: int
    idx: int
    at: int  # epoch ms
    id: str  # of the change
    action: str
    actor: str
    entity: str
    about: tuple[str, ...]  # ids: of the entity, then of who else is concerned
    outcome: Literal["done", "refused"]
    request: str
    ip: str = ""  # of the caller, as the policy keeps it
    details: str = ""  # what was said, as JSON
    is_personal: bool = False  # whether `about` names people
    salt: str = ""


class Row(Entry, frozen=True, kw_only=True):
    """As it is stored. `seq` counts the entries of a chain from 1; it is 0, and `digest` empty, of those that were
    written before there were chains."""

    ip_salt: str = ""
    sealed: str = ""  # the digest of what may name a person; empty if nothing does
    sealed_ip: str = ""
    seq: int = 0
    digest: str = ""


_FIELDS = Entry.__struct_fields__


def chained(entries: Iterable[Entry], seq: int, digest: str) -> list[Row]:
    """Rows that go on after the one that has this number and digest; 0 and nothing before the first."""
    rows = []
    for entry in entries:
        seq += 1
        salt, ip_salt = entry.salt[: SALT_CHARACTERS // 2], entry.salt[SALT_CHARACTERS // 2 :]
        fields = {name: getattr(entry, name) for name in _FIELDS}
        row = Row(
            **{**fields, "salt": salt if _personal(entry) else "", "ip_salt": ip_salt if entry.ip else ""},
            sealed=_seal(salt, _personal(entry)),
            sealed_ip=_seal(ip_salt, [entry.ip] if entry.ip else []),
            seq=seq,
        )
        digest = digest_of(row, digest)
        rows.append(msgspec.structs.replace(row, digest=digest))
    return rows


def digest_of(row: Row, previous: str) -> str:
    """What its digest has to be after the one before it."""
    parts: tuple[str | int, ...] = (
        FORM,
        previous,
        row.project_id,
        row.stream,
        row.log,
        row.partition,
        row.off,
        row.idx,
        row.seq,
        row.at,
        row.id,
        row.action,
        row.actor,
        row.entity,
        row.outcome,
        row.request,
        row.is_personal,
        *(() if row.is_personal else row.about),
        row.sealed,
        row.sealed_ip,
    )
    return _digest(parts, 32)


def fits_its_seals(row: Row) -> bool:
    """Whether what may name a person is what was sealed, or was erased."""
    return _fits(row.salt, _personal(row), row.sealed) and _fits(row.ip_salt, [row.ip] if row.ip else [], row.sealed_ip)


def is_erased(row: Row) -> bool:
    return bool(row.sealed and not row.salt)


def salt_of(*said: bytes) -> str:
    """For what was written without one: made of all that it says, so that everyone makes the same."""
    return _digest((FORM, *said), SALT_CHARACTERS // 2)


def _personal(entry: Entry) -> Sequence[str]:
    about = entry.about if entry.is_personal else ()
    return (*about, entry.details) if about or entry.details else ()


def _seal(salt: str, fields: Sequence[str]) -> str:
    return _digest((FORM, salt, *fields), 16) if fields else ""


def _fits(salt: str, fields: Sequence[str], sealed: str) -> bool:
    """Without its salt nothing may be left that was under the seal."""
    return _seal(salt, fields) == sealed if salt or not sealed else not fields


def _digest(parts: Iterable[str | bytes | int], size: int) -> str:
    """Of the parts with their lengths, so that no two lists of parts are one text."""
    made = blake2b(digest_size=size)
    for part in parts:
        raw = part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogatepass")
        made.update(b"%d:" % len(raw))
        made.update(raw)
    return made.hexdigest()
