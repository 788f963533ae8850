"""The schedule of the retention: once a day, and at once again where a run was cut."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress

from ask0.catalog.errors import CatalogError
from ask0.catalog.jobs import Jobs
from ask0.catalog.project_settings import ProjectSettings
from ask0.catalog.replica import Replica
from ask0.catalog.sealing import Seal
from ask0.consumers.retention.run import Run, of_projects
from ask0.schemas.project_settings import DAY_MS, GRACE_MS, Retention
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import QueryFailed, Refused, Unavailable
from ask0.warehouse.retention import read_last, save_run

LOOK_SECONDS = 60.0

FAILURES = (CatalogError, Unavailable, QueryFailed, Refused)

logger = logging.getLogger(__name__)


class Retaining:
    """One is enough, whichever worker it is in; what two of them remove at once is the same."""

    def __init__(self, replica: Replica, warehouse: Warehouse, seal: Seal) -> None:
        self._replica = replica
        self._warehouse = warehouse
        self._settings = ProjectSettings(replica)
        self._run = Run(replica, Jobs(replica), warehouse, seal)

    async def run(self, leads: Callable[[], bool], stop: asyncio.Event) -> None:
        """Until `stop` is set, in those turns in which it `leads`."""
        while not stop.is_set():
            if leads() and self._replica.fresh:
                try:
                    await self.turn(time.time_ns() // 1_000_000)
                except FAILURES as error:
                    logger.warning("what is too old is not removed now: %s", " ".join(str(error).split())[:300])
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_SECONDS)

    async def turn(self, now: int) -> None:
        """What was cut goes on; and once a day what is due by then."""
        await self._run.go_on()
        settings = of_projects(self.all(), None, now - GRACE_MS)
        if not settings or now - await asyncio.to_thread(read_last, self._warehouse) < DAY_MS:
            return
        await self._run.tidy()
        run = await self._run.begin(settings)
        await asyncio.to_thread(save_run, self._warehouse, run, now)
        for job in await self._run.go_on():
            logger.info("what was too old is removed: job %s of %s", job.id, job.project_id)

    def all(self) -> list[Retention]:
        stored = self._settings.retention
        return [one.document for project_id in stored.projects for one in stored.of(project_id).values()]
