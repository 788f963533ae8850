"""An operation is a route and its description: groups.py makes routes of them, openapi.py /openapi.json."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from ask0.gateway.callers import ANYONE, Access, Caller
from ask0.schemas import wire
from ask0.schemas.events import MAX_BODY_BYTES
from ask0.schemas.scopes import Scope

Endpoint = Callable[[Request], Awaitable[Response]]
# With status 200; else by status. None has no content, or no JSON.
Answers = type[BaseModel] | Mapping[int, type[BaseModel] | None] | None

EVERY_KEY: Final = "any"  # in place of a scope: whatever the key's own are
OfKeys = Scope | tuple[Scope, ...] | Literal["any"]  # several: all of them


@dataclass(frozen=True)
class Asked:
    """What an operation is given: everything it has declared is there, and checked."""

    request: Request
    caller: Caller = ANYONE
    body: Any = None  # of the operation's model
    query: Any = None  # likewise


@dataclass(frozen=True)
class Operation:
    """A route, what it takes and what it answers: the one declaration that decides, checks and describes."""

    method: str
    path: str
    answer: Callable[[Asked], Awaitable[Response]]
    summary: str
    access: Access = Access.ANYONE
    scope: OfKeys | None = None  # that a server's key must have; None of all who need no such key
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    needs_body: bool = True  # else none at all stands for an empty object
    most_bytes: int = MAX_BODY_BYTES  # of the body, after inflating
    reads: Callable[[bytes], Any] | None = None  # a body larger than others; what it makes of it is like the model
    content: Sequence[str] = ()  # types of a body that it reads by itself, as it arrives
    headers: Sequence[str] = ()  # that it takes, as openapi.py describes them
    answers: Answers = None
    files: Sequence[str] = ()  # types of a success that is no JSON
    errors: type[BaseModel] = wire.Error
    refusals: Sequence[int] = ()  # statuses beside those that its access, query and body bring with them
    hidden: bool = False  # another spelling of a path that is described already

    def __post_init__(self) -> None:
        if (self.access is Access.SERVER) != (self.scope is not None):
            raise ValueError(f"{self.method} {self.path}: a server's operation has a scope, and no other has one")
        if self.access is not Access.SERVER and (self.most_bytes > MAX_BODY_BYTES or self.reads):
            raise ValueError(f"{self.method} {self.path}: only a server's body is larger than others or read otherwise")

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """All that a key needs for it."""
        if self.scope is None or self.scope == EVERY_KEY:
            return ()
        return self.scope if isinstance(self.scope, tuple) else (self.scope,)

    @property
    def successes(self) -> Mapping[int, type[BaseModel] | None]:
        return self.answers if isinstance(self.answers, Mapping) else {200: self.answers}
