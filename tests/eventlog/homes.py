"""A home of the log as the tests see it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from ask0.eventlog.log import Chunk, Control, Log, Reader
from ask0.eventlog.open import open_control, open_log, open_reader


class Part(Protocol):
    async def start(self) -> None: ...
    async def close(self) -> None: ...


T = TypeVar("T", bound=Part)


@dataclass(frozen=True)
class Home:
    dsn: str
    away: str  # of the same kind, where nothing is
    busy: bool = False

    def open_log(self) -> Log:
        return open_log(self.dsn, group="ask0-test", busy=self.busy)

    def open_control(self) -> Control:
        return open_control(self.dsn)

    def open_reader(self, group: str = "ask0-test", *, at_end: bool = False) -> Reader:
        return open_reader(self.dsn, group=group, at_end=at_end)


@asynccontextmanager
async def started(part: T) -> AsyncIterator[T]:
    await part.start()
    try:
        yield part
    finally:
        await part.close()


async def read(reader: Reader, enough: Callable[[list[Chunk]], bool]) -> list[Chunk]:
    """Polls, with every chunk done at once, until it is enough."""
    chunks: list[Chunk] = []
    while not enough(chunks):
        polled = await reader.poll(1)
        await reader.done(polled)
        chunks += polled
    return chunks


async def read_records(reader: Reader, count: int) -> list[Chunk]:
    return await read(reader, lambda chunks: len(values(chunks)) >= count)


async def next_chunk(reader: Reader) -> Chunk:
    """The only chunk there is: its records are on one partition."""
    while not (chunks := await reader.poll(1)):
        pass
    (chunk,) = chunks
    return chunk


def values(chunks: list[Chunk]) -> list[bytes]:
    return [value for chunk in chunks for _, value in chunk.records]
