"""The users of a bot, as `…/users/properties` is asked for them and answers: a form of its own, beside the API's."""

from collections.abc import Mapping
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from ask0.schemas.events import MAX_ID_CHARS
from ask0.schemas.filters import spellings
from ask0.schemas.filters.errors import invalid
from ask0.schemas.filters.names import FIELDS, OWN, name_of
from ask0.schemas.filters.types import EVERYONE, Filter
from ask0.schemas.listing import MAX_LIMIT, ListingInvalid, SortKey, read_sort
from ask0.schemas.traits import STANDARD

DEFAULT_LIMIT = 50
MAX_STAGES = 64


class BotUserParameters(BaseModel):
    """Which users, in which order. A parameter that is empty is as none."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)

    stage_ids: str = Field(default="", description="Ids or names of stages, with commas: users of any of them")
    filters: str = Field(
        default="",
        description='JSON: [{"mode": "include" or "exclude", "field": "user.company", "operator": "=", "value": …}], '
        "all of which must hold",
    )
    sort_by: str = Field(default="", description="Up to three names, such as +user.lastName,-user.firstName")
    start_id: str = Field(default="", max_length=MAX_ID_CHARS, description="The user to begin with")
    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)


class BotAnswer(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class BotUser(BotAnswer):
    user_id: str
    first_name: str | None
    last_name: str | None
    last_interaction_time: str | None = Field(description="In UTC, as 2020-03-17 16:54:06.0; null without an event")
    properties: dict[str, Any] = Field(description="user.company and the like: what filters and sortBy can name")


class BotUserItems(BotAnswer):
    items: list[BotUser]


class BotUserList(BotAnswer):
    success: Literal[True]
    data: BotUserItems


class BotProblem(BotAnswer):
    code: str
    message: str


class BotError(BotAnswer):
    success: Literal[False]
    error: BotProblem


def read_stages(text: str) -> tuple[str, ...]:
    """Raises ListingInvalid."""
    stages = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if len(stages) > MAX_STAGES:
        raise ListingInvalid("stageIds", f"name at most {MAX_STAGES} stages, these are {len(stages)}")
    return stages


def read_filters(text: str) -> Filter:
    """Raises FilterInvalid."""
    if not text.strip():
        return EVERYONE
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise invalid("filters", "give a JSON array, percent-encoded") from None
    if type(document) is not list:
        raise invalid("filters", "give an array of objects of mode, field, operator and value")
    return spellings.read(document, "filters")


def read_sort_by(text: str) -> tuple[SortKey, ...]:
    """Raises ListingInvalid."""
    try:
        return read_sort([_sort_key(part.strip()) for part in text.split(",") if part.strip()])
    except ListingInvalid as error:
        raise ListingInvalid("sortBy", str(error)) from None


def _sort_key(part: str) -> str:
    sign = part[0] if part[0] in "+-" else ""
    return sign + spellings.field_of(part.removeprefix(sign).strip())


def bot_user_of(profile: Mapping[str, Any]) -> dict[str, Any]:
    """From a `schemas.api.Profile`."""
    own = {_name_of(name): value for name, value in profile["traits"].items() if _is_flat(value)}
    standard = {spellings.USER + name: profile[name] for name in STANDARD.values() if profile[name] is not None}
    if profile["createdAt"] == profile["firstSeenAt"]:  # nobody has set it
        standard.pop("user.createdAt", None)
    return {
        "userId": profile["id"],
        "firstName": profile["firstName"],
        "lastName": profile["lastName"],
        "lastInteractionTime": _as_java(profile["lastActiveAt"]),
        "properties": own | standard,
    }


def _name_of(trait: str) -> str:
    """By which filters find the trait."""
    is_field = trait in FIELDS or trait in spellings.OLD_NAMES
    return spellings.USER + name_of((OWN, trait) if is_field else (trait,))


def _is_flat(value: Any) -> bool:
    items = value if isinstance(value, list) else [value]
    return value is not None and not any(isinstance(item, dict | list) for item in items)


def _as_java(time: str | None) -> str | None:
    """ISO 8601 in UTC, as Java's Timestamp.toString prints it: the fraction ends in no zero, but has a digit."""
    if time is None:
        return None
    seconds, _, fraction = time.rstrip("Z").replace("T", " ").partition(".")
    return f"{seconds}.{fraction.rstrip('0') or '0'}"
