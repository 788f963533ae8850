"""Which pages may talk to the gateway. `*` without credentials by default; a list narrows it (no security border)."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import Forbidden
from gateway.responses import Headers, send_bytes

ALLOWED_HEADERS = (
    b"authorization, content-type, content-encoding, x-write-key, x-retry-count, anonymousid, sentat, "
    b"rsa-recovered, rsa-retry-attempt, rsa-retry-reason, rsa-since-first-attempt, rsa-since-last-attempt"
)
FOR_ALL: Headers = [(b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", b"Retry-After")]


class Cors:
    """The CORS headers of every answer to the public routes, errors included."""

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
