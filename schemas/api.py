"""What the API for servers answers."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from ask0.schemas.documents import MAX_NAME_CHARS, MAX_REASON_CHARS, MAX_STAGES
from ask0.schemas.listing import DEFAULT_LIMIT, MAX_LIMIT
from ask0.schemas.properties import MAX_PROPERTIES
from ask0.schemas.user_writes import Strict

Text = str | None


class Answer(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Outcome(Answer):
    """What became of one item of a batch. `code` and `message` say why it was refused."""

    id: Text
    status: Literal["applied", "pending", "refused"]
    code: Text = None
    message: Text = None


class Change(Answer):
    """Of users, made by one call."""

    id: str
    status: Literal["applied", "pending", "refused"]
    code: Text = Field(default=None, description="Why it was refused")


class Pending(Answer):
    """The change is durable; the rows will show it. `applied`: they do, and cannot be read now."""

    change: Change


class BatchOutcome(Answer):
    users: list[Outcome]
    change: Change | None = Field(default=None, description="With a 202")


class UserQuery(BaseModel):
    """Which users, in which order."""

    model_config = ConfigDict(extra="forbid")

    filter: Any = Field(default=None, description="See docs/filters.md")
    segment: str | None = Field(default=None, description="Only those in this segment, seg_…")
    search: str = Field(default="", description="Each word is somewhere in email, customerId, names or id")
    ids: str | list[str] | None = Field(default=None, description="Only these: a list, or text with commas")
    sort: str | list[str] | None = Field(
        default=None, description="Up to three names, such as -lastActiveAt,traits.seats; what is missing comes last"
    )
    fields: str | list[str] | None = Field(default=None, description="Of each user only these: email,traits.seats")
    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)
    cursor: str | None = Field(default=None, description="`next` of the page before, with all else as it was")
    total: bool = Field(default=False, description="Also how many there are, on the first page")


class UserParameters(UserQuery):
    filter: str | None = Field(default=None, description="JSON: see docs/filters.md")
    ids: str | None = Field(default=None, description="Only these, with commas between them")
    sort: str | None = Field(
        default=None, description="Up to three names, such as -lastActiveAt,traits.seats; what is missing comes last"
    )
    fields: str | None = Field(default=None, description="Of each user only these, such as email,traits.seats")


class SomeFields(Answer):
    """A user of whom `fields` were asked for."""

    model_config = ConfigDict(extra="allow")

    id: str


class UserList(Answer):
    users: "list[Profile | SomeFields]"
    next: Text = Field(description="The cursor of the next page, null on the last")
    total: int | None = None


class Profile(Answer):
    """A person: what was said of them, and what they did. What is not known is null. Times are ISO 8601 in UTC."""

    id: str
    anonymous_ids: list[str] = Field(description="The first hundred of the browsers and devices they were met on")
    anonymous_id_count: int
    merged_ids: list[str] = Field(description="Users who were merged into this one")
    customer_id: Text
    email: Text
    name: Text
    first_name: Text
    last_name: Text
    phone: Text
    avatar: Text
    company: Text
    plan: Text
    role: Text
    address: Any = Field(description="The trait, text or an object")
    status: Literal["Deactivated", "Guest", "Unconfirmed", "Active"]
    stage: Text = Field(description="The name of the stage they are in: see GET /stages")
    tags: list[str]
    traits: dict[str, Any] = Field(description="The site's own, as they were sent")
    consent: dict[str, Literal["granted", "pending", "denied"]] = Field(description="By category")
    preferences: dict[str, bool | None] = Field(description="Likewise, of what may be done with what they say")
    gpc: bool = Field(description="Whether their browser sends Global Privacy Control")
    created_at: str = Field(description="The trait, else firstSeenAt")
    updated_at: Text = Field(description="When a trait, a tag or a consent was said last")
    confirmed_at: Text = Field(description="The earliest that the trait emailVerified was true")
    first_seen_at: str
    last_active_at: Text = Field(description="The latest event; null without one, as of a user made by this API")
    conversations: int
    questions: int
    answers: int
    answered: int = Field(description="Questions that were answered")
    satisfaction: float | None = Field(description="The mean of their ratings, 0 to 1")
    nps: int | None = Field(description="The latest answer to an NPS survey, 0 to 10")
    version: str = Field(description="Of what can be edited, as in the ETag: send it as If-Match")


class NewSegment(Strict):
    name: str = Field(min_length=1, max_length=MAX_NAME_CHARS)
    description: str = Field(default="", max_length=MAX_REASON_CHARS)
    filter: Any = Field(default=None, description="See docs/filters.md")
    conditions: Any = Field(default=None, description="In place of a filter: Ask0's conditions")


class SegmentEdit(NewSegment):
    """What is not named stays as it is."""

    name: str | None = Field(default=None, min_length=1, max_length=MAX_NAME_CHARS)  # type: ignore[assignment]
    description: str | None = Field(default=None, max_length=MAX_REASON_CHARS)  # type: ignore[assignment]


class SegmentQuery(UserQuery):
    """Who would be in a segment, and in which order."""

    name: str | None = None
    description: str | None = None
    conditions: Any = Field(default=None, description="In place of a filter: Ask0's conditions")


class SegmentAnswer(Answer):
    id: str
    name: str
    description: str
    filter: dict[str, Any]
    kind: Literal["system", "custom"]
    created_at: Text
    version: Text = Field(description="Send it as If-Match to change the segment; null of the product's own")


class SegmentList(Answer):
    segments: list[SegmentAnswer]
    next: Text


class StageFields(Strict):
    id: str | None = Field(
        default=None,
        pattern="^[A-Za-z0-9_-]{1,64}$",
        description="Without one, that of the stage of this name, or a new one",
    )
    name: str = Field(min_length=1, max_length=MAX_NAME_CHARS)
    filter: Any = Field(default=None, description="See docs/filters.md; of neither stages nor events")
    conditions: Any = Field(default=None, description="In place of a filter: Ask0's conditions")


class StageEdit(Strict):
    stages: list[StageFields] = Field(
        min_length=1, max_length=MAX_STAGES, description="All of them, in the order in which they are tried"
    )


class StageAnswer(Answer):
    id: str
    name: str
    filter: dict[str, Any]


class StageList(Answer):
    defaults: list[StageAnswer] = Field(description="The product's own, of a project that has not defined any")
    stages: list[StageAnswer] = Field(description="The first that holds is the user's")
    version: str = Field(description="Send it as If-Match to change them; 0 of the product's own")


class HeldSegment(Answer):
    id: str
    name: str
    since: Text = Field(description="When the user came in; null where that is not kept, as of the product's own")


class HeldSegments(Answer):
    segments: list[HeldSegment]


class Count(Answer):
    count: int
    as_of: str = Field(description="Everything that was known then is in it")


class HistoryQuery(Strict):
    days: int = Field(default=30, ge=1, le=400, description="UTC days, the last of them today")


class Size(Answer):
    date: str
    size: int | None = Field(description="At the end of the day; null of the time before it was known")


class SizeHistory(Answer):
    history: list[Size]


class Reason(Strict):
    reason: str = Field(default="", max_length=MAX_REASON_CHARS)


class AccessParameters(Strict):
    user: str | None = Field(default=None, description="A userId")
    anonymous: str | None = Field(default=None, description="An anonymousId")


class AccessAnswer(Answer):
    allowed: bool
    reason: Literal["allowed", "deactivated", "login_required", "unverified_email"]
    permission: Literal["guest", "login", "user"] = Field(description="Who may chat in the project")


class AccessState(Answer):
    """While ClickHouse is away and nobody can tell what else is known of the user."""

    id: str
    status: Literal["Deactivated"] | None


class ChangedQuery(Strict):
    after: str | None = Field(default=None, description="`next` of the page before; without it, from the beginning")
    limit: int = Field(default=MAX_LIMIT, ge=1, le=MAX_LIMIT)


class ChangedUsers(Answer):
    users: "list[Profile]"
    next: str = Field(description="Where to go on, now or later")


class CallLimits(Answer):
    calls_per_second: float | None = Field(description="Of the key, at each process; null if there is no limit")
    burst: float | None = Field(description="Calls at once, after a pause")
    bytes_per_call: int = Field(description="Each so many bytes of a body count as one more call")
    body_bytes: int
    batch_bytes: int = Field(description="Of POST /users/batch")
    batch_users: int
    list_limit: int


class Me(Answer):
    caller: Literal["server", "member"]
    project: str = Field(description="Of the key, or the one that was named: proj_…")
    scopes: list[str]
    limits: CallLimits


class Snippet(Answer):
    write_key: str = Field(description="wk_…, the project's oldest; it is public")
    snippet: str = Field(description="HTML")


class PropertyEdit(Strict):
    properties: list[dict[str, Any]] = Field(
        max_length=MAX_PROPERTIES,
        description="name, type (text, number, boolean, date, geo, texts, numbers), required, description, pii, "
        "trusted, minLength, maxLength, minValue, maxValue, maxElements",
    )


class PropertyList(Answer):
    defaults: list[dict[str, Any]] = Field(description="The product's own, which stand for every project")
    properties: list[dict[str, Any]]
    version: str = Field(description="Send it as If-Match to change them")
