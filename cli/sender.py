"""Sending many events over HTTP: several batches in flight, retried until the gateway says they are durable."""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import monotonic
from typing import Self

import httpx
import msgspec

from ask0.cli.errors import Failure, NotAvailable
from ask0.schemas.settings import LOOPBACK

MAX_BATCH_EVENTS = 1_000
MAX_BATCH_BYTES = 400_000  # under the gateway's limit for a body
FIRST_WAIT_SECONDS = 0.2
LONGEST_WAIT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Item:
    """One event or user as JSON, and where it came from."""

    line: int
    body: bytes


class Rejected(msgspec.Struct, frozen=True):
    """An event the gateway will not take, by its position in the batch."""

    index: int
    code: str = ""
    message: str = ""


class Answer(msgspec.Struct, frozen=True):
    accepted: int = 0
    rejected: list[Rejected] = []
    code: str = ""
    message: str = ""


def batched(items: Iterable[Item], most: int = MAX_BATCH_EVENTS) -> Iterable[list[Item]]:
    """Consecutive items, as many as fit one request."""
    batch: list[Item] = []
    size = 0
    for item in items:
        if batch and (len(batch) >= most or size + len(item.body) > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += len(item.body) + 1
    if batch:
        yield batch


class Sender:
    """A client of the ingestion API. Waits through 429, 503 and a broken network, up to `patience_seconds` a batch."""

    def __init__(self, url: str, write_key: str, *, parallel: int = 4, patience_seconds: float = 300) -> None:
        self.url = url.rstrip("/")
        self._parallel = parallel
        self._patience = patience_seconds
        self._client = httpx.AsyncClient(
            auth=(write_key, ""),
            timeout=httpx.Timeout(30, connect=5),
            limits=httpx.Limits(max_connections=parallel, max_keepalive_connections=parallel),
            headers={"content-type": "application/json"},
            trust_env=httpx.URL(self.url).host not in LOOPBACK,  # a proxy is for what is beyond this machine
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._client.aclose()

    async def send_all(self, batches: Iterable[list[Item]], done: Callable[[list[Item], Answer], None]) -> None:
        """Sends every batch; calls `done` in the batches' order, once the gateway has them."""
        flying: deque[tuple[list[Item], asyncio.Task[Answer]]] = deque()
        try:
            for batch in batches:
                flying.append((batch, asyncio.create_task(self.send(batch))))
                while len(flying) >= self._parallel or (flying and flying[0][1].done()):
                    await self._land(flying, done)
            while flying:
                await self._land(flying, done)
        finally:
            for _, task in flying:
                task.cancel()
            await asyncio.gather(*(task for _, task in flying), return_exceptions=True)

    async def send(self, batch: list[Item]) -> Answer:
        """One batch, until it is durable. Raises NotAvailable or Failure."""
        body = b'{"batch":[' + b",".join(item.body for item in batch) + b"]}"
        give_up_at = monotonic() + self._patience
        backoff = FIRST_WAIT_SECONDS
        while True:
            try:
                response = await self._client.post(f"{self.url}/v1/batch", content=body)
            except httpx.InvalidURL as error:
                raise Failure(f"{self.url} is not an address: {error}") from error
            except httpx.TransportError as error:
                problem, asked = f"{self.url} does not answer ({type(error).__name__})", 0.0
            else:
                if response.status_code not in (408, 429) and response.status_code < 500:
                    return _judge(response, batch)
                problem, asked = f"{self.url} answers {response.status_code}", retry_after(response)
            wait = max(asked, backoff * random.uniform(0.75, 1.25))
            backoff = min(2 * backoff, LONGEST_WAIT_SECONDS)
            if monotonic() + wait > give_up_at:
                raise NotAvailable(f"{problem}; start it with `ask0 serve`, then run the same command again to go on")
            await asyncio.sleep(wait)

    async def _land(
        self, flying: deque[tuple[list[Item], asyncio.Task[Answer]]], done: Callable[[list[Item], Answer], None]
    ) -> None:
        batch, task = flying[0]
        answer = await task
        flying.popleft()
        done(batch, answer)


def _judge(response: httpx.Response, batch: list[Item]) -> Answer:
    try:
        answer = msgspec.json.decode(response.content, type=Answer)
    except msgspec.MsgspecError:
        answer = Answer(message=f"an answer that is not the gateway's: is this address Ask0's? ({response.url})")
    if response.status_code == 200 and not answer.message:
        return answer
    if response.status_code == 401:
        raise Failure("the gateway does not know this write key; `ask0 key list` shows the ones it knows")
    if response.status_code == 400 and len(answer.rejected) == len(batch):
        return answer
    if response.status_code in (400, 413) and len(batch) == 1:
        return Answer(rejected=[Rejected(index=0, code=answer.code, message=answer.message)])
    raise Failure(f"the gateway refused a batch with status {response.status_code}: {answer.message}")


def retry_after(response: httpx.Response) -> float:
    try:
        return float(response.headers.get("retry-after", "0"))
    except ValueError:
        return 0.0
