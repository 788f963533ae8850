"""To write users: each call is a change on the log, and is answered when the rows show it."""

from datetime import datetime
from typing import Any, NamedTuple

from starlette.responses import JSONResponse, Response

from ask0.gateway.api.changes import Changes, Made, Request, Wanted
from ask0.gateway.api.definitions import ProjectDefinitions
from ask0.gateway.api.paths import id_of, project_of
from ask0.gateway.api.user_batches import read_user
from ask0.gateway.api.users import Users, answer_profile, found
from ask0.gateway.entrance import checked
from ask0.gateway.errors import BadRequest, Conflict, MovedOn, ServiceUnavailable, Unprocessable
from ask0.gateway.operations import Asked
from ask0.gateway.turns import in_turns
from ask0.schemas.ids import is_text
from ask0.schemas.user_changes import MAX_USER_TAGS, UserChange, encode
from ask0.schemas.user_writes import BatchItem, WriteInvalid, change_of, tag_facts, user_id_of
from ask0.warehouse.user_changes import State, read_states

UNSEEN = State("", 0, 0)
NOT_APPLIED = "ClickHouse did not take the change: `ask0 quarantine list` says why"


class Row(NamedTuple):
    """What a change is made from; `profile` is None of a user who is not known, or when nobody can tell now."""

    id: str
    profile: dict[str, Any] | None

    @property
    def seen(self) -> int:
        updated = self.profile and self.profile["updatedAt"]
        return int(datetime.fromisoformat(updated).timestamp() * 1000) if updated else 0


