"""What is said and answered about members, roles, and signing in."""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from ask0.schemas.api import Answer
from ask0.schemas.members import MAX_EMAIL_CHARS, MAX_NAME_CHARS, LinkKind
from ask0.schemas.scopes import SCOPES, Scope

MAX_PASSWORD_CHARS = 128
MAX_TOKEN_CHARS = 100

Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=MAX_EMAIL_CHARS, pattern=r"^[^\s@<>\"\x00-\x1f]+@[^\s@<>\"]+$"),
]
Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=MAX_NAME_CHARS)]
Password = Annotated[str, Field(max_length=MAX_PASSWORD_CHARS)]
Code = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9]{6}$")]
Token = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TOKEN_CHARS)]
ROLE_ID = r"^[a-z0-9][a-z0-9_-]{0,49}$"
RoleId = Annotated[str, StringConstraints(pattern=ROLE_ID)]


class Said(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class SignIn(Said):
    email: Annotated[str, Field(max_length=MAX_EMAIL_CHARS)]
    password: Password
    code: Code | None = Field(default=None, description="The one-time code, of whoever has turned it on")


class Methods(Answer):
    """How people may sign in here."""

    signed_in: bool = Field(description="Whether who asks is: it is no error if nobody is")
    password: bool
    oidc: "OidcMethod | None" = None


class OidcMethod(Answer):
    name: str = Field(description="The provider's host")
    url: str = Field(description="Where a browser goes to sign in; `?to=` is the page to come back to")


class ProviderStart(BaseModel):
    to: str = Field(default="", description="The page of the console to come back to, a path below /console/")


class ProviderAnswer(BaseModel):
    """What a provider sends along differs, and what is not known is not looked at."""

    state: str = Field(default="", description="As it was sent there")
    code: str = Field(default="", description="What Ask0 asks the provider with who has signed in")
    iss: str = Field(default="", description="Which provider it is")


class SignedInMember(Answer):
    id: str
    email: str
    name: str
    has_password: bool
    has_code: bool = Field(description="Whether one-time codes are on")


class MemberProject(Answer):
    id: str
    name: str
    role: str
    role_name: str
    scopes: list[str]


class SignedIn(Answer):
    """Who is signed in, and what they may do where."""

    member: SignedInMember
    csrf_token: str = Field(description="To be sent as X-CSRF-Token with everything that is no GET")
    projects: list[MemberProject]
    expires_at: str


class OwnSession(Answer):
    id: str
    created_at: str
    seen_at: str
    ip: str | None
    device: str | None
    current: bool


class OwnSessions(Answer):
    sessions: list[OwnSession]


class NewPassword(Said):
    old: Password | None = Field(default=None, description="Where there is one")
    new: Password


class OwnEdit(Said):
    name: Name | None = None
    email: Email | None = Field(default=None, description="Only where there is none yet")
    password: NewPassword | None = None


class CodeSecret(Answer):
    """For an authenticator app. It counts once a code of it was sent."""

    secret: str
    uri: str


class OwnCode(Said):
    code: Code


class NewCode(OwnCode):
    secret: Annotated[str, Field(max_length=100)]


class LinkToken(Said):
    token: Token


class LinkAnswer(Answer):
    """What a link is for."""

    kind: LinkKind
    email: str
    project_name: str | None


class LinkUse(LinkToken):
    name: Name | None = None
    password: Password | None = None


class ShownMember(Answer):
    id: str
    email: str
    name: str
    role: str
    status: Literal["active", "invited"]
    everywhere: bool = Field(description="Whether the role holds in every project")
    last_sign_in_at: str | None
    has_code: bool


class MemberList(Answer):
    members: list[ShownMember]


class Invitation(Said):
    email: Email
    role: RoleId


class Invited(Answer):
    member: ShownMember
    link: str | None = Field(description="Shown once; null where the person has an account already")
    mailed: bool | None = Field(
        description="Whether the link was mailed to them too; null where there is none, or no mail is set up"
    )


class RoleChange(Said):
    role: RoleId


class MemberAnswer(Answer):
    member: ShownMember


class ResetLink(Answer):
    link: str
    mailed: bool | None = Field(
        description="Whether the link was mailed to them too; null where there is none, or no mail is set up"
    )


class ShownRole(Answer):
    id: str
    name: str
    scopes: list[str]
    built_in: bool


class RoleList(Answer):
    roles: list[ShownRole]


class RoleEdit(Said):
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_NAME_CHARS)]
    scopes: Annotated[list[Scope], Field(max_length=len(SCOPES))]


class RoleAnswer(Answer):
    role: ShownRole


def is_role_id(text: str) -> bool:
    return re.fullmatch(ROLE_ID, text) is not None
