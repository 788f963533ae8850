"""Saved views: a search, a filter, an order and columns of the list of users, shared by the members of a project."""

import time
from functools import partial
from typing import Any

import msgspec
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response

from ask0.catalog.collection import Collection, Stored
from ask0.catalog.errors import MovedOn as MovedMeanwhile
from ask0.gateway.api import documents
from ask0.gateway.api.changes import Changes, Request
from ask0.gateway.api.documents import expected_version
from ask0.gateway.api.paths import BASE, project_of
from ask0.gateway.api.route import ApiRoute
from ask0.gateway.api.user_lists import read_filter
from ask0.gateway.callers import Access
from ask0.gateway.entrance import Entrance
from ask0.gateway.errors import MovedOn, NotFound, Unprocessable, invalid
from ask0.gateway.groups import Group
from ask0.gateway.operations import Asked, Operation
from ask0.schemas.changes import name_of
from ask0.schemas.events import write_time
from ask0.schemas.filters.writer import write
from ask0.schemas.ids import is_text
from ask0.schemas.views import MAX_VIEWS, VIEW, View, ViewAnswer, ViewFields, ViewList


class Views:
    def __init__(self, changes: Changes, stored: Collection[View]) -> None:
        self._changes = changes
        self._stored = stored

    async def list(self, asked: Asked) -> Response:
        """By name."""
        own = self._stored.of(project_of(asked)).values()
        in_order = sorted(own, key=lambda one: (one.document.name.casefold(), one.document.id))
        return JSONResponse({"views": [_shown(one) for one in in_order]})

    async def create(self, asked: Asked) -> Response:
        fields = _fields(asked.body)
        request = self._changes.request(asked, "", msgspec.json.encode(fields))
        project_id, id = request.project_id, f"view_{request.id.removeprefix('chg_')[:20]}"
        if not documents.was_written(self._stored, request):
            if len(self._stored.of(project_id)) >= MAX_VIEWS:
                raise Unprocessable(f"a project has at most {MAX_VIEWS} views: delete one", code="too_many_views")
            now = time.time_ns() // 1_000_000
            await self._write(request, View(id=id, project_id=project_id, created_at=now, **fields), "view.created", 0)
        return _answer(self._own(project_id, id), 201)

    async def put(self, asked: Asked) -> Response:
        project_id, id = project_of(asked), asked.request.path_params["id"]
        expected, before = expected_version(asked), self._own(project_id, id)
        view = msgspec.structs.replace(before.document, **_fields(asked.body))
        request = self._changes.request(asked, id, msgspec.json.encode(view))
        await self._write(request, view, "view.changed", before.version if expected is None else expected)
        return _answer(self._own(project_id, id))

    async def delete(self, asked: Asked) -> Response:
        id, expected = asked.request.path_params["id"], expected_version(asked)
        request = self._changes.request(asked, id, b"")
        if not documents.was_written(self._stored, request):
            before = self._own(request.project_id, id)
            version = before.version if expected is None else expected
            await self._write(request, before.document, "view.deleted", version, is_gone=True)
        return Response(status_code=204)

    def _own(self, project_id: str, id: str) -> Stored[View]:
        found = self._stored.get(project_id, id)
        if found is None:
            raise NotFound("there is no view with this id in the project", code="unknown_view")
        return found

    async def _write(self, request: Request, view: View, action: str, version: int, *, is_gone: bool = False) -> None:
        body, expects = None if is_gone else view, {name_of(VIEW, view.id): version}
        try:
            await documents.write(self._stored, request, view.id, body, action, expects)
        except MovedMeanwhile:
            now = self._stored.get(view.project_id, view.id)
            current = _shown(now) if now else None
            raise MovedOn("somebody else has changed the view: look at `current`", current=current) from None


def _fields(given: ViewFields) -> dict[str, Any]:
    """As they are kept. Raises BadRequest, FilterInvalid. A segment that is gone later finds nobody, as elsewhere."""
    for name in ("name", "search", "segment", "sort"):
        if not is_text(getattr(given, name)):
            raise invalid([(name, "this is no text as UTF-8 has it")], code="invalid_body")
    if not all(map(is_text, given.columns)):
        raise invalid([("columns", "a column's name is text as UTF-8 has it")], code="invalid_body")
    filter = None if given.filter is None else write(read_filter(given.filter))
    return {
        "name": given.name,
        "search": given.search,
        "segment": given.segment,
        "filter": filter,
        "sort": given.sort,
        "columns": tuple(given.columns),
    }


def _shown(stored: Stored[View]) -> dict[str, Any]:
    one = stored.document
    return {
        "id": one.id,
        "name": one.name,
        "search": one.search,
        "segment": one.segment,
        "filter": one.filter,
        "sort": one.sort,
        "columns": list(one.columns),
        "createdAt": write_time(one.created_at),
        "version": str(stored.version),
    }


def _answer(stored: Stored[View], status: int = 200) -> Response:
    return documents.answer(_shown(stored), status)


def views_group(entrance: Entrance, views: Views) -> Group:
    path, one = f"{BASE}/views", f"{BASE}/views/{{id}}"
    changing = partial(
        Operation,
        access=Access.SERVER,
        scope="segments:write",
        headers=("Idempotency-Key", "If-Match"),
        refusals=(412, 422, 428),
    )
    return Group(
        entrance,
        [
            Operation("GET", path, views.list, "Saved views", Access.SERVER, "users:read", answers=ViewList),
            Operation(
                "POST",
                path,
                views.create,
                "Save a view",
                Access.SERVER,
                "segments:write",
                body=ViewFields,
                answers={201: ViewAnswer},
                headers=("Idempotency-Key",),
                refusals=(422,),
            ),
            changing("PUT", one, views.put, "Change a view", body=ViewFields, answers=ViewAnswer),
            changing("DELETE", one, views.delete, "Delete a view", answers={204: None}),
        ],
        Middleware(ApiRoute),
        for_pages=False,
    )