class UserWrites:
    def __init__(self, users: Users, changes: Changes, defined: ProjectDefinitions) -> None:
        self._users = users
        self._defined = defined
        self._changes = changes

    async def create(self, asked: Asked) -> Response:
        change = change_of(asked.body)
        id = user_id_of(asked.body.id) if asked.body.id is not None else ""
        request = self._changes.request(asked, id, encode(change))
        id = id or f"usr_{request.id.removeprefix('chg_')[:24]}"
        self._defined.check_known(request.project_id, id)
        self._defined.check(request.project_id, change, is_new=True)
        if await self._changes.was_made(request, id):
            return await self._again(request, id)
        if await self._users.read(request.project_id, id):
            raise Conflict("a user with this id exists: use PATCH to change them, PUT to do either")
        return await self._write(request, Row(id, None), "user.created", change)

    async def put(self, asked: Asked) -> Response:
        """Also while nobody can tell what there is: then it wins over all that was said until now."""
        return await self._change(asked, "user.put", change_of(asked.body), must_exist=False)

    async def patch(self, asked: Asked) -> Response:
        return await self._change(asked, "user.updated", change_of(asked.body), must_exist=True)

    async def add_tags(self, asked: Asked) -> Response:
        return await self._change(
            asked, "user.tagged", UserChange(tags=tag_facts(asked.body.tags, [])), must_exist=True
        )

    async def remove_tag(self, asked: Asked) -> Response:
        return await self._change(
            asked, "user.untagged", UserChange(tags=tag_facts([], [asked.request.path_params["tag"]])), must_exist=True
        )

    async def batch(self, asked: Asked) -> Response:
        """One outcome for each: applied, pending, or refused with a code and a message."""
        self._changes.budgets.check(project_of(asked))
        outcomes: list[dict[str, Any]] = [{} for _ in asked.body.users]
        items: dict[int, tuple[str, UserChange]] = {}
        async for place, raw in in_turns(asked.body.users):
            given: dict[str, Any] = {}
            try:
                given = read_user(raw)
                item = checked(BatchItem, given, "body")
                items[place] = user_id_of(item.id), change_of(item)
                self._defined.check_known(project_of(asked), items[place][0])
                self._defined.check(project_of(asked), items[place][1], is_new=False)
            except WriteInvalid as error:
                outcomes[place] = _refused(given.get("id"), "invalid_body", str(error))
            except (BadRequest, Conflict, Unprocessable) as error:
                items.pop(place, None)
                outcomes[place] = _refused(given.get("id"), error.code, error.message)
        said = b"\0".join(id.encode() + b"\0" + encode(change) for id, change in items.values())
        request = self._changes.request(asked, "", said)
        states = await self._states(request, [id for id, _ in items.values()])
        wanted = [_wanted(id, "user.put", change, states) for id, change in items.values()]
        made = await self._changes.make(request, wanted) if wanted else None
        pending = made if made and not made.is_applied else None
        lost = await self._changes.refused(request, wanted) if made and made.is_applied else set()
        for number, (place, item_wanted) in enumerate(zip(items, wanted, strict=True)):
            outcome = {"id": item_wanted.user_id, "status": "pending" if pending else "applied"}
            outcomes[place] = _refused(item_wanted.user_id, "not_applied", NOT_APPLIED) if number in lost else outcome
        return JSONResponse({"users": outcomes} | (_state(pending) if pending else {}), 202 if pending else 200)

    async def _states(self, request: Request, ids: list[str]) -> dict[str, State]:
        """Nothing of anyone while nobody can tell."""
        changes = self._changes
        try:
            return await changes.questions.ask(read_states, changes.warehouse, request.project_id, ids)
        except ServiceUnavailable:
            return {}

    async def _change(self, asked: Asked, action: str, change: UserChange, *, must_exist: bool) -> Response:
        id = id_of(asked)
        request = self._changes.request(asked, id, encode(change))
        self._defined.check_known(request.project_id, id)
        expected = asked.request.headers.get("if-match")
        try:
            profile = await self._users.read(request.project_id, id)
            row = Row(profile["id"] if profile else id, profile)
            if await self._changes.was_made(request, row.id):
                return await self._again(request, row.id)
        except ServiceUnavailable:
            if must_exist or expected:
                raise
            row = Row(id, None)
        if must_exist:
            found(row.profile)
        self._defined.check(request.project_id, change, is_new=row.profile is None)
        if expected:
            check_version(expected, row.profile)
        return await self._write(request, row, action, change)

    async def _write(self, request: Request, row: Row, action: str, change: UserChange) -> Response:
        if row.profile:
            _check_tags(row.profile, change)
        wanted = [Wanted(row.id, action, change, row.seen)]
        made = await self._changes.make(request, wanted)
        if not made.is_applied:
            return JSONResponse(_state(made), 202)
        try:
            if await self._changes.refused(request, wanted):
                raise Unprocessable(NOT_APPLIED, code="not_applied")
            profile = found(await self._users.read(request.project_id, row.id))
        except ServiceUnavailable:
            return JSONResponse(_state(made), 202)
        return answer_profile(profile, 200 if row.profile else 201)

    async def _again(self, request: Request, id: str) -> Response:
        profile = found(await self._users.read(request.project_id, id))
        return answer_profile(profile, headers={"idempotency-replayed": "true"})


def _wanted(id: str, action: str, change: UserChange, states: dict[str, State]) -> Wanted:
    state = states.get(id, UNSEEN)
    return Wanted(state.merged_into or id, action, change, state.updated_at)


def check_version(expected: str, profile: dict[str, Any] | None) -> None:
    """Raises MovedOn, with what is there now."""
    versions = {version.strip().removeprefix("W/").strip('"') for version in expected.split(",")}
    if profile is None or ("*" not in versions and profile["version"] not in versions):
        raise MovedOn("somebody else has changed the user: look at `current`, and change that", current=profile)


def _check_tags(profile: dict[str, Any], change: UserChange) -> None:
    after = {*profile["tags"], *(tag for tag, is_on in change.tags.items() if is_on)}
    if len(after) > MAX_USER_TAGS:
        raise Unprocessable(
            f"a user has at most {MAX_USER_TAGS:,} tags, this one would have {len(after):,}", code="too_many_tags"
        )


def _state(made: Made) -> dict[str, Any]:
    return {"change": {"id": made.id, "status": "applied" if made.is_applied else "pending"}}


def _refused(id: object, code: str, message: str) -> dict[str, Any]:
    shown = id if type(id) is str and is_text(id) else None
    return {"id": shown, "status": "refused", "code": code, "message": message}
