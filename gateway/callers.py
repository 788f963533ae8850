"""Who calls: the project that a key names, or why nobody can be told."""

from collections.abc import Awaitable

from ask0.catalog.cache import CatalogCache
from ask0.catalog.errors import CatalogUnavailable, UnknownKey
from ask0.gateway.errors import ServiceUnavailable, Unauthorized

NO_KEY = "no write key: send it as Basic user name, X-Write-Key, ?writeKey= or writeKey in the body"


async def project_of_page(catalog: CatalogCache, key: object) -> str:
    """Of a write key, as pages have it. Raises Unauthorized, ServiceUnavailable."""
    if type(key) is not str:
        raise Unauthorized(NO_KEY if key is None else "a write key is text")
    return await _known(catalog.project_of(key))


async def project_of_sender(catalog: CatalogCache, key: object) -> str | None:
    """Of a write key or a secret key, as a site's server may send events with it; None without a key. Raises
    Unauthorized, ServiceUnavailable."""
    if key is None:
        return None
    if type(key) is not str:
        raise Unauthorized("a write key is text")
    return await _known(catalog.project_of_sender(key))


async def _known(project: Awaitable[str]) -> str:
    try:
        return await project
    except UnknownKey as error:
        raise Unauthorized(str(error)) from None
    except CatalogUnavailable as error:
        raise ServiceUnavailable(str(error)) from None
