"""Rows of `user_merges`, and what the history of both users says of a merge."""

from collections.abc import Sequence
from typing import NamedTuple

from ask0.consumers.folds.events import Columns, position_columns
from ask0.consumers.folds.records import Placed
from ask0.schemas.user_changes import origin_of
from ask0.schemas.user_merges import MERGED, UserMerge


class Held(NamedTuple):
    """A merge, or the undo of one, that holds from `at` on."""

    placed: Placed
    merge: UserMerge
    at: int

    @property
    def project_id(self) -> str:
        return self.placed.record.project_id

    @property
    def into(self) -> str:
        return self.merge.into if self.placed.event.event == MERGED else ""


def merge_columns(held: Sequence[Held]) -> Columns:
    """Each under both ids."""
    both = [(one, id) for one in held for id in (one.merge.from_id, one.merge.into)]
    placed = position_columns([one.placed for one, _ in both])
    return {
        "project_id": [one.project_id for one, _ in both],
        "id": [id for _, id in both],
        "from_id": [one.merge.from_id for one, _ in both],
        "at": [one.at for one, _ in both],
        "into": [one.into for one, _ in both],
        "change": [one.placed.event.message_id for one, _ in both],
        **{name: placed[name] for name in ("_log", "_partition", "_off")},
    }


def history_columns(held: Sequence[Held]) -> Columns:
    """Rows of `user_changes`, of each user one."""
    both = [(one, id) for one in held for id in (one.merge.from_id, one.merge.into)]
    origins = [origin_of(one.placed.event) for one, _ in both]
    return {
        "project_id": [one.project_id for one, _ in both],
        "user_id": [id for _, id in both],
        "at": [one.placed.occurred_at for one, _ in both],
        "id": [one.placed.event.message_id for one, _ in both],
        "action": [one.placed.event.event for one, _ in both],
        "actor": [origin.actor for origin in origins],
        "request": [origin.request for origin in origins],
        "digest": [origin.digest for origin in origins],
        "merged_from": [one.merge.from_id for one, _ in both],
        "merged_into": [one.merge.into for one, _ in both],
        **position_columns([one.placed for one, _ in both]),
    }
