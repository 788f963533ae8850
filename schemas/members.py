"""Members: people who sign in. They, their sessions, the links that let them in, and roles lie on the control stream.

No secret is there: a password as its argon2id hash, a session and a link as the SHA-256 of their token, the secret of
somebody's one-time codes sealed. They belong to the whole deployment, so their `project_id` is empty; what a member may
do is said project by project.
"""

from hashlib import sha256
from typing import Final, Literal

import msgspec

from ask0.schemas.roles import EVERYWHERE, OWNER

MEMBER: Final = "member"
SESSION: Final = "session"
LINK: Final = "link"
ROLE: Final = "role"

# Actions of changes. A session and a link never come back under the same name, so nothing of them has to stay.
SESSION_ENDED: Final = "session.ended"
LINK_USED: Final = "link.used"
SESSION_SEEN: Final = "session.seen"  # told to nobody: it says no more than that somebody is still there

ENTER: Final = "/console/enter#"  # and a link's token: what comes after the # is sent to no server, and so in no log

MAX_MEMBERS = 2_000
MAX_SESSIONS = 20  # of a member: the oldest ends
MAX_LINKS = 5  # of a member, likewise
MAX_EMAIL_CHARS = 254
MAX_NAME_CHARS = 200
MAX_DEVICE_CHARS = 120
LINK_MS = 7 * 24 * 3_600_000

LinkKind = Literal["first", "invitation", "reset"]


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """`id` is `mem_…`; times are epoch ms. The email is empty of a first owner who has not said theirs yet."""

    id: str
    email: str  # as `email_of` writes it
    created_at: int
    name: str = ""
    password: str = ""  # its hash; empty until one is set
    totp: str = ""  # the sealed secret of one-time codes; empty where none are asked for
    totp_step: int = 0  # of the last code that was used: none counts twice
    roles: dict[str, str] = {}  # role by project, or EVERYWHERE
    issuer: str = ""  # of the OpenID provider they have signed in with …
    subject: str = ""  # … and who they are there, as `subject_of_provider` has it, whatever becomes of their email
    project_id: str = ""

    @property
    def can_sign_in(self) -> bool:
        """Without a link."""
        return bool(self.password or self.subject)

    def role_in(self, project_id: str) -> str | None:
        return self.roles.get(project_id, self.roles.get(EVERYWHERE))

    @property
    def is_owner_of_all(self) -> bool:
        return self.roles.get(EVERYWHERE) == OWNER


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who is signed in. `id` is made of the token's hash, and so finds it."""

    id: str
    member_id: str
    created_at: int
    seen_at: int  # within some minutes
    ip: str = ""  # as the policy keeps it
    device: str = ""
    project_id: str = ""


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """Lets somebody in once. `id` is made of the token's hash, and so finds it."""

    id: str
    kind: LinkKind
    member_id: str  # empty of `first`: whoever runs the deployment
    created_at: int
    project_id: str = ""

    def has_expired(self, now: int) -> bool:
        return now - self.created_at >= LINK_MS


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """One that a project has made for itself. `id` is unique in the project."""

    project_id: str
    id: str
    name: str
    scopes: tuple[str, ...]


def session_id(token: str) -> str:
    return f"ses_{_digest(token)}"


def link_id(token: str) -> str:
    return f"lnk_{_digest(token)}"


def subject_of_provider(issuer: str, subject: str) -> str:
    named = f"{issuer}\0{subject}"
    return f"sub_{_digest(named)}"


def csrf_token(token: str) -> str:
    """What a page that may read answers to the session of this token can send with its writes."""
    return _digest(f"csrf\0{token}")


def email_of(text: str) -> str:
    """As it is compared and kept."""
    return text.strip().lower()


def _digest(text: str) -> str:
    """Tokens are 256 random bits, which nobody guesses from 128 bits of their hash."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
