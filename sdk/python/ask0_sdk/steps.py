"""How often and when a request is tried: as steps, which a thread or a task takes. Nothing here sends or waits."""

import random
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

from ask0_sdk.errors import UNREADABLE, Ask0Error
from ask0_sdk.requests import Call, Reply, Request

T = TypeVar("T")

FIRST_SECONDS = 0.5
LONGEST_SECONDS = 8.0  # between two tries of a call that somebody waits for
LONGEST_RETRY_AFTER = 60.0  # that such a call waits; beyond it the caller is told

AWAY = frozenset((0, 408, 425, 429, 502, 503, 504))  # nothing is wrong with the request: 0 is no answer
NEVER = frozenset((501, 505, 511))


@dataclass(frozen=True)
class Pause:
    """Wait so long; for a courier, or until something changes in its outbox. None: until then."""

    seconds: float | None


Steps = Generator[Request | Pause, Reply | None, T]


def tries(call: Call[T], max_retries: int) -> Steps[T]:
    """The call's result. Raises Ask0Error at once for what will not pass, else after so many tries more."""
    tried = 0
    while True:
        reply = yield call.request
        assert reply is not None
        try:
            return call.read(reply)
        except Ask0Error as error:
            if tried >= max_retries or not may_pass(error) or (error.retry_after or 0) > LONGEST_RETRY_AFTER:
                raise
            seconds = wait_before_next(tried, error, LONGEST_SECONDS)
        tried += 1
        yield Pause(seconds)


def is_away(error: Ask0Error) -> bool:
    """Whether the server was not there, or had no room: the same request is right later."""
    return error.status in AWAY or error.code == UNREADABLE  # which is somebody else's answer


def may_pass(error: Ask0Error) -> bool:
    """Whether another try may end otherwise. It does no harm: writes have keys and events have ids."""
    return is_away(error) or (error.status >= 500 and error.status not in NEVER)


def wait_before_next(tried: int, error: Ask0Error, longest_seconds: float) -> float:
    """Full jitter: any part of a doubling time, and not before the server said."""
    ceiling = min(FIRST_SECONDS * 2 ** min(tried, 30), longest_seconds)
    return (error.retry_after or 0.0) + random.uniform(0, ceiling)


def walk(steps: Steps[T], send: Callable[[Request], Reply], pause: Callable[[float | None], object]) -> T:
    """Takes the steps in this thread."""
    reply: Reply | None = None
    while True:
        try:
            step = steps.send(reply)
        except StopIteration as end:
            result: T = end.value
            return result
        reply = None
        if isinstance(step, Pause):
            pause(step.seconds)
        else:
            reply = send(step)


async def walk_async(
    steps: Steps[T], send: Callable[[Request], Awaitable[Reply]], pause: Callable[[float | None], Awaitable[object]]
) -> T:
    """Takes the steps in this task."""
    reply: Reply | None = None
    while True:
        try:
            step = steps.send(reply)
        except StopIteration as end:
            result: T = end.value
            return result
        reply = None
        if isinstance(step, Pause):
            await pause(step.seconds)
        else:
            reply = await send(step)
