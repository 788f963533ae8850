"""Whether the process lives, and whether it can take events."""

import asyncio
import logging
from collections.abc import Awaitable
from concurrent.futures import Executor
from dataclasses import dataclass

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from eventlog.log import Log, LogUnavailable
from gateway.metrics import Metrics
from warehouse.connect import Warehouse
from warehouse.errors import QueryFailed, Unavailable

CHECK_SECONDS = 2.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Health:
    log: Log
    warehouse: Warehouse | None
    threads: Executor
    metrics: Metrics
    registry: CollectorRegistry

    async def live(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(self, request: Request) -> Response:
        """503 when the log is away: no event can be taken. When only ClickHouse is away the status is "degraded", with
        200: events are still accepted and become visible later, and a load balancer that took the gateway out would
        lose them."""
        await self.check()
        log, clickhouse = self.metrics.ready["log"], self.metrics.ready["clickhouse"]
        status = "unavailable" if not log else "ok" if clickhouse else "degraded"
        parts = {part: "ok" if state else "unavailable" for part, state in self.metrics.ready.items()}
        return JSONResponse({"status": status, **parts}, 200 if log else 503, {"cache-control": "no-store"})

    async def scrape(self, request: Request) -> Response:
        await self.check()
        return Response(generate_latest(self.registry), media_type=CONTENT_TYPE_LATEST)

    async def check(self) -> None:
        """Asks both parts now, and keeps the answers for the metrics."""
        log, clickhouse = await asyncio.gather(
            _answers("log", self.log.check()), _answers("clickhouse", self._ping_clickhouse())
        )
        self.metrics.ready.update(log=log, clickhouse=clickhouse)

    async def _ping_clickhouse(self) -> None:
        if self.warehouse is None:
            raise Unavailable("ClickHouse is away since the start")
        await asyncio.get_running_loop().run_in_executor(self.threads, self.warehouse.ping)


async def _answers(part: str, check: Awaitable[None]) -> bool:
    try:
        await asyncio.wait_for(check, CHECK_SECONDS)
    except (LogUnavailable, Unavailable, QueryFailed, TimeoutError) as error:
        logger.debug("%s is not ready", part, extra={"error": str(error)})
        return False
    return True
