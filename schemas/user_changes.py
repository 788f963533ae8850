"""A change of one user, as the API makes it: it travels the log among the user's events, under the same key.

On the log it is an event of the type `change`, which no beacon can send: the event's name is the action, its properties
are the UserChange, its context says who made it.
"""

from typing import Final

import msgspec

from ask0.schemas.events import Event

CHANGE: Final = "change"
MAX_TAG_CHARS = 64
MAX_USER_TAGS = 1_000  # of one user, those taken off too, as each is a fact


class UserChange(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is to be true from its time on. Of two changes of one thing the later stands, whichever is applied first."""

    traits: dict[str, msgspec.Raw] = {}  # values as JSON; null unsets
    tags: dict[str, bool] = {}  # true puts it on, false takes it off
    consent: dict[str, str] = {}  # by category: granted, pending or denied


class Origin(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who made a change, and of what it was made."""

    actor: str  # such as key:… of a secret key
    request: str = ""  # the id of the request
    digest: str = ""  # of the request's body: the same idempotency key with another body is a mistake
    ip: str = ""  # of the caller, as the policy keeps it
    salt: str = ""  # of what the audit log says of a person


NOTHING = UserChange()
NOBODY = Origin(actor="")

_encoder = msgspec.json.Encoder()
_changes = msgspec.json.Decoder(UserChange)
_origins = msgspec.json.Decoder(Origin)


def encode(value: msgspec.Struct) -> msgspec.Raw:
    return msgspec.Raw(_encoder.encode(value))


def change_of(event: Event) -> UserChange:
    """What the event of the type `change` says; nothing if it cannot be read."""
    try:
        return _changes.decode(event.properties)
    except msgspec.MsgspecError:
        return NOTHING


def origin_of(event: Event) -> Origin:
    try:
        return _origins.decode(event.context)
    except msgspec.MsgspecError:
        return NOBODY
