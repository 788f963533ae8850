"""Settings of a project: as documents on the control stream, as they are asked for and as they are shown."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from pydantic import Field, StrictBool, StringConstraints

from ask0.schemas.api import Answer, Text
from ask0.schemas.catalog import MAX_READABLE, Permission
from ask0.schemas.user_writes import MAX_TRAIT_NAME_CHARS, Strict

PRIVACY: Final = "privacy"  # kinds of documents; the subject is the project
RETENTION: Final = "retention"

DAY_MS = 86_400_000
MOST_DAYS = 36_500
MAX_PEM_CHARS = 10_000
LEAST_AUDIT_DAYS = 35  # so long a call that is sent again is known by what was changed
GRACE_MS = DAY_MS  # before a retention that was changed is applied by itself

# What is kept for so long, by the names of the API: of the document, and of what is removed.
KEPT = {
    "inactiveUsers": "inactive_users",
    "events": "events",
    "conversations": "conversations",
    "quarantine": "quarantine",
    "audit": "audit",
}


class Privacy(msgspec.Struct, frozen=True, kw_only=True):
    project_id: str
    enforce_consent: bool


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """Days; None is for ever."""

    project_id: str
    inactive_users: int | None = None
    events: int | None = None
    conversations: int | None = None
    quarantine: int | None = None
    audit: int | None = None
    changed_at: int  # epoch ms

    def ends(self, now: int) -> dict[str, int]:
        """By the names of KEPT, the moment (epoch ms) before which what there is may go."""
        days = {name: getattr(self, field) for name, field in KEPT.items()}
        return {name: now - number * DAY_MS for name, number in days.items() if number is not None}


class PrivacyEdit(Strict):
    enforceConsent: StrictBool = Field(
        description="Whether what people deny of analytics and personalization is in force: what they do is dropped "
        "then, and pages get no traits"
    )


class PrivacyAnswer(Answer):
    enforce_consent: bool
    version: str


Days = Annotated[int | None, Field(ge=1, le=MOST_DAYS)]


class RetentionEdit(Strict):
    """Days that each is kept; null, or left out, for ever."""

    inactiveUsers: Days = Field(default=None, description="Users who did nothing since, and of whom nothing was said")
    events: Days = None
    conversations: Days = Field(default=None, description="With their messages, from the last one on")
    quarantine: Days = Field(default=None, description="90 at most in any case")
    audit: int | None = Field(default=None, ge=LEAST_AUDIT_DAYS, le=MOST_DAYS, description="And the history of users")


class RetentionAnswer(Answer):
    inactive_users: int | None
    events: int | None
    conversations: int | None
    quarantine: int | None
    audit: int | None
    applies_from: Text = Field(description="Before it, only `ask0 retention run` applies them; null if all is kept")
    version: str


class Due(Answer):
    before: str
    count: int
    sample: list[str] = Field(description="Ids of some of them")


class RetentionDryRun(Answer):
    """What would go now; null of what is kept for ever."""

    as_of: str
    inactive_users: Due | None
    events: Due | None
    conversations: Due | None
    quarantine: Due | None
    audit: Due | None


def retention_of(project_id: str, edit: RetentionEdit, now: int) -> Retention:
    days: Mapping[str, Any] = {field: getattr(edit, name) for name, field in KEPT.items()}
    return Retention(project_id=project_id, changed_at=now, **days)


class ChatEdit(Strict):
    permission: Permission = Field(
        description="Who may chat: guest is anyone, login whoever is identified, user whoever has a verified email"
    )


class ChatAnswer(Answer):
    permission: Permission
    version: str


TraitName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TRAIT_NAME_CHARS)]


class VerificationEdit(Strict):
    required: StrictBool = Field(description="Whether pages are to prove with a userToken who their user is")
    readable: list[TraitName] = Field(
        max_length=MAX_READABLE, description="Traits that pages may read of a verified user, or of the guest themselves"
    )


class ShownVerificationKey(Answer):
    id: str
    algorithm: Literal["HS256", "RS256"]
    created_at: str


class VerificationAnswer(Answer):
    required: bool
    readable: list[str]
    keys: list[ShownVerificationKey] = Field(description="Two at most: the one in use and the next one")
    version: str


class NewVerificationKey(Strict):
    publicKey: str | None = Field(
        default=None,
        max_length=MAX_PEM_CHARS,
        description="RSA, as PEM, for RS256; without it an HS256 secret is made",
    )


class VerificationKeyMade(Answer):
    verification: VerificationAnswer
    id: str
    secret: Text = Field(description="Of HS256, this once: it stays on your servers")
