"""A worker's share of a Kafka topic: what the last commit left undone, what was fetched, the chunk handed out."""

from collections import deque
from dataclasses import dataclass, field

from aiokafka import ConsumerRecord

from ask0.eventlog.kafka import EVENTS
from ask0.eventlog.log import MAX_CHUNK_BYTES, MAX_CHUNK_EVENTS, Chunk, LogUnavailable

VERSION = "v1"


@dataclass(slots=True)
class Share:
    """A partition of ours."""

    done: int  # every record below is in the tables
    next: int  # the consumer reads this one next
    repeat: int | None = None  # end of a chunk handed out before, by whomever: it comes first
    records: deque[ConsumerRecord] = field(default_factory=deque)
    chunk: Chunk | None = None  # its bounds are durable
    handed_out: bool = False

    def cut(self, log_id: str, partition: int) -> Chunk | None:
        """The next chunk, if all of it is there."""
        hi, repeated, taken = self.done, self.repeat is not None, []
        if self.repeat is not None:
            if self.next < self.repeat:
                return None
            hi, self.repeat = self.repeat, None
            while self.records and self.records[0].offset < hi:
                taken.append(self.records.popleft())
        else:
            taken = self._bounded()
            if not taken:
                return None
            hi = taken[-1].offset + 1
        records = [(record.offset, record.value or b"") for record in taken]
        return Chunk(log_id, partition, self.done, hi, records, repeated)

    @property
    def hungry(self) -> bool:
        """The next chunk needs more records."""
        if self.chunk:
            return False
        return self.next < self.repeat if self.repeat is not None else not self.records

    def _bounded(self) -> list[ConsumerRecord]:
        taken: list[ConsumerRecord] = []
        events = size = 0
        while self.records:
            record = self.records[0]
            events += _events(record)
            size += len(record.value or b"")
            if taken and (events > MAX_CHUNK_EVENTS or size > MAX_CHUNK_BYTES):
                break
            taken.append(self.records.popleft())
        return taken


@dataclass(slots=True)
class Lease:
    """What one generation of the group gave us. The broker takes its commits until the next generation."""

    generation: int
    member: str
    partitions: list[int]
    log_id: str = ""
    shares: dict[int, Share] = field(default_factory=dict)
    loaded: bool = False
    revoked: bool = False  # the next generation is being made


def note(log_id: str, lo: int, hi: int) -> str:
    """The metadata of a commit of offset `lo`: a chunk [lo, hi) is being handed out; hi = lo if there is none."""
    return f"{VERSION}:{log_id}:{lo}:{hi}"


def resume(log_id: str, start: int, offset: int, metadata: str) -> Share:
    """Where the last commit left off. Without one, or if that was of another log, at the first record there is."""
    version, made_by, lo, hi = (metadata or note(log_id, offset, offset)).split(":")
    if version != VERSION:
        raise LogUnavailable(f"The group's offsets were committed by a newer Ask0 ({version}): update this worker.")
    if offset < 0 or made_by != log_id:
        return Share(done=start, next=start)
    unfinished = int(lo) == offset and int(hi) > offset
    return Share(done=offset, next=max(offset, start), repeat=int(hi) if unfinished else None)


def _events(record: ConsumerRecord) -> int:
    return next((int(value) for name, value in record.headers if name == EVENTS), 1)
