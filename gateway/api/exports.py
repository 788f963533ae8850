"""Everything that is stored of one user, for whoever has asked to see it: streamed, as slowly as it is read."""

import asyncio
import logging
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, ParamSpec, TypeVar
from weakref import WeakValueDictionary

from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from ask0.gateway.answers import REQUEST_ID
from ask0.gateway.api.changes import Changes, Wanted
from ask0.gateway.api.definitions import ProjectDefinitions
from ask0.gateway.api.export_files import Export, write_json, write_zip
from ask0.gateway.api.paths import project_of, unknown_user
from ask0.gateway.api.segments import Segments
from ask0.gateway.api.users import Users, found
from ask0.gateway.errors import GatewayError, QuotaExceeded, ServiceUnavailable
from ask0.gateway.jobs.background import Background
from ask0.gateway.operations import Asked
from ask0.gateway.places import ITSELF, PROJECT, Bound, Places, Taken
from ask0.schemas.documents import subject_of
from ask0.schemas.events import write_time
from ask0.schemas.user_changes import UserChange
from ask0.warehouse.errors import Refused
from ask0.warehouse.user_export import Everything
from ask0.warehouse.whose import Person

MAX_AT_ONCE = 32  # exports of a process …
MAX_OF_PROJECT = 4  # … and of a project; of a user or a job, one
PATIENCE_SECONDS = 60.0  # with a reader that takes no piece

FILES = {"json": ("application/json", "json", write_json), "csv": ("application/zip", "zip", write_zip)}
UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
MAX_NAME_CHARACTERS = 80

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger(__name__)


class BrokeOff(Exception):
    """The rest cannot be read. The connection ends, so that nobody takes what there is for the whole."""


class Exports:
    def __init__(
        self,
        users: Users,
        segments: Segments,
        changes: Changes,
        defined: ProjectDefinitions,
        background: Background,
    ) -> None:
        self._users = users
        self._segments = segments
        self._changes = changes
        self._defined = defined
        self._background = background
        self.places = ExportPlaces()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # by project

    async def export(self, asked: Asked) -> Response:
        """Of a guest who has become a user, or of a user merged into another, that one's."""
        project_id = project_of(asked)
        asked.caller.check("events:read")  # which are in it
        id = asked.request.path_params["id"]
        profile = found(await self._users.read(project_id, id))
        person = Person(project_id, profile["id"])
        if self.is_erased(person) or self._defined.suppressions.drops(project_id, id):
            raise unknown_user()
        media_type, ending, write = FILES[asked.query.format]
        name = UNSAFE.sub("_", person.id)[:MAX_NAME_CHARACTERS]
        headers = {
            "content-disposition": f'attachment; filename="user-{name}.{ending}"',
            "x-content-type-options": "nosniff",
        }
        if asked.request.method == "HEAD":
            return StreamingResponse(iter(()), headers=headers, media_type=media_type)
        give_back = self.places.take(person)
        try:
            now = time.time_ns() // 1_000_000
            everything = Everything(self._changes.warehouse, person, now)
            head = await self.head(profile, everything)
            await self._tell(asked, person)
        except BaseException:
            give_back()
            raise
        written, request_id = write(Export(head, everything)), asked.request.scope[REQUEST_ID]
        pieces = self._pieces(written, person, request_id, give_back)
        return Download(pieces, give_back, headers=headers, media_type=media_type)

    def is_erased(self, person: Person) -> bool:
        return self._defined.suppressions.drops(person.project_id, person.id)

    async def head(self, profile: dict[str, Any], everything: Everything) -> Mapping[str, Any]:
        """What is read before the first piece: if it cannot be now, that is an error like any other."""
        project_id = everything.person.project_id
        ids = await self._changes.questions.ask(everything.ids)
        stored = (self._defined.deactivations.get(project_id, subject_of(project_id, id)) for id in ids)
        return {
            "exportedAt": write_time(everything.until),
            "projectId": project_id,
            "profile": profile,
            "deactivations": [
                {
                    "userId": one.document.user_id,
                    "anonymousIds": one.document.anonymous_ids,
                    "reason": one.document.reason,
                    "at": write_time(one.document.at),
                }
                for one in stored
                if one
            ],
            "segments": await self._segments.held(project_id, profile),
        }

    async def _tell(self, asked: Asked, person: Person) -> None:
        """The audit log, as a change of the user that changes nothing. Each time: an Idempotency-Key would have the
        second export seem to be the first."""
        request = self._changes.request(asked, person.id, b"")
        request = request._replace(id=f"chg_{secrets.token_hex(16)}", is_keyed=False)
        await self._changes.append(request, [Wanted(person.id, "user.exported", UserChange(), 0)])

    async def _pieces(
        self, pieces: Iterator[bytes], person: Person, request_id: str, give_back: Callable[[], None]
    ) -> AsyncIterator[bytes]:
        """Raises BrokeOff; also where the user is erased meanwhile, as their rows may be gone in part then."""
        try:
            while True:
                piece = await self.ask(person.project_id, next, pieces, None)
                if self.is_erased(person):
                    logger.info("an export broke off: the user is erased", extra={"request_id": request_id})
                    raise BrokeOff("the user is erased")
                if piece is None:
                    break
                if piece:
                    yield piece
            give_back()  # before the reader sees the end, and may ask again
        except (ServiceUnavailable, Refused) as error:
            logger.warning("an export broke off: %s", type(error).__name__, extra={"request_id": request_id})
            raise BrokeOff("ClickHouse does not answer") from None

    async def ask(self, project_id: str, question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """A thread makes a piece and is free while it is sent; a project has one thread at a time. Raises
        ServiceUnavailable."""
        async with self._turns.setdefault(project_id, asyncio.Lock()):
            return await self._background.ask(question, *args, **kwargs)


class Download(StreamingResponse):
    """Of a place that is given back at the end, whoever ends it."""

    def __init__(self, pieces: AsyncIterator[bytes], give_back: Callable[[], None], **options: Any) -> None:
        super().__init__(pieces, **options)
        self._give_back = give_back
        self._patience = PATIENCE_SECONDS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_patiently(message: Message) -> None:
            try:
                async with asyncio.timeout(self._patience):
                    await send(message)
            except TimeoutError:
                raise BrokeOff("nobody reads it") from None

        try:
            await super().__call__(scope, receive, send_patiently)
        finally:
            self._give_back()


class ExportPlaces:
    """For exports that are under way: each of a user, or of a job under its id."""

    def __init__(self) -> None:
        self._places = Places(Bound(MAX_OF_PROJECT, MAX_AT_ONCE))

    def take(self, person: Person) -> Callable[[], None]:
        """To give the place back, any number of times. Raises QuotaExceeded, ServiceUnavailable."""
        try:
            return self._places.take(person.project_id, person)
        except Taken as taken:
            raise _no_place(taken) from None


def _no_place(taken: Taken) -> GatewayError:
    if taken.what == ITSELF:
        message = "this is being exported now: wait until that export has ended"
        return QuotaExceeded(message, retry_after=5, code="being_exported")
    if taken.what == PROJECT:
        message = f"a project takes at most {MAX_OF_PROJECT} exports at once: wait until one of them has ended"
        return QuotaExceeded(message, retry_after=5, code="too_many_exports")
    return ServiceUnavailable("too many exports are under way: ask again later", retry_after=5)
