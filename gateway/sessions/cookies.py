"""The cookie of a session, and which page sent a request with it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.types import Scope

from ask0.gateway.errors import Forbidden
from ask0.gateway.origins import Origins

NAME = "ask0_session"
SECURE_NAME = f"__Host-{NAME}"  # which a browser takes over TLS alone, and from no other host
TOKEN = r"([A-Za-z0-9_-]{20,100})"
SENT = re.compile(rf"(?:^|;) *{NAME}={TOKEN}(?:;|$)")
SENT_SECURELY = re.compile(rf"(?:^|;) *{SECURE_NAME}={TOKEN}(?:;|$)")


@dataclass(frozen=True)
class Cookies:
    origins: Origins

    def token(self, scope: Scope, headers: Mapping[bytes, bytes]) -> str | None:
        """As it was sent. Over TLS only the name counts that no neighbour under the same domain can set."""
        sent = headers.get(b"cookie")
        if sent is None:
            return None
        found = (SENT_SECURELY if self.is_secure(scope) else SENT).search(sent.decode("latin-1"))
        return found[1] if found else None

    def to_set(self, scope: Scope, token: str, seconds: int) -> dict[str, str]:
        """A header; an empty token takes the cookie away."""
        secure = self.is_secure(scope)
        name = SECURE_NAME if secure else NAME
        cookie = f"{name}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds if token else 0}"
        return {"set-cookie": cookie + "; Secure" * secure}

    def check_page(self, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        """Raises Forbidden for a page of another site: it must sign nobody in, and do nothing as whoever is."""
        site = headers.get(b"sec-fetch-site")
        origin = headers.get(b"origin")
        if site is not None:
            is_ours = site in (b"same-origin", b"none")
        else:
            is_ours = origin is None or origin.decode("latin-1").lower() == self.origins.of(scope).lower()
        if not is_ours:
            raise Forbidden("only the console's own pages may do this: open it at its own address", code="other_site")

    def is_secure(self, scope: Scope) -> bool:
        return self.origins.of(scope).startswith("https:")
