"""Saved views: how a list of users was looked at, kept under a name for all members of a project."""

from typing import Annotated, Any, Final

import msgspec
from pydantic import Field

from ask0.schemas.api import Answer, Text
from ask0.schemas.documents import MAX_NAME_CHARS
from ask0.schemas.user_writes import Strict

VIEW: Final = "view"

MAX_VIEWS = 200  # of a project
MAX_COLUMNS = 40
MAX_COLUMN_CHARS = 300
MAX_SORT_CHARS = 1_000
MAX_SEARCH_CHARS = 500


class View(msgspec.Struct, frozen=True, kw_only=True):
    """`id` is `view_…`; times are epoch ms."""

    id: str
    project_id: str
    name: str
    search: str = ""
    segment: str = ""
    filter: Any = None  # canonical JSON; None is everyone
    sort: str = ""
    columns: tuple[str, ...] = ()
    created_at: int


class ViewFields(Strict):
    name: str = Field(min_length=1, max_length=MAX_NAME_CHARS)
    search: str = Field(default="", max_length=MAX_SEARCH_CHARS, description="As of GET /users")
    segment: str = Field(default="", max_length=MAX_NAME_CHARS, description="Likewise, seg_…")
    filter: Any = Field(default=None, description="See docs/filters.md; null is everyone")
    sort: str = Field(default="", max_length=MAX_SORT_CHARS, description="As of GET /users")
    columns: list[Annotated[str, Field(max_length=MAX_COLUMN_CHARS)]] = Field(
        default=[],
        max_length=MAX_COLUMNS,
        description="In their order: a name, percent-encoded, and after a colon a width in px",
    )


class ViewAnswer(Answer):
    id: str
    name: str
    search: str
    segment: str
    filter: dict[str, Any] | None
    sort: str
    columns: list[str]
    created_at: Text
    version: str = Field(description="Send it as If-Match to change the view")


class ViewList(Answer):
    views: list[ViewAnswer]
