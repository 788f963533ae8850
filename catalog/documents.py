"""Projects and keys as documents: read from the state, written as changes."""

import logging
import secrets
import time
from collections.abc import Mapping
from typing import TypeVar
from uuid import uuid4

import msgspec

from ask0.catalog.replica import Replica
from ask0.catalog.rule import Outcome, State
from ask0.schemas.audit import SALT_CHARACTERS
from ask0.schemas.catalog import Catalog, Key, Project
from ask0.schemas.changes import Change, name_of

PROJECT, KEY = "project", "key"

logger = logging.getLogger(__name__)

Body = TypeVar("Body", Project, Key)


def catalog_of(state: State) -> Catalog:
    """Everything there is now. Kinds that only newer code knows are left alone."""
    return Catalog(projects=_read(state, PROJECT, Project), keys=_read(state, KEY, Key))


def change_of(
    document: Project | Key, action: str, *, expected: int | None, actor: str = "cli", id: str = ""
) -> Change:
    """`expected` is the version that it was made from, 0 where there must be none; None takes the place of any. With an
    `id` that follows from what is wanted, whoever wants the same at the same time makes one change."""
    kind, project_id = (PROJECT, document.id) if isinstance(document, Project) else (KEY, document.project_id)
    return Change(
        id=id or uuid4().hex,
        kind=kind,
        subject=document.id,
        action=action,
        actor=actor,
        at=time.time_ns() // 1_000_000,
        project_id=project_id,
        expects={} if expected is None else {name_of(kind, document.id): expected},
        body=msgspec.Raw(msgspec.json.encode(document)),
        salt=new_salt(),
    )


async def replace_document(replica: Replica, before: Project | Key, after: Project | Key, action: str) -> None:
    """Raises MovedOn when `before` is not what stands, and what `Replica.write` raises."""
    kind = PROJECT if isinstance(before, Project) else KEY
    stored = replica.state.documents.get(kind, {}).get(before.id)
    expected = stored.version if stored and msgspec.json.decode(stored.body, type=type(before)) == before else -1
    await replica.write(change_of(after, action, expected=expected))


async def add_document(replica: Replica, document: Project | Key, action: str, actor: str = "cli") -> None:
    """Raises MovedOn when there is one of this id, or was."""
    await replica.write(change_of(document, action, expected=0, actor=actor))


async def write_document(
    replica: Replica,
    kind: str,
    subject: str,
    body: msgspec.Struct | None,
    *,
    project_id: str,
    action: str,
    actor: str,
    request: str,
    id: str,
    expects: Mapping[str, int],
    digest: str = "",
    ip: str = "",
) -> Outcome:
    """`body` None deletes it. `expects` are versions by name, `digest` is of what was asked (schemas.changes). Raises
    what `Replica.write` raises, and CatalogError for one that is too large."""
    change = Change(
        id=id,
        kind=kind,
        subject=subject,
        action=action,
        actor=actor,
        at=time.time_ns() // 1_000_000,
        project_id=project_id,
        request=request,
        expects=dict(expects),
        body=msgspec.Raw(msgspec.json.encode(body)),
        digest=digest,
        ip=ip,
        salt=new_salt(),
    )
    return await replica.write(change)


def new_salt() -> str:
    """Of one change, for the audit log."""
    return secrets.token_hex(SALT_CHARACTERS // 2)


def read_one(state: State, kind: str, id: str, type: type[Body]) -> Body | None:
    """None for what cannot be read, which must not take the others with it."""
    one = state.documents.get(kind, {}).get(id)
    if one is None:
        return None
    try:
        return msgspec.json.decode(one.body, type=type)
    except msgspec.MsgspecError as error:
        logger.error("the %s of version %s cannot be read and counts as absent: %s", kind, one.version, error)
        return None


def _read(state: State, kind: str, type: type[Body]) -> dict[str, Body]:
    found = ((id, read_one(state, kind, id, type)) for id in state.documents.get(kind, {}))
    return {id: document for id, document in found if document is not None}
