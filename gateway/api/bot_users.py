"""`…/users/properties`: the users of a bot, whose answers and errors have a form of their own."""

from collections.abc import Sequence

import orjson
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ask0.gateway.api.definitions import ProjectDefinitions
from ask0.gateway.api.paths import BASE, project_of
from ask0.gateway.api.route import ApiRoute
from ask0.gateway.callers import Access
from ask0.gateway.entrance import Entrance
from ask0.gateway.errors import BadRequest
from ask0.gateway.groups import Group
from ask0.gateway.operations import Asked, Operation
from ask0.gateway.questions import Questions
from ask0.gateway.responses import json_headers, send_bytes
from ask0.schemas.bot_users import (
    BotError,
    BotUserList,
    BotUserParameters,
    bot_user_of,
    read_filters,
    read_sort_by,
    read_stages,
)
from ask0.schemas.filters import types
from ask0.schemas.filters.errors import shown
from ask0.schemas.filters.inline import StageRule
from ask0.schemas.filters.types import Filter
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.filters import compile_filter
from ask0.warehouse.user_lists import Beginning, Listing, read_page_from, read_place

PATH = "/projects/{project}/users/properties"


def bot_users_group(
    entrance: Entrance, warehouse: Warehouse, questions: Questions, definitions: ProjectDefinitions
) -> Group:
    """It stands before the API's own, in which `properties` would be a user's id."""
    answer, summary = BotUsers(warehouse, questions, definitions).list, "Users of a bot, with their properties"
    described = Operation(
        "GET",
        f"{BASE}/users/properties",
        answer,
        summary,
        Access.SERVER,
        "users:read",
        query=BotUserParameters,
        answers=BotUserList,
        errors=BotError,
    )
    short = Operation("GET", PATH, answer, summary, Access.SERVER, "users:read", query=BotUserParameters, hidden=True)
    return Group(entrance, [described, short], Middleware(OwnForm), for_pages=False)


class BotUsers:
    def __init__(self, warehouse: Warehouse, questions: Questions, definitions: ProjectDefinitions) -> None:
        self._warehouse = warehouse
        self._questions = questions
        self._definitions = definitions

    async def list(self, asked: Asked) -> Response:
        """Raises ListingInvalid, FilterInvalid, BadRequest, NotFound, ServiceUnavailable."""
        query = asked.query
        listing = self._listing(project_of(asked), query)
        start = await self._start(listing, query.start_id) if query.start_id else None
        page = await self._questions.ask(read_page_from, self._warehouse, listing, start, query.limit)
        items = [bot_user_of(user) for user in page.users]
        return JSONResponse({"success": True, "data": {"items": items}})

    async def _start(self, listing: Listing, id: str) -> Beginning:
        places = await self._questions.ask(read_place, self._warehouse, listing, id)
        if places is None:
            raise BadRequest("startId: nobody with this id is there now: begin without one", code="unknown_start")
        return Beginning(places, inclusive=True)

    def _listing(self, project_id: str, query: BotUserParameters) -> Listing:
        filter, sort = read_filters(query.filters), read_sort_by(query.sort_by)
        compiling = self._definitions.compiling(project_id)
        if wanted := read_stages(query.stage_ids):
            filter = types.All((_in_stages(wanted, compiling.definitions.stages), filter))
        return Listing(project_id, compile_filter(filter, compiling), sort=sort)


def _in_stages(wanted: tuple[str, ...], stages: Sequence[StageRule]) -> Filter:
    known = {name for stage in stages for name in (stage.id, stage.name)}
    for stage in wanted:
        if stage not in known:
            raise BadRequest(f"stageIds: the project has no stage {shown(stage)}", code="unknown_stage")
    return types.Stage(wanted)


class OwnForm:
    """Middleware around that of the API: errors leave as `{"success":false,"error":{"code","message"}}`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = ApiRoute(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        error: Message | None = None

        async def send_in_form(message: Message) -> None:
            nonlocal error
            if message["type"] == "http.response.start" and message["status"] >= 400:
                error = message
            elif error is None:
                await send(message)
            else:  # errors are answered in one piece
                body = _in_form(message["body"])
                others = [header for header in error["headers"] if not header[0].startswith(b"content-")]
                await send_bytes(send, error["status"], [*json_headers(body), *others], body)

        await self._app(scope, receive, send_in_form)


def _in_form(body: bytes) -> bytes:
    """Without details: the message says the first of them."""
    problem = {name: value for name, value in orjson.loads(body).items() if name != "details"}
    return orjson.dumps({"success": False, "error": problem})
