"""Rows of `user_changes`: who changed what of a user, as the API was asked to."""

from collections.abc import Sequence

from ask0.consumers.folds.events import Columns, position_columns
from ask0.consumers.folds.records import Placed, user_key
from ask0.schemas.user_changes import change_of, origin_of


def change_columns(changes: Sequence[Placed]) -> Columns:
    said = [change_of(placed.event) for placed in changes]
    origins = [origin_of(placed.event) for placed in changes]
    return {
        "project_id": [placed.record.project_id for placed in changes],
        "user_id": [user_key(placed)[1] for placed in changes],
        "at": [placed.occurred_at for placed in changes],
        "id": [placed.event.message_id for placed in changes],
        "action": [placed.event.event for placed in changes],
        "actor": [origin.actor for origin in origins],
        "request": [origin.request for origin in origins],
        "digest": [origin.digest for origin in origins],
        "traits": [{name: bytes(value).decode() for name, value in change.traits.items()} for change in said],
        "tags": [change.tags for change in said],
        "consent": [change.consent for change in said],
        **position_columns(changes),
    }
