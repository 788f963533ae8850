"""The step of those who follow the log: shows each accepted event that is asked for, in its partition's order."""

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import msgspec

from ask0.consumers.worker import Timed
from ask0.eventlog.log import Chunk
from ask0.schemas import records
from ask0.schemas.events import Event
from ask0.schemas.records import Record

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """Which events are wanted; what is empty asks for nothing."""

    project_id: str = ""
    types: Collection[str] = ()
    events: Collection[str] = ()
    user: str = ""  # a userId or an anonymousId

    def wants(self, event: Event) -> bool:
        return (
            (not self.types or event.type in self.types)
            and (not self.events or event.event in self.events)
            and (not self.user or self.user in (event.user_id, event.anonymous_id))
        )


class Follow:
    """After a crash, the events of the chunk that was under way are shown again."""

    def __init__(self, asked: Asked, show: Callable[[Record, Event], None]) -> None:
        self._asked = asked
        self._show = show

    def apply(self, chunks: Sequence[Chunk], timed: Timed) -> int:
        newest = 0
        with timed("follow"):
            for chunk in chunks:
                for offset, value in chunk.records:
                    newest = max(newest, self._follow(chunk, offset, value))
        return newest

    def finish(self) -> None:
        pass

    def rest(self) -> None:
        pass

    def _follow(self, chunk: Chunk, offset: int, value: bytes) -> int:
        try:
            record = records.decode(value)
        except msgspec.MsgspecError as error:
            logger.warning("record %s:%s cannot be read: %s", chunk.partition, offset, str(error)[:200])
            return 0
        if self._asked.project_id in ("", record.project_id):
            for event in filter(self._asked.wants, record.events):
                self._show(record, event)
        return record.received_at
