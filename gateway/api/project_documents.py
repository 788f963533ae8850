"""Settings that lie in a project's own document: who may chat, and how users prove who they are."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response

from ask0.catalog.collection import Collection, Stored
from ask0.catalog.documents import PROJECT
from ask0.catalog.errors import CatalogError
from ask0.catalog.errors import MovedOn as MovedMeanwhile
from ask0.catalog.replica import Replica
from ask0.catalog.sealing import Seal
from ask0.catalog.verification import KeyMaterial, make_verification_key
from ask0.gateway.api import documents
from ask0.gateway.api.changes import Changes
from ask0.gateway.api.documents import expected_version
from ask0.gateway.api.paths import project_of
from ask0.gateway.api.route import ApiRoute
from ask0.gateway.api.settings import SETTINGS
from ask0.gateway.callers import Access
from ask0.gateway.entrance import Entrance
from ask0.gateway.errors import Conflict, MovedOn, NotFound, invalid
from ask0.gateway.groups import Group
from ask0.gateway.operations import Asked, Operation
from ask0.schemas.catalog import MAX_VERIFICATION_KEYS, Project, Verification
from ask0.schemas.changes import name_of
from ask0.schemas.events import write_time
from ask0.schemas.ids import is_text
from ask0.schemas.project_settings import (
    ChatAnswer,
    ChatEdit,
    NewVerificationKey,
    VerificationAnswer,
    VerificationEdit,
    VerificationKeyMade,
)

Show = Callable[[Stored[Project]], dict[str, Any]]


class ProjectDocuments:
    def __init__(self, replica: Replica, changes: Changes, seal: Seal) -> None:
        self._projects = Collection(replica, PROJECT, Project)
        self._changes = changes
        self._seal = seal

    async def chat(self, asked: Asked) -> Response:
        return documents.answer(_shown_chat(self._stored(asked)))

    async def put_chat(self, asked: Asked) -> Response:
        def edit(project: Project) -> Project:
            return msgspec.structs.replace(project, permission=asked.body.permission)

        await self._edit(asked, edit, "project.permission_changed", _shown_chat)
        return await self.chat(asked)

    async def verification(self, asked: Asked) -> Response:
        return documents.answer(_shown_verification(self._stored(asked)))

    async def put_verification(self, asked: Asked) -> Response:
        required, readable = asked.body.required, tuple(dict.fromkeys(asked.body.readable))
        if not is_text("".join(readable)):
            raise invalid([("readable", "half of a surrogate pair, which no text has")], code="invalid_body")

        def edit(project: Project) -> Project:
            if required and not project.verification.keys:
                raise Conflict("nothing can check tokens yet: add a verification key first", code="not_possible")
            return _verified(project, required=required, readable=readable)

        await self._edit(asked, edit, "verification.changed", _shown_verification)
        return await self.verification(asked)

    async def add_key(self, asked: Asked) -> Response:
        """In a thread, as what it is sealed with may have to be made first."""
        pem = (asked.body.publicKey or "").strip()
        material = KeyMaterial(pem, is_public=asked.body.publicKey is not None)
        request = self._changes.request(asked, "", pem.encode("utf-8", "surrogatepass"))
        if documents.was_written(self._projects, request):
            raise _already_done()
        try:
            key, text = await asyncio.to_thread(make_verification_key, material, self._seal)
        except CatalogError as error:
            if material.is_public:
                raise invalid([("publicKey", str(error))], code="invalid_body") from None
            raise Conflict(str(error), code="not_possible") from None
        stored = self._stored(asked)
        live = stored.document.verification.keys
        if len(live) >= MAX_VERIFICATION_KEYS:
            raise Conflict(f"a project has at most {MAX_VERIFICATION_KEYS} keys: remove one", code="not_possible")
        changed, expects = _verified(stored.document, keys=(*live, key)), _expects(stored)
        try:
            await documents.write(self._projects, request, changed.id, changed, "verification.key_added", expects)
        except MovedMeanwhile:
            raise Conflict("somebody else changed this at the same time: look again", code="moved_on") from None
        stored = self._stored(asked)
        if key.id not in [one.id for one in stored.document.verification.keys]:
            raise _already_done()
        shown = _shown_verification(stored)
        secret = None if material.is_public else text
        return JSONResponse({"verification": shown, "id": key.id, "secret": secret}, 201)

    async def remove_key(self, asked: Asked) -> Response:
        id = asked.request.path_params["id"]

        def edit(project: Project) -> Project:
            live = project.verification.keys
            left = tuple(key for key in live if key.id != id)
            if len(left) == len(live):
                raise NotFound("there is no verification key with this id", code="unknown_key")
            if project.verification.required and not left:
                raise Conflict("tokens are required, and this is all that can check them", code="not_possible")
            return _verified(project, keys=left)

        await self._edit(asked, edit, "verification.key_removed", _shown_verification, id)
        return Response(status_code=204)

    async def _edit(
        self, asked: Asked, edit: Callable[[Project], Project], action: str, show: Show, subject: str = ""
    ) -> None:
        """Raises MovedOn for another version than was seen, and what `edit` raises."""
        expected = expected_version(asked)
        said = msgspec.json.encode(asked.body.model_dump()) if asked.body else b""
        request = self._changes.request(asked, subject, said)
        if documents.was_written(self._projects, request):
            return
        stored = self._stored(asked)
        try:
            if expected not in (None, stored.version):
                raise MovedMeanwhile(PROJECT)
            after = edit(stored.document)
            await documents.write(self._projects, request, after.id, after, action, _expects(stored))
        except MovedMeanwhile:
            raise MovedOn(
                "somebody else has changed the project: look at `current`", current=show(self._stored(asked))
            ) from None

    def _stored(self, asked: Asked) -> Stored[Project]:
        project_id = project_of(asked)
        stored = self._projects.get(project_id, project_id)
        if stored is None:
            raise NotFound("the project is not there any more", code="unknown_project")
        return stored


def project_documents_group(entrance: Entrance, settings: ProjectDocuments) -> Group:
    chat, verification = f"{SETTINGS}/chat", f"{SETTINGS}/verification"
    get: dict[str, Any] = {"access": Access.SERVER, "scope": "settings:write"}
    put: dict[str, Any] = {**get, "headers": ("Idempotency-Key", "If-Match")}
    return Group(
        entrance,
        [
            Operation("GET", chat, settings.chat, "Who may chat", answers=ChatAnswer, **get),
            Operation(
                "PUT",
                chat,
                settings.put_chat,
                "Say who may chat",
                body=ChatEdit,
                answers={200: ChatAnswer},
                refusals=(412, 422, 428),
                **put,
            ),
            Operation(
                "GET",
                verification,
                settings.verification,
                "How users prove who they are",
                answers=VerificationAnswer,
                **get,
            ),
            Operation(
                "PUT",
                verification,
                settings.put_verification,
                "Say how users prove who they are",
                body=VerificationEdit,
                answers={200: VerificationAnswer},
                refusals=(409, 412, 422, 428),
                **put,
            ),
            Operation(
                "POST",
                f"{verification}/keys",
                settings.add_key,
                "Add a verification key",
                body=NewVerificationKey,
                needs_body=False,
                headers=("Idempotency-Key",),
                answers={201: VerificationKeyMade},
                refusals=(409, 422),
                **get,
            ),
            Operation(
                "DELETE",
                f"{verification}/keys/{{id}}",
                settings.remove_key,
                "Remove a verification key",
                answers={204: None},
                refusals=(409, 412, 422, 428),
                **put,
            ),
        ],
        Middleware(ApiRoute),
        for_pages=False,
    )


def _verified(project: Project, **settings: Any) -> Project:
    verification: Verification = msgspec.structs.replace(project.verification, **settings)
    return msgspec.structs.replace(project, verification=verification)


def _expects(stored: Stored[Project]) -> dict[str, int]:
    return {name_of(PROJECT, stored.document.id): stored.version}


def _already_done() -> Conflict:
    return Conflict("this call has made its key before, and its secret is told once", code="already_done")


def _shown_chat(stored: Stored[Project]) -> dict[str, Any]:
    return {"permission": stored.document.permission, "version": str(stored.version)}


def _shown_verification(stored: Stored[Project]) -> dict[str, Any]:
    verification = stored.document.verification
    return {
        "required": verification.required,
        "readable": [*verification.readable],
        "keys": [
            {"id": key.id, "algorithm": key.algorithm, "createdAt": write_time(key.created_at)}
            for key in verification.keys
        ],
        "version": str(stored.version),
    }
