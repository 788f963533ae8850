"""What a page may read of its visitor: a guest's own traits, a user's for the token that proves the user."""

import asyncio
import time
from collections.abc import Collection, Mapping
from concurrent.futures import Executor
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ask0.catalog.cache import CatalogCache
from ask0.gateway.addresses import Addresses
from ask0.gateway.bodies import BodyReader, Sender
from ask0.gateway.callers import project_of_page
from ask0.gateway.cors import Cors
from ask0.gateway.errors import BadRequest, Forbidden, ServiceUnavailable
from ask0.gateway.ingest.keys import key_of_request
from ask0.gateway.ingest.verification import token_of
from ask0.gateway.strangers import Strangers
from ask0.schemas.events import parse_id
from ask0.schemas.ids import guest_id
from ask0.schemas.reasons import InvalidEvent, Reason
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import QueryFailed, Unavailable
from ask0.warehouse.users import SECONDS, read_user

MOST_WAITING = 32  # questions; ClickHouse answers a few at a time, and pages do without
NOT_VERIFIED = "this project cannot check who a user is: make a key with `ask0 verification add`, sign a userToken"


class Visitor:
    """`threads` are as many as questions may run at once."""

    def __init__(
        self,
        catalog: CatalogCache,
        cors: Cors,
        bodies: BodyReader,
        addresses: Addresses,
        strangers: Strangers,
        warehouse: Warehouse,
        threads: Executor,
    ) -> None:
        self._addresses = addresses
        self._strangers = strangers
        self._catalog = catalog
        self._cors = cors
        self._bodies = bodies
        self._warehouse = warehouse
        self._threads = threads
        self._waiting = 0

    async def user(self, request: Request) -> Response:
        """{"user": {"id", …traits}}, or null for someone who is not known yet."""
        headers: dict[bytes, bytes] = dict(request.scope["headers"])
        self._cors.check(headers)
        sender = self._addresses.sender(request.scope, headers)
        stranger = self._strangers.admit(sender, time.monotonic())
        body = await self._bodies.read(request.receive, headers, Sender(sender, has_key=False))
        document = await self._bodies.parse(body, headers.get(b"content-encoding"))
        stranger.pay_for_body(document.size)
        asked = document.value
        if type(asked) is not dict:
            raise BadRequest("the body is a JSON object", code="not_an_object")
        key = key_of_request(headers, request.scope["query_string"]) or asked.get("writeKey")
        project_id = await project_of_page(self._catalog, key)
        stranger.is_known()
        project = self._catalog.current.projects.get(project_id)
        readable = project.verification.readable if project else ()
        user = await self._read(project_id, self._identify(asked, project_id), readable)
        return JSONResponse({"user": user}, headers={"cache-control": "no-store"})

    def _identify(self, asked: Mapping[str, Any], project_id: str) -> str:
        """Whose row the visitor may read. Raises BadRequest, Forbidden."""
        try:
            user_id = parse_id(asked.get("userId"), "userId")
            anonymous_id = parse_id(asked.get("anonymousId"), "anonymousId")
        except InvalidEvent as why:
            raise BadRequest(why.message, code=why.reason) from None
        if user_id.startswith("g-"):
            user_id, anonymous_id = "", anonymous_id or user_id
        if not user_id and not anonymous_id:
            raise BadRequest("say who asks: an anonymousId, or a userId with its userToken", code=Reason.MISSING_USER)
        if not user_id:
            return guest_id(anonymous_id)
        verifier = self._catalog.verifiers.get(project_id)
        if verifier is None:
            raise Forbidden(NOT_VERIFIED, code="not_verified")
        token = token_of(asked)
        if not token:
            raise Forbidden("a user's traits are read with a userToken", code=Reason.TOKEN_MISSING)
        try:
            verifier.check(token, user_id)
        except InvalidEvent as why:
            raise Forbidden(why.message, code=why.reason) from None
        return user_id

    async def _read(self, project_id: str, id: str, readable: Collection[str]) -> dict[str, Any] | None:
        if self._waiting >= MOST_WAITING:
            raise ServiceUnavailable("too many ask for their user at once: ask again later", retry_after=1)
        self._waiting += 1
        ask = partial(read_user, self._warehouse, project_id, id, readable)
        try:
            # Whoever has waited in vain is forgotten. ClickHouse stops by itself, as the query has the same limit.
            return await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(self._threads, ask), SECONDS)
        except (Unavailable, QueryFailed, TimeoutError) as error:
            raise ServiceUnavailable("ClickHouse does not answer now") from error
        finally:
            self._waiting -= 1
