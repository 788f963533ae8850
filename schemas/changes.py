"""A change of a document, as it lies on the control stream: what is wanted, by whom, and what it was made from."""

from typing import Any, Final

import msgspec

from ask0.schemas.members import LINK_USED, SESSION_ENDED

VERSION = 1
MAX_CHANGE_BYTES = 500_000  # a topic takes a megabyte; a document is far smaller


NOTHING = msgspec.Raw(b"null")
FORGOTTEN: Final = "user.erased"
# Actions of deletions that leave no version behind: the subject names a person, or never comes again.
LEAVE_NOTHING: Final = frozenset({FORGOTTEN, SESSION_ENDED, LINK_USED})


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """`kind` and `subject` name the document. A new field has a default, as changes of before must decode.

    `expects` says from which versions it was made, by name: `project/proj_1` of a document (0: there was none),
    `project` of all of a kind together. All of them must still stand when its turn comes, or nothing is changed.
    """

    v: int = VERSION
    id: str  # of the change: sent again, it has the outcome of the first time
    kind: str
    subject: str
    action: str  # for the audit log, such as key.revoked
    actor: str  # who: cli, or later a member, a key
    at: int  # epoch ms; for people to read, never to decide by
    project_id: str = ""  # whose audit log it belongs to
    request: str = ""  # the id of the request that asked for it
    expects: dict[str, int] = {}
    body: msgspec.Raw = NOTHING  # the document as JSON; null deletes it
    digest: str = ""  # of what was asked: the same id with another one is a mistake. It decides nothing
    ip: str = ""  # of the caller, as the policy keeps it
    salt: str = ""  # of what the audit log says of a person


class NewerVersion(Exception):
    """A later Ask0 wrote this change: whoever cannot read it must not go on deciding."""


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Change)


def name_of(kind: str, subject: str) -> str:
    """Of a document, in `expects`."""
    return f"{kind}/{subject}"


def encode(change: Change) -> bytes:
    """Raises ValueError for a change that is too large."""
    value = _encoder.encode(change)
    if len(value) > MAX_CHANGE_BYTES:
        raise ValueError(f"a document has at most {MAX_CHANGE_BYTES:,} bytes, this change has {len(value):,}")
    return value


def decode(value: bytes) -> Change | None:
    """None for what is no change: everyone passes over it alike. Raises NewerVersion."""
    try:
        found: Any = msgspec.json.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    version = found.get("v") if type(found) is dict else None
    if type(version) is int and version > VERSION:
        raise NewerVersion(f"it has version {version}, this code reads {VERSION}")
    try:
        return _decoder.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
