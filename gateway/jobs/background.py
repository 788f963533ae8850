"""Questions to ClickHouse for which nobody waits at a screen: few at once, in threads of their own, however long."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from ask0.gateway.errors import QuotaExceeded, ServiceUnavailable
from ask0.gateway.ingest.budgets import Budgets
from ask0.warehouse.errors import QueryFailed, Unavailable

P = ParamSpec("P")
T = TypeVar("T")


class Background:
    def __init__(self, name: str, threads: int = 3) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def ask(self, question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What it returns. Raises ServiceUnavailable."""
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, partial(question, *args, **kwargs))
        except (Unavailable, QueryFailed) as error:
            raise ServiceUnavailable("ClickHouse does not answer now") from error

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


async def wait_for_turn(budgets: Budgets, project_id: str) -> None:
    """Until the project may send again."""
    while True:
        try:
            return budgets.check(project_id)
        except QuotaExceeded as error:
            await asyncio.sleep(float(error.headers["retry-after"]))
