"""Documents that people make in a project, as they lie on the control stream."""

from typing import Any

import msgspec

MAX_NAME_CHARS = 200
MAX_REASON_CHARS = 500
MAX_SEGMENTS = 500  # of a project
MAX_STAGES = 20  # of a project
MAX_DEACTIVATED = 20_000  # users of a project: every process holds them


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """Users who match a filter. `id` is `seg_…`; times are epoch ms."""

    id: str
    project_id: str
    name: str
    description: str = ""
    filter: Any  # canonical JSON
    created_at: int


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """Where users are who match a filter, and no stage before it. `id` stays when name and filter change."""

    id: str
    name: str
    filter: Any  # canonical JSON


class Stages(msgspec.Struct, frozen=True, kw_only=True):
    """All of a project's in the order in which they are tried, as one document."""

    project_id: str
    stages: tuple[Stage, ...]


class Deactivation(msgspec.Struct, frozen=True, kw_only=True):
    """A user whom the assistant must not serve until somebody lifts it."""

    project_id: str
    user_id: str
    anonymous_ids: tuple[str, ...] = ()  # those known when it was made
    merged_ids: tuple[str, ...] = ()  # users who are one with them, and guests of those, as they were merged
    reason: str = ""
    at: int  # epoch ms


def subject_of(project_id: str, user_id: str) -> str:
    """Of a user's document: unique among all projects."""
    return f"{project_id}/{user_id}"
