"""Answers that are found once for all who ask within a while."""

import asyncio

import pytest

from ask0.gateway.api.kept import Kept
from bench.stack import wait_for


class Finding:
    """What takes until it is let go."""

    def __init__(self) -> None:
        self.times = 0
        self.go = asyncio.Event()

    async def __call__(self) -> bytes:
        self.times += 1
        await self.go.wait()
        return str(self.times).encode()


async def test_all_who_ask_meanwhile_get_what_was_found_once() -> None:
    kept, finding = Kept(), Finding()
    asking = [asyncio.create_task(kept.find("a", finding)) for _ in range(5)]
    await asyncio.sleep(0)
    asking[0].cancel()  # who asked first goes away
    finding.go.set()
    assert await asyncio.gather(*asking[1:]) == [b"1"] * 4
    assert await kept.find("a", finding) == b"1"
    assert await kept.find("b", finding) == b"2"


async def test_it_is_forgotten_after_a_while() -> None:
    kept, finding = Kept(seconds=0), Finding()
    finding.go.set()
    assert await kept.find("a", finding) == b"1"
    await asyncio.to_thread(wait_for, lambda: not kept.size, "it to be forgotten")
    assert await kept.find("a", finding) == b"2"


async def test_a_failure_is_not_kept() -> None:
    kept, finding = Kept(), Finding()
    finding.go.set()

    async def fail() -> bytes:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await kept.find("a", fail)
    assert await kept.find("a", finding) == b"1"


async def test_of_too_many_the_oldest_goes() -> None:
    kept, finding = Kept(most=2), Finding()
    finding.go.set()
    for key in "abc":
        await kept.find(key, finding)
    assert kept.size == 2
    assert await kept.find("c", finding) == b"3"
    assert await kept.find("a", finding) == b"4"


async def test_what_took_long_is_kept_for_longer_where_that_is_allowed() -> None:
    kept, times = Kept(seconds=0), 0

    async def find_slowly() -> bytes:
        nonlocal times
        times += 1
        await asyncio.sleep(0.1)  # so it is kept for half a minute
        return str(times).encode()

    assert await kept.find("a", find_slowly, longest=600) == b"1"
    assert await kept.find("b", find_slowly) == b"2"
    await asyncio.to_thread(wait_for, lambda: kept.size == 1, "the other to be forgotten")
    assert await kept.find("a", find_slowly, longest=600) == b"1"
