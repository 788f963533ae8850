"""The worker as a process runs it: first the database has to be ready, however long that takes; then round by round."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from prometheus_client import CollectorRegistry

from ask0.catalog.copying import Copier
from ask0.catalog.definitions import Definitions
from ask0.catalog.errors import CatalogError, CatalogUnavailable
from ask0.catalog.project_settings import ProjectSettings
from ask0.catalog.replica import Replica
from ask0.catalog.sealing import seal_of
from ask0.catalog.signing import Signer
from ask0.consumers.health import WorkerHealth
from ask0.consumers.membership.loop import Membership
from ask0.consumers.restoring import restore
from ask0.consumers.retention.loop import Retaining
from ask0.consumers.tables.rounds import Limits
from ask0.consumers.tables.step import rows_worker
from ask0.eventlog.log import Reader
from ask0.eventlog.open import open_control, open_log, open_reader
from ask0.schemas.settings import Settings
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import QueryFailed, Unavailable
from ask0.warehouse.migrate import pending

FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 10.0

logger = logging.getLogger(__name__)


class NotMigrated(Unavailable):
    """Tables are missing that somebody else is to make."""


def check_migrated(warehouse: Warehouse) -> None:
    """Raises NotMigrated, Unavailable, SchemaMismatch."""
    if missing := pending(warehouse):
        raise NotMigrated(f"{len(missing)} migrations are missing; run `ask0 migrate`")


async def wait_until(prepared: Callable[[], object], stop: asyncio.Event) -> None:
    """Calls `prepared` until it raises neither Unavailable nor CatalogUnavailable, or `stop` is set."""
    wait = FIRST_WAIT_SECONDS
    while not stop.is_set():
        try:
            await asyncio.to_thread(prepared)
        except (Unavailable, CatalogUnavailable) as error:
            logger.warning("the worker waits: %s", " ".join(str(error).split())[:300])
        else:
            return
        try:
            await asyncio.wait_for(stop.wait(), wait)
        except TimeoutError:
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)


async def work(
    settings: Settings, warehouse: Warehouse, registry: CollectorRegistry, health: WorkerHealth, stop: asyncio.Event
) -> None:
    """Until `stop` is set; then its share of the log is given back."""
    reader = open_reader(settings.log_dsn, group=settings.kafka_group)
    replica = Replica(open_control(settings.log_dsn))
    limits = Limits(enforces=ProjectSettings(replica).enforces_consent)
    await replica.start()
    beside = [
        asyncio.create_task(Copier(open_control(settings.log_dsn), warehouse).run(stop)),
        asyncio.create_task(_lead(settings, warehouse, registry, reader, replica, stop)),
    ]
    try:
        await _catch_up(replica, stop)
        await _restore(replica, warehouse, stop)
        await rows_worker(reader, warehouse, registry, health, limits).run(stop)
    finally:
        for each in beside:
            each.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        await reader.close()
        await replica.close()


async def _catch_up(replica: Replica, stop: asyncio.Event) -> None:
    """Until it is known what the projects have set: whether consent is in force decides what is stored."""
    while not stop.is_set():
        try:
            await replica.catch_up()
            return
        except CatalogUnavailable as error:
            logger.warning("the worker waits: %s", " ".join(str(error).split())[:300])
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), FIRST_WAIT_SECONDS)


async def _restore(replica: Replica, warehouse: Warehouse, stop: asyncio.Event) -> None:
    """Until the tables know who is erased: else a round would store what comes of them."""
    while not stop.is_set():
        try:
            await restore(replica, warehouse)
            return
        except (CatalogError, Unavailable, QueryFailed) as error:
            logger.warning("the worker waits to know who is erased: %s", " ".join(str(error).split())[:300])
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), FIRST_WAIT_SECONDS)


async def _lead(
    settings: Settings,
    warehouse: Warehouse,
    registry: CollectorRegistry,
    reader: Reader,
    replica: Replica,
    stop: asyncio.Event,
) -> None:
    """What one of the workers does for all."""
    log, seal = open_log(settings.log_dsn, group=settings.kafka_group), seal_of(settings)
    try:
        membership = Membership(log, warehouse, Definitions(replica), registry)
        signer, retaining = Signer(replica, warehouse, seal), Retaining(replica, warehouse, seal)
        await asyncio.gather(*(each.run(lambda: reader.leads, stop) for each in (membership, signer, retaining)))
    finally:
        await log.close()
