"""What the provider answers, with a bound on how long it may take and how large it may be."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

SECONDS = 8.0  # for one answer, from the first byte of the question to the last of the answer
MOST_BYTES = 512_000


class ProviderFailed(Exception):
    """It is away, or what it answers is of no use. The message is for the log."""


class Fetching:
    """Redirects are not followed: where to ask is what was configured, and what the provider's own document says."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        # Unpacked, a small answer could be very large.
        self._client = httpx.AsyncClient(
            headers={"accept": "application/json", "accept-encoding": "identity"}, timeout=seconds
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def object(self, method: str, url: str, **more: Any) -> Mapping[str, Any]:
        """The JSON object that is answered with 200. Raises ProviderFailed."""
        try:
            async with asyncio.timeout(self._seconds), self._answer(method, url, **more) as answer:
                content = await _read(answer)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise ProviderFailed(f"{url} does not answer: {type(error).__name__}") from error
        try:
            found = json.loads(content)
        except (ValueError, RecursionError):
            found = None
        if answer.status_code != 200 or not isinstance(found, dict):
            told = found.get("error") if isinstance(found, dict) else None
            raise ProviderFailed(f"{url} answers {answer.status_code} {str(told or '')[:100]}".strip())
        return found

    @asynccontextmanager
    async def _answer(self, method: str, url: str, **more: Any) -> AsyncIterator[httpx.Response]:
        async with self._client.stream(method, url, **more) as answer:
            if answer.headers.get("content-encoding", "identity") != "identity":
                raise ProviderFailed(f"{url} answers packed, though it was asked not to")
            yield answer


async def _read(answer: httpx.Response) -> bytes:
    content = bytearray()
    async for piece in answer.aiter_raw():
        content += piece
        if len(content) > MOST_BYTES:
            raise ProviderFailed(f"{answer.url} answers with more than {MOST_BYTES:,} bytes")
    return bytes(content)
