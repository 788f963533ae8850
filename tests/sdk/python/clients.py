"""Both clients under one hand: what is awaited of the one is a plain call of the other."""

import asyncio
import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from ask0_sdk import Ask0, AsyncAsk0

from tests.sdk.python.gateway_double import GatewayDouble

SECRET_KEY = "sk_" + "0" * 30 + "pythonsdk"  # of the real Ask0 that the tests start

Client = Ask0 | AsyncAsk0
KINDS = (Ask0, AsyncAsk0)


async def outcome(result: Any) -> Any:
    """Of a call of either client."""
    return await result if inspect.isawaitable(result) else result


async def collect(things: Any) -> list[Any]:
    """All that either client's iterator gives."""
    return [thing async for thing in things] if hasattr(things, "__aiter__") else list(things)


async def until(condition: Any) -> None:
    """The test's time-out is the limit."""
    while not condition():  # noqa: ASYNC110  # there is nothing but the condition
        await asyncio.sleep(0.005)


@asynccontextmanager
async def connected(kind: type[Client], double: GatewayDouble, **options: Any) -> AsyncIterator[Any]:
    client = kind("sk_1", double.url, **{"flush_seconds": 0.02, **options})
    try:
        yield client
    finally:
        closed = asyncio.to_thread(client.close) if isinstance(client, Ask0) else client.close()
        await closed


async def flush(client: Any, seconds: float = 30) -> bool:
    """In a thread of its own where it blocks: the loop goes on."""
    if isinstance(client, Ask0):
        return await asyncio.to_thread(client.flush, seconds)
    return bool(await outcome(client.flush(seconds)))
