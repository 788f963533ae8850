"""Segments: who matches a filter, kept under a name."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from starlette.responses import JSONResponse, Response

from ask0.catalog.collection import Stored
from ask0.catalog.errors import MovedOn as MovedMeanwhile
from ask0.gateway.api import documents
from ask0.gateway.api.changes import Changes, Request
from ask0.gateway.api.definitions import ProjectDefinitions
from ask0.gateway.api.documents import expected_version
from ask0.gateway.api.paths import id_of, project_of
from ask0.gateway.api.user_lists import UserLists, read_filter
from ask0.gateway.api.users import Users, found
from ask0.gateway.errors import BadRequest, Conflict, MovedOn, NotFound, ServiceUnavailable, Unprocessable, invalid
from ask0.gateway.operations import Asked
from ask0.schemas.changes import name_of
from ask0.schemas.documents import MAX_SEGMENTS, Segment
from ask0.schemas.events import write_time
from ask0.schemas.filters import types
from ask0.schemas.filters.errors import FilterInvalid
from ask0.schemas.filters.inline import inline, leaves
from ask0.schemas.filters.parser import parse
from ask0.schemas.filters.types import Filter
from ask0.schemas.filters.writer import write
from ask0.schemas.segments import PLAN, SYSTEM, SystemSegment, definitions, system_segment
from ask0.schemas.stages import check_edited
from ask0.warehouse.segment_members import read_history, read_since, read_size
from ask0.warehouse.user_lists import read_plans

T = TypeVar("T")

KEPT_MS = 60_000  # a size that is older is counted anew: nobody keeps it now
AT_ONCE = 20  # segments in one statement
ATTEMPTS = 5  # at a segment that refers to others, of which one may change meanwhile


class Segments:
    def __init__(self, defined: ProjectDefinitions, users: Users, lists: UserLists, changes: Changes) -> None:
        self._defined = defined
        self._users = users
        self._stored = defined.segments
        self._lists = lists
        self._changes = changes

    async def list(self, asked: Asked) -> Response:
        project_id = project_of(asked)
        plans = await self._changes.questions.ask(read_plans, self._changes.warehouse, project_id)
        return JSONResponse({"segments": all_shown(self._stored.of(project_id).values(), plans), "next": None})

    async def get(self, asked: Asked) -> Response:
        id = asked.request.path_params["id"]
        if system := system_segment(id):
            return JSONResponse(_system(id, system))
        return _answer(self._own(project_of(asked), id))

    async def create(self, asked: Asked) -> Response:
        body = asked.body
        filter = read_filter(_definition(body))
        said = msgspec.json.encode([body.name, body.description, write(filter)])
        request = self._changes.request(asked, "", said)
        project_id, id = request.project_id, f"seg_{request.id.removeprefix('chg_')[:20]}"
        documents.was_written(self._stored, request)  # with another body it must not seem to be
        before = self._stored.get(project_id, id)  # made by the same request before
        if before is None and len(self._stored.of(project_id)) >= MAX_SEGMENTS:
            raise Unprocessable(f"a project has at most {MAX_SEGMENTS} segments: delete one", code="too_many_segments")
        if before is None:
            segment = Segment(
                id=id,
                project_id=project_id,
                name=body.name,
                description=body.description,
                filter=write(filter),
                created_at=time.time_ns() // 1_000_000,
            )
            await self._write(request, segment, filter, "segment.created", 0)
        return _answer(self._own(project_id, id), 201)

    async def update(self, asked: Asked) -> Response:
        project_id, id = project_of(asked), asked.request.path_params["id"]
        expected, before = expected_version(asked), self._own_editable(project_id, id)
        body = asked.body
        given = _definition(body)
        filter = parse(before.document.filter) if given is None else read_filter(given)
        segment = msgspec.structs.replace(
            before.document,
            name=before.document.name if body.name is None else body.name,
            description=before.document.description if body.description is None else body.description,
            filter=write(filter),
        )
        said = msgspec.json.encode([body.name, body.description, None if given is None else segment.filter])
        version = before.version if expected is None else expected
        await self._write(self._changes.request(asked, id, said), segment, filter, "segment.changed", version)
        return _answer(self._own(project_id, id))

    async def delete(self, asked: Asked) -> Response:
        project_id, id = project_of(asked), asked.request.path_params["id"]
        expected, request = expected_version(asked), self._changes.request(asked, id, b"")
        if documents.was_written(self._stored, request):
            return Response(status_code=204)
        before = self._own_editable(project_id, id)
        users = [other for other, filter in self._defined.filters(project_id).items() if _refers(filter, id)]
        users += [rule.id for rule in self._defined.own_rules(project_id) if _refers(rule.filter, id)]
        if users:
            raise Conflict(f"{users[0]} refers to this segment: change that first", code="in_use")
        version = before.version if expected is None else expected
        expects = {name_of(self._stored.kind, id): version}
        try:
            await documents.write(self._stored, request, id, None, "segment.deleted", expects)
        except MovedMeanwhile:
            raise self._moved(project_id, id) from None
        return Response(status_code=204)

    async def users(self, asked: Asked) -> Response:
        project_id = project_of(asked)
        return await self._lists.answer(project_id, asked.query, self._leaf(project_id, asked))

    async def count(self, asked: Asked) -> Response:
        """As it is kept, else counted now."""
        project_id, id = project_of(asked), asked.request.path_params["id"]
        leaf, now = self._leaf(project_id, asked), time.time_ns() // 1_000_000
        if live := self._defined.live(project_id).get(id):
            kept = await self._ask(read_size, project_id, id, live.definition)
            if kept and now - kept.at <= KEPT_MS:
                return JSONResponse({"count": kept.members, "asOf": write_time(kept.at)})
        return JSONResponse({"count": await self._lists.count(project_id, leaf), "asOf": write_time(now)})

    async def history(self, asked: Asked) -> Response:
        project_id, id = project_of(asked), asked.request.path_params["id"]
        self._leaf(project_id, asked)
        return JSONResponse({"history": await self._ask(read_history, project_id, id, asked.query.days)})

    async def of_user(self, asked: Asked) -> Response:
        project_id = project_of(asked)
        profile = found(await self._users.read(project_id, id_of(asked)))
        return JSONResponse({"segments": await self.held(project_id, profile)})

    async def held(self, project_id: str, profile: Mapping[str, Any]) -> Sequence[Mapping[str, str | None]]:
        """As HeldSegment. Asked of each segment now, those of the product too. Raises ServiceUnavailable."""
        ids = (*SYSTEM, PLAN + (profile["plan"] or ""))
        names = [(id, one.name) for id in ids if (one := system_segment(id))]
        names += [(id, one.document.name) for id, one in self._stored.of(project_id).items()]
        since = await self._ask(read_since, project_id, profile["id"])
        held: list[dict[str, str | None]] = []
        for start in range(0, len(names), AT_ONCE):
            some = names[start : start + AT_ONCE]
            holds = await self._lists.hold(project_id, profile["id"], [types.Segment((id,)) for id, _ in some])
            held += [
                {"id": id, "name": name, "since": since.get(id)}
                for (id, name), is_in in zip(some, holds, strict=True)
                if is_in
            ]
        return held

    async def query(self, asked: Asked) -> Response:
        """Who would be in it, without keeping it."""
        filter = read_filter(_definition(asked.body))
        return await self._lists.answer(project_of(asked), asked.body, filter)

    async def _ask(self, question: Callable[..., T], *of: object) -> T:
        return await self._changes.questions.ask(question, self._changes.warehouse, *of)

    def _leaf(self, project_id: str, asked: Asked) -> Filter:
        id = asked.request.path_params["id"]
        if not system_segment(id):
            self._own(project_id, id)
        return types.Segment((id,))

    def _own(self, project_id: str, id: str) -> Stored[Segment]:
        found = self._stored.get(project_id, id)
        if found is None:
            raise NotFound("there is no segment with this id in the project", code="unknown_segment")
        return found

    def _own_editable(self, project_id: str, id: str) -> Stored[Segment]:
        if system_segment(id):
            raise Conflict("this segment is the product's own and cannot be changed", code="system_segment")
        return self._own(project_id, id)

    async def _write(self, request: Request, segment: Segment, filter: Filter, action: str, version: int) -> None:
        """Made from what it refers to: so that two edits at once cannot make a circle, it expects all segments to be
        as they are when it refers to any. Those may be other projects', so it is tried again."""
        kind, stages = self._stored.kind, self._defined.stages
        for attempt in range(ATTEMPTS):
            self._check(segment, filter)
            refers = any(isinstance(leaf, types.Segment) for _, leaf in leaves(filter))
            expects = {name_of(kind, segment.id): version} | ({kind: self._stored.version} if refers else {})
            expects[stages.kind] = stages.version  # which may refer to it by now
            again = request if not attempt else request._replace(id=f"{request.id}.{attempt}")
            try:
                await documents.write(self._stored, again, segment.id, segment, action, expects)
                return
            except MovedMeanwhile as error:
                if error.name not in (kind, stages.kind):
                    raise self._moved(segment.project_id, segment.id) from None
        raise ServiceUnavailable("segments change too often now: send it again", retry_after=1)

    def _check(self, segment: Segment, filter: Filter) -> None:
        known = self._defined.filters(segment.project_id) | {segment.id: filter}
        try:
            inline(types.Segment((segment.id,)), definitions(known, self._defined.staged(segment.project_id).rules))
            check_edited(segment.id, self._defined.own_rules(segment.project_id), definitions(known).segments)
        except FilterInvalid as error:
            raise invalid(error.details, code="invalid_filter", message=str(error)) from None

    def _moved(self, project_id: str, id: str) -> MovedOn:
        now = self._stored.get(project_id, id)
        return MovedOn("somebody else has changed the segment: look at `current`", current=_shown(now) if now else None)


