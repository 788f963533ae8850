"""The wire's shapes as pydantic models, which describe the API. What accepts an event is schemas/events.py."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from ask0.schemas.events import MAX_BATCH_EVENTS, MAX_ID_CHARS, NOBODY

Id = str | int
Time = str | int


class Wire(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Call(Wire):
    """What every call carries. At least one of userId and anonymousId; unknown keys are properties or traits."""

    model_config = ConfigDict(extra="allow")

    user_id: Id | None = Field(
        None, description=f"At most {MAX_ID_CHARS} characters; {', '.join(sorted(NOBODY))} count as none"
    )
    anonymous_id: Id | None = None
    message_id: str | None = Field(
        None, description="Unique in the project: a repeat is stored once. Made up if absent"
    )
    timestamp: Time | None = Field(None, description="ISO 8601 or epoch ms")
    sent_at: Time | None = Field(None, description="By the sender's clock, to correct its skew")
    context: dict[str, Any] | None = None
    write_key: str | None = Field(None, description="Unless it stands in a header or the query")


TOKEN = "A JWT that the site's server has signed: sub is the userId, exp the end. For projects that verify identities"


class Identify(Call):
    type: Literal["identify"] = "identify"
    user_token: str | None = Field(None, description=TOKEN)
    traits: dict[str, Any] | None = None
    custom_attributes: dict[str, Any] | None = None
    id: Id | None = Field(None, description="userId in Ask0's flat form, where the other keys are traits")


class Track(Call):
    type: Literal["track"] = "track"
    event: str
    properties: dict[str, Any] | None = None


class Page(Call):
    type: Literal["page", "screen"] = "page"
    name: str | None = None
    category: str | None = None
    properties: dict[str, Any] | None = None


class Group(Call):
    type: Literal["group"] = "group"
    group_id: Id
    traits: dict[str, Any] | None = None


class Alias(Call):
    type: Literal["alias"] = "alias"
    previous_id: Id
    user_token: str | None = Field(None, description=TOKEN)


class Batch(Wire):
    """Calls of any kind. A list without this envelope is taken too."""

    batch: list[Identify | Track | Page | Group | Alias] = Field(min_length=1, max_length=MAX_BATCH_EVENTS)
    sent_at: Time | None = None
    write_key: str | None = None


class Visitor(Wire):
    """Who asks for their own traits: a guest with an anonymousId, a user with a userId and the userToken for it."""

    write_key: Any = Field(None, description="Unless it stands in a header or the query")
    anonymous_id: Any = Field(None, description="Text or a number")
    user_id: Any = Field(None, description="Text or a number")
    user_token: Any = Field(None, description=TOKEN)
    context: Any = Field(None, description="Where SDKs that know no userToken carry it")


class User(Wire):
    """`id`, and the traits that the project lets its pages read."""

    model_config = ConfigDict(extra="allow")

    id: str


class VisitorAnswer(Wire):
    user: User | None = Field(description="null for someone who is not known yet, or a guest who has become a user")


class Guest(Wire):
    """Whose cookie is to be set; the one that the browser sends with the request wins."""

    write_key: Any = None
    anonymous_id: Any = Field(None, description="Text: g-…")


class Renewed(Wire):
    """Which guest the browser is from now on."""

    success: Literal[True]
    anonymous_id: str


class Rejected(Wire):
    """An event that was not accepted; it is kept in the quarantine, within bounds. The first hundred have a message."""

    index: int
    message_id: str
    code: str
    message: str


class Accepted(Wire):
    """All accepted events are durable."""

    success: Literal[True]
    accepted: int
    rejected: list[Rejected]


class Detail(Wire):
    at: str = Field(description="Where, as filter.all[1].value")
    message: str


class Error(Wire):
    """Why not: the codes are in docs/errors.md."""

    code: str
    message: str
    details: list[Detail] | None = Field(None, description="Everything that is wrong, of a 400")
    current: Any = Field(None, description="How it is now, of a 412")
    request_id: str | None = Field(None, description="Of a 500, whose cause is in the log under this id")
    rejected: list[Rejected] | None = Field(None, description="Of a beacon")


class WorkerReport(Wire):
    """Of the worker that runs beside the gateway: why it does not get on, if it does not."""

    status: Literal["ok", "degraded"]
    failing: dict[str, str | int] | None = Field(
        None, description="step, kind of error and times, once a round has failed alike three times"
    )
    running: dict[str, str | int] | None = Field(None, description="step and seconds of a round that takes long")
    parked: list[str] | None = Field(None, description="Projects put aside: `ask0 quarantine resume` goes on")


class DiskReport(Wire):
    """Below its floor nothing is accepted."""

    status: Literal["ok", "unavailable"]
    free_mb: int = Field(alias="free_mb")
    floor_mb: int = Field(alias="floor_mb")


class Readiness(Wire):
    status: Literal["ok", "degraded", "unavailable"]
    log: Literal["ok", "unavailable"]
    clickhouse: Literal["ok", "unavailable"]
    disk: DiskReport
    worker: WorkerReport | None = None
