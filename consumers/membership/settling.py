"""Segments that are new, changed or gone: everyone is put where they belong at once, without an event of each."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC
from itertools import zip_longest

from ask0.catalog.definitions import Definitions, LiveSegment
from ask0.consumers.membership.evaluation import count_own, move_all
from ask0.consumers.membership.tables import HOUR, Marks, Segment, count_members, read_sizes, save_sizes
from ask0.schemas.filters import types
from ask0.schemas.filters.dates import Clock
from ask0.schemas.filters.errors import FilterInvalid
from ask0.schemas.segment_moves import Cause, Move
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import QueryFailed, Refused, Unavailable

PAUSE_SECONDS = 1.0
ANEW_SECONDS = 3_600.0  # after which a segment is looked at as a whole all the same, and its size is kept for the hour
REST = 3  # a project's next segment waits so many times as long as its last one took
FAILED_SECONDS = 60.0  # until a segment is tried again
NOBODY = types.Any(())

Version = tuple[str, str, str]  # project, id, definition

FAILURES = (Unavailable, QueryFailed, Refused, FilterInvalid)

logger = logging.getLogger(__name__)


class Settling:
    """Beside the looking at single users, which waits for nobody else's segments."""

    def __init__(self, warehouse: Warehouse, definitions: Definitions, marks: Marks) -> None:
        self._warehouse = warehouse
        self._definitions = definitions
        self._marks = marks
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._due: dict[Version, float] = {}  # when a segment is looked at as a whole
        self._rests: dict[str, float] = {}  # until when, by project
        self._sizes: dict[Segment, int] | None = None
        self._unsaved: set[Segment] = set()
        self._counted_hour = 0  # of the product's own segments

    def lock(self, project_id: str) -> asyncio.Lock:
        """Held by whoever writes its members."""
        return self._locks[project_id]

    def is_busy(self, project_id: str) -> bool:
        """One of its segments is being looked at as a whole."""
        return self._locks[project_id].locked()

    def settled(self, project_id: str) -> dict[str, LiveSegment]:
        """Those whose members are of the definition that stands."""
        live = self._definitions.live(project_id)
        return {id: one for id, one in live.items() if self._marks.definitions.get((project_id, id)) == one.definition}

    def look_at_all(self, project_id: str) -> None:
        """As too much happens there to look at single users."""
        for id, live in self._definitions.live(project_id).items():
            self._due[project_id, id, live.definition] = 0.0

    def count(self, moves: Sequence[Move]) -> None:
        """The sizes, after so many moves."""
        for move in moves:
            segment = move.project_id, move.segment_id
            if self._sizes and segment in self._sizes:
                self._sizes[segment] = max(0, self._sizes[segment] + (1 if move.is_member else -1))
                self._unsaved.add(segment)

    async def run(self, threads: ThreadPoolExecutor, leads: Callable[[], bool], stop: asyncio.Event) -> None:
        while not stop.is_set():
            if leads() and self._marks.known and self._definitions.segments.replica.fresh:
                try:
                    await self._turn(threads)
                except FAILURES as error:
                    logger.warning("segments are not settled now: %s", " ".join(str(error).split())[:300])
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), PAUSE_SECONDS)

    async def _turn(self, threads: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        if self._sizes is None:
            self._sizes = await loop.run_in_executor(threads, read_sizes, self._warehouse)
        for segment, live in self._wanted():
            project_id, _ = segment
            started = time.monotonic()
            if self._rests.get(project_id, 0.0) > started:
                continue
            due = started + ANEW_SECONDS
            try:
                async with self._locks[project_id]:
                    self._sizes[segment] = await loop.run_in_executor(threads, self._settle, segment, live)
                self._unsaved.add(segment)
            except (QueryFailed, FilterInvalid) as error:  # of this project alone
                logger.warning("%s is not settled: %s", segment[1], " ".join(str(error).split())[:300])
                due = started + FAILED_SECONDS
            if live:
                self._due[*segment, live.definition] = due
            self._rests[project_id] = time.monotonic() + REST * (time.monotonic() - started)
        sizes = {segment: self._sizes[segment] for segment in self._unsaved}
        await loop.run_in_executor(threads, save_sizes, self._warehouse, sizes, time.time_ns() // 1_000_000)
        self._unsaved -= {segment for segment, size in sizes.items() if self._sizes[segment] == size}
        await self._count_own(threads)

    async def _count_own(self, threads: ThreadPoolExecutor) -> None:
        """The product's own segments, of every project: columns say who is in them, so only their sizes are kept."""
        now = time.time_ns() // 1_000_000
        if now // HOUR == self._counted_hour:
            return
        self._counted_hour = now // HOUR
        loop = asyncio.get_running_loop()
        sizes = await loop.run_in_executor(threads, count_own, self._warehouse, Clock(now, UTC))
        await loop.run_in_executor(threads, save_sizes, self._warehouse, sizes, now)

    def _wanted(self) -> Iterator[tuple[Segment, LiveSegment | None]]:
        """One of each project after the other; None for a segment that is gone."""
        now = time.monotonic()
        due: dict[Version, float] = {}
        wanted: defaultdict[str, list[tuple[Segment, LiveSegment | None]]] = defaultdict(list)
        gone = set(self._marks.definitions)
        for project_id in self._definitions.segments.projects:
            gone -= {(project_id, id) for id in self._definitions.segments.of(project_id)}
            for id, live in self._definitions.live(project_id).items():
                segment, version = (project_id, id), (project_id, id, live.definition)
                is_settled = self._marks.definitions.get(segment) == live.definition
                due[version] = self._due.get(version, now + ANEW_SECONDS if is_settled else now)
                if due[version] <= now:
                    wanted[project_id].append((segment, live))
        state = self._definitions.segments.replica.state
        for segment in gone:
            if state.version_of(self._definitions.segments.kind, segment[1]):  # else it is another stream's
                wanted[segment[0]].append((segment, None))
        self._due = due
        for turn in zip_longest(*wanted.values()):
            yield from (each for each in turn if each)

    def _settle(self, segment: Segment, live: LiveSegment | None) -> int:
        """How many are in it then."""
        project_id, id = segment
        definition = live.definition if live else ""
        is_settled = self._marks.definitions.get(segment) == definition
        if is_settled or self._marks.look_again(segment) != definition:
            cause: Cause = "change" if is_settled else "definition"
            filter = live.filter if live else NOBODY
            move_all(self._warehouse, project_id, id, filter, self._definitions.compiling(project_id), cause)
            self._marks.settle(segment, definition)
        return count_members(self._warehouse, segment)
