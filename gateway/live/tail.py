"""The one tail of the log in this process: it begins when somebody looks and ends when nobody does.

It looks a few times a second, so that it takes little of the log; records of projects that nobody looks at are passed
over without being read."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from secrets import token_hex
from typing import NamedTuple

import msgspec

from ask0.eventlog.log import Chunk, LogUnavailable, Reader
from ask0.eventlog.open import drop_group, open_reader
from ask0.gateway.live.shown import Line, event_line, ids_of, is_shown, reject_line
from ask0.gateway.live.streams import Stream
from ask0.schemas import records
from ask0.schemas.events import Event
from ask0.schemas.records import Record, Reject
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import QueryFailed, Unavailable
from ask0.warehouse.withheld import read_withheld

POLL_SECONDS = 0.5
REST_SECONDS = 0.25  # between looks, so that what came meanwhile is read at once
AWAY_SECONDS = 2.0
MOST_AT_ONCE = 250  # lines of a project in a look: who sees more, sees nothing
DROPS = 10  # attempts to forget the tail's group at its end …
DROP_SECONDS = 0.3  # … and between them
TOO_MANY = "more comes in than can be shown"

Drops = Callable[[str, str], bool]  # whether everything of a project's user is dropped

logger = logging.getLogger(__name__)


class Found(NamedTuple):
    """Of one project in one look."""

    lines: Sequence[Line]
    left_out: int


class Item(NamedTuple):
    place: str
    record: Record
    what: Event | Reject
    id: str


class Tail:
    def __init__(self, log_dsn: str, warehouse: Warehouse, drops: Drops) -> None:
        self._dsn = log_dsn
        self._warehouse = warehouse
        self._drops = drops
        self._streams: dict[str, set[Stream]] = defaultdict(set)  # by project
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="live")
        self._running: asyncio.Task[None] | None = None
        self.is_listening = asyncio.Event()

    @property
    def has_failed(self) -> bool:
        return self._running is None or self._running.done()

    def join(self, stream: Stream) -> None:
        self._streams[stream.project_id].add(stream)
        if self._running is None or self._running.done():
            self.is_listening.clear()
            self._running = asyncio.create_task(self._run())

    def leave(self, stream: Stream) -> None:
        looking = self._streams[stream.project_id]
        looking.discard(stream)
        if not looking:
            del self._streams[stream.project_id]
        if not self._streams and self._running:
            self._running.cancel()
            self._running = None

    async def close(self) -> None:
        if self._running:
            self._running.cancel()
            await asyncio.wait([self._running])
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _run(self) -> None:
        group = f"ask0-live-{token_hex(6)}"
        reader = open_reader(self._dsn, group=group, at_end=True, lasting=False)
        try:
            while True:
                try:
                    await reader.start()
                    self.is_listening.set()
                    await self._look(reader)
                except LogUnavailable as error:
                    logger.info("the log cannot be followed now, trying again", extra={"error": str(error)})
                    reader.retry()
                    await asyncio.sleep(AWAY_SECONDS)
        except asyncio.CancelledError:
            raise
        except Exception:
            logger.exception("the tail of the log has ended: whoever looks is told to come again")
        finally:
            self.is_listening.clear()
            await asyncio.shield(_end(reader, self._dsn, group))

    async def _look(self, reader: Reader) -> None:
        chunks = await reader.poll(POLL_SECONDS)
        if not chunks:
            return
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._thread, self._read, chunks, frozenset(self._streams))
        await reader.done(chunks)
        for project_id, of_project in found.items():
            for stream in self._streams.get(project_id, ()):
                stream.put(of_project.lines)
                stream.miss(of_project.left_out, TOO_MANY)
        await asyncio.sleep(REST_SECONDS)

    def _read(self, chunks: Sequence[Chunk], watched: Collection[str]) -> Mapping[str, Found]:
        """In the tail's thread."""
        items: dict[str, list[Item]] = defaultdict(list)
        left_out: dict[str, int] = defaultdict(int)
        starts = tuple(start_of(project_id) for project_id in watched)
        for chunk in chunks:
            for offset, value in chunk.records:
                if not value.startswith(starts):
                    continue
                with suppress(msgspec.MsgspecError):  # the worker puts it into the quarantine
                    record = records.decode(value)
                    of_project = items[record.project_id]
                    for item in _items(chunk, offset, record):
                        if len(of_project) < MOST_AT_ONCE:
                            of_project.append(item)
                        else:
                            left_out[record.project_id] += 1
        return {
            project_id: Found(self._lines(project_id, found), left_out[project_id])
            for project_id, found in items.items()
        }

    def _lines(self, project_id: str, items: Sequence[Item]) -> list[Line]:
        events = [item for item in items if isinstance(item.what, Event)]
        erased = {id for id in _ids(events) if self._drops(project_id, id)}
        withheld = self._withheld(project_id, _ids(events) - erased)
        lines = []
        for place, record, what, id in items:
            if isinstance(what, Reject):
                lines.append(reject_line(place, id, record, what))
            elif erased.isdisjoint(ids_of(what)):
                lines.append(event_line(place, record, what, withheld))
        return lines

    def _withheld(self, project_id: str, ids: Collection[str]) -> Set[str] | None:
        if not ids:
            return frozenset()
        try:
            return read_withheld(self._warehouse, project_id, ids)
        except (Unavailable, QueryFailed) as error:
            logger.info("whose events may be shown is not known now", extra={"error": type(error).__name__})
            return None


def start_of(project_id: str) -> bytes:
    """With what each record of a project begins."""
    return msgspec.json.encode([records.VERSION, project_id])[:-1] + b","


def _items(chunk: Chunk, offset: int, record: Record) -> list[Item]:
    place = f"{chunk.partition}-{offset}"
    events = [
        Item(f"{place}-{index}", record, event, "") for index, event in enumerate(record.events) if is_shown(event)
    ]
    rejects = [  # under the id that the quarantine will have them under
        Item(f"{place}-{index}", record, reject, f"{chunk.log_id}:{chunk.partition}:{offset}:{index}")
        for index, reject in enumerate(record.rejects, start=len(record.events))
    ]
    return events + rejects


def _ids(items: Sequence[Item]) -> set[str]:
    return {id for item in items if isinstance(item.what, Event) for id in ids_of(item.what)}


async def _end(reader: Reader, dsn: str, group: str) -> None:
    with suppress(LogUnavailable):
        await reader.close()
    for _ in range(DROPS):
        try:
            await drop_group(dsn, group)
            return
        except LogUnavailable:  # whoever lists the groups holds each for a moment
            await asyncio.sleep(DROP_SECONDS)
    logger.info("the group of the tail is left to be forgotten by itself", extra={"group": group})
