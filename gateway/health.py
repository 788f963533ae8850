"""Whether the process lives, and whether it can take events."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.responses import JSONResponse, Response

from ask0.eventlog.log import Log, LogUnavailable
from ask0.gateway.members import Member
from ask0.gateway.metrics import Metrics
from ask0.gateway.operations import Asked
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import QueryFailed, Unavailable

CHECK_SECONDS = 2.0

logger = logging.getLogger(__name__)


Report = Callable[[], Mapping[str, Any]]  # `status` is ok, degraded or unavailable; beside it why


@dataclass(frozen=True)
class Health:
    """`reports` are of other parts of the process: of the worker, where it runs beside the gateway."""

    log: Log
    warehouse: Warehouse
    threads: Executor
    metrics: Metrics
    registry: CollectorRegistry
    reports: Mapping[str, Report]
    member: Member | None

    async def live(self, asked: Asked) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(self, asked: Asked) -> Response:
        """503 when no event can be taken: the log is away, or a part says unavailable. When only ClickHouse is away, or
        the worker does not get on, the status is "degraded", with 200: events are still accepted and become visible
        later, and a load balancer that took the gateway out would lose them."""
        await self.check()
        parts: dict[str, Any] = {part: "ok" if state else "unavailable" for part, state in self.metrics.ready.items()}
        parts |= {part: report() for part, report in self.reports.items()}
        states = {part["status"] for part in parts.values() if isinstance(part, Mapping)}
        if parts["log"] == "unavailable" or "unavailable" in states:
            status = "unavailable"
        else:
            status = "degraded" if parts["clickhouse"] == "unavailable" or "degraded" in states else "ok"
        return JSONResponse(
            {"status": status, **parts}, 503 if status == "unavailable" else 200, {"cache-control": "no-store"}
        )

    async def scrape(self, asked: Asked) -> Response:
        await self.check()
        text = generate_latest(self.registry)
        if self.member:
            text = await self.member.add_others(text)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    async def check(self) -> None:
        """Asks both parts now, and keeps the answers for the metrics."""
        log, clickhouse = await asyncio.gather(
            _answers("log", self.log.check()), _answers("clickhouse", self._ping_clickhouse())
        )
        self.metrics.ready.update(log=log, clickhouse=clickhouse)

    async def _ping_clickhouse(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self.threads, self.warehouse.ping)


async def _answers(part: str, check: Awaitable[None]) -> bool:
    try:
        await asyncio.wait_for(check, CHECK_SECONDS)
    except (LogUnavailable, Unavailable, QueryFailed, TimeoutError) as error:
        logger.debug("%s is not ready", part, extra={"error": str(error)})
        return False
    return True
