"""How calls read what users did: whose it is, from where a page goes on, and what is answered."""

from collections.abc import Callable, Mapping
from typing import Any, Concatenate, ParamSpec, TypeVar
from zoneinfo import ZoneInfo

from starlette.responses import JSONResponse, Response

from ask0.gateway.api.paths import project_of, unknown_user
from ask0.gateway.errors import BadRequest
from ask0.gateway.operations import Asked
from ask0.gateway.questions import Questions
from ask0.schemas.listing import ListingInvalid, WrongCursor, digest_of, read_cursor, write_cursor
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.moments import NEWEST, Moment, Page, moment_of
from ask0.warehouse.whose import Person, whose

P = ParamSpec("P")
T = TypeVar("T")


class Reading:
    def __init__(self, warehouse: Warehouse, questions: Questions) -> None:
        self._warehouse = warehouse
        self._questions = questions

    async def of_project(
        self, read: Callable[Concatenate[Warehouse, str, P], T], asked: Asked, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Raises NotFound, ServiceUnavailable."""
        return await self._questions.ask(read, self._warehouse, project_of(asked), *args, **kwargs)

    async def of_user(
        self, read: Callable[Concatenate[Warehouse, Person, P], T], asked: Asked, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Of the user of the path, or who they have become. Raises NotFound, ServiceUnavailable."""
        project_id, id = project_of(asked), asked.request.path_params["id"]

        def find_and_read() -> tuple[T] | None:
            person = whose(self._warehouse, project_id, id)
            return None if person is None else (read(self._warehouse, person, *args, **kwargs),)

        found = await self._questions.ask(find_and_read)
        if found is None:
            raise unknown_user()
        return found[0]


class Paging:
    """The cursors of one list: `subject` says which."""

    def __init__(self, asked: Asked, *subject: object) -> None:
        self._digest = digest_of(asked.caller.project_id, *subject)
        self._cursor = asked.query.cursor

    def after(self, first: Moment = NEWEST) -> Moment:
        """Where the page begins. Raises BadRequest."""
        if self._cursor is None:
            return first
        try:
            return moment_of(read_cursor(self._cursor, self._digest))
        except WrongCursor:
            raise BadRequest(
                "this cursor is of another list: send it with all else as it was", code="wrong_cursor"
            ) from None

    def answer(self, name: str, page: Page, more: Mapping[str, Any] | None = None) -> Response:
        next = write_cursor(self._digest, page.after) if page.after else None
        return JSONResponse({**(more or {}), name: page.rows, "next": next})


def zone_of(name: str) -> ZoneInfo:
    """Raises ListingInvalid."""
    try:
        if not name.replace("/", "").replace("_", "").replace("-", "").replace("+", "").isalnum():
            raise ValueError(name)
        return ZoneInfo(name)
    except (ValueError, LookupError, OSError):  # also of a folder, or a file of another kind
        raise ListingInvalid("tz", "this is no time zone of the IANA, such as Europe/Berlin") from None
