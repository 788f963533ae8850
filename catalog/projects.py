"""Projects: made, found, and the first one of a new installation."""

import contextlib
from hashlib import blake2b
from typing import NamedTuple

from ask0.catalog.documents import add_document, catalog_of
from ask0.catalog.errors import CatalogError, MovedOn
from ask0.catalog.keys import create_key, has_key, now_ms, random_text
from ask0.catalog.replica import Replica
from ask0.schemas.catalog import Catalog, Project
from ask0.schemas.settings import Settings

FIRST_PROJECT = "My project"


class NewProject(NamedTuple):
    """A project as it was just made; the only moment at which its secret key can be read."""

    project: Project
    write_key: str
    secret_key: str


async def create_project(replica: Replica, name: str, id: str | None = None, actor: str = "cli") -> Project:
    project = Project(id=id or f"proj_{random_text(12)}", name=name, created_at=now_ms(), enforces_consent=True)
    await add_document(replica, project, "project.created", actor)
    return project


async def bootstrap(replica: Replica, settings: Settings) -> NewProject | None:
    """The project of ASK0_BOOTSTRAP_*, or a first one for an empty catalog; None when there was nothing to make.

    Its id follows from its name. Of several processes that start at once one makes it, and each of its chosen keys.
    """
    catalog = catalog_of(replica.state)
    asked = settings.bootstrap_project
    if not asked and catalog.projects:
        return None
    name = asked or FIRST_PROJECT
    project = _find(catalog, name)
    id = project.id if project else _id_of(name)
    chosen = {"write": settings.bootstrap_write_key, "secret": settings.bootstrap_secret_key.get_secret_value()}
    known = {kind: has_key(catalog, id, text) for kind, text in chosen.items()}
    made = None
    if not project:
        try:
            made = await create_project(replica, name, id, actor="ask0")
        except MovedOn:
            project = catalog_of(replica.state).projects.get(id)  # another process was first, and makes its keys
    keys = {}
    for kind, text in chosen.items():
        if not known[kind] and (text or made):
            with contextlib.suppress(MovedOn):  # another process was first
                keys[kind] = await create_key(replica, id, kind, text, actor="ask0")
    if not made:
        return None
    return NewProject(made, keys.get("write", chosen["write"]), keys.get("secret", chosen["secret"]))


def find_project(catalog: Catalog, asked: str | None) -> Project:
    """By id or name; the only one there is when none is asked for. Raises CatalogError."""
    if asked is None:
        if len(catalog.projects) == 1:
            return next(iter(catalog.projects.values()))
        raise CatalogError(
            f"there are {len(catalog.projects)} projects; name one with --project (`ask0 project list` shows them)"
        )
    project = _find(catalog, asked)
    if project is None:
        raise CatalogError(f"there is no project {asked!r}; `ask0 project list` shows them")
    return project


def first_project(catalog: Catalog, settings: Settings) -> Project | None:
    """The bootstrap project, else the oldest one."""
    oldest = min(catalog.projects.values(), key=lambda project: project.created_at, default=None)
    return _find(catalog, settings.bootstrap_project) or oldest


def _find(catalog: Catalog, asked: str) -> Project | None:
    named = (project for project in catalog.projects.values() if project.name == asked)
    return catalog.projects.get(asked) or next(named, None)


def _id_of(name: str) -> str:
    return name if name.startswith("proj_") else f"proj_{blake2b(name.encode(), digest_size=6).hexdigest()}"
