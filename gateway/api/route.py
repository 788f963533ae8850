"""What all answers of the API carry: the id of their request, that nobody keeps them, and how many more may come."""

import re
import secrets

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ask0.gateway.answers import HEADERS, REQUEST_ID
from ask0.gateway.responses import Headers

GIVEN_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
NO_STORE = (b"cache-control", b"no-store")


class ApiRoute:
    """Middleware of a route. The client's own id of the request is kept, so that it finds it in both logs."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        id = _given_id(scope) or secrets.token_hex(8)
        ours: Headers = [(b"x-request-id", id.encode()), NO_STORE]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *ours]
            await send(message)

        await self._app({**scope, REQUEST_ID: id, HEADERS: ours}, receive, send_with_headers)


def _given_id(scope: Scope) -> str | None:
    given = dict(scope["headers"]).get(b"x-request-id", b"")
    return given.decode() if GIVEN_ID.fullmatch(given) else None
