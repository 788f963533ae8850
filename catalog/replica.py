"""This process's copy of all documents: it follows the control stream, and knows what became of its own changes."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from ask0.catalog.errors import CatalogUnavailable, KeyReused, MovedOn, OutcomeUnknown
from ask0.catalog.rule import Outcome, State, adopt
from ask0.eventlog.log import Control, LogUnavailable
from ask0.schemas import changes
from ask0.schemas.changes import Change, NewerVersion

SNAPSHOT_NAME = "documents.json"
READ_SECONDS = 1.0  # how long one look at the stream waits for something
RETRY_SECONDS = 1.0
WRITE_SECONDS = 5.0  # for a change to come round
CATCH_UP_SECONDS = 5.0
SAVE_SECONDS = 1.0  # between copies on disk …
SAVE_SHARE = 50  # … and so many times as long as the last one took, as everyone waits for it

logger = logging.getLogger(__name__)


class Replica:
    """Used by one event loop. With a `folder`, it keeps a copy there and can start while the log is away."""

    def __init__(self, control: Control, folder: Path | None = None) -> None:
        self.control = control
        self._path = folder / SNAPSHOT_NAME if folder else None
        self._following: asyncio.Task[None] | None = None
        self._moved = asyncio.Condition()
        self._save_after = 0.0
        self._told: str | None = None  # of which log the lookers have seen the state
        self._unsaved = False
        self._newer = ""  # why it adopts nothing any more
        self._lookers: list[Callable[[], None]] = []
        self.changed: set[tuple[str, str]] | None = None  # kind and subject of what lookers are told of; None: of all
        self.state = State()
        self.fresh = False  # whether the last look reached the stream

    async def start(self, wait: float = CATCH_UP_SECONDS) -> None:
        """Returns once it has caught up, or after `wait` seconds; it goes on following meanwhile."""
        self._read_snapshot()
        self._tell()
        self._following = asyncio.create_task(self._follow())
        with contextlib.suppress(CatalogUnavailable):
            await self.catch_up(wait)

    async def close(self) -> None:
        if self._following:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
            self._following = None
        if self._unsaved:
            self._write_snapshot()
        await self.control.close()

    def on_change(self, look: Callable[[], None]) -> None:
        """`look` is called whenever the state has changed, and once at the start; now, if that was before."""
        self._lookers.append(look)
        if self._following:
            look()

    def report(self) -> dict[str, str]:
        """For readiness: `status` is ok or degraded, beside it why."""
        if self._newer:
            return {"status": "degraded", "reason": self._newer}
        return {"status": "ok"} if self.fresh else {"status": "degraded", "reason": "the control stream is away"}

    async def catch_up(self, wait: float = CATCH_UP_SECONDS) -> None:
        """Up to what is on the stream now. Raises CatalogUnavailable."""
        try:
            async with asyncio.timeout(wait):
                await self.control.start()
                end = await self.control.end()
                await self._until(lambda: self.state.position >= end or bool(self._newer))
        except (LogUnavailable, TimeoutError) as error:
            raise CatalogUnavailable(
                f"the log does not tell the newest documents: {str(error) or 'no answer'}"
            ) from error

    async def write(self, change: Change) -> Outcome:
        """Its outcome, once it has come round. Raises MovedOn when it was made from what had changed meanwhile,
        KeyReused when its id had another change before, OutcomeUnknown when nobody can tell (the same change may be
        sent again), CatalogUnavailable when nothing can be written now."""
        if self._newer:
            raise CatalogUnavailable(f"documents cannot be changed here: {self._newer}")
        value = changes.encode(change)
        doubt: Exception | None = None
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await self.control.start()
                try:
                    await self.control.append(value)
                except LogUnavailable as error:  # it may land all the same
                    doubt = error
                await self._until(lambda: change.id in self.state.outcomes or bool(self._newer))
        except LogUnavailable as error:
            raise CatalogUnavailable(f"documents cannot be changed now: {error}") from error
        except TimeoutError:
            raise OutcomeUnknown(
                f"the log did not say in {WRITE_SECONDS:g} s whether the change stands: send the same one again"
            ) from doubt
        outcome = self.state.outcomes.get(change.id)
        if outcome is None:
            raise OutcomeUnknown(f"nobody here can tell whether the change stands: {self._newer}")
        if not outcome.is_of(change.digest):
            raise KeyReused
        if not outcome.stands:
            raise MovedOn(outcome.moved)
        return outcome

    async def _follow(self) -> None:
        while not self._newer:
            try:
                await self.control.start()
                self._check_stream()
                records = await self.control.read(self.state.position, READ_SECONDS)
            except LogUnavailable as error:
                if self.fresh:
                    logger.warning("the documents stay as they are: the log does not answer: %s", error)
                self.fresh = False
                await asyncio.sleep(RETRY_SECONDS)
                continue
            self.fresh = True
            await self._adopt(records)

    async def _adopt(self, records: list[tuple[int, bytes]]) -> None:
        changed: set[tuple[str, str]] = set()
        for position, value in records:
            try:
                if adopted := adopt(self.state, position, value):
                    changed.add((adopted[0].kind, adopted[0].subject))
            except NewerVersion as error:
                self._newer = f"a newer Ask0 writes documents that this one cannot read, update it ({error})"
                logger.error("%s", self._newer)
                break
        self._unsaved |= bool(records)
        if changed:
            # Where the state is another one than before, all of it is new to those who look.
            self.changed = changed if self._told == self.state.log_id else None
            self._tell()
            self.changed = None
        async with self._moved:
            self._moved.notify_all()
        clock = asyncio.get_running_loop().time
        if self._unsaved and clock() >= self._save_after:
            self._unsaved, started = False, clock()
            self._write_snapshot()
            self._save_after = clock() + max(SAVE_SECONDS, SAVE_SHARE * (clock() - started))

    def _check_stream(self) -> None:
        """Positions of another stream mean nothing here."""
        if self.state.log_id not in ("", self.control.log_id):
            logger.error("the control stream is another one than before: its documents take the place of the old ones")
            self.state = State()
        self.state.log_id = self.control.log_id

    async def _until(self, done: Callable[[], bool]) -> None:
        async with self._moved:
            await self._moved.wait_for(done)

    def _tell(self) -> None:
        """A looker that fails must not end the following, which nobody would notice."""
        for look in self._lookers:
            try:
                look()
            except Exception:
                logger.exception("a change of the documents was not taken in")
        self._told = self.state.log_id

    def _read_snapshot(self) -> None:
        if not self._path:
            return
        try:
            self.state = msgspec.json.decode(self._path.read_bytes(), type=State)
        except FileNotFoundError:
            return
        except (OSError, msgspec.MsgspecError) as error:
            logger.warning("the copy of the documents cannot be read: %s", type(error).__name__)

    def _write_snapshot(self) -> None:
        """Whole or not at all, and for this user only."""
        if not self._path:
            return
        draft = self._path.with_suffix(f".{os.getpid()}.new")  # others may share the folder
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(msgspec.json.encode(self.state))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError as error:
            logger.warning("the documents cannot be copied to disk: %s", error)
