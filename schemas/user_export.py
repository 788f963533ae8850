"""All that is stored of one user, as it is handed out: a JSON document, or a zip with a CSV of each part."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from ask0.schemas.activity import AuditEntry, Conversation, ConversationMessage, UserEvent
from ask0.schemas.api import Answer, HeldSegment, Profile, Text
from ask0.schemas.served import ServedConfig, ShownMessage
from ask0.schemas.user_writes import Strict

Format = Literal["json", "csv"]


class ExportQuery(Strict):
    format: Format = Field(default="json", description="csv: a zip with a CSV of each part")


class ExportedIdentity(Answer):
    id: str = Field(description="As it was sent")
    kind: Literal["anonymous", "user"] = Field(description="An anonymousId, or a user who was merged into this one")
    linked_at: Text = Field(description="Since when the anonymousId is this user's, where it came before the userId")


class ExportedDeactivation(Answer):
    user_id: str
    anonymous_ids: list[str]
    reason: str
    at: str


class HistoryEntry(Answer):
    """What a trait, a tag or a choice became, wherever it differs from what it was before."""

    what: Literal["trait", "tag", "consent"]
    name: str
    value: Any = Field(description="Of a trait, null: it was unset; of a tag whether it is on; of consent the state")
    at: str = Field(description="Since when; not later than the event was received")
    source: Literal["event", "change"]
    id: str = Field(description="The messageId of the event, or the id of the change")
    action: str = Field(description="The type of the event, or of a change such as user.updated")
    actor: Text = Field(description="Who made the change; null of an event")


class ExportedMessage(ConversationMessage):
    conversation_id: str


class ExportedConversation(Conversation):
    messages: list[ExportedMessage] = Field(description="The earliest first")


class ExportedEvent(UserEvent):
    sent_at: Text = Field(description="When the client sent it, by its own clock")
    ignored: list[str] = Field(description="Traits among the properties that the sender may not set: they never held")
    ip: Text = Field(description="As the policy keeps it")
    user_agent: Text


class ExportedReject(Answer):
    """Something in the quarantine that names the user."""

    id: str
    received_at: str
    stage: str
    reason: str
    message: str
    message_id: Text
    raw: str = Field(description="As it was sent")
    replayed_at: Text


class UserExport(Answer):
    """Written piece by piece: one that does not end as JSON ends is not whole."""

    exported_at: str = Field(description="What was received until then is in it")
    project_id: str
    profile: Profile
    deactivations: list[ExportedDeactivation] = Field(description="Those that stand")
    segments: list[HeldSegment]
    identities: list[ExportedIdentity]
    history: list[HistoryEntry] = Field(description="The earliest first")
    conversations: list[ExportedConversation] = Field(description="By id")
    events: list[ExportedEvent] = Field(description="By timestamp, the earliest first")
    shown_messages: list[ShownMessage] = Field(description="In-app messages, by id")
    configs: list[ServedConfig] = Field(description="By key")
    audit: list[AuditEntry] = Field(description="What was done to the user, the newest first")
    quarantine: list[ExportedReject] = Field(description="The newest first")
    quarantine_since: Text = Field(description="How far back the quarantine was looked through; null: all of it")


def columns_of(model: type[BaseModel], *without: str) -> list[str]:
    """Of its CSV."""
    names = [field.alias or name for name, field in model.model_fields.items()]
    return [name for name in names if name not in without]
