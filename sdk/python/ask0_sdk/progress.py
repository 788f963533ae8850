"""How far something is that was not done at once: a job, or a change that is pending."""

import asyncio
import math
import time
from collections.abc import Awaitable, Iterator
from typing import Generic

from ask0_sdk.requests import Json, get, path_part, write
from ask0_sdk.users import R, Send

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
UNFINISHED = ("waiting", "running")


class Progress(Generic[R]):
    def __init__(self, send: Send[R], path: str) -> None:
        self._send = send
        self._path = path

    def get(self, id: str) -> R:
        """Its `status`, and what came of it. Raises Ask0Error."""
        return self._send(get(f"{self._path}/{path_part(id)}"))


class Jobs(Progress[R]):
    def list(self) -> R:
        """`{"jobs": […]}`, the newest hundred."""
        return self._send(get(self._path))

    def cancel(self, id: str, *, idempotency_key: str | None = None) -> R:
        """Ends a job after the piece at hand; `wait` tells what it did until then. Raises Ask0Error with the code
        `job_finished`, or `not_cancellable` of one that erases."""
        return self._send(write("POST", f"{self._path}/{path_part(id)}/cancel", key=idempotency_key))


class ThreadJobs(Jobs[Json]):
    def wait(self, id: str, *, timeout_seconds: float | None = None) -> Json:
        """As `get`, once the job is `done`, `cancelled`, or has `failed`. Raises Ask0Error, TimeoutError."""
        for pause in _pauses(timeout_seconds):
            time.sleep(pause)
            answer = self.get(id)
            if _is_finished(answer):
                return answer
        raise _too_late(id, timeout_seconds)


class TaskJobs(Jobs[Awaitable[Json]]):
    async def wait(self, id: str, *, timeout_seconds: float | None = None) -> Json:
        """As `get`, once the job is `done`, `cancelled`, or has `failed`. Raises Ask0Error, TimeoutError."""
        for pause in _pauses(timeout_seconds):
            await asyncio.sleep(pause)
            answer = await self.get(id)
            if _is_finished(answer):
                return answer
        raise _too_late(id, timeout_seconds)


def _pauses(timeout_seconds: float | None) -> Iterator[float]:
    """Before each look, until the time is up."""
    give_up_at = time.monotonic() + (math.inf if timeout_seconds is None else timeout_seconds)
    pause = FIRST_PAUSE_SECONDS
    yield 0.0
    while (left := give_up_at - time.monotonic()) > 0:
        yield min(pause, left)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def _is_finished(answer: Json) -> bool:
    job = answer.get("job")
    return not isinstance(job, dict) or job.get("status") not in UNFINISHED


def _too_late(id: str, timeout_seconds: float | None) -> TimeoutError:
    return TimeoutError(f"the job {id} is not finished after {timeout_seconds:g} s; it goes on")
