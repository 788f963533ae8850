"""Users are deactivated and let in again as the API does it: through the log, also while ClickHouse is away."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import uuid4

from ask0.catalog.deactivations import KIND, Deactivations, Wanted
from ask0.catalog.documents import catalog_of, write_document
from ask0.catalog.projects import find_project
from ask0.catalog.replica import Replica
from ask0.cli.connection import open_tables
from ask0.cli.datadir import InUse
from ask0.cli.documents import with_documents
from ask0.cli.environment import read_settings
from ask0.cli.users import unknown_user
from ask0.gateway.api.definitions import ProjectDefinitions
from ask0.schemas.settings import Settings
from ask0.warehouse.errors import QueryFailed, Unavailable
from ask0.warehouse.filters import DEACTIVATED
from ask0.warehouse.users import read_profile

Profile = Mapping[str, Any]


class Done(NamedTuple):
    """`is_known` is whether ClickHouse has told who it is; `changed` whether anything had to be written."""

    user: Profile  # as the API shows them, or the id and the status alone
    is_known: bool
    changed: bool


def deactivate(project: str | None, id: str, reason: str) -> Done:
    """Raises Failure, CatalogError."""

    def want(there: Deactivations, project_id: str, profile: Profile | None) -> Sequence[Wanted]:
        return [there.to_deactivate(project_id, id, profile, reason)]

    return _change(project, id, want)


def reactivate(project: str | None, id: str) -> Done:
    """Raises Failure, CatalogError."""

    def want(there: Deactivations, project_id: str, profile: Profile | None) -> Sequence[Wanted]:
        return there.to_reactivate(project_id, id, profile)

    return _change(project, id, want)


def _change(
    project: str | None, id: str, want: Callable[[Deactivations, str, Profile | None], Sequence[Wanted]]
) -> Done:
    settings = read_settings()

    async def work(replica: Replica) -> Done:
        project_id = find_project(catalog_of(replica.state), project).id
        # In a thread, as the replica goes on following meanwhile.
        profile = await asyncio.to_thread(_read, settings, project_id, id)
        defined = ProjectDefinitions(replica)
        wanted = want(defined.deactivations, project_id, profile)
        for one in wanted:
            await _write(replica, project_id, one)
        if profile is not None:
            return Done(defined.finish(project_id, profile), is_known=True, changed=bool(wanted))
        status = DEACTIVATED if id in defined.deactivations.ids(project_id) else None
        return Done({"id": id, "status": status}, is_known=False, changed=bool(wanted))

    return with_documents(settings, work)


def _read(settings: Settings, project_id: str, id: str) -> dict[str, Any] | None:
    """The row; None while nobody can tell. Raises Failure for who is not known."""
    try:
        with open_tables(settings) as warehouse:
            profile = read_profile(warehouse, project_id, id)
    except (Unavailable, QueryFailed, InUse):
        return None
    if profile is None:
        raise unknown_user(id)
    return profile


async def _write(replica: Replica, project_id: str, wanted: Wanted) -> None:
    await write_document(
        replica,
        KIND,
        wanted.subject,
        wanted.body,
        project_id=project_id,
        action=wanted.action,
        actor="cli",
        request="",
        id=uuid4().hex,
        expects={},
    )
