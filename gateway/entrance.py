"""What happens before an operation: its caller is known, its body read and decoded, both checked as it declares."""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from ask0.catalog.cache import CatalogCache
from ask0.gateway.addresses import Addresses
from ask0.gateway.answers import HEADERS, REQUEST_ID
from ask0.gateway.bodies import BodyReader, Sender, inflate
from ask0.gateway.callers import Access, Caller, caller_for
from ask0.gateway.errors import BadRequest, invalid
from ask0.gateway.ingest.keys import bearer, key_of_request
from ask0.gateway.large_bodies import LargeBodies, may_be_large
from ask0.gateway.operations import Asked, Endpoint, Operation
from ask0.gateway.questions import asker
from ask0.gateway.rates import Rates
from ask0.gateway.sessions.standing import Sessions
from ask0.gateway.strangers import Stranger, Strangers
from ask0.schemas.events import MAX_BODY_BYTES
from ask0.schemas.filters.errors import FilterInvalid
from ask0.schemas.listing import ListingInvalid
from ask0.schemas.user_writes import WriteInvalid

MAX_DETAILS = 20  # of what is wrong with one request
MAX_NAMES = 100  # of an object that are looked at before it is known that so many cannot all be right

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Entrance:
    """`check` looks at the head before anything else, and raises."""

    catalog: CatalogCache
    bodies: BodyReader
    addresses: Addresses
    strangers: Strangers
    sessions: Sessions
    check: Callable[[Mapping[bytes, bytes]], None] = lambda headers: None
    rates: Rates = field(default_factory=Rates)
    large: LargeBodies = field(default_factory=LargeBodies)
    used: Callable[[Caller, Operation, str], None] = lambda caller, operation, request_id: None  # of a server's calls

    def endpoint(self, operation: Operation) -> Endpoint:
        async def answer(request: Request) -> Response:
            with ExitStack() as held:
                asked = await self.ask(operation, request, held)
                asker.set(asked.caller.project_id)
                return await carry_out(asked)

        async def carry_out(asked: Asked) -> Response:
            try:
                return await operation.answer(asked)
            except WriteInvalid as error:
                raise invalid([(error.at, str(error))], code="invalid_body", message=str(error)) from None
            except ListingInvalid as error:
                raise invalid([(error.at, str(error))], code="invalid_query") from None
            except FilterInvalid as error:
                raise invalid(error.details, code="invalid_query") from None

        return answer

    async def ask(self, operation: Operation, request: Request, held: ExitStack) -> Asked:
        """`held` is given back when the call is answered. Raises BadRequest, Unauthorized, Forbidden, TooLarge,
        QuotaExceeded, ServiceUnavailable."""
        headers: dict[bytes, bytes] = dict(request.scope["headers"])
        self.check(headers)
        if operation.access is Access.ANYONE and not operation.body and not operation.query:
            return Asked(request)
        key = _key(operation, request, headers)
        sender = self.addresses.sender(request.scope, headers)
        is_known = type(key) is str and key in self.catalog.projects
        stranger = None if is_known else self.strangers.admit(sender, time.monotonic())
        caller = None
        if operation.access in (Access.SERVER, Access.MEMBER):  # whose key or session is in the head
            caller = await self._known(operation.access, request, headers, key)
            if stranger:
                stranger.is_known()
            self.rates.take(caller.actor, time.monotonic(), request.scope.get(HEADERS, []))
            for scope in operation.scopes:
                caller.check(scope)
            self.used(caller, operation, request.scope.get(REQUEST_ID, ""))
            stranger, is_known = None, True
        body: object = None
        if operation.body:
            whose = Sender(sender, has_key=is_known, most=operation.most_bytes)
            if caller and whose.most > MAX_BODY_BYTES and may_be_large(headers):
                held.enter_context(self.large.place(caller.project_id))
            content = await self._read(request, headers, whose, caller, stranger, operation)
            if isinstance(content, dict):
                key = key or content.get("writeKey")
                content = checked(operation.body, content, "body")
            body = content
        caller = caller or await caller_for(operation.access, self.catalog, key)
        if stranger:
            stranger.is_known()
        return Asked(
            request,
            caller,
            body=body,
            query=checked(operation.query, dict(request.query_params), "query") if operation.query else None,
        )

    async def _known(self, access: Access, request: Request, headers: Mapping[bytes, bytes], key: object) -> Caller:
        """A key that was sent is what counts."""
        ip = self.addresses.kept(request.scope, headers)
        if access is Access.MEMBER or (key is None and self.sessions.has_token(request, headers)):
            return self.sessions.caller(access, request, headers, ip)
        return (await caller_for(access, self.catalog, key))._replace(ip=ip)

    async def _read(
        self,
        request: Request,
        headers: Mapping[bytes, bytes],
        sender: Sender,
        caller: Caller | None,
        stranger: Stranger | None,
        operation: Operation,
    ) -> Any:
        """The JSON object, or what the operation makes of it."""
        body, encoding = await self.bodies.read(request.receive, headers, sender), headers.get(b"content-encoding")
        if not body and not operation.needs_body:
            return {}
        inflated = inflate(body, encoding, sender.most)
        if caller:
            self.rates.charge(caller.actor, len(inflated), time.monotonic(), request.scope.get(HEADERS, []))
        if operation.reads and len(inflated) > MAX_BODY_BYTES:
            return operation.reads(inflated)
        document = await self.bodies.parse(inflated, None)
        if stranger:
            stranger.pay_for_body(document.size)
        if type(document.value) is not dict:
            raise BadRequest("the body is a JSON object", code="not_an_object")
        return document.value


def _key(operation: Operation, request: Request, headers: Mapping[bytes, bytes]) -> object:
    """A secret key has no place in an address, which is logged. SDKs of others send tokens of theirs as Bearer, beside
    a write key: so there it says nothing."""
    if operation.access in (Access.SERVER, Access.MEMBER):
        return bearer(headers) or key_of_request(headers, b"")
    return key_of_request(headers, request.scope["query_string"]) or request.path_params.get("writeKey")


def checked(model: type[Model], document: Mapping[str, Any], part: str) -> Model:
    """Raises BadRequest with one detail for each field that is wrong, and no word of what was sent."""
    try:
        return model.model_validate(_few(model, document))
    except ValidationError as error:
        details = [
            {"at": ".".join(map(str, found["loc"])), "message": found["msg"]}
            for found in error.errors(include_url=False, include_context=False, include_input=False)[:MAX_DETAILS]
        ]
        first = details[0]
        message = f"{first['at']}: {first['message']}" if first["at"] else first["message"]
        raise BadRequest(message, code=f"invalid_{part}", details=details) from None


def _few(model: type[BaseModel], document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without most of very many names that the model does not know: it would look for words about each of them."""
    if len(document) <= MAX_NAMES:
        return document
    known = {*model.model_fields, *(field.alias for field in model.model_fields.values())}
    unknown = (name for name in document if name not in known)
    return {name: document[name] for name in document.keys() & known} | dict.fromkeys(islice(unknown, MAX_DETAILS))
