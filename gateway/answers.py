"""How an error is answered: {"code","message"} and its status, whatever was raised."""

import logging
import secrets
from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.types import Send

from ask0.gateway.errors import BY_STATUS, BadRequest, GatewayError
from ask0.gateway.responses import Headers, json_headers, send_bytes

# Of the scope, where answers carry them: the id of the request, and a list of headers that may grow until then.
REQUEST_ID = "ask0.request_id"
HEADERS = "ask0.headers"

logger = logging.getLogger(__name__)


async def answer_error(
    error: Exception, send: Send, headers: Sequence[tuple[bytes, bytes]] = (), request_id: str | None = None
) -> None:
    """`headers` are added to its own."""
    status, own, body = error_answer(error, request_id)
    await send_bytes(send, status, [*own, *headers], body)


def error_answer(error: BaseException, request_id: str | None = None) -> tuple[int, Headers, bytes]:
    """Status, headers and body."""
    answer = error if isinstance(error, GatewayError) else _as_gateway_error(error, request_id)
    own = [(name.lower().encode(), value.encode()) for name, value in answer.headers.items()]
    return answer.status, [*json_headers(answer.body), *own], answer.body


def _as_gateway_error(error: BaseException, request_id: str | None) -> GatewayError:
    if isinstance(error, HTTPException):  # Starlette's router: 404, 405
        message = "there is nothing at this path" if error.status_code == 404 else error.detail
        return BY_STATUS.get(error.status_code, BadRequest)(message, headers=dict(error.headers or {}))
    request_id = request_id or secrets.token_hex(8)
    logger.error("a request failed unexpectedly", exc_info=error, extra={"request_id": request_id})
    return GatewayError("this is our fault; it is in the log under this request id", requestId=request_id)
