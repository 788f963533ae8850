"""What comes in, as server-sent events: for as long as somebody looks, may look, and reads."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from ask0.catalog.cache import CatalogCache
from ask0.gateway.api.exports import Download
from ask0.gateway.api.paths import BASE, project_of
from ask0.gateway.api.quarantine import Quarantine, quarantine_operations
from ask0.gateway.api.route import ApiRoute
from ask0.gateway.callers import Access, Caller
from ask0.gateway.entrance import Entrance
from ask0.gateway.errors import QuotaExceeded
from ask0.gateway.groups import Group
from ask0.gateway.live.shown import write_line
from ask0.gateway.live.streams import Stream
from ask0.gateway.live.tail import Tail
from ask0.gateway.operations import Asked, Operation
from ask0.gateway.places import Bound, Places, Taken
from ask0.gateway.responses import ENDING
from ask0.gateway.sessions.standing import Sessions
from ask0.schemas.live import LiveQuery

MOST = Bound(of_project=8, at_once=64)  # streams
LOOK_SECONDS = 1.0  # between looks whether it may go on
STANDING_SECONDS = 2.0
BEAT_SECONDS = 10.0
RETRY_MS = 3_000
WAS_AWAY = "what came in while you were away is not shown here: it is in the lists of events"


class Live:
    def __init__(self, tail: Tail, sessions: Sessions, catalog: CatalogCache) -> None:
        self._tail = tail
        self._sessions = sessions
        self._catalog = catalog
        self._places = Places(MOST)

    async def follow(self, asked: Asked) -> Response:
        project_id, query = project_of(asked), asked.query
        stream = Stream(project_id, query.event, query.user)
        headers = {"x-accel-buffering": "no", "x-content-type-options": "nosniff"}
        if asked.request.method == "HEAD":
            return Response(headers=headers, media_type="text/event-stream")
        give_back = self._take(stream)
        lines = self._lines(stream, asked.request, asked.caller)
        return Download(lines, give_back, headers=headers, media_type="text/event-stream")

    async def close(self) -> None:
        await self._tail.close()

    async def _lines(self, stream: Stream, request: Request, caller: Caller) -> AsyncIterator[bytes]:
        yield f"retry: {RETRY_MS}\n\n".encode()
        if request.headers.get("last-event-id"):
            yield write_line("gap", {"missed": None, "message": WAS_AWAY})
        is_told, looked_at, beat_at = False, time.monotonic(), time.monotonic()
        while True:
            now = time.monotonic()
            if _is_ending(request) or self._tail.has_failed:
                yield write_line("end", {"message": "the server ends: ask again in a moment"})
                return
            if now - looked_at >= STANDING_SECONDS:
                looked_at = now
                if not self._stands(caller):
                    yield write_line("end", {"message": "you may not look at this any longer"})
                    return
            if not is_told and self._tail.is_listening.is_set():
                is_told = True
                yield write_line("ready", {"message": "what comes in from now on is shown"})
            if lines := stream.take():
                beat_at = now
                yield lines
            missed, why = stream.take_missed()
            if missed:
                yield write_line("gap", {"missed": missed, "message": why})
            elif now - beat_at >= BEAT_SECONDS:
                beat_at = now
                yield b": nothing has come\n\n"
            await _woken(stream, LOOK_SECONDS if is_told else LOOK_SECONDS / 10)

    def _stands(self, caller: Caller) -> bool:
        if caller.session:
            return self._sessions.stands(caller)
        key = self._catalog.current.secret(caller.actor.removeprefix("key:"))
        return key is not None and caller.scopes <= key.allowed

    def _take(self, stream: Stream) -> Callable[[], None]:
        """To give the place back, any number of times. Raises QuotaExceeded."""
        try:
            leave = self._places.take(stream.project_id)
        except Taken:
            raise QuotaExceeded(
                f"at most {MOST.of_project} look at what comes into a project at once, and {MOST.at_once} in all:"
                " end one, or come back later",
                retry_after=5,
                code="too_many_streams",
            ) from None
        self._tail.join(stream)

        def give_back() -> None:
            self._tail.leave(stream)
            leave()

        return give_back


async def _woken(stream: Stream, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stream.woken.wait()
    except TimeoutError:
        return


def _is_ending(request: Request) -> bool:
    told = request.scope.get("extensions", {}).get(ENDING)
    return bool(told and told["connections"].are_ending)


def live_group(entrance: Entrance, live: Live, quarantine: Quarantine) -> Group:
    return Group(
        entrance,
        [
            Operation(
                "GET",
                f"{BASE}/live",
                live.follow,
                "Events as they come in",
                Access.SERVER,
                "events:read",
                query=LiveQuery,
                files=("text/event-stream",),
            ),
            *quarantine_operations(quarantine),
        ],
        Middleware(ApiRoute),
        for_pages=False,
    )
