"""Has the heads of the audit log signed, once a day."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress

from ask0.catalog.audit_heads import Signed, Tampered, keep, latest, make_heads, oldest_unsigned
from ask0.catalog.errors import CatalogError, MovedOn
from ask0.catalog.replica import Replica
from ask0.catalog.sealing import Seal
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import QueryFailed, Refused, Unavailable

LOOK_SECONDS = 60.0
DAY_MS = 86_400_000

logger = logging.getLogger(__name__)


class Signer:
    """One is enough; what two of them sign at once is signed once."""

    def __init__(self, replica: Replica, warehouse: Warehouse, seal: Seal, every_ms: int = DAY_MS) -> None:
        self._replica = replica
        self._warehouse = warehouse
        self._seal = seal
        self._every_ms = every_ms
        self._complained_at = -DAY_MS / 1000

    async def run(self, leads: Callable[[], bool], stop: asyncio.Event) -> None:
        """Until `stop` is set, in those turns in which it `leads`."""
        while not stop.is_set():
            if leads() and self._replica.fresh:
                await self._turn()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_SECONDS)

    async def _turn(self) -> None:
        try:
            signed = await asyncio.to_thread(self._sign, latest(self._replica.state))
            if signed:
                with suppress(MovedOn):  # another one has signed meanwhile
                    await keep(self._replica, signed)
        except Tampered as error:
            self._complain("the audit log was tampered with, and is signed no more: %s; see `ask0 audit verify`", error)
        except (CatalogError, Unavailable, QueryFailed, Refused) as error:
            self._complain("the audit log is not signed now: %s", error)

    def _sign(self, before: Signed | None) -> Signed | None:
        """None until it is time."""
        now = time.time_ns() // 1_000_000
        since = before.at if before else oldest_unsigned(self._warehouse)
        if since is None or now - since < self._every_ms:
            return None
        return make_heads(self._warehouse, self._seal, before, now)

    def _complain(self, message: str, error: Exception) -> None:
        """Once an hour."""
        if time.monotonic() - self._complained_at > 3600:
            self._complained_at = time.monotonic()
            logger.error(message, " ".join(str(error).split())[:300])
