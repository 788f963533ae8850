"""In front of the routes: refuses malformed heads, finds ingestion paths in a dict, answers what no route answers."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.routing import BaseRoute, Router
from starlette.types import Lifespan, Receive, Scope, Send

from ask0.gateway.answers import answer_error
from ask0.gateway.cors import Cors
from ask0.gateway.errors import BadRequest
from ask0.gateway.groups import ResponseBegun, with_whole_ids
from ask0.gateway.ingest.endpoint import Ingest, Kind

MAX_HEADERS = 100
MAX_HEADER_BYTES = 16_384


class Gateway:
    """The ingestion paths ahead of Starlette's router: a Route and a Request would take most of the time."""

    def __init__(
        self,
        *,
        ingest: Ingest,
        paths: Mapping[str, Kind],
        routes: Sequence[BaseRoute],
        cors: Cors,
        lifespan: Lifespan[Any],
    ) -> None:
        self._router = Router(
            routes, redirect_slashes=False, lifespan=lifespan
        )  # it would redirect to whatever Host says
        self.ingest = ingest
        self.paths = paths
        self._cors = cors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._router(scope, receive, send)
            return
        path: str = scope["path"]
        try:
            check_head(scope["headers"])
            if path in self.paths:
                await self.ingest(scope, receive, send, self.paths[path])
            else:
                await self._router({**with_whole_ids(scope), "app": self}, receive, send)
        except ResponseBegun:
            raise
        except Exception as error:
            # Groups answer their own errors. What comes here from the router are paths and methods that are nobody's,
            # perhaps a page's mistake: with CORS headers, so that its SDK sees the status.
            await answer_error(error, send, self._cors.headers(dict(scope["headers"])))


def check_head(headers: Sequence[tuple[bytes, bytes]]) -> None:
    if len(headers) > MAX_HEADERS or sum([len(value) for _, value in headers]) > MAX_HEADER_BYTES:
        raise BadRequest(
            f"a request has at most {MAX_HEADERS} headers of {MAX_HEADER_BYTES:,} bytes together", code="head_too_large"
        )
    if [name for name, _ in headers].count(b"host") > 1:
        raise BadRequest("a request has one Host header", code="bad_host")
