"""Keeps who is in which segment, and puts on the log who came in or went out."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from operator import itemgetter

from prometheus_client import CollectorRegistry, Counter, Gauge

from ask0.catalog.definitions import Definitions, LiveSegment
from ask0.consumers.membership.evaluation import Moved, find_crossing, find_moved, read_now
from ask0.consumers.membership.settling import Settling
from ask0.consumers.membership.tables import Marks, save_moves
from ask0.consumers.membership.telling import tell
from ask0.consumers.membership.touched import Touched
from ask0.consumers.membership.waiting import Waiting
from ask0.eventlog.log import Log, LogUnavailable
from ask0.schemas.filters.errors import FilterInvalid
from ask0.schemas.segment_moves import Cause, Move
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import QueryFailed, Refused, Unavailable

TURN_SECONDS = 1.0
SWEEP_MS = 30_000  # after which time may have moved somebody of a project
SWEEP_SECONDS = 1.0  # of a turn
IDLE = 60_000_000  # µs; where no segment is live, nobody looks further back when one comes
SAVE_SECONDS = 5.0  # between marks
WORK_SECONDS = 2.0  # of one turn; the project that has had least comes first
USERS_AT_ONCE = 2_000  # of one project in one turn …
TOLD_AT_ONCE = 1_000  # … and moves, each of which is an event on the log
TOLD_IN_ALL = 3_000  # moves of one turn
FADING = 0.9  # of what a project has used, with each turn

FAILURES = (Unavailable, QueryFailed, Refused, LogUnavailable, FilterInvalid)

Live = Mapping[str, Mapping[str, LiveSegment]]  # by project and id

logger = logging.getLogger(__name__)


class Membership:
    """One of them is enough, whichever worker it is in; what two of them find is the same moves."""

    def __init__(self, log: Log, warehouse: Warehouse, definitions: Definitions, registry: CollectorRegistry) -> None:
        self._log = log
        self._warehouse = warehouse
        self._definitions = definitions
        self._marks = Marks(warehouse)
        self._settling = Settling(warehouse, definitions, self._marks)
        self._waiting = Waiting()
        self._touched: Touched | None = None
        self._swept: dict[str, int] = {}  # until when, by project
        self._deactivated: dict[str, frozenset[str]] = {}
        self._used: dict[str, float] = {}  # seconds lately, by project
        self._save_at = 0.0
        self._told = Counter("ask0_segment_moves", "Users who came into a segment or left it", registry=registry)
        waiting = Gauge("ask0_segment_waiting", "Users who wait to be put into their segments", registry=registry)
        waiting.set_function(lambda: len(self._waiting))

    async def run(self, leads: Callable[[], bool], stop: asyncio.Event) -> None:
        """Until `stop` is set, in those turns in which it `leads`."""
        with ThreadPoolExecutor(2, "ask0-membership") as threads:
            settling = asyncio.create_task(self._settling.run(threads, leads, stop))
            try:
                while not stop.is_set():
                    if leads():
                        await self._turn(threads)
                    else:  # whoever goes on begins where the marks are
                        self._touched, self._marks.known, self._swept = None, False, {}
                    with suppress(TimeoutError):
                        await asyncio.wait_for(stop.wait(), TURN_SECONDS)
            finally:
                settling.cancel()
                await asyncio.gather(settling, return_exceptions=True)

    async def _turn(self, threads: ThreadPoolExecutor) -> None:
        try:
            await self._gather(threads)
            await self._work(threads)
        except FAILURES as error:
            logger.warning("segments are not kept now: %s", " ".join(str(error).split())[:300])

    async def _gather(self, threads: ThreadPoolExecutor) -> None:
        """Who may have moved since the last turn."""
        loop = asyncio.get_running_loop()
        if self._touched is None:
            await loop.run_in_executor(threads, self._marks.read)
            self._touched = Touched(self._marks.reached)
        defined = self._definitions.segments.projects
        live = {project_id: found for project_id in defined if (found := self._definitions.live(project_id))}
        if not live:
            self._touched.forget_before(time.time_ns() // 1_000 - IDLE)
            return
        now = await loop.run_in_executor(threads, read_now, self._warehouse)
        for project_id, user_id in await loop.run_in_executor(
            threads, self._touched.read, self._warehouse, live.keys(), now
        ):
            if project_id in live:
                self._waiting.add(project_id, (user_id,), "change")
        for project_id in live:
            self._add_deactivated(project_id)
        await self._sweep(threads, live, now // 1_000)
        while self._waiting.too_many:
            self._settling.look_at_all(self._waiting.too_many.pop())
        if time.monotonic() >= self._save_at and not len(self._waiting):  # who waits here is known here alone
            self._save_at = time.monotonic() + SAVE_SECONDS
            await loop.run_in_executor(threads, self._marks.save, self._touched.reached, self._marks.swept)

    def _add_deactivated(self, project_id: str) -> None:
        """Their status has changed, and no row of theirs."""
        now = frozenset(self._definitions.deactivations.ids(project_id))
        before = self._deactivated.get(project_id, now)
        self._deactivated[project_id] = now
        if now != before:
            self._waiting.add(project_id, now ^ before, "change")

    async def _sweep(self, threads: ThreadPoolExecutor, live: Live, now: int) -> None:
        """Whom time alone has moved. Those swept longest ago come first, as long as this turn has time."""
        loop = asyncio.get_running_loop()
        self._swept = {project_id: self._swept.get(project_id, self._marks.swept) for project_id in live}
        end = time.monotonic() + SWEEP_SECONDS
        for project_id, since in sorted(self._swept.items(), key=itemgetter(1)):
            if now - since < SWEEP_MS or time.monotonic() >= end:
                break
            segments, compiling = list(live[project_id].values()), self._definitions.compiling(project_id)
            find = partial(find_crossing, self._warehouse, project_id, segments, compiling, since)
            try:
                self._waiting.add(project_id, await loop.run_in_executor(threads, find), "time")
            except (QueryFailed, FilterInvalid) as error:  # the other projects are swept all the same
                _warn(project_id, error)
            self._swept[project_id] = now
        self._marks.swept = min(self._swept.values())

    async def _work(self, threads: ThreadPoolExecutor) -> None:
        """Some of each project, the one that has had least first, until nobody waits or the turn is over."""
        self._used = {project_id: used * FADING for project_id, used in self._used.items() if used > 0.001}
        end, left = time.monotonic() + WORK_SECONDS, TOLD_IN_ALL
        done: set[str] = set()  # projects that have told as many as they may in one turn
        while waiting := [
            id for id in self._waiting.projects if id not in done and not self._settling.lock(id).locked()
        ]:
            project_id = min(waiting, key=lambda id: self._used.get(id, 0.0))
            started = time.monotonic()
            if started >= end or not left:
                return
            async with self._settling.lock(project_id):
                told = await self._work_for(threads, project_id, min(left, TOLD_AT_ONCE))
            if told == TOLD_AT_ONCE:
                done.add(project_id)
            left -= told
            self._used[project_id] = self._used.get(project_id, 0.0) + time.monotonic() - started

    async def _work_for(self, threads: ThreadPoolExecutor, project_id: str, most: int) -> int:
        """How many moves were told; the rest waits."""
        loop = asyncio.get_running_loop()
        segments = self._settling.settled(project_id)
        users = self._waiting.take(project_id, USERS_AT_ONCE)
        if not segments or not users:
            return 0
        of = self._warehouse, project_id, list(segments.values()), self._definitions.compiling(project_id), list(users)
        try:
            version, found = await loop.run_in_executor(threads, find_moved, *of)
            now, later = found[:most], found[most:]
            moves = [_move(project_id, one, version, users[one.user_id]) for one in now]
            # Of one who has become another user it is no news: the other one is in it.
            told = [move for move, one in zip(moves, now, strict=True) if not one.is_merged]
            await tell(self._log, told, {id: segment.name for id, segment in segments.items()})
            await loop.run_in_executor(threads, save_moves, self._warehouse, moves, version)
        except (QueryFailed, FilterInvalid) as error:  # of this project alone
            _warn(project_id, error)
            self._settling.look_at_all(project_id)
            return 0
        except BaseException:
            self._waiting.give_back(project_id, users)
            raise
        self._settling.count(moves)
        self._told.inc(len(told))
        self._waiting.give_back(project_id, {one.user_id: users[one.user_id] for one in later})
        return len(told)


def _move(project_id: str, one: Moved, version: int, cause: Cause) -> Move:
    return Move(project_id, one.user_id, one.segment_id, one.is_in, version // 1_000, one.ended, cause)


def _warn(subject: str, error: Exception) -> None:
    logger.warning("segments of %s are not kept: %s", subject, " ".join(str(error).split())[:300])
