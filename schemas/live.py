"""What comes in, and what could not be accepted or applied: how it is asked for, and what is answered."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ask0.schemas.activity import NEXT
from ask0.schemas.api import Answer, Text
from ask0.schemas.events import MAX_ID_CHARS
from ask0.schemas.reasons import Reason
from ask0.schemas.user_writes import Strict

MAX_QUARANTINE_PAGE = 50


class LiveQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    event: str = Field(default="", max_length=MAX_ID_CHARS, description="Only events of this name")
    user: str = Field(default="", max_length=MAX_ID_CHARS, description="Only of this userId or anonymousId")


class QuarantineQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: str | None = Field(default=None, pattern=f"^({'|'.join(Reason)})$", description="Only with this reason")
    waiting: bool = Field(default=False, description="Only what was not sent again yet")
    limit: int = Field(default=20, ge=1, le=MAX_QUARANTINE_PAGE, description="Rows of a page")
    cursor: str | None = Field(default=None, description="`next` of the page before")


class QuarantineRow(Answer):
    id: str = Field(description="The place on the log")
    stage: str = Field(description="gateway: it was refused. worker: it could not be applied")
    reason: str
    message: str
    message_id: Text
    raw: str = Field(description="The event as it was sent, without its token")
    received_at: str
    replayed_at: Text = Field(description="When it was last sent again")


class QuarantineList(Answer):
    quarantine: list[QuarantineRow]
    next: Text = Field(description=NEXT)


class Replay(Strict):
    event: dict[str, Any] | None = Field(default=None, description="In its place; without it, the event as it was sent")


class Replayed(Answer):
    id: str
    accepted: bool
    message_id: Text = Field(description="Under which it was sent again")
