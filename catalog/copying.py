"""Copies the outcome of each change from the control stream to the audit log in ClickHouse, where people read it."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from uuid import uuid4

import msgspec

from ask0.catalog.rule import Outcome, State, adopt
from ask0.eventlog.log import Control, LogUnavailable
from ask0.schemas.audit import DOCUMENTS, PERSONAL_KINDS, Entry, salt_of
from ask0.schemas.changes import Change, NewerVersion
from ask0.schemas.jobs import PROGRESSED
from ask0.schemas.members import SESSION_SEEN
from ask0.warehouse.audit_chain import append
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import QueryFailed, Refused, Unavailable

READ_SECONDS = 1.0
RETRY_SECONDS = 2.0
UNTOLD = frozenset({PROGRESSED, SESSION_SEEN})  # actions that the audit log has no use for

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
            if adopted and position > self._copied and adopted[0].action not in UNTOLD:
                self._waiting.append(adopted)
        if self._waiting:
            await loop.run_in_executor(thread, self._copy)

    def _last_copied(self) -> int:
        found = self._warehouse.query(
            "SELECT max(off) FROM audit WHERE stream = {stream:String} AND log = {log:String}",
            {"stream": DOCUMENTS, "log": self._control.log_id},
        )
        return int(found[0][0])

    def _copy(self) -> None:
        """Under a token of its own: rows are the same whoever copies them, and ClickHouse may have spent a token of
        before without its rows."""
        entries = [_entry(self._control.log_id, *waiting) for waiting in self._waiting]
        append(self._warehouse, entries, f"changes:{uuid4().hex}")
        self._copied, self._waiting = entries[-1].off, []


def _entry(log_id: str, change: Change, outcome: Outcome) -> Entry:
    is_personal = change.kind in PERSONAL_KINDS
    subject = change.subject.removeprefix(f"{change.project_id}/") if is_personal else change.subject
    return Entry(
        project_id=change.project_id,
        stream=DOCUMENTS,
        log=log_id,
        partition=0,
        off=outcome.position,
        idx=0,
        at=change.at,
        id=change.id,
        action=change.action,
        actor=change.actor,
        entity=change.kind,
        about=(subject,),
        outcome="done" if outcome.stands else "refused",
        request=change.request,
        ip=change.ip,
        is_personal=is_personal,
        salt=change.salt or salt_of(msgspec.json.encode(change)),
    )
