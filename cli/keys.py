"""Making projects and keys: what `ask0 project`, `ask0 key` and the first start write into the catalog."""

import secrets
import string
import time
from hashlib import blake2b
from typing import NamedTuple

from cli.errors import Failure, WrongSetting
from schemas.catalog import Catalog, Project, hash_secret, secret_key, write_key
from schemas.settings import Settings
from warehouse.catalog import load, save
from warehouse.connect import Warehouse

ALPHABET = string.ascii_letters + string.digits
FIRST_PROJECT = "My project"


class NewProject(NamedTuple):
    """A project as it was just made; the only moment at which its secret key can be read."""

    project: Project
    write_key: str
    secret_key: str


def create_project(warehouse: Warehouse, name: str, id: str | None = None) -> Project:
    project = Project(id=id or f"proj_{random_text(12)}", name=name, created_at=now_ms())
    save(warehouse, "project", project.id, project)
    return project


def create_key(warehouse: Warehouse, project_id: str, kind: str, text: str | None = None) -> str:
    """The key's text. `text` is one that the operator has chosen."""
    make, prefix, length = (write_key, "wk_", 24) if kind == "write" else (secret_key, "sk_", 40)
    text = text or prefix + random_text(length)
    key = make(text, project_id, now_ms())
    save(warehouse, "key", key.id, key)
    return text


def bootstrap(warehouse: Warehouse, settings: Settings) -> NewProject | None:
    """The project of ASK0_BOOTSTRAP_*, or a first one for an empty catalog; None when there was nothing to make.

    Its id follows from its name, so that several processes that start at once make the same one.
    """
    catalog = load(warehouse)
    asked = settings.bootstrap_project
    if not asked and catalog.projects:
        return None
    name = asked or FIRST_PROJECT
    project = _find(catalog, name)
    id = project.id if project else _id_of(name)
    chosen = {"write": settings.bootstrap_write_key, "secret": settings.bootstrap_secret_key.get_secret_value()}
    known = {kind: _has_key(catalog, id, text) for kind, text in chosen.items()}
    keys = {
        kind: create_key(warehouse, id, kind, text)
        for kind, text in chosen.items()
        if not known[kind] and (text or not project)
    }
    if project:
        return None
    project = create_project(warehouse, name, id)  # last: a project that is there has its keys
    return NewProject(project, keys.get("write", chosen["write"]), keys.get("secret", chosen["secret"]))


def find_project(catalog: Catalog, asked: str | None) -> Project:
    """By id or name; the only one there is when none is asked for. Raises Failure."""
    if asked is None:
        if len(catalog.projects) == 1:
            return next(iter(catalog.projects.values()))
        raise Failure(
            f"there are {len(catalog.projects)} projects; name one with --project (`ask0 project list` shows them)"
        )
    project = _find(catalog, asked)
    if project is None:
        raise Failure(f"there is no project {asked!r}; `ask0 project list` shows them")
    return project


def first_project(catalog: Catalog, settings: Settings) -> Project | None:
    """The bootstrap project, else the oldest one."""
    oldest = min(catalog.projects.values(), key=lambda project: project.created_at, default=None)
    return _find(catalog, settings.bootstrap_project) or oldest


def first_write_key(catalog: Catalog, project: Project | None) -> str:
    """The oldest key of the project, or of all, that may send events; empty if there is none."""
    keys = [
        key
        for key in catalog.keys.values()
        if key.kind == "write" and key.revoked_at is None and (project is None or key.project_id == project.id)
    ]
    return min(keys, key=lambda key: key.created_at).id if keys else ""


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def _find(catalog: Catalog, asked: str) -> Project | None:
    named = (project for project in catalog.projects.values() if project.name == asked)
    return catalog.projects.get(asked) or next(named, None)


def _id_of(name: str) -> str:
    return name if name.startswith("proj_") else f"proj_{blake2b(name.encode(), digest_size=6).hexdigest()}"


def _has_key(catalog: Catalog, project_id: str, text: str) -> bool:
    key = catalog.keys.get(text) or catalog.keys.get(hash_secret(text))
    if key and key.project_id != project_id:
        raise WrongSetting("a key in ASK0_BOOTSTRAP_WRITE_KEY or ASK0_BOOTSTRAP_SECRET_KEY is another project's")
    return key is not None


def random_text(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))
