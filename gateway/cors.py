"""Which pages may talk to the gateway, and which may have it set a cookie."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ask0.gateway.errors import Forbidden
from ask0.gateway.origins import Origins
from ask0.gateway.responses import Headers, send_bytes

ALLOWED_HEADERS = (
    b"authorization, content-type, content-encoding, x-write-key, x-retry-count, anonymousid, sentat, "
    b"rsa-recovered, rsa-retry-attempt, rsa-retry-reason, rsa-since-first-attempt, rsa-since-last-attempt"
)
ORIGIN = re.compile(r"(https?)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
PAGE = "ask0.page"  # in the scope of a request
FOR_ALL: Headers = [(b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", b"Retry-After")]


class Cors:
    """The CORS headers of every answer to the public routes, errors included: `*` without credentials by default; a
    list narrows it, which is no security boundary."""

    def __init__(self, allowed_origins: str, public_url: str) -> None:
        listed = {origin.strip().rstrip("/").encode() for origin in allowed_origins.split(",") if origin.strip()}
        self._any = b"*" in listed
        self._listed = listed | ({public_url.rstrip("/").encode()} if public_url else set())

    def check(self, headers: Mapping[bytes, bytes]) -> None:
        """Raises Forbidden for a page whose origin is not listed; senders that are no pages have no origin."""
        if not self._any and not self._allowed(headers):
            raise Forbidden("this origin may not send events here: see ASK0_ALLOWED_ORIGINS")

    def headers(self, headers: Mapping[bytes, bytes]) -> Headers:
        if self._any:
            return FOR_ALL
        if b"origin" not in headers or not self._allowed(headers):
            return [(b"vary", b"Origin")]
        return [
            (b"access-control-allow-origin", headers[b"origin"]),
            (b"access-control-expose-headers", b"Retry-After"),
            (b"vary", b"Origin"),
        ]

    def preflight(self, headers: Mapping[bytes, bytes]) -> Headers:
        return [
            *self.headers(headers),
            (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
            (b"access-control-allow-headers", ALLOWED_HEADERS),
            (b"access-control-max-age", b"7200"),
        ]

    def _allowed(self, headers: Mapping[bytes, bytes]) -> bool:
        origin = headers.get(b"origin")
        return origin is None or origin in self._listed or origin.partition(b"://")[2] == headers.get(b"host")


class PublicRoute:
    """Middleware of a Starlette route that pages of other origins call."""

    def __init__(self, app: ASGIApp, cors: Cors) -> None:
        self._app = app
        self._cors = cors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if scope["method"] == "OPTIONS":
            await send_bytes(send, 200, [(b"content-length", b"0"), *self._cors.preflight(headers)], b"")
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *self._cors.headers(headers)]
            await send(message)

        await self._app(scope, receive, send_with_headers)


class Page(NamedTuple):
    """The page that sent a request with cookies."""

    origin: str  # as it was sent, empty if it was not
    host: str
    secure: bool
    cookie_domain: str  # empty for a cookie of the page's host alone: a browser refuses one that it is not under


@dataclass(frozen=True)
class SameSite:
    """A security boundary: another site's page that had a cookie set would choose who our visitors are."""

    origins: Origins
    domain: str  # ASK0_COOKIE_DOMAIN

    def page_of(self, scope: Scope) -> Page:
        """Raises Forbidden for a page of another site, and for a sender that does not say where it is from."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        ours = ORIGIN.match(self.origins.of(scope).lower())
        origin = headers.get(b"origin", b"").decode("latin-1")
        theirs = ORIGIN.fullmatch(origin)
        # A proxy path may change Host. The browser knows the address before that, and no page can write this header.
        same_origin = headers.get(b"sec-fetch-site") == b"same-origin"
        page = theirs if origin else ours
        if ours is None or page is None or not (same_origin or (theirs and self._is_near(theirs, ours))):
            raise Forbidden(
                "only pages of the gateway's own site may have a cookie set: let them call it under their own host, "
                "or set ASK0_COOKIE_DOMAIN to the domain above both"
            )
        domain = self.domain if self._is_under_domain(page[2]) else ""
        return Page(origin, page[2], "https" in (page[1], ours[1]), domain)

    def headers(self, page: Page) -> dict[str, str]:
        headers = {"vary": "Origin", "cache-control": "no-store"}
        if page.origin:
            headers["access-control-allow-origin"] = page.origin
            headers["access-control-allow-credentials"] = "true"
        return headers

    def preflight(self, page: Page) -> dict[str, str]:
        return {
            **self.headers(page),
            "access-control-allow-methods": "POST, OPTIONS",
            "access-control-allow-headers": ALLOWED_HEADERS.decode(),
            "access-control-max-age": "7200",
        }

    def _is_near(self, theirs: re.Match[str], ours: re.Match[str]) -> bool:
        downgraded = ours[1] == "https" and theirs[1] == "http"  # anyone on the way can write such a page
        return not downgraded and (theirs[2] == ours[2] or self._is_under_domain(theirs[2]))

    def _is_under_domain(self, host: str) -> bool:
        return bool(self.domain) and f".{host}".endswith(f".{self.domain}")


class SameSiteRoute:
    """Middleware of a route that only pages of the gateway's own site call; it finds that page in the scope."""

    def __init__(self, app: ASGIApp, same_site: SameSite) -> None:
        self._app = app
        self._same_site = same_site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        page = self._same_site.page_of(scope)
        if scope["method"] == "OPTIONS":  # no browser asks before a text/plain body, but one may before others
            preflight = [(b"content-length", b"0"), *_encoded(self._same_site.preflight(page))]
            await send_bytes(send, 200, preflight, b"")
            return
        headers = _encoded(self._same_site.headers(page))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *headers]
            await send(message)

        await self._app({**scope, PAGE: page}, receive, send_with_headers)


def _encoded(headers: Mapping[str, str]) -> Headers:
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
