"""Who may use the assistant: users are deactivated and let in again, and the chatbot's backend asks."""

import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from starlette.responses import JSONResponse, Response

from ask0.catalog.cache import CatalogCache
from ask0.catalog.deactivations import Wanted, whom
from ask0.catalog.errors import TooManyDeactivated
from ask0.gateway.api import documents
from ask0.gateway.api.changes import Changes, Request, change_id
from ask0.gateway.api.definitions import ProjectDefinitions
from ask0.gateway.api.paths import id_of, project_of
from ask0.gateway.api.users import Users, answer_profile, found
from ask0.gateway.errors import BadRequest, ServiceUnavailable, Unprocessable
from ask0.gateway.operations import Asked
from ask0.gateway.questions import Questions
from ask0.schemas.api import AccessParameters
from ask0.schemas.ids import guest_id, short_key
from ask0.schemas.user_writes import user_id_of
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.users import read_user

REMEMBERED = 200_000  # users whose email is known to be verified, by a hash of 64 bits
REMEMBER_SECONDS = 60.0


class Accesses:
    def __init__(self, catalog: CatalogCache, defined: ProjectDefinitions, users: Users, changes: Changes) -> None:
        self._catalog = catalog
        self._defined = defined
        self._deactivations = defined.deactivations
        self._users = users
        self._changes = changes
        self._verified = Verified(changes.warehouse, changes.questions)

    async def ask(self, asked: Asked) -> Response:
        """From memory, but for who is verified: that is looked up, and kept for a minute."""
        return JSONResponse(await self.decide(project_of(asked), asked.query))

    async def decide(self, project_id: str, query: AccessParameters) -> dict[str, Any]:
        """As AccessAnswer. Raises BadRequest, ServiceUnavailable."""
        user, anonymous = (_id(getattr(query, name), name) for name in ("user", "anonymous"))
        if not user and not anonymous:
            raise BadRequest("name somebody: `user` or `anonymous`, or both", code="invalid_query")
        project = self._catalog.current.projects.get(project_id)
        permission = project.permission if project else "guest"
        reason = await self._reason(project_id, user, anonymous, permission)
        return {"allowed": reason == "allowed", "reason": reason, "permission": permission}

    async def _reason(self, project_id: str, user: str, anonymous: str, permission: str) -> str:
        blocked = self._deactivations.ids(project_id)
        if (user and user in blocked) or (anonymous and guest_id(anonymous) in blocked):
            return "deactivated"
        is_user = bool(user) and not user.startswith("g-")
        if permission != "guest" and not is_user:
            return "login_required"
        if permission == "user" and not await self._verified.has(project_id, user):
            return "unverified_email"
        return "allowed"

    async def deactivate(self, asked: Asked) -> Response:
        """Obeyed by every gateway within moments, also while ClickHouse is away."""
        id, project_id = id_of(asked), project_of(asked)
        profile = await self._read(project_id, id)
        user_id, reason = whom(id, profile), asked.body.reason
        try:
            wanted = self._deactivations.to_deactivate(project_id, id, profile, reason)
        except TooManyDeactivated as error:
            raise Unprocessable(str(error), code="too_many_deactivated") from error
        await self._write(self._changes.request(asked, user_id, reason.encode("utf-8", "replace")), [wanted])
        return self._answer(project_id, user_id, profile)

    async def reactivate(self, asked: Asked) -> Response:
        id, project_id = id_of(asked), project_of(asked)
        profile = await self._read(project_id, id)
        user_id = whom(id, profile)
        if wanted := self._deactivations.to_reactivate(project_id, id, profile):
            await self._write(self._changes.request(asked, user_id, b""), wanted)
        return self._answer(project_id, user_id, profile)

    async def _write(self, request: Request, wanted: Sequence[Wanted]) -> None:
        for place, (subject, body, action) in enumerate(wanted):
            one = request._replace(id=change_id(request, place))
            await documents.write(self._deactivations, one, subject, body, action, {})

    async def _read(self, project_id: str, id: str) -> dict[str, Any] | None:
        """The row; None while nobody can tell. Raises NotFound."""
        try:
            return found(await self._users.read_stored(project_id, id))
        except ServiceUnavailable:
            return None

    def _answer(self, project_id: str, user_id: str, profile: dict[str, Any] | None) -> Response:
        if profile is None:  # nobody can tell what else is known of them
            status = "Deactivated" if user_id in self._deactivations.ids(project_id) else None
            return JSONResponse({"id": user_id, "status": status}, 202)
        return answer_profile(self._defined.finish(project_id, profile))


class Verified:
    """Users whose email is verified, as far as this process has seen them lately."""

    def __init__(self, warehouse: Warehouse, questions: Questions) -> None:
        self._warehouse = warehouse
        self._questions = questions
        self._until: OrderedDict[int, float] = OrderedDict()

    async def has(self, project_id: str, user_id: str) -> bool:
        """Raises ServiceUnavailable while nobody can tell."""
        key, now = short_key(f"{project_id} {user_id}"), time.monotonic()
        if self._until.get(key, 0.0) > now:
            return True
        user = await self._questions.ask(read_user, self._warehouse, project_id, user_id, ("emailVerified",))
        is_verified = bool(user and user.get("emailVerified") is True)
        if is_verified:
            self._until[key] = now + REMEMBER_SECONDS
            self._until.move_to_end(key)
            if len(self._until) > REMEMBERED:
                self._until.popitem(last=False)
        return is_verified


def _id(given: str | None, name: str) -> str:
    """Raises WriteInvalid."""
    return user_id_of(given, name) if given else ""
