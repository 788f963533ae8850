"""Questions to ClickHouse that somebody waits for: so many at once, none for longer than a few seconds."""

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from functools import partial
from typing import ParamSpec, TypeVar

from ask0.gateway.errors import ServiceUnavailable
from ask0.warehouse.errors import QueryFailed, Unavailable
from ask0.warehouse.users import SECONDS

MOST_WAITING = 64  # it answers a few at a time
MOST_OF_ONE = 16  # of one project that wait …
MOST_AT_ONCE = 3  # … and that are asked at once: another's need not wait for them

asker: ContextVar[str] = ContextVar("asker", default="")  # the project in whose name a request asks

P = ParamSpec("P")
T = TypeVar("T")


class Questions:
    """Of one kind of caller, with threads of their own: others are not delayed by them."""

    def __init__(self, name: str, threads: int = 6) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._waiting: Counter[str] = Counter()  # by project
        self._turns: dict[str, asyncio.Semaphore] = {}

    async def ask(self, question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What it returns. Raises ServiceUnavailable."""
        whose = asker.get()
        if self._waiting.total() >= MOST_WAITING or self._waiting[whose] >= MOST_OF_ONE:
            raise ServiceUnavailable("too many questions at once: ask again later", retry_after=1)
        self._waiting[whose] += 1
        try:
            async with asyncio.timeout(SECONDS):  # whoever has waited in vain is forgotten
                async with self._turns.setdefault(whose, asyncio.Semaphore(MOST_AT_ONCE)):
                    loop = asyncio.get_running_loop()
                    return await loop.run_in_executor(self._threads, partial(question, *args, **kwargs))
        except (Unavailable, QueryFailed, TimeoutError) as error:
            raise ServiceUnavailable("ClickHouse does not answer now") from error
        finally:
            self._waiting[whose] -= 1
            if not self._waiting[whose]:
                del self._waiting[whose]
                self._turns.pop(whose, None)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
