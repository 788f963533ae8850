"""Properties: what a project has defined its users' traits to be."""

from typing import Annotated

import msgspec

from ask0.schemas.filters.names import Kind, name_of

MAX_PROPERTIES = 200  # of a project
MAX_DESCRIPTION_CHARS = 500

# Whoever asks the gateway whom to let in must not have been told so by a page.
ALWAYS_TRUSTED = frozenset(("emailVerified",))

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]


class Property(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel", forbid_unknown_fields=True
):
    """Of a trait by its name. `trusted`: a page's word does not count. `pii`: anonymizing a user clears it."""

    name: Name
    type: Kind
    required: bool = False  # of users that the API makes
    description: Annotated[str, msgspec.Meta(max_length=MAX_DESCRIPTION_CHARS)] = ""
    pii: bool = False
    trusted: bool = False
    min_length: int | None = None  # of a text
    max_length: int | None = None
    min_value: float | None = None  # of a number
    max_value: float | None = None
    max_elements: int | None = None  # of a list


class Properties(msgspec.Struct, frozen=True, kw_only=True):
    """All of a project's, as one document: two who edit it at once do not mix."""

    project_id: str
    properties: Annotated[tuple[Property, ...], msgspec.Meta(max_length=MAX_PROPERTIES)] = ()


DEFAULTS = (Property(name="emailVerified", type="boolean", trusted=True, description="Whether their email is theirs"),)


def trusted_names(properties: Properties | None) -> frozenset[str]:
    if properties is None:
        return ALWAYS_TRUSTED
    return ALWAYS_TRUSTED | {one.name for one in properties.properties if one.trusted}


def kinds_of(properties: Properties | None) -> dict[str, Kind]:
    """By name as filters write it."""
    return {name_of((one.name,)): one.type for one in defined(properties)}


def defined(properties: Properties | None) -> tuple[Property, ...]:
    """The product's, and the project's own."""
    return (*DEFAULTS, *(properties.properties if properties else ()))