def all_shown(own: Iterable[Stored[Segment]], plans: Sequence[str]) -> list[Mapping[str, Any]]:
    """The product's own come first: by activity and NPS, and one for each plan that users have."""
    system = [_system(id, one) for id in (*SYSTEM, *(PLAN + plan for plan in plans)) if (one := system_segment(id))]
    oldest_first = sorted(own, key=lambda one: (one.document.created_at, one.document.id))
    return [*system, *map(_shown, oldest_first)]


def _definition(body: Any) -> object:
    """The filter, or Ask0's conditions."""
    if body.filter is not None and body.conditions is not None:
        raise BadRequest("give `filter` or `conditions`, not both", code="invalid_body")
    return body.filter if body.conditions is None else body.conditions


def _refers(filter: Filter, id: str) -> bool:
    return any(isinstance(leaf, types.Segment) and id in leaf.any_of for _, leaf in leaves(filter))


def _shown(stored: Stored[Segment]) -> dict[str, Any]:
    one = stored.document
    return {
        "id": one.id,
        "name": one.name,
        "description": one.description,
        "filter": one.filter,
        "kind": "custom",
        "createdAt": write_time(one.created_at),
        "version": str(stored.version),
    }


def _system(id: str, segment: SystemSegment) -> Mapping[str, Any]:
    return {
        "id": id,
        "name": segment.name,
        "description": "",
        "filter": write(segment.filter),
        "kind": "system",
        "createdAt": None,
        "version": None,
    }


def _answer(stored: Stored[Segment], status: int = 200) -> Response:
    return documents.answer(_shown(stored), status)
