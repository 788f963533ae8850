"""In front of the routes: refuses malformed heads, finds ingestion paths in a dict, answers every error in one form."""

import logging
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute
from starlette.types import Lifespan, Receive, Scope, Send

from ask0.gateway.cors import Cors
from ask0.gateway.errors import BY_STATUS, BadRequest, GatewayError
from ask0.gateway.ingest.endpoint import Ingest, Kind
from ask0.gateway.responses import json_headers, send_bytes

MAX_HEADERS = 100
MAX_HEADER_BYTES = 16_384

logger = logging.getLogger(__name__)


class Gateway(Starlette):
    """Starlette with the ingestion paths ahead of its router: a Route and a Request would take most of the time."""

    def __init__(
        self,
        *,
        ingest: Ingest,
        paths: Mapping[str, Kind],
        routes: Sequence[BaseRoute],
        cors: Cors,
        lifespan: Lifespan[Any],
    ) -> None:
        super().__init__(routes=routes, lifespan=lifespan)
        self.router.redirect_slashes = False  # it would redirect to whatever Host says
        self._ingest = ingest
        self._paths = paths
        self._cors = cors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        path: str = scope["path"]
        try:
            _check_head(scope["headers"])
            if path in self._paths:
                await self._ingest(scope, receive, send, self._paths[path])
            else:
                scope["app"] = self
                await self.router(scope, receive, send)
        except Exception as error:
            await self._answer(error, scope, send)

    async def _answer(self, error: Exception, scope: Scope, send: Send) -> None:
        """The one error handler: {"code","message"}, with CORS headers so that a page's SDK sees the status too."""
        answer = error if isinstance(error, GatewayError) else _as_gateway_error(error)
        headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers.items()]
        headers += self._cors.headers(dict(scope["headers"]))
        await send_bytes(send, answer.status, json_headers(answer.body) + headers, answer.body)


def _as_gateway_error(error: Exception) -> GatewayError:
    if isinstance(error, HTTPException):  # Starlette's router: 404, 405
        message = "there is nothing at this path" if error.status_code == 404 else error.detail
        return BY_STATUS.get(error.status_code, BadRequest)(message, headers=dict(error.headers or {}))
    request_id = secrets.token_hex(8)
    logger.error("a request failed unexpectedly", exc_info=error, extra={"request_id": request_id})
    return GatewayError("this is our fault; it is in the log under this request id", requestId=request_id)


def _check_head(headers: Sequence[tuple[bytes, bytes]]) -> None:
    if len(headers) > MAX_HEADERS or sum([len(value) for _, value in headers]) > MAX_HEADER_BYTES:
        raise BadRequest(
            f"a request has at most {MAX_HEADERS} headers of {MAX_HEADER_BYTES:,} bytes together", code="head_too_large"
        )
    if [name for name, _ in headers].count(b"host") > 1:
        raise BadRequest("a request has one Host header", code="bad_host")
