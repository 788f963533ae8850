"""Who calls: for which project, and whether they are believed; or why nobody can be told."""

from collections.abc import Awaitable
from enum import StrEnum
from typing import NamedTuple, TypeVar

from ask0.catalog.cache import CatalogCache
from ask0.catalog.errors import CatalogUnavailable, MayNotSend, UnknownKey
from ask0.gateway.errors import Forbidden, ServiceUnavailable, Unauthorized
from ask0.schemas.catalog import hash_secret

NO_KEY = "no write key: send it as Basic user name, X-Write-Key, ?writeKey= or writeKey in the body"
NO_SECRET = "this needs a secret key, as Bearer or as the user name of Basic: `ask0 key create --secret` makes one"
UNKNOWN_SECRET = "the secret key is unknown or revoked: see `ask0 key list`"

T = TypeVar("T")


class Access(StrEnum):
    """Who may call an operation."""

    ANYONE = "anyone"
    PAGE = "page"  # with a write key, which everyone can read
    SERVER = "server"  # with a secret key, and so believed; or as a member who is signed in
    MEMBER = "member"  # who is signed in, about themselves


class Caller(NamedTuple):
    kind: Access
    project_id: str  # empty of anyone
    actor: str = ""  # for the audit log: key: and the hash of a server's secret key, or member: and whose session
    scopes: frozenset[str] = frozenset()
    ip: str = ""  # for the audit log, as the policy keeps it
    session: str = ""  # its id, of a member

    def check(self, scope: str) -> None:
        """Raises Forbidden."""
        if scope in self.scopes:
            return
        what_to_do = f"which the key has not: `ask0 key create --scope {scope}` makes one"
        if self.session:
            what_to_do = "which your role in this project has not: ask an owner or admin"
        raise Forbidden(f"this needs the scope {scope}, {what_to_do}", code="missing_scope", scope=scope)


ANYONE = Caller(Access.ANYONE, "")


async def caller_for(access: Access, catalog: CatalogCache, key: object) -> Caller:
    """Who has this key. Raises Unauthorized, ServiceUnavailable."""
    if access is Access.ANYONE:
        return ANYONE
    if access is Access.PAGE:
        return Caller(access, await project_of_page(catalog, key))
    if type(key) is not str or not key.startswith("sk_"):
        raise Unauthorized(NO_SECRET, code="unknown_secret_key")
    found = await _known(catalog.secret_of(key), UNKNOWN_SECRET, "unknown_secret_key")
    return Caller(access, found.project_id, f"key:{hash_secret(key)}", found.allowed)


async def project_of_page(catalog: CatalogCache, key: object) -> str:
    """Of a write key, as pages have it. Raises Unauthorized, ServiceUnavailable."""
    if type(key) is not str:
        raise Unauthorized(NO_KEY if key is None else "a write key is text")
    return await _known(catalog.project_of(key))


async def project_of_sender(catalog: CatalogCache, key: object) -> str | None:
    """Of a write key or a secret key, as a site's server may send events with it; None without a key. Raises
    Unauthorized, Forbidden, ServiceUnavailable."""
    if key is None:
        return None
    if type(key) is not str:
        raise Unauthorized("a write key is text")
    return await _known(catalog.project_of_sender(key))


async def _known(found: Awaitable[T], message: str = "", code: str | None = None) -> T:
    """`message` and `code` say it otherwise than the catalog, which thinks of write keys."""
    try:
        return await found
    except UnknownKey as error:
        raise Unauthorized(message or str(error), code=code) from None
    except MayNotSend as error:
        raise Forbidden(str(error), code="missing_scope") from None
    except CatalogUnavailable as error:
        raise ServiceUnavailable(str(error)) from None
