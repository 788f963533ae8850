"""The sender against a server that answers what it is told: it waits as asked, and tells refusal from trouble."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ask0.cli.errors import Failure, NotAvailable
from ask0.cli.sender import MAX_BATCH_BYTES, MAX_BATCH_EVENTS, Answer, Item, Sender, batched

OK = (200, "", '{"success":true,"accepted":1,"rejected":[]}')
BUSY = (503, "retry-after: 1\r\n", '{"code":"unavailable","message":"later"}')
CLOSED = (0, "", "")


class Gateway:
    """Gives the answers in turn, the last one for ever, and keeps the time of each request."""

    def __init__(self, *answers: tuple[int, str, str]) -> None:
        self._answers = list(answers)
        self.times: list[float] = []
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
        )
        await reader.readexactly(length)
        self.times.append(time.monotonic())
        status, headers, body = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if status:
            head_text = f"HTTP/1.1 {status} x\r\n{headers}connection: close\r\ncontent-length: {len(body)}\r\n\r\n"
            writer.write((head_text + body).encode())
        writer.close()


@asynccontextmanager
async def answering(*answers: tuple[int, str, str]) -> AsyncIterator[Gateway]:
    gateway = Gateway(*answers)
    async with await asyncio.start_server(gateway.answer, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        gateway.url = f"http://{host}:{port}"
        yield gateway


async def send(gateway: Gateway, *, events: int = 1, patience: float = 60) -> Answer:
    async with Sender(gateway.url, "wk_x", patience_seconds=patience) as sender:
        return await sender.send([Item(n, b"{}") for n in range(events)])


async def test_it_waits_as_long_as_it_is_asked_to_and_sends_the_same_again() -> None:
    async with answering(BUSY, OK) as gateway:
        assert (await send(gateway)).accepted == 1
        assert gateway.times[1] - gateway.times[0] >= 1


async def test_a_connection_that_breaks_is_tried_again() -> None:
    async with answering(CLOSED, CLOSED, OK) as gateway:
        assert (await send(gateway)).accepted == 1
        assert len(gateway.times) == 3


async def test_it_gives_up_when_its_patience_ends() -> None:
    async with answering(BUSY) as gateway:
        with pytest.raises(NotAvailable, match="answers 503"):
            await send(gateway, patience=0.5)


async def test_a_batch_without_a_usable_event_is_an_answer_not_a_failure() -> None:
    body = '{"code":"no_usable_event","message":"x","rejected":[{"index":0,"messageId":"","code":"a","message":"b"}]}'
    async with answering((400, "", body)) as gateway:
        assert [one.code for one in (await send(gateway)).rejected] == ["a"]


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (401, '{"code":"unknown_write_key","message":"x"}', "write key"),
        (413, '{"code":"too_large","message":"the body"}', "413"),
        (200, "<html>", "is this address Ask0's"),
        (404, "nothing", "404"),
    ],
)
async def test_what_waiting_cannot_heal_stops_it(status: int, body: str, why: str) -> None:
    async with answering((status, "", body)) as gateway:
        with pytest.raises(Failure, match=why):
            await send(gateway, events=2)
        assert len(gateway.times) == 1


async def test_batches_are_told_in_their_order_however_they_are_answered() -> None:
    async with answering(BUSY, OK) as gateway, Sender(gateway.url, "wk_x", parallel=3) as sender:
        told: list[int] = []
        await sender.send_all(([Item(n, b"{}")] for n in range(10)), lambda batch, _: told.append(batch[0].line))
        assert told == [*range(10)]


def test_batches_keep_to_the_gateways_limits() -> None:
    small = [*batched(Item(n, b"{}") for n in range(2 * MAX_BATCH_EVENTS + 1))]
    assert [len(batch) for batch in small] == [MAX_BATCH_EVENTS, MAX_BATCH_EVENTS, 1]
    large = [*batched(Item(n, b"x" * (MAX_BATCH_BYTES // 2)) for n in range(3))]
    assert all(sum(len(item.body) for item in batch) <= MAX_BATCH_BYTES for batch in large)
