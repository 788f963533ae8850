"""What the API answers of what users did: events, conversations, and what can be read from them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ask0.schemas.api import Answer, Text
from ask0.schemas.events import MAX_ID_CHARS
from ask0.schemas.listing import DEFAULT_LIMIT, MAX_LIMIT

MAX_DAYS = 365
NEXT = "The cursor of the next page, null on the last"
ZONE = "A time zone of the IANA, such as Europe/Berlin"


class Paged(BaseModel):
    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)
    cursor: str | None = Field(default=None, description="`next` of the page before, with all else as it was")


class ConversationQuery(Paged):
    sort: Literal["recent", "started"] = Field(
        default="recent", description="By the latest event, or by the first; the newest comes first"
    )
    status: Literal["open", "resolved", "noted", "escalated", "abandoned", "deleted"] | None = Field(
        default=None, description="Only those that stand so"
    )
    topic: str | None = Field(default=None, max_length=MAX_ID_CHARS, description="Exactly this")
    unanswered: bool | None = Field(
        default=None, description="true: with fewer answers than questions, where those that were none do not count"
    )
    rating: Literal["positive", "negative", "mixed", "none"] | None = Field(
        default=None, description="By the mean of its ratings: above, below or exactly 0.5; or without one"
    )


class MessageQuery(Paged):
    limit: int = Field(default=MAX_LIMIT, ge=1, le=MAX_LIMIT)


class EventQuery(Paged):
    event: str = Field(default="", max_length=MAX_ID_CHARS, description="Only those of this name")


class Days(BaseModel):
    model_config = ConfigDict(extra="forbid")

    days: int = Field(default=30, ge=1, le=MAX_DAYS, description="So many, up to and with today")
    tz: str = Field(default="UTC", max_length=64, description=ZONE)


class CountQuery(Days):
    event: str = Field(default="", max_length=MAX_ID_CHARS, description="Only those of this name")


class PatternQuery(Days):
    days: int = Field(default=90, ge=2, le=MAX_DAYS, description="So many, up to and with today")


class HistoryQuery(Paged):
    trait: str = Field(description="plan, or traits.seats; a.b is b in the object a")


class Conversation(Answer):
    id: str
    user_id: Text = Field(description="Whose it is: the user, else the guest")
    title: Text = Field(description="The title that was given, else the beginning of the first question")
    channel: Text
    topic: Text = Field(description="The latest that was named")
    status: Literal["open", "resolved", "noted", "escalated", "abandoned", "deleted"]
    started_at: str
    last_at: str
    questions: int
    answers: int
    answered: int = Field(description="How many of the answers were one")
    satisfaction: float | None = Field(description="The mean of its ratings, 0 to 1")


class ConversationList(Answer):
    conversations: list[Conversation]
    next: Text = Field(description=NEXT)


class ConversationMessage(Answer):
    id: str = Field(description="The messageId of its event")
    kind: Literal["question", "answer", "feedback"]
    at: str
    user_id: Text
    text: Text
    in_reply_to: Text = Field(description="The id of the message that it is about, where the client said so")
    answered: bool | None = Field(description="Of an answer: whether it was one; true unless the client said false")
    latency_ms: float | None = Field(description="Of an answer, as the client measured it")
    rating: float | None = Field(description="Of feedback: 0 to 1; a thumb is 1 or 0")


class WholeConversation(Conversation):
    messages: list[ConversationMessage] = Field(description="The earliest first")
    next: Text = Field(description=NEXT)


class UserEvent(Answer):
    message_id: str
    type: Literal["identify", "track", "page", "screen", "group", "alias", "segment"]
    event: Text = Field(description="The name; of page and screen calls the page's")
    timestamp: str = Field(description="When it happened, by the client's clock")
    occurred_at: str = Field(description="The same, corrected where that clock was wrong: what events are sorted by")
    received_at: str
    sent_user_id: Text = Field(description="The userId that the client sent")
    anonymous_id: Text
    conversation_id: Text
    group_id: Text
    properties: dict[str, Any] = Field(description="Of identify and group calls, the traits")
    context: dict[str, Any]
    browser: Text
    os: Text
    device: Text


class UserEventList(Answer):
    events: list[UserEvent]
    next: Text = Field(description=NEXT)


class DayCount(Answer):
    day: str
    count: int


class DayCounts(Answer):
    tz: str
    counts: list[DayCount] = Field(description="One for each day, by occurredAt in the zone; the last is today")
    total: int


class JourneyStep(Answer):
    """What a step says nothing of is null."""

    step: Literal[
        "firstVisit", "firstQuestion", "signedUp", "identified", "confirmed", "regularUse", "conversation", "milestone"
    ] = Field(
        description="firstVisit: the earliest event. firstQuestion: the earliest Question Asked. signedUp: the trait "
        "createdAt. identified: the earliest event that named them by userId. confirmed: the earliest that "
        "emailVerified was true. regularUse: the first day that was the third with an event within seven, in UTC. "
        "conversation: each, when it started. milestone: the first time of each event of the site's own"
    )
    at: str
    event: Text = Field(description="The name of the event")
    message_id: Text = Field(description="Of the event")
    conversation_id: Text
    topic: Text
    text: Text = Field(description="The first question; of a conversation its title")
    page: Text = Field(description="Of the first visit: the address of the page, as the client sent it")
    count: int | None = Field(description="Of a milestone: how often it has happened until now")


class Journey(Answer):
    steps: list[JourneyStep] = Field(description="The earliest first; at most the first 100 of a kind")
    complete: bool = Field(description="false if there are more conversations or milestones than are shown")


class Slot(Answer):
    days: Literal["weekdays", "weekend"] = Field(description="Monday to Friday, or Saturday and Sunday")
    part: Literal["night", "morning", "afternoon", "evening"] = Field(description="Of six hours each, from midnight")
    share: float = Field(description="How much of all their activity falls there, 0 to 1")


class Topic(Answer):
    topic: str
    conversations: int


class Satisfaction(Answer):
    ratings: int
    mean: float | None
    positive: float | None = Field(description="The share of ratings above 0.5")


class Sessions(Answer):
    """A session is a run of events without a pause of more than 30 minutes."""

    count: int
    mean_seconds: float | None = Field(description="From the first event of a session to its last")
    talks: int = Field(description="Sessions with a question or an answer")
    mean_messages: float | None = Field(description="Questions and answers, of those sessions")


class Trend(Answer):
    """The later half of the days against the earlier one."""

    direction: Literal["increasing", "stable", "decreasing"] | None = Field(
        description="More than 10 % apart, satisfaction more than 0.05; null where a half has nothing to compare"
    )
    before: float | None
    now: float | None


class Trends(Answer):
    activity: Trend = Field(description="How many events")
    satisfaction: Trend = Field(description="The mean rating")
    complexity: Trend = Field(description="Questions for each conversation with a question")


class Patterns(Answer):
    """Of the asked days. Activity is counted in quarters of an hour with an event, so that a burst counts once."""

    tz: str
    most_active: Slot | None = Field(description="Where most of their activity falls")
    hours: list[int] = Field(description="Activity by the hour of the day, 24 numbers")
    weekdays: list[int] = Field(description="Activity by the day of the week, 7 numbers from Monday")
    topics: list[Topic] = Field(description="The ten that most of their conversations were about")
    questions: int
    answers: int
    answered: int = Field(description="How many of the answers were one")
    satisfaction: Satisfaction
    sessions: Sessions = Field(description="Of at most the newest 100,000 events")
    trends: Trends


class TraitValue(Answer):
    value: Any = Field(description="null: it was unset")
    at: str = Field(description="Since when; not later than the event was received")
    source: Literal["event", "change"]
    id: str = Field(description="The messageId of the identify event, or the id of the change")
    action: str = Field(description="identify, or of a change such as user.updated")
    actor: Text = Field(description="Who made the change; null of an event")


class TraitHistory(Answer):
    trait: str
    values: list[TraitValue] = Field(
        description="The newest first: those that differ from the one before, of all identify events and changes "
        "that are kept"
    )
    next: Text = Field(description=NEXT)


class Merged(Answer):
    from_id: str = Field(alias="from")
    into: str


class AuditQuery(Paged):
    """All of it has to hold."""

    actor: str = Field(default="", max_length=MAX_ID_CHARS, description="Who did it, exactly: key:…, cli, ask0")
    action: str = Field(default="", max_length=MAX_ID_CHARS, description="Exactly this, such as user.exported")
    entity: str = Field(default="", max_length=MAX_ID_CHARS, description="user, key, segment and so on")
    entity_id: str = Field(default="", alias="entityId", max_length=MAX_ID_CHARS, description="Of the user or thing")
    since: str = Field(default="", max_length=40, description="From this time on, ISO 8601")
    until: str = Field(default="", max_length=40, description="Before this time, ISO 8601")


class AuditEntry(Answer):
    at: str
    source: Literal["event", "change"]
    id: str = Field(description="The messageId of the identify event, or the id of the change")
    action: str = Field(
        description="identify: they signed in, or a page said who they are; else such as user.updated, user.exported, "
        "key.used"
    )
    outcome: Literal["done", "refused"]
    actor: Text = Field(description="Who did it: key: and the hash of a secret key, cli, ask0; null of an event")
    entity: str = Field(description="user, or what else it is about, such as key or segment")
    entity_id: Text = Field(description="null once the person was erased")
    ip: Text = Field(description="Of the caller, as the policy keeps it")
    request_id: Text
    traits: dict[str, Any] = Field(description="What was said; null unsets")
    ignored: list[str] = Field(description="Those of them that the sender may not set, so that they never held")
    tags: dict[str, bool] = Field(description="true puts it on, false takes it off")
    consent: dict[str, str]
    merged: Merged | None = Field(description="Who was merged into whom, or parted again, as the action says")
    details: dict[str, Any] = Field(description="What else was told, of what is no user")
    number: int | None = Field(description="Its number in its chain; null of an event, and of before there were chains")
    digest: Text = Field(description="Over the entry before it in its chain and all of this one")


class UserAudit(Answer):
    """Of one user, or of all that is in a project's audit log."""

    audit: list[AuditEntry] = Field(description="The newest first")
    next: Text = Field(description=NEXT)
