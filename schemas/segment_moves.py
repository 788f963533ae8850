"""When a user comes into a segment or goes out of it: on the log an event of a type that no beacon can send."""

from hashlib import blake2b
from typing import Final, Literal, NamedTuple

import msgspec

from ask0.schemas.events import Event, write_time

MOVE: Final = "segment"
ENTERED: Final = "Segment Entered"
LEFT: Final = "Segment Left"

# A definition moves whom it moves without an event of each: everyone may be among them.
Cause = Literal["change", "time", "definition"]


class Move(NamedTuple):
    """`ended` is since when it had been otherwise, 0 if the user was never in it; times are epoch ms."""

    project_id: str
    user_id: str  # of a guest g-…
    segment_id: str
    is_member: bool
    at: int
    ended: int
    cause: Cause


def move_event(move: Move, name: str) -> Event:
    """`name` is the segment's. Whoever finds the same move makes the same messageId, so it is stored once."""
    is_guest = move.user_id.startswith("g-")
    said = {"segment": move.segment_id, "name": name, "cause": move.cause}
    if move.ended:
        said["ended"] = write_time(move.ended)
    return Event(
        type=MOVE,
        message_id=f"mov_{_digest(move)}",
        timestamp=move.at,
        event=ENTERED if move.is_member else LEFT,
        user_id="" if is_guest else move.user_id,
        anonymous_id=move.user_id if is_guest else "",
        properties=msgspec.Raw(msgspec.json.encode(said)),
    )


def _digest(move: Move) -> str:
    parts = move.project_id, move.segment_id, move.user_id, str(move.is_member), str(move.ended)
    return blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()
