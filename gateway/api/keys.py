"""Keys of a project over HTTP: made, listed, revoked. The text of a secret key is in one answer, and nowhere else."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response

from ask0.catalog.collection import Stored
from ask0.catalog.errors import MovedOn as MovedMeanwhile
from ask0.catalog.keys import Keys, new_key, now_ms
from ask0.gateway.api import documents
from ask0.gateway.api.changes import Changes, Request
from ask0.gateway.api.documents import expected_version
from ask0.gateway.api.key_uses import KeyUses
from ask0.gateway.api.paths import BASE, project_of
from ask0.gateway.api.route import ApiRoute
from ask0.gateway.callers import Access
from ask0.gateway.entrance import Entrance
from ask0.gateway.errors import Conflict, MovedOn, NotFound, ServiceUnavailable, Unprocessable, invalid
from ask0.gateway.groups import Group
from ask0.gateway.operations import Asked, Operation
from ask0.schemas import key_api
from ask0.schemas.catalog import MAX_LIVE_KEYS, Key
from ask0.schemas.changes import name_of
from ask0.schemas.events import write_time
from ask0.schemas.scopes import SCOPES
from ask0.warehouse.key_uses import read_last_uses


class ProjectKeys:
    def __init__(self, keys: Keys, changes: Changes, uses: KeyUses) -> None:
        self._keys, self._changes, self._uses = keys, changes, uses

    async def list(self, asked: Asked) -> Response:
        project_id = project_of(asked)
        found = self._keys.oldest_first(project_id)
        used = await self._last_uses(project_id, [_actor(one.document) for one in found])
        return JSONResponse({"keys": [_show(one, used) for one in found]})

    async def create(self, asked: Asked) -> Response:
        given, scopes = asked.body, _scopes(asked)
        request = self._changes.request(asked, "", msgspec.json.encode([given.name, given.kind, scopes]))
        project_id = request.project_id
        if again := self._made_before(request):
            return again
        self._check_room(project_id)
        made, text = new_key(project_id, given.kind, scopes=scopes)
        key = msgspec.structs.replace(made, name=given.name, created_by=request.actor, change=request.id)
        await self._make_room(request)
        await documents.write(self._keys, request, key.id, key, "key.created", {name_of(self._keys.kind, key.id): 0})
        stored = self._keys.get(project_id, key.id)
        if stored is None:  # the same call was sent twice at once, and the other's key stands
            raise _already_done()
        return _made(stored, text if key.kind == "secret" else None)

    async def revoke(self, asked: Asked) -> Response:
        """It stays in the list, revoked. Every gateway follows the stream, so it is refused at once."""
        project_id, id, expected = project_of(asked), asked.request.path_params["id"], expected_version(asked)
        request = self._changes.request(asked, id, b"")
        if documents.was_written(self._keys, request):
            return Response(status_code=204)
        stored = self._find(project_id, id)
        if expected not in (None, stored.version):
            raise self._moved(project_id, id)
        if stored.document.revoked_at is None:
            revoked = msgspec.structs.replace(stored.document, revoked_at=now_ms())
            expects = {name_of(self._keys.kind, id): stored.version}
            try:
                await documents.write(self._keys, request, id, revoked, "key.revoked", expects)
            except MovedMeanwhile:
                raise self._moved(project_id, id) from None
        return Response(status_code=204)

    def _made_before(self, request: Request) -> Response | None:
        """What a call is told that was sent before. Raises Conflict, as a secret is told once, and Unprocessable."""
        was_written = documents.was_written(self._keys, request)
        every = self._keys.of(request.project_id).values()
        made = next((stored for stored in every if stored.document.change == request.id), None)
        if made and made.document.kind == "write":
            return _made(made, None, {"idempotency-replayed": "true"})
        if made or was_written:
            raise _already_done()
        return None

    def _check_room(self, project_id: str) -> None:
        live = [one for one in self._keys.of(project_id).values() if one.document.revoked_at is None]
        if len(live) >= MAX_LIVE_KEYS:
            raise Unprocessable(f"a project has at most {MAX_LIVE_KEYS} keys: revoke some", code="too_many_keys")

    async def _make_room(self, request: Request) -> None:
        """Whoever else does it at the same time has done it then."""
        for stored in self._keys.in_the_way(request.project_id):
            id, again = stored.document.id, request._replace(id=f"{request.id}.{stored.version}")
            with suppress(MovedMeanwhile):
                expects = {name_of(self._keys.kind, id): stored.version}
                await documents.write(self._keys, again, id, None, "key.forgotten", expects)

    async def _last_uses(self, project_id: str, actors: Sequence[str]) -> Mapping[str, int]:
        """Without ClickHouse what this process has seen."""
        told: Mapping[str, int] = {}
        with suppress(ServiceUnavailable):
            told = await self._changes.questions.ask(read_last_uses, self._changes.warehouse, project_id, actors)
        seen = ((actor, max(told.get(actor, 0), self._uses.last(actor))) for actor in actors)
        return {actor: at for actor, at in seen if at}

    def _find(self, project_id: str, id: str) -> Stored[Key]:
        """Raises NotFound, for a key of another project too."""
        stored = self._keys.get(project_id, id)
        if stored is None:
            raise NotFound("the project has no such key: `GET /keys` lists them", code="unknown_key")
        return stored

    def _moved(self, project_id: str, id: str) -> MovedOn:
        stored = self._keys.get(project_id, id)
        return MovedOn("the key has changed: look at `current`", current=_show(stored, {}) if stored else None)


def keys_group(entrance: Entrance, keys: ProjectKeys) -> Group:
    path = f"{BASE}/keys"
    mine: dict[str, Any] = {"access": Access.SERVER, "scope": "settings:write"}
    return Group(
        entrance,
        [
            Operation("GET", path, keys.list, "Keys of a project", answers=key_api.KeyList, **mine),
            Operation(
                "POST",
                path,
                keys.create,
                "Make a key",
                body=key_api.NewKey,
                headers=("Idempotency-Key",),
                answers={201: key_api.KeyMade},
                refusals=(409, 422),
                **mine,
            ),
            Operation(
                "DELETE",
                f"{path}/{{id}}",
                keys.revoke,
                "Revoke a key",
                headers=("Idempotency-Key", "If-Match"),
                answers={204: None},
                refusals=(412, 422, 428),
                **mine,
            ),
        ],
        Middleware(ApiRoute),
        for_pages=False,
    )


def _scopes(asked: Asked) -> tuple[str, ...] | None:
    """None of a write key. Raises BadRequest, and Forbidden for more than the caller may."""
    given = asked.body
    if given.kind == "write":
        if given.scopes:
            raise invalid([("scopes", "a write key has none: it may send events alone")], code="invalid_body")
        return None
    if not given.scopes:
        raise invalid([("scopes", "say what the secret key may do")], code="invalid_body")
    for scope in given.scopes:
        asked.caller.check(scope)
    return tuple(scope for scope in SCOPES if scope in given.scopes)


def _made(stored: Stored[Key], secret: str | None, headers: Mapping[str, str] | None = None) -> Response:
    tag = {"etag": f'"{stored.version}"'}
    return JSONResponse({"key": _show(stored, {}), "secret": secret}, 201, headers={**tag, **(headers or {})})


def _already_done() -> Conflict:
    return Conflict(
        "this call has made its key before, and a secret is told once: if it is lost, revoke the key and make another",
        code="already_done",
    )


def _actor(key: Key) -> str:
    return f"key:{key.id}"


def _show(stored: Stored[Key], used: Mapping[str, int]) -> dict[str, Any]:
    key = stored.document
    last = used.get(_actor(key))
    return {
        "id": key.id,
        "kind": key.kind,
        "name": key.name,
        "hint": key.shown,
        "scopes": [scope for scope in SCOPES if scope in key.allowed] if key.kind == "secret" else [],
        "createdAt": write_time(key.created_at),
        "createdBy": key.created_by or None,
        "lastUsedAt": write_time(last) if last else None,
        "revokedAt": None if key.revoked_at is None else write_time(key.revoked_at),
        "version": str(stored.version),
    }
