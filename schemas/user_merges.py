"""Two users who turn out to be one, and the undoing of that: changes on the log, as user_changes.py has them.

All of a project's lie on one partition, so that they come to one worker in one certain order: their events name neither
a user nor a guest, and the properties say who is meant.
"""

from typing import Final

import msgspec

from ask0.schemas.events import Event
from ask0.schemas.user_changes import CHANGE

MERGED: Final = "user.merged"
UNMERGED: Final = "user.unmerged"

MAX_FAMILY = 101  # users who are one: a hundred merged into another, directly or not
MAX_DEPTH = 8  # merges from a user to the one who is left
MAX_FAMILY_GUESTS = 500  # of two users that are to be one
MAX_FAMILY_ACTIVITY = 100_000  # conversations, questions and answers of two users that are to be one


class UserMerge(msgspec.Struct, frozen=True):
    from_id: str
    into: str


_merges = msgspec.json.Decoder(UserMerge)


def merge_of(event: Event) -> UserMerge | None:
    """None for any other event, and for what cannot be read."""
    if event.type != CHANGE or event.event not in (MERGED, UNMERGED):
        return None
    try:
        return _merges.decode(event.properties)
    except msgspec.MsgspecError:
        return None
