"""What a browser keeps while somebody signs in elsewhere: sealed, so that no gateway has to remember anything."""

import re
import secrets
from collections.abc import Mapping
from typing import Self

import msgspec
from starlette.types import Scope

from ask0.catalog.errors import CatalogError
from ask0.catalog.keys import now_ms
from ask0.catalog.sealing import MARK, Seal
from ask0.gateway.sessions.cookies import Cookies

NAME = "ask0_oidc"
SECURE_NAME = f"__Host-{NAME}"  # as the session's
SECONDS = 600  # in which somebody has to come back
PURPOSE = "oidc sign-in"
SENT = re.compile(rf"(?:^|;) *{NAME}=([A-Za-z0-9_:=-]{{20,4000}})(?:;|$)")
SENT_SECURELY = re.compile(rf"(?:^|;) *{SECURE_NAME}=([A-Za-z0-9_:=-]{{20,4000}})(?:;|$)")

HOME = "/console/"
MAX_PATH_CHARS = 1_000
# A browser takes \ for /, and leaves out tabs and ends of lines.
PATH = re.compile(r"/console/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*")
DOTS = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)


class Waiting(msgspec.Struct, frozen=True):
    """For an answer with this state and nonce, which only who has the verifier can make use of."""

    state: str
    nonce: str
    verifier: str
    to: str  # a path of the console
    at: int  # epoch ms

    @classmethod
    def begin(cls, to: str) -> Self:
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        return cls(state, nonce, verifier, path_of(to), now_ms())

    def cookie(self, seal: Seal) -> str:
        """Raises CatalogError without a key."""
        return seal.close(msgspec.json.encode(self).decode(), PURPOSE).removeprefix(MARK)


def waiting_of(sent: str, seal: Seal) -> Waiting | None:
    """None of a cookie that was not made here, or too long ago."""
    try:
        found = msgspec.json.decode(seal.open(f"{MARK}{sent}", PURPOSE), type=Waiting)
    except (ValueError, CatalogError, msgspec.MsgspecError):
        return None
    return found if 0 <= now_ms() - found.at < SECONDS * 1000 else None


def read_cookie(cookies: Cookies, scope: Scope, headers: Mapping[bytes, bytes]) -> str | None:
    sent = headers.get(b"cookie", b"").decode("latin-1")
    found = (SENT_SECURELY if cookies.is_secure(scope) else SENT).search(sent)
    return found[1] if found else None


def cookie_to_set(cookies: Cookies, scope: Scope, value: str) -> str:
    """An empty value takes it away."""
    secure = cookies.is_secure(scope)
    name = SECURE_NAME if secure else NAME
    cookie = f"{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={SECONDS if value else 0}"
    return cookie + "; Secure" * secure


def path_of(to: str) -> str:
    """A path of the console; its first page in place of anything else."""
    path = to.partition("?")[0]
    is_ours = len(to) <= MAX_PATH_CHARS and PATH.fullmatch(to) and "//" not in path and not DOTS.search(path)
    return to if is_ours else HOME
