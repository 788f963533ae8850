"""How a project's users are verified: its keys, whether it requires tokens, which traits its pages may read."""

from typing import Any, NamedTuple

from msgspec.structs import replace

from ask0.catalog.documents import catalog_of, replace_document
from ask0.catalog.errors import CatalogError
from ask0.catalog.keys import now_ms, random_text
from ask0.catalog.replica import Replica
from ask0.catalog.sealing import Seal, is_sealed
from ask0.catalog.tokens import prepare
from ask0.schemas.catalog import MAX_VERIFICATION_KEYS, Project, VerificationKey


class KeyMaterial(NamedTuple):
    """What the operator brought: a secret of HS256, empty to have one made; or an RSA public key as PEM."""

    text: str
    is_public: bool


def make_verification_key(material: KeyMaterial, seal: Seal) -> tuple[VerificationKey, str]:
    """The key, and the text of it that nobody can read from it any more if that is a secret. Raises CatalogError for
    what is no key of its algorithm, and for a secret that cannot be sealed."""
    text = material.text if material.is_public else material.text or f"vs_{random_text(43)}"
    key = VerificationKey(
        id=f"vk_{random_text(8)}",
        algorithm="RS256" if material.is_public else "HS256",
        key=text,
        created_at=now_ms(),
    )
    try:
        prepare(key, seal)
    except ValueError as error:
        raise CatalogError(f"this key cannot be used: {error}") from error
    return seal_key(key, seal), text


def seal_key(key: VerificationKey, seal: Seal) -> VerificationKey:
    """Sealed if it is a secret, and is not yet. Raises CatalogError."""
    if key.algorithm != "HS256" or is_sealed(key.key):
        return key
    return replace(key, key=seal.close(key.key, key.id))


async def add_verification_key(replica: Replica, project: Project, key: VerificationKey) -> Project:
    """Raises CatalogError when the project has as many as it may."""
    live = project.verification.keys
    if len(live) >= MAX_VERIFICATION_KEYS:
        ids = " and ".join(one.id for one in live)
        raise CatalogError(f"{project.name} has two live keys, {ids}; first `ask0 verification remove` the older one")
    return await _change(replica, project, "verification.key_added", keys=(*live, key))


async def remove_verification_key(replica: Replica, key_id: str) -> Project:
    """Its project without it. Raises CatalogError when there is no such key, or when it is the last that is needed."""
    projects = catalog_of(replica.state).projects.values()
    found = (one for one in projects if key_id in [live.id for live in one.verification.keys])
    project = next(found, None)
    if project is None:
        raise CatalogError(f"there is no verification key {key_id!r}; `ask0 verification list` shows them")
    left = tuple(one for one in project.verification.keys if one.id != key_id)
    if project.verification.required and not left:
        raise CatalogError(
            f"{project.name} requires tokens, and {key_id} is all that can check them; "
            "first add another key, or `ask0 verification require --off`"
        )
    return await _change(replica, project, "verification.key_removed", keys=left)


async def require_verification(replica: Replica, project: Project, required: bool) -> Project:
    """Raises CatalogError for a project that has no key to check tokens with."""
    if required and not project.verification.keys:
        raise CatalogError(f"{project.name} has no key to check tokens with; make one with `ask0 verification add`")
    return await _change(replica, project, "verification.required_changed", required=required)


async def make_readable(replica: Replica, project: Project, traits: tuple[str, ...]) -> Project:
    """What pages may read of a verified user."""
    return await _change(replica, project, "verification.readable_changed", readable=traits)


async def _change(replica: Replica, project: Project, action: str, **settings: Any) -> Project:
    changed = replace(project, verification=replace(project.verification, **settings))
    await replace_document(replica, project, changed, action)
    return changed
