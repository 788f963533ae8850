"""One change of many users, as a job keeps it."""

from typing import Any

import msgspec

from ask0.schemas.user_changes import NOTHING, UserChange


class BulkWork(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of those on the `list`, or where it is empty of those who match the filter when the job begins."""

    list: str = ""
    filter: Any = None  # canonical
    change: UserChange = NOTHING
    reason: str = ""


class BulkState(msgspec.Struct, frozen=True):
    """Those on the list up to `after` are done. The receipt counts what came of it."""

    list: str
    total: int
    after: str = ""
    done: int = 0
    changed: int = 0
    unchanged: int = 0
    unknown: int = 0
    refused: dict[str, int] = {}  # by code
