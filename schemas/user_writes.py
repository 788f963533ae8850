"""What is written of a user by the API, and the change that follows from it."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec
import orjson
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from ask0.schemas.events import MAX_EVENT_BYTES, NOBODY, check_values, parse_id, parse_time
from ask0.schemas.ids import is_text
from ask0.schemas.reasons import InvalidEvent
from ask0.schemas.traits import STANDARD
from ask0.schemas.user_changes import MAX_TAG_CHARS, UserChange

MAX_TRAIT_NAME_CHARS = 255
MAX_CHANGE_TAGS = 100
MAX_BATCH = 1_000
MAX_BATCH_BYTES = 4_000_000  # after inflating

State = Literal["granted", "pending", "denied"]


class Strict(BaseModel):
    """A name that is not known is refused: it is mostly one that was misspelt."""

    model_config = ConfigDict(extra="forbid")


class TagChange(Strict):
    add: list[str] = Field(default=[], max_length=MAX_CHANGE_TAGS)
    remove: list[str] = Field(default=[], max_length=MAX_CHANGE_TAGS)


class Preferences(Strict):
    """Granted and denied, as yes and no."""

    storeConversations: StrictBool | None = Field(default=None, description="No: what they say is not stored")
    shareWithTeam: StrictBool | None = None
    useForTraining: StrictBool | None = None
    emailUpdates: StrictBool | None = None
    productNews: StrictBool | None = None
    supportFollowUps: StrictBool | None = None


class UserWrite(Strict):
    """What is not named stays as it is; null unsets a trait."""

    customerId: str | None = None
    email: str | None = None
    name: str | None = None
    firstName: str | None = None
    lastName: str | None = None
    phone: str | None = None
    avatar: str | None = None
    company: str | dict[str, Any] | None = None
    plan: str | None = None
    role: str | None = None
    createdAt: str | int | None = Field(default=None, description="ISO 8601, or epoch ms")
    address: str | dict[str, Any] | None = None
    traits: dict[str, Any] = Field(default={}, description="The site's own, any JSON")
    attributes: dict[str, Any] = Field(default={}, description="The same as traits")
    customAttributes: dict[str, Any] = Field(default={}, description="The same as traits")
    tags: list[str] | TagChange = Field(default=[], description="A list is added to those there are")
    consent: dict[str, State] = Field(default={}, max_length=32, description="By category")
    preferences: Preferences = Field(default=Preferences(), description="Kept as consent to what they are named")


class NewUser(UserWrite):
    id: str | None = Field(default=None, description="Without one, one is made: usr_…")


class BatchItem(UserWrite):
    id: str


class UserBatch(Strict):
    users: list[dict[str, Any]] = Field(min_length=1, max_length=MAX_BATCH, description="Each as for PUT, with its id")


class Tags(Strict):
    tags: list[str] = Field(min_length=1, max_length=MAX_CHANGE_TAGS)


class MergeOrder(Strict):
    from_id: str = Field(alias="from", description="Who becomes a part of the user of the path")


class WriteInvalid(Exception):
    """`at` is where in the body, the message says what to do."""

    def __init__(self, at: str, message: str) -> None:
        super().__init__(message)
        self.at = at


TOP_LEVEL = (*STANDARD.values(), "address")


def change_of(write: UserWrite) -> UserChange:
    """Raises WriteInvalid."""
    traits = {name: _value(at, name, value) for at, name, value in _named(write)}
    added, removed = (write.tags, []) if isinstance(write.tags, list) else (write.tags.add, write.tags.remove)
    change = UserChange(
        traits=traits,
        tags=tag_facts(added, removed),
        consent={_category(name): state for name, state in write.consent.items()} | _preferred(write.preferences),
    )
    size = sum(len(name.encode()) + len(bytes(value)) for name, value in traits.items())
    if size > MAX_EVENT_BYTES:
        raise _too_large(size)
    return change


def _too_large(size: int) -> WriteInvalid:
    return WriteInvalid("traits", f"the traits have {size:,} bytes as JSON, at most {MAX_EVENT_BYTES:,} are taken")


def tag_facts(add: list[str], remove: list[str]) -> dict[str, bool]:
    """Raises WriteInvalid."""
    if len(add) + len(remove) > MAX_CHANGE_TAGS:
        raise WriteInvalid("tags", f"at most {MAX_CHANGE_TAGS} tags are changed at once")
    both = set(add) & set(remove)
    if both:
        raise WriteInvalid("tags", "a tag is added and removed at once: name it in one of the two")
    return {_tag(tag): is_on for tags, is_on in ((add, True), (remove, False)) for tag in tags}


def user_id_of(value: str, at: str = "id") -> str:
    """An id as ingestion would take it. Raises WriteInvalid."""
    try:
        id = parse_id(value, at)
    except InvalidEvent as error:
        raise WriteInvalid(at, error.message) from None
    if not id or id in NOBODY:
        raise WriteInvalid(at, "an id is text that names one user, not empty and not undefined or null")
    return id


def _named(write: UserWrite) -> Iterator[tuple[str, str, Any]]:
    """Where it stands, name and value; what stands at the top wins."""
    for at in ("attributes", "customAttributes", "traits"):
        given: Mapping[str, Any] = getattr(write, at)
        for name, value in given.items():
            yield at, name, value
    for name in TOP_LEVEL:
        if name in write.model_fields_set:
            yield "", name, getattr(write, name)


def _check_date(at: str, value: Any) -> None:
    try:
        parse_time(value)
    except InvalidEvent as error:
        raise WriteInvalid(at, error.message) from None


def _value(at: str, name: str, value: Any) -> msgspec.Raw:
    place = f"{at}.{name[:40]}" if at else name
    if not name or len(name) > MAX_TRAIT_NAME_CHARS:
        raise WriteInvalid(at, f"the name of a trait has 1 to {MAX_TRAIT_NAME_CHARS} characters")
    if name == "createdAt":
        _check_date(place, value)
    try:
        name.encode()
        encoded = orjson.dumps(value)
        if len(encoded) > MAX_EVENT_BYTES:  # before all of it is looked at
            raise _too_large(len(encoded))
        if type(value) in (dict, list, float):  # of all others orjson has said everything
            check_values(value)
    except (TypeError, UnicodeEncodeError):
        raise WriteInvalid(place, "a number over 64 bits, half a character, or nested too deep") from None
    except InvalidEvent as error:
        raise WriteInvalid(place, error.message) from None
    return msgspec.Raw(encoded)


def _tag(tag: str) -> str:
    tag = tag.strip()
    if not tag or len(tag) > MAX_TAG_CHARS or not is_text(tag):
        raise WriteInvalid("tags", f"a tag has 1 to {MAX_TAG_CHARS} characters")
    return tag


def _preferred(preferences: Preferences) -> dict[str, str]:
    given = {name: value for name, value in preferences.model_dump().items() if value is not None}
    return {name.lower(): "granted" if value else "denied" for name, value in given.items()}


def _category(name: str) -> str:
    category = name.strip().lower()
    if not category or len(category) > MAX_TAG_CHARS or not is_text(category):
        raise WriteInvalid("consent", f"a category has 1 to {MAX_TAG_CHARS} characters")
    return category
