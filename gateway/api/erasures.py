"""Erasing one user over HTTP, as a job; and letting one in again of whom everything is dropped."""

import json

from starlette.responses import JSONResponse, Response

from ask0.catalog.cache import CatalogCache
from ask0.catalog.errors import CatalogError, CatalogUnavailable
from ask0.catalog.suppressions import Suppressions
from ask0.gateway.api.changes import Changes
from ask0.gateway.api.jobs import Jobs
from ask0.gateway.api.paths import id_of, project_of
from ask0.gateway.callers import Access, caller_for
from ask0.gateway.errors import BadRequest, Conflict, Forbidden, NotFound, ServiceUnavailable
from ask0.gateway.operations import Asked
from ask0.schemas.erasure import Erasing
from ask0.warehouse import suppressions


class Erasures:
    def __init__(self, jobs: Jobs, changes: Changes, found: Suppressions, catalog: CatalogCache) -> None:
        self._catalog = catalog
        self._jobs = jobs
        self._changes = changes
        self._suppressions = found

    async def erase(self, asked: Asked) -> Response:
        """Also of one whom nobody has met: their events are dropped from now on all the same."""
        id, query = id_of(asked), asked.query
        if query.anonymize and query.deleteConversations:
            raise BadRequest("say one of `anonymize` and `deleteConversations`", code="invalid_query")
        kind: Erasing = "anonymize" if query.anonymize else "erase"
        said = json.dumps([id, kind, query.deleteConversations]).encode()
        return await self._jobs.erase(asked, kind, [id], said, with_conversations=query.deleteConversations)

    async def delete_conversations(self, asked: Asked) -> Response:
        id = id_of(asked)
        said = json.dumps([id, "delete_conversations"]).encode()
        return await self._jobs.erase(asked, "delete_conversations", [id], said, with_conversations=True)

    async def transfer(self, asked: Asked) -> Response:
        """To another project, whose secret key says that the caller may write there. Raises Forbidden, Conflict."""
        id, project_id, into = id_of(asked), project_of(asked), asked.body.project
        there = await caller_for(Access.SERVER, self._catalog, asked.body.key)
        if there.project_id != into:
            raise Forbidden("the key is not of the project that they are to go to", code="wrong_project")
        there.check("users:write")
        if into == project_id:
            raise Conflict("they are in this project already", code="same_project")
        if self._suppressions.drops(into, id):
            raise Conflict("this user was erased in the other project: let them in again there first", code="erased")
        said = json.dumps([id, "transfer", into]).encode()
        return await self._jobs.erase(asked, "transfer", [id], said, with_conversations=True, into=into)

    async def lift(self, asked: Asked) -> Response:
        """What is received from now on passes; what was received before stays dropped in any replay."""
        id, project_id = id_of(asked), project_of(asked)
        self._changes.disk.check()
        try:
            packs = await self._suppressions.lift(project_id, id, asked.caller.actor)
        except CatalogUnavailable as error:
            raise ServiceUnavailable(str(error)) from error
        except CatalogError as error:
            raise Conflict(str(error), code="no_room") from error
        if not packs:
            raise NotFound("nobody of this id is erased", code="unknown_suppression")
        for version, pack in packs:
            await self._changes.questions.ask(suppressions.copy, self._changes.warehouse, pack, version)
        return JSONResponse({"lifted": True})
