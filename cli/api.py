"""Calls of a server's API with a secret key, each until it is answered: through 429, 503 and a broken network."""

import random
import time
from collections.abc import Iterator
from typing import Self

import httpx
import msgspec

from ask0.cli.errors import Failure, NotAvailable
from ask0.cli.sender import FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, retry_after
from ask0.schemas.settings import LOOPBACK

READ_SECONDS = 60


class Told(msgspec.Struct, frozen=True):
    """What an error says."""

    code: str = ""
    message: str = ""


class Api:
    """Of the key's project. `consolation` says what holds although the server is away; it may change on the way."""

    def __init__(self, url: str, secret_key: str, *, patience_seconds: float, consolation: str) -> None:
        """Raises Failure for what is no address."""
        self.url = url
        self._patience = patience_seconds
        self.consolation = consolation
        try:
            address = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise Failure(f"{url} is not an address: {error}") from error
        if address.scheme not in ("http", "https"):
            raise Failure(f"{url} is not an address: it begins with http:// or https://")
        self._client = httpx.Client(
            base_url=url,
            headers={"authorization": f"Bearer {secret_key}", "content-type": "application/json"},
            timeout=httpx.Timeout(READ_SECONDS, connect=5),
            trust_env=address.host not in LOOPBACK,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def call(self, method: str, path: str, body: bytes | None = None, *, key: str = "") -> httpx.Response:
        """The answer, however often it is asked for: under its idempotency `key` a change is one. `path` is below the
        project's. Raises NotAvailable."""
        headers = {"idempotency-key": key} if key else {}
        give_up_at = time.monotonic() + self._patience
        backoff = FIRST_WAIT_SECONDS
        while True:
            try:
                response = self._client.request(method, f"/v1/projects/-{path}", content=body, headers=headers)
            except httpx.TransportError as error:
                problem, asked = f"{self.url} does not answer ({type(error).__name__})", 0.0
            else:
                if response.status_code not in (408, 429) and response.status_code < 500:
                    return response
                problem, asked = f"{self.url} answers {response.status_code}", retry_after(response)
            wait = max(asked, backoff * random.uniform(0.75, 1.25))
            backoff = min(2 * backoff, LONGEST_WAIT_SECONDS)
            if time.monotonic() + wait > give_up_at:
                raise NotAvailable(f"{problem}; later the same command may work: {self.consolation}")
            time.sleep(wait)

    def stream(self, path: str) -> Iterator[bytes]:
        """A file, piece by piece; asked for again until it begins. Raises Failure, also when it breaks off, and
        NotAvailable."""
        give_up_at = time.monotonic() + self._patience
        backoff = FIRST_WAIT_SECONDS
        while True:
            try:
                with self._client.stream("GET", f"/v1/projects/-{path}") as response:
                    if response.status_code == 200:
                        yield from response.iter_bytes()
                        return
                    response.read()
            except httpx.ConnectError as error:
                problem, asked = f"{self.url} does not answer ({type(error).__name__})", 0.0
            except httpx.TransportError as error:
                raise Failure(
                    f"the file broke off ({type(error).__name__}): the same command begins it anew"
                ) from error
            else:
                if response.status_code not in (408, 429) and response.status_code < 500:
                    raise self.explain(response)
                problem, asked = f"{self.url} answers {response.status_code}", retry_after(response)
            wait = max(asked, backoff * random.uniform(0.75, 1.25))
            backoff = min(2 * backoff, LONGEST_WAIT_SECONDS)
            if time.monotonic() + wait > give_up_at:
                raise NotAvailable(f"{problem}; later the same command may work: {self.consolation}")
            time.sleep(wait)

    def explain(self, response: httpx.Response) -> Failure:
        """Why it was refused."""
        if response.status_code == 401:
            return Failure("the server does not know this secret key; `ask0 key list` shows the ones it knows")
        try:
            told = msgspec.json.decode(response.content, type=Told)
        except msgspec.MsgspecError:
            told = Told()
        return Failure(f"{self.url} answers {response.status_code}: {told.message or 'is this address Ask0’s?'}")
