"""Settings of a project: how long things are kept, and whether consent is in force."""

import time
from typing import Any

import msgspec
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response

from ask0.catalog.collection import Collection
from ask0.catalog.errors import MovedOn as MovedMeanwhile
from ask0.catalog.project_settings import ProjectSettings
from ask0.gateway.api import documents
from ask0.gateway.api.changes import Changes
from ask0.gateway.api.documents import expected_version
from ask0.gateway.api.paths import BASE, project_of
from ask0.gateway.api.route import ApiRoute
from ask0.gateway.callers import Access
from ask0.gateway.entrance import Entrance
from ask0.gateway.errors import MovedOn, QuotaExceeded, ServiceUnavailable
from ask0.gateway.groups import Group
from ask0.gateway.jobs.background import Background
from ask0.gateway.operations import Asked, Operation
from ask0.schemas.changes import name_of
from ask0.schemas.events import write_time
from ask0.schemas.project_settings import (
    GRACE_MS,
    KEPT,
    Privacy,
    PrivacyAnswer,
    PrivacyEdit,
    Retention,
    RetentionAnswer,
    RetentionDryRun,
    RetentionEdit,
    retention_of,
)
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.retention import read_due

SETTINGS = f"{BASE}/settings"
MOST_COUNTING = 8  # dry runs that wait or are under way, each of another project


class Settings:
    def __init__(
        self, settings: ProjectSettings, changes: Changes, warehouse: Warehouse, background: Background
    ) -> None:
        """`background` is for counting, which may take minutes."""
        self._settings = settings
        self._changes = changes
        self._warehouse = warehouse
        self._background = background
        self._counting: set[str] = set()  # projects

    async def privacy(self, asked: Asked) -> Response:
        return documents.answer(self._shown_privacy(project_of(asked)))

    async def put_privacy(self, asked: Asked) -> Response:
        project_id, edit = project_of(asked), asked.body
        document = Privacy(project_id=project_id, enforce_consent=edit.enforceConsent)
        await self._put(asked, self._settings.privacy, document, msgspec.json.encode(document), self._shown_privacy)
        return documents.answer(self._shown_privacy(project_id))

    async def retention(self, asked: Asked) -> Response:
        return documents.answer(self._shown_retention(project_of(asked)))

    async def put_retention(self, asked: Asked) -> Response:
        """All of it, in place of what was before."""
        project_id, edit = project_of(asked), asked.body
        document = retention_of(project_id, edit, _now())
        said = msgspec.json.encode(edit.model_dump())  # without the time, which another call has not
        await self._put(asked, self._settings.retention, document, said, self._shown_retention)
        return documents.answer(self._shown_retention(project_id))

    async def dry_run(self, asked: Asked) -> Response:
        """Of the retention that is sent, else of the one that stands."""
        project_id, edit = project_of(asked), asked.body
        now = _now()
        stored = self._settings.retention.get(project_id, project_id)
        wanted = stored.document if stored and not edit.model_fields_set else retention_of(project_id, edit, now)
        self._take_place(project_id)
        try:
            due: dict[str, Any] = dict.fromkeys(KEPT)
            for kind, before in wanted.ends(now).items():
                found = await self._background.ask(read_due, self._warehouse, project_id, kind, before)
                due[kind] = {"before": write_time(before), "count": found.number, "sample": found.sample}
        finally:
            self._counting.discard(project_id)
        return JSONResponse({"asOf": write_time(now), **due})

    def _take_place(self, project_id: str) -> None:
        if project_id in self._counting:
            raise QuotaExceeded(
                "a dry run of this project is under way: wait until it has ended", retry_after=5, code="being_counted"
            )
        if len(self._counting) >= MOST_COUNTING:
            raise ServiceUnavailable("too many dry runs are under way: ask again later", retry_after=5)
        self._counting.add(project_id)

    async def _put(
        self,
        asked: Asked,
        stored: Collection[Any],
        document: Privacy | Retention,
        said: bytes,
        shown: Any,
    ) -> None:
        project_id, expected = project_of(asked), expected_version(asked)
        request = self._changes.request(asked, "", said)
        expects = {} if expected is None else {name_of(stored.kind, project_id): expected}
        try:
            await documents.write(stored, request, project_id, document, f"{stored.kind}.changed", expects)
        except MovedMeanwhile:
            raise MovedOn(
                "somebody else has changed these settings: look at `current`", current=shown(project_id)
            ) from None

    def _shown_privacy(self, project_id: str) -> dict[str, Any]:
        settings = self._settings
        return {
            "enforceConsent": settings.enforces_consent(project_id),
            "version": str(settings.replica.state.version_of(settings.privacy.kind, project_id)),
        }

    def _shown_retention(self, project_id: str) -> dict[str, Any]:
        stored = self._settings.retention.get(project_id, project_id)
        document = stored.document if stored else Retention(project_id=project_id, changed_at=0)
        return {
            **{name: getattr(document, field) for name, field in KEPT.items()},
            "appliesFrom": write_time(document.changed_at + GRACE_MS) if document.ends(0) else None,
            "version": str(self._settings.replica.state.version_of(self._settings.retention.kind, project_id)),
        }


def settings_group(entrance: Entrance, settings: Settings) -> Group:
    privacy, retention = f"{SETTINGS}/privacy", f"{SETTINGS}/retention"
    get: dict[str, Any] = {"access": Access.SERVER, "scope": "settings:write"}
    put: dict[str, Any] = {**get, "headers": ("Idempotency-Key", "If-Match"), "refusals": (412, 422, 428)}
    operations = [
        Operation("GET", privacy, settings.privacy, "Whether consent is in force", answers=PrivacyAnswer, **get),
        Operation(
            "PUT",
            privacy,
            settings.put_privacy,
            "Put consent in force",
            body=PrivacyEdit,
            answers={200: PrivacyAnswer},
            **put,
        ),
        Operation("GET", retention, settings.retention, "How long what is kept", answers=RetentionAnswer, **get),
        Operation(
            "PUT",
            retention,
            settings.put_retention,
            "Say how long what is kept",
            body=RetentionEdit,
            answers={200: RetentionAnswer},
            **put,
        ),
        Operation(
            "POST",
            f"{retention}/dry-run",
            settings.dry_run,
            "What would go now",
            body=RetentionEdit,
            needs_body=False,
            answers=RetentionDryRun,
            **get,
        ),
    ]
    return Group(entrance, operations, Middleware(ApiRoute), for_pages=False)


def _now() -> int:
    return time.time_ns() // 1_000_000
