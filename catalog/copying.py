"""Copies the outcome of each change from the control stream to ClickHouse, where people read the audit log."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from ask0.catalog.rule import Outcome, State, adopt
from ask0.eventlog.log import Control, LogUnavailable
from ask0.schemas.changes import Change, NewerVersion
from ask0.schemas.jobs import PROGRESSED
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import QueryFailed, Refused, Unavailable

READ_SECONDS = 1.0
RETRY_SECONDS = 2.0

logger = logging.getLogger(__name__)


class Copier:
    """Any number of them may run: what two of them copy is the same rows."""

    def __init__(self, control: Control, warehouse: Warehouse) -> None:
        self._control = control
        self._warehouse = warehouse
        self._state = State()
        self._copied: int | None = None  # up to which position; None until the table was asked
        self._waiting: list[tuple[Change, Outcome]] = []

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set. An engine that is away is waited for; a change that this code cannot read ends it."""
        try:
            with ThreadPoolExecutor(1, "ask0-copier") as thread:
                await self._run(thread, stop)
        finally:
            await self._control.close()

    async def _run(self, thread: ThreadPoolExecutor, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._turn(thread)
            except NewerVersion as error:
                logger.error("changes are not copied to the audit log any more, update this worker: %s", error)
                return
            except (LogUnavailable, Unavailable, QueryFailed, Refused) as error:
                logger.warning("changes are not copied to the audit log now: %s", " ".join(str(error).split())[:300])
                with suppress(TimeoutError):
                    async with asyncio.timeout(RETRY_SECONDS):
                        await stop.wait()

    async def _turn(self, thread: ThreadPoolExecutor) -> None:
        await self._control.start()
        loop = asyncio.get_running_loop()
        if self._copied is None:
            self._copied = await loop.run_in_executor(thread, self._last_copied)
        for position, value in await self._control.read(self._state.position, READ_SECONDS):
            adopted = adopt(self._state, position, value)
            if adopted and position > self._copied and adopted[0].action != PROGRESSED:
                self._waiting.append(adopted)
        if self._waiting:
            await loop.run_in_executor(thread, self._copy)

    def _last_copied(self) -> int:
        found = self._warehouse.query(
            "SELECT max(position) FROM changes WHERE log_id = {log:String}", {"log": self._control.log_id}
        )
        return int(found[0][0])

    def _copy(self) -> None:
        last = self._waiting[-1][1].position
        token = f"changes:{self._control.log_id}:{self._waiting[0][1].position}:{last}"
        self._warehouse.insert("changes", _columns(self._control.log_id, self._waiting), token=token)
        self._copied, self._waiting = last, []


def _columns(log_id: str, rows: list[tuple[Change, Outcome]]) -> dict[str, list[Any]]:
    return {
        "log_id": [log_id] * len(rows),
        "position": [outcome.position for _, outcome in rows],
        "id": [change.id for change, _ in rows],
        "project_id": [change.project_id for change, _ in rows],
        "at": [change.at for change, _ in rows],
        "actor": [change.actor for change, _ in rows],
        "action": [change.action for change, _ in rows],
        "kind": [change.kind for change, _ in rows],
        "subject": [change.subject for change, _ in rows],
        "request": [change.request for change, _ in rows],
        "moved": [outcome.moved for _, outcome in rows],
    }
