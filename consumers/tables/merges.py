"""Merges of users, and their undoing: each is decided in the log's order, as all of a project's lie on one partition.

What a round decides follows from what stood before its chunk, never from what an earlier attempt at it has stored. So a
repeat decides alike, nothing stands that makes a circle or a family that is too deep or too large, and a gateway that
has read too little is put right here.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby

from ask0.consumers.folds.quarantine import refused
from ask0.consumers.folds.records import Placed, Quarantined
from ask0.consumers.folds.user_merges import Held, history_columns, merge_columns
from ask0.consumers.tables.families import Families, Key, read_families
from ask0.schemas.reasons import Reason
from ask0.schemas.user_changes import CHANGE
from ask0.schemas.user_merges import MAX_DEPTH, MAX_FAMILY, UNMERGED, UserMerge, merge_of
from ask0.warehouse.connect import Warehouse


def is_merge(placed: Placed) -> bool:
    return placed.event.type == CHANGE and merge_of(placed.event) is not None


def store_merges(warehouse: Warehouse, token: str, asked: Sequence[Placed]) -> tuple[list[Held], list[Quarantined]]:
    """Those that hold now, and those that do not."""
    held: list[Held] = []
    refusals: list[Quarantined] = []
    for number, (_, some) in enumerate(groupby(asked, key=lambda placed: placed.chunk.token)):
        of_chunk, refused_some = _decide(warehouse, list(some))
        held += of_chunk
        refusals += refused_some
        if of_chunk:
            warehouse.insert("user_merges", merge_columns(of_chunk), token=f"{token}:merges:{number}")
            warehouse.insert("user_changes", history_columns(of_chunk), token=f"{token}:merged:{number}")
    return held, refusals


def _decide(warehouse: Warehouse, asked: Sequence[Placed]) -> tuple[list[Held], list[Quarantined]]:
    """Of one chunk."""
    named = [(placed, merge) for placed in asked if (merge := merge_of(placed.event))]
    families = read_families(warehouse, set(_ends(named)), before=asked[0].chunk)
    held, refusals = [], []
    for placed, merge in named:
        key, into = (placed.record.project_id, merge.from_id), (placed.record.project_id, merge.into)
        is_undo = placed.event.event == UNMERGED
        if message := _objection(families, key, into, is_undo=is_undo):
            refusals.append(refused(placed, message, Reason.MERGE_REFUSED))
            continue
        at = max(placed.occurred_at, families.into.get(key, (0, ""))[0] + 1)
        held.append(Held(placed, merge, at))
        _adopt(families, key, into, at, is_undo=is_undo)
    return held, refusals


def _ends(named: Iterable[tuple[Placed, UserMerge]]) -> Iterable[Key]:
    for placed, merge in named:
        yield placed.record.project_id, merge.from_id
        yield placed.record.project_id, merge.into


def _objection(families: Families, key: Key, into: Key, *, is_undo: bool) -> str:
    """Why it does not hold; empty if it does."""
    _, stands = families.into.get(key, (0, ""))
    if is_undo:
        return "" if stands == into[1] else "they are not merged, or into another user by now"
    if stands:
        return "they were merged into another user before"
    root = key[0], families.root(into)
    if root == key:
        return "both are one user already: it would be a circle"
    if len(families.subtree(key)) + len(families.subtree(root)) > MAX_FAMILY:
        return f"more than {MAX_FAMILY} users would be one"
    if families.height(key) + 1 + families.depth(into) > MAX_DEPTH:
        return f"more than {MAX_DEPTH} merges would follow each other"
    return ""


def _adopt(families: Families, key: Key, into: Key, at: int, *, is_undo: bool) -> None:
    families.into[key] = at, "" if is_undo else into[1]
    below = families.below.setdefault(into, set())
    if is_undo:
        below.discard(key[1])
    else:
        below.add(key[1])
