"""What sends a request: over httpx, for threads and for tasks."""

import asyncio
import encodings.idna  # noqa: F401  # see below
import time
from threading import RLock
from typing import Any

import httpx

from ask0_sdk.files import ANSWER_SECONDS
from ask0_sdk.options import Options
from ask0_sdk.requests import Answer, Body, NoAnswer, Reply, Request

SHORTEST_SECONDS = 0.1

# httpx and socket import more at their first use. A process that is forked in the middle of an import has half a module
# for ever, so all of it is imported now.
httpx.HTTPTransport(verify=False).close()


class Wire:
    """For threads. Connections are made at the first request, and anew in a forked process."""

    def __init__(self, options: Options, transport: httpx.BaseTransport | None) -> None:
        self.closes_at: float | None = None  # time.monotonic(): no try lasts longer
        self._options = options
        self._transport = transport
        self._certificates = httpx.create_ssl_context()  # read once, for forked processes too
        self._client: httpx.Client | None = None
        self._making = RLock()
        self._closed = False

    def send(self, request: Request) -> Reply:
        """Raises RuntimeError once it is closed."""
        return self._try(request, download=False)

    def open(self, request: Request) -> Reply:
        """As send; a 2xx answer comes as a stream, which the caller closes."""
        return self._try(request, download=True)

    def close(self) -> None:
        self._closed = True
        if self._client:
            self._client.close()

    def renew(self) -> None:
        """In a forked process: the connections are the parent's."""
        self._client = None
        self._making = RLock()

    def _try(self, request: Request, *, download: bool) -> Reply:
        client = self._open_client()
        try:
            content = request.upload.pieces() if request.upload else request.body
            response = client.send(_prepared(client, request, content, self._options, self.closes_at), stream=True)
            if download and response.is_success:
                return Answer(response.status_code, response.headers, stream=response)
            body = Body(self._options.timeout_seconds)
            try:
                for chunk in response.iter_bytes():
                    body.add(chunk)
            finally:
                response.close()
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            return no_answer(error)
        return Answer(response.status_code, response.headers, body.whole())

    def _open_client(self) -> httpx.Client:
        if self._closed:
            raise RuntimeError("this client is closed")
        with self._making:
            if self._client is None:
                self._client = httpx.Client(transport=self._transport, verify=self._certificates)
            return self._client


class AsyncWire:
    """For tasks. Connections belong to an event loop: another loop gets its own."""

    def __init__(self, options: Options, transport: httpx.AsyncBaseTransport | None) -> None:
        self.transport = transport
        self._options = options
        self._certificates = httpx.create_ssl_context()  # read once, for forked processes too
        self._client: httpx.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    async def send(self, request: Request) -> Reply:
        """Raises RuntimeError once it is closed."""
        return await self._try(request, download=False)

    async def open(self, request: Request) -> Reply:
        """As send; a 2xx answer comes as a stream, which the caller closes."""
        return await self._try(request, download=True)

    async def close(self) -> None:
        self._closed = True
        await self.leave()

    async def leave(self) -> None:
        """Closes this loop's connections."""
        if self._client and self._loop is asyncio.get_running_loop():
            client, self._client = self._client, None
            await client.aclose()

    def renew(self) -> None:
        """In a forked process: the connections are the parent's."""
        self._client = self._loop = None

    async def _try(self, request: Request, *, download: bool) -> Reply:
        client = self._open_client()
        try:
            content = request.upload.pieces_for_tasks() if request.upload else request.body
            response = await client.send(_prepared(client, request, content, self._options, None), stream=True)
            if download and response.is_success:
                return Answer(response.status_code, response.headers, stream=response)
            body = Body(self._options.timeout_seconds)
            try:
                async for chunk in response.aiter_bytes():
                    body.add(chunk)
            finally:
                await response.aclose()
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            return no_answer(error)
        return Answer(response.status_code, response.headers, body.whole())

    def _open_client(self) -> httpx.AsyncClient:
        if self._closed:
            raise RuntimeError("this client is closed")
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._client, self._loop = httpx.AsyncClient(transport=self.transport, verify=self._certificates), loop
        return self._client


def no_answer(error: Exception) -> NoAnswer:
    return NoAnswer(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)


def _prepared(
    client: Any, request: Request, content: object, options: Options, closes_at: float | None
) -> httpx.Request:
    seconds = ANSWER_SECONDS if request.upload else options.timeout_seconds
    if closes_at is not None:
        seconds = max(min(seconds, closes_at - time.monotonic()), SHORTEST_SECONDS)
    prepared: httpx.Request = client.build_request(
        request.method,
        options.url(request.path),
        headers={**options.headers(beacon=request.beacon), **request.headers},
        content=content,
        timeout=httpx.Timeout(seconds, connect=min(seconds, options.timeout_seconds)),
    )
    return prepared
