"""Lists of users, by filter, search and segment, in any order."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson
from starlette.responses import JSONResponse, Response

from ask0.gateway.api.definitions import ProjectDefinitions
from ask0.gateway.api.paths import project_of
from ask0.gateway.errors import BadRequest
from ask0.gateway.operations import Asked
from ask0.gateway.questions import Questions
from ask0.schemas import listing as asking
from ask0.schemas.api import UserQuery
from ask0.schemas.filters import spellings, types
from ask0.schemas.filters.errors import FilterInvalid
from ask0.schemas.filters.types import EVERYONE, Filter
from ask0.schemas.filters.writer import write
from ask0.schemas.ids import is_text
from ask0.schemas.listing import ListingInvalid, WrongCursor
from ask0.schemas.segments import definitions
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.filters import Condition, compile_filter
from ask0.warehouse.user_lists import Listing, Page, count_users, read_changed, read_page, read_truths


class UserLists:
    def __init__(self, warehouse: Warehouse, questions: Questions, definitions: ProjectDefinitions) -> None:
        self._warehouse = warehouse
        self._questions = questions
        self._definitions = definitions

    async def list(self, asked: Asked) -> Response:
        """The query as parameters: the filter as JSON, lists with commas."""
        given = asked.query
        return await self.answer(project_of(asked), given, read_filter(_parsed(given.filter)))

    async def query(self, asked: Asked) -> Response:
        return await self.answer(project_of(asked), asked.body, read_filter(asked.body.filter))

    async def answer(self, project_id: str, query: UserQuery, filter: Filter) -> Response:
        """Raises ListingInvalid, FilterInvalid, BadRequest, ServiceUnavailable."""
        if query.segment is not None:
            if query.segment not in definitions(self._definitions.filters(project_id)).segments:
                raise ListingInvalid("segment", "there is no segment of this id")
            filter = types.All((filter, types.Segment((query.segment,))))
        sort, words = asking.read_sort(query.sort), asking.read_search(query.search)
        ids = query.ids.split(",") if isinstance(query.ids, str) else query.ids
        if ids is not None and len(ids) > asking.MAX_LIMIT:
            raise ListingInvalid("ids", f"ask for at most {asking.MAX_LIMIT} ids at once, these are {len(ids)}")
        if not all(map(is_text, ids or ())):
            raise ListingInvalid("ids", "an id here holds half of a surrogate pair, which no id has")
        listing = Listing(project_id, self._compiled(project_id, filter), words, ids, sort)
        digest = asking.digest_of(project_id, write(filter), words, ids, sort)
        try:
            after = asking.read_cursor(query.cursor, digest) if query.cursor else None
            page = await self._questions.ask(read_page, self._warehouse, listing, after, query.limit)
        except WrongCursor:
            raise BadRequest(
                "this cursor is of another list: send it with the filter, search and sort that it came with",
                code="wrong_cursor",
            ) from None
        users = await self._definitions.finish_all(project_id, page.users)
        answer = _answer(page._replace(users=users), digest, query.fields)
        if query.total and not query.cursor:
            answer["total"] = await self._questions.ask(count_users, self._warehouse, listing)
        return JSONResponse(answer)

    async def changed(self, asked: Asked) -> Response:
        """For programs that keep a copy: `next` is there on every page, also when nothing is new yet."""
        project_id, query = project_of(asked), asked.query
        digest = asking.digest_of("changed", project_id)
        try:
            after: list[asking.Place] = asking.read_cursor(query.after, digest) if query.after else [0, ""]
            users, place = await self._questions.ask(read_changed, self._warehouse, project_id, after, query.limit)
        except WrongCursor:
            raise BadRequest(
                "this is no `next` of this list: leave `after` out to begin anew", code="wrong_cursor"
            ) from None
        shown = await self._definitions.finish_all(project_id, users)
        return JSONResponse({"users": shown, "next": asking.write_cursor(digest, place)})

    async def count(self, project_id: str, filter: Filter) -> int:
        """Raises FilterInvalid, ServiceUnavailable."""
        listing = Listing(project_id, self._compiled(project_id, filter))
        return await self._questions.ask(count_users, self._warehouse, listing)

    async def hold(self, project_id: str, id: str, filters: Sequence[Filter]) -> Sequence[bool]:
        """Which of the filters hold of one user; none of one who is not known any more. One that cannot be asked, as
        it refers to what is not there, does not hold. Raises ServiceUnavailable."""
        compiling = self._definitions.compiling(project_id)
        conditions = []
        for number, filter in enumerate(filters):
            try:
                conditions.append(compile_filter(filter, replace(compiling, prefix=f"filter{number}")))
            except FilterInvalid:
                conditions.append(Condition("false", {}))
        truths = await self._questions.ask(read_truths, self._warehouse, project_id, id, conditions)
        return truths if truths and len(truths) == len(filters) else [False] * len(filters)

    def _compiled(self, project_id: str, filter: Filter) -> Condition:
        return compile_filter(filter, self._definitions.compiling(project_id))


def read_filter(document: object) -> Filter:
    """In any of the spellings; None is everyone. Raises FilterInvalid."""
    return EVERYONE if document is None else spellings.read(document)


def _parsed(text: str | None) -> object:
    if text is None:
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ListingInvalid(
            "filter", "the filter is JSON, percent-encoded: POST …/users/query takes it as it is"
        ) from None


def _answer(page: Page, digest: str, fields: str | Sequence[str] | None) -> dict[str, Any]:
    next = asking.write_cursor(digest, page.after) if page.after else None
    wanted = fields.split(",") if isinstance(fields, str) else fields
    users = [_only(user, wanted) for user in page.users] if wanted else page.users
    return {"users": users, "next": next}


def _only(user: dict[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    """The id and the named fields; of the traits those that are named `traits.…`."""
    own = [field.removeprefix("traits.") for field in fields if field.startswith("traits.")]
    chosen = {field: user[field] for field in ("id", *fields) if field in user}
    if own and "traits" not in chosen:
        chosen["traits"] = {name: user["traits"][name] for name in own if name in user["traits"]}
    return chosen
