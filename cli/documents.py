"""How a command reads and changes documents: through the log, whether the server runs or not."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ask0.catalog.documents import catalog_of
from ask0.catalog.replica import Replica
from ask0.eventlog.open import open_control
from ask0.schemas.catalog import Catalog
from ask0.schemas.settings import Settings

T = TypeVar("T")


def with_documents(settings: Settings, work: Callable[[Replica], Awaitable[T]]) -> T:
    """What `work` comes to, with a replica that has caught up. Raises CatalogUnavailable, and what `work` raises."""

    async def run() -> T:
        replica = Replica(open_control(settings.log_dsn))
        await replica.start()
        try:
            await replica.catch_up()
            return await work(replica)
        finally:
            await replica.close()

    return asyncio.run(run())


def read_catalog(settings: Settings) -> Catalog:
    async def read(replica: Replica) -> Catalog:
        return catalog_of(replica.state)

    return with_documents(settings, read)
