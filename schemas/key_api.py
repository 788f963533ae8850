"""What is said and answered about a project's keys."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from ask0.schemas.api import Answer, Text
from ask0.schemas.documents import MAX_NAME_CHARS
from ask0.schemas.scopes import SCOPES, Scope
from ask0.schemas.user_writes import Strict

KeyKind = Literal["write", "secret"]


class NewKey(Strict):
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_NAME_CHARS)] = Field(
        description="What it is for"
    )
    kind: KeyKind = Field(description="write: for pages and apps, it is public. secret: for servers")
    scopes: list[Scope] | None = Field(
        default=None,
        max_length=len(SCOPES),
        description="What a secret key may do: nothing that the caller may not",
    )


class ShownKey(Answer):
    id: str = Field(description="The write key itself; of a secret key its hash, as `key:<id>` in the audit log")
    kind: KeyKind
    name: str
    hint: str = Field(description="The whole write key, the first characters of a secret one")
    scopes: list[str] = Field(description="Of a write key none: it may send events alone")
    created_at: str
    created_by: Text = Field(description="member:…, key:… or cli; null of keys that are older than this is known")
    last_used_at: Text = Field(
        description="As far as is known, of a secret key: its changes, and first reads with a scope from a network"
    )
    revoked_at: Text
    version: str = Field(description="Send it as If-Match to revoke the key")


class KeyList(Answer):
    keys: list[ShownKey] = Field(description="The oldest first")


class KeyMade(Answer):
    key: ShownKey
    secret: Text = Field(description="The secret key, this once; null of a write key")
