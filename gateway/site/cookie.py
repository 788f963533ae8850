"""The guest's cookie set over HTTP, which browsers keep longer than one that a script has written."""

import re

import orjson
from starlette.responses import Response

from ask0.gateway.cors import PAGE, Page
from ask0.gateway.errors import BadRequest
from ask0.gateway.operations import Asked

NAME = "ask0"
MAX_AGE = 400 * 24 * 3600  # browsers keep none for longer
GUEST = re.compile(r"g-[A-Za-z0-9_-]{1,253}")
SENT = re.compile(rf"(?:^|;) *{NAME}=([^; ]*)")


async def renew(asked: Asked) -> Response:
    """For sites whose gateway is on their own host, such as a proxy path, or on a subdomain (ASK0_COOKIE_DOMAIN)."""
    page: Page = asked.request.scope[PAGE]
    guest = _known_guest(dict(asked.request.scope["headers"])) or asked.body.anonymous_id
    if type(guest) is not str or not GUEST.fullmatch(guest):
        raise BadRequest(
            "anonymousId is a guest's id: g- and up to 253 letters, digits, - or _", code="invalid_anonymous_id"
        )
    body = orjson.dumps({"success": True, "anonymousId": guest})
    cookie = f"{NAME}={guest}; Path=/; Max-Age={MAX_AGE}; SameSite=Lax"
    cookie += "; Secure" * page.secure + f"; Domain={page.cookie_domain}" * bool(page.cookie_domain)
    return Response(body, headers={"set-cookie": cookie}, media_type="application/json")


def _known_guest(headers: dict[bytes, bytes]) -> str | None:
    """The first valid one, as the page's script reads it; a domain's and a host's cookie may both be there."""
    sent = SENT.findall(headers.get(b"cookie", b"").decode("latin-1"))
    return next(filter(GUEST.fullmatch, sent), None)
