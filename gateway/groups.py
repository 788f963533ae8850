"""Groups of operations: whose pages may call them, what their answers carry, how their errors are answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ask0.gateway.answers import REQUEST_ID, answer_error
from ask0.gateway.entrance import Entrance
from ask0.gateway.operations import Operation

SLASH = "\0"  # in a path, a slash that belongs to an id; no path has this character otherwise


@dataclass(frozen=True)
class Group:
    """`entry` stands before the operations: it turns callers away, adds headers to all answers, and answers preflights
    where pages call. `entrance` gives each operation what it has declared."""

    entrance: Entrance
    operations: Sequence[Operation]
    entry: Middleware | None = None
    for_pages: bool = True

    def routes(self) -> list[BaseRoute]:
        """An error of an operation is answered inside of the entry, so that it has the headers too; one of the entry
        outside."""
        answering = Middleware(Answering)
        layers = [answering, self.entry, answering] if self.entry else [answering]
        more = ["OPTIONS"] if self.entry and self.for_pages else []
        return [
            WholeIdRoute(
                operation.path, self.entrance.endpoint(operation), methods=[operation.method, *more], middleware=layers
            )
            for operation in self.operations
        ]


class WholeIdRoute(Route):
    """Ids in the path may hold slashes, as `%2F`: see `with_whole_ids`."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child = super().matches(scope)
        if parameters := child.get("path_params"):
            whole = {name: value.replace(SLASH, "/") for name, value in parameters.items() if isinstance(value, str)}
            child["path_params"] = parameters | whole
        return match, child


def _decoded(piece: bytes) -> str:
    return unquote(piece.decode("latin-1"))


def with_whole_ids(scope: Scope) -> Scope:
    """Servers decode the path before it is split, and a slash of an id would split it too."""
    raw: bytes = scope.get("raw_path") or b""
    if b"%2f" not in raw.lower():
        return scope
    pieces = raw.replace(b"%2f", b"%2F").split(b"%2F")
    return {**scope, "path": SLASH.join(_decoded(piece) for piece in pieces)}


class ResponseBegun(Exception):
    """An operation failed in the middle of its answer. The server ends the connection: the client must not take what it
    has for the whole."""


class Answering:
    """Middleware that answers what is raised, unless the answer has begun: then the connection has to end."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            if begun:
                raise ResponseBegun from error
            await answer_error(error, send, request_id=scope.get(REQUEST_ID))
