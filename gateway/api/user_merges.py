"""Two users become one, and two again: changes on the log, which the workers decide on in its order."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import JSONResponse, Response

from ask0.catalog.deactivations import Wanted as Document
from ask0.catalog.errors import MovedOn
from ask0.gateway.api import documents
from ask0.gateway.api.changes import Changes, Request, Wanted
from ask0.gateway.api.definitions import ProjectDefinitions
from ask0.gateway.api.paths import id_of
from ask0.gateway.api.user_writes import check_version
from ask0.gateway.api.users import Users, answer_profile, found
from ask0.gateway.errors import Conflict, NotFound, ServiceUnavailable, Unprocessable
from ask0.gateway.operations import Asked
from ask0.schemas.changes import name_of
from ask0.schemas.user_merges import (
    MAX_DEPTH,
    MAX_FAMILY,
    MAX_FAMILY_ACTIVITY,
    MAX_FAMILY_GUESTS,
    MERGED,
    UNMERGED,
    UserMerge,
)
from ask0.schemas.user_writes import user_id_of
from ask0.warehouse.user_merges import below, height, read_guests, read_merges

Profile = Mapping[str, Any]


class UserMerges:
    def __init__(self, users: Users, changes: Changes, defined: ProjectDefinitions) -> None:
        self._users = users
        self._changes = changes
        self._deactivations = defined.deactivations

    async def merge(self, asked: Asked) -> Response:
        """`from` becomes a part of the user of the path, or of whom that one was merged into."""
        id, from_id = id_of(asked), user_id_of(asked.body.from_id, "from")
        request = self._changes.request(asked, id, b"merge\0" + from_id.encode())
        if await self._was_made(request, id, from_id):
            return await self._again(request, id)
        if from_id.startswith("g-"):
            raise Conflict("this is a guest, who becomes a user by identify or alias: merge that user", code="guest")
        survivor, other = await self._read(request, id), await self._read(request, from_id)
        _check_version(asked, survivor)
        _check(survivor, other, from_id)
        if height(await self._read_merges(request, [from_id, *other["mergedIds"]]), from_id) >= MAX_DEPTH:
            raise Unprocessable(f"at most {MAX_DEPTH} merges follow each other: undo one", code="too_much_together")
        # First, so that at no time somebody is served who must not be.
        await self._deactivate(request, self._deactivations.to_merge(request.project_id, survivor, other))
        try:
            return await self._make(request, MERGED, UserMerge(from_id, survivor["id"]))
        except Conflict:  # somebody was quicker, perhaps with the same
            if (await self._read(request, from_id))["id"] != survivor["id"]:
                await self._part(request, survivor["id"], from_id)
            raise

    async def undo(self, asked: Asked) -> Response:
        """`from` leaves, and whoever was merged into it goes along."""
        id, from_id = id_of(asked), user_id_of(asked.request.path_params["from"], "from")
        request = self._changes.request(asked, id, b"undo\0" + from_id.encode())
        if await self._was_made(request, id, from_id):
            await self._part(request, id, from_id)
            return await self._again(request, id)
        survivor = await self._read(request, id)
        _check_version(asked, survivor)
        merges = await self._read_merges(request, survivor["mergedIds"])
        if from_id not in merges:
            raise NotFound("nobody of this id is merged into the user: see mergedIds", code="unknown_merge")
        answer = await self._make(request, UNMERGED, UserMerge(from_id, merges[from_id]))
        await self._part(request, survivor["id"], from_id)
        return answer

    async def _make(self, request: Request, action: str, merge: UserMerge) -> Response:
        """The one who is left, as they are afterwards. Raises Conflict, ServiceUnavailable."""
        # Without a user, as all merges of a project share one place of the log; what was applied is found under `from`.
        made = await self._changes.make(request, [Wanted("", action, merge, 0)])
        pending = {"change": {"id": made.id, "status": "applied" if made.is_applied else "pending"}}
        if not made.is_applied:
            return JSONResponse(pending, 202)
        try:
            if await self._changes.refused(request, [Wanted(merge.from_id, action, merge, 0)]):
                raise Conflict("somebody has merged one of the two meanwhile: look at both", code="merge_refused")
            return answer_profile(await self._read(request, merge.into))
        except ServiceUnavailable:
            return JSONResponse(pending, 202)

    async def _was_made(self, request: Request, *ids: str) -> bool:
        """Under any of the ids: with the same key, another `from` may have been sent."""
        return any([await self._changes.was_made(request, id) for id in ids])

    async def _again(self, request: Request, id: str) -> Response:
        return answer_profile(await self._read(request, id), headers={"idempotency-replayed": "true"})

    async def _read(self, request: Request, id: str) -> dict[str, Any]:
        return found(await self._users.read(request.project_id, id))

    async def _read_merges(self, request: Request, ids: Sequence[str]) -> dict[str, str]:
        changes = self._changes
        return await changes.questions.ask(read_merges, changes.warehouse, request.project_id, ids)

    async def _part(self, request: Request, id: str, from_id: str) -> None:
        """Deactivations stand for those alone whom they were made for. May come again."""
        if not self._deactivations.of(request.project_id):
            return
        both = await self._read(request, id), await self._read(request, from_id)
        users = {one for profile in both for one in (profile["id"], *profile["mergedIds"])}
        leaving = below(await self._read_merges(request, [*users]), from_id)
        ask, warehouse, project_id = self._changes.questions.ask, self._changes.warehouse, request.project_id
        going = await ask(read_guests, warehouse, project_id, leaving)
        staying = await ask(read_guests, warehouse, project_id, [*users.difference(leaving)])
        parted = self._deactivations.to_part(project_id, leaving, {*going}.difference(staying))
        await self._deactivate(request, parted)

    async def _deactivate(self, request: Request, wanted: Sequence[Document]) -> None:
        """Raises ServiceUnavailable."""
        there = self._deactivations.of(request.project_id)
        for subject, body, action in wanted:
            version = there[subject].version
            one = request._replace(id=f"{request.id}.{version}")
            expects = {name_of(self._deactivations.kind, subject): version}
            try:
                await documents.write(self._deactivations, one, subject, body, action, expects)
            except MovedOn as error:
                raise ServiceUnavailable(
                    "somebody was deactivated or let in meanwhile: send it again", retry_after=1
                ) from error


def _check_version(asked: Asked, survivor: dict[str, Any]) -> None:
    """Raises MovedOn."""
    if expected := asked.request.headers.get("if-match"):
        check_version(expected, survivor)


def _check(survivor: Profile, other: Profile, from_id: str) -> None:
    """Raises Conflict, Unprocessable."""
    if survivor["id"] == other["id"]:
        raise Conflict("both ids are of one user already", code="one_user")
    if survivor["id"].startswith("g-"):
        raise Conflict("the user of the path is a guest: they become one by identify or alias", code="guest")
    if other["id"] != from_id:
        raise Conflict("this user was merged into another: merge that one, or undo it first", code="merged_before")
    if len(survivor["mergedIds"]) + len(other["mergedIds"]) + 2 > MAX_FAMILY:
        raise Unprocessable(f"at most {MAX_FAMILY} users can be one", code="too_much_together")
    if survivor["anonymousIdCount"] + other["anonymousIdCount"] > MAX_FAMILY_GUESTS:
        raise Unprocessable(f"together they have more than {MAX_FAMILY_GUESTS} guests", code="too_much_together")
    activity = sum(one[name] for one in (survivor, other) for name in ("conversations", "questions", "answers"))
    if activity > MAX_FAMILY_ACTIVITY:
        raise Unprocessable(
            f"together they have more than {MAX_FAMILY_ACTIVITY:,} conversations, questions and answers",
            code="too_much_together",
        )
