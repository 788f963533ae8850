"""The protocol of the log: append; next chunks; done. Both homes pass one conformance suite."""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

WORKERS = "ask0-worker"  # the group that makes rows, unless it is given another name
MAX_CHUNK_EVENTS = 50_000
MAX_CHUNK_BYTES = 32_000_000  # of its values; a record alone may be larger


class LogUnavailable(Exception):
    """The log cannot take or give records now. The gateway answers 503, a worker waits and tries again."""

    def __init__(self, message: str, retry_after: int = 5) -> None:
        super().__init__(message)
        self.retry_after = retry_after  # seconds


class ChunkLost(Exception):
    """The chunk belongs to another worker by now (fenced). Drop it: nothing of it may be inserted any more."""


class Entry(NamedTuple):
    """A record to append. `key` decides the partition; `events` counts what is inside, to bound chunks by."""

    key: bytes
    value: bytes
    events: int


class Position(NamedTuple):
    """Where a record lies: a group is past it once it has done the records of this partition up to this offset."""

    partition: int
    offset: int


class Group(NamedTuple):
    """Those who read the log together: each record goes to one of them. Groups know nothing of each other."""

    name: str
    lag: int  # records that are not done
    live: bool  # somebody reads in its name now
    seen: float | None  # epoch seconds, when somebody last did; None where the log does not tell


class Progress(NamedTuple):
    """Records that were ever appended, in all partitions, and how many of them the workers have done."""

    appended: int
    done: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive records of one partition, [lo, hi). Handed out again with the same bounds until it is done."""

    log_id: str
    partition: int
    lo: int
    hi: int
    records: Sequence[tuple[int, bytes]] = field(repr=False)  # (offset, value); a compacted log may have gaps
    repeated: bool = False  # handed out before: some of its rows may be in the tables

    @property
    def token(self) -> str:
        return f"{self.log_id}:{self.partition}:{self.lo}:{self.hi}"


class Log(Protocol):
    """The writing side, used by one event loop."""

    partitioned: bool
    """Whether keys matter: a log of one partition may be given what several users did in one record."""
    log_id: str
    """Of this log: one that is made anew has another. Known once something was appended."""

    async def start(self) -> None:
        """Raises LogUnavailable; may be called again."""

    def append(self, entries: Sequence[Entry]) -> Awaitable[list[Position]]:
        """All entries are durable when what it returns is there, one after the other where it says. Raises
        LogUnavailable: some may still land, which a resend with the same messageId makes harmless."""

    async def check(self) -> None:
        """Raises LogUnavailable when an append now would."""

    async def progress(self) -> Progress:
        """How far the workers are. Raises LogUnavailable."""

    async def ends(self) -> list[Position]:
        """The last record of each partition that has had any: whoever is past these has done everything that was
        appended before. Raises LogUnavailable."""

    async def forget(self, positions: Sequence[Position]) -> None:
        """What all groups have done up to these need not be kept, and is gone without a trace where the log is a file;
        a topic has its retention. Raises LogUnavailable."""

    async def close(self) -> None: ...


class Control(Protocol):
    """The stream of changes to documents, beside the events: in one certain order for everyone, and kept for ever. Used
    by one event loop."""

    log_id: str
    """Of this stream: one that is made anew has another. Known once it has started."""
    rewritable: bool
    """Whether a record can give way to another: a topic keeps what it has."""

    async def start(self) -> None:
        """Raises LogUnavailable; may be called again."""

    async def append(self, value: bytes) -> None:
        """Durable when it returns. Raises LogUnavailable: it may still land."""

    async def read(self, after: int, timeout: float) -> list[tuple[int, bytes]]:
        """The next records beyond position `after`, with their positions, from 1 on; waits up to `timeout` seconds for
        the first, empty if none came. Raises LogUnavailable."""

    async def end(self) -> int:
        """The position of the last record, 0 if there is none. Raises LogUnavailable."""

    async def rewrite(self, records: Mapping[int, bytes]) -> None:
        """Others in place of records, by position, without a trace of those. Raises LogUnavailable, always where it is
        not `rewritable`."""

    async def close(self) -> None: ...


class Reader(Protocol):
    """The reading side: one worker's share of its group's partitions, used by one event loop."""

    leads: bool
    """Whether it is the one of its group that does what is to be done once: it has the first partition."""

    async def start(self) -> None:
        """Raises LogUnavailable; may be called again."""

    async def poll(self, timeout: float) -> list[Chunk]:
        """The next chunk of each partition that has one, its bounds made durable first; waits up to `timeout` seconds
        for the first record, empty if none came. A chunk not yet done is not handed out again by the same reader unless
        `retry` was called. Raises LogUnavailable."""

    async def done(self, chunks: Sequence[Chunk]) -> None:
        """The chunks are in the tables. Raises ChunkLost when another worker owns one of them, LogUnavailable."""

    def retry(self) -> None:
        """Hand out the chunks that are not done again, marked `repeated`."""

    async def lag(self) -> int:
        """Records on this worker's partitions that are not done."""

    async def close(self) -> None: ...
