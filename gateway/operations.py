"""An operation is a route and its description: groups.py makes routes of them, openapi.py /openapi.json."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from ask0.gateway.callers import ANYONE, Access, Caller
from ask0.schemas import wire

Endpoint = Callable[[Request], Awaitable[Response]]
# With status 200; else by status. None has no content, or no JSON.
Answers = type[BaseModel] | Mapping[int, type[BaseModel] | None] | None


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
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    needs_body: bool = True  # else none at all stands for an empty object
    headers: Sequence[str] = ()  # that it takes, as openapi.py describes them
    answers: Answers = None
    errors: type[BaseModel] = wire.Error
    refusals: Sequence[int] = ()  # statuses beside those that its access, query and body bring with them
    hidden: bool = False  # another spelling of a path that is described already

    @property
    def successes(self) -> Mapping[int, type[BaseModel] | None]:
        return self.answers if isinstance(self.answers, Mapping) else {200: self.answers}
