"""Several groups on one log, on both homes: each has everything, at its own pace, and knows nothing of the others."""

import pytest

from ask0.eventlog.log import Entry, LogUnavailable
from ask0.eventlog.open import drop_group, list_groups
from tests.eventlog.homes import Home, next_chunk, read_records, started, values


def entries(start: int, end: int) -> list[Entry]:
    return [Entry(b"key", b"%d" % number, 1) for number in range(start, end)]


def texts(start: int, end: int) -> list[bytes]:
    return [entry.value for entry in entries(start, end)]


async def test_every_group_gets_everything(home: Home) -> None:
    async with started(home.open_log()) as log, started(home.open_reader()) as one:
        await log.append(entries(0, 5))
        assert values(await read_records(one, 5)) == texts(0, 5)
        async with started(home.open_reader("other")) as other:
            assert values(await read_records(other, 5)) == texts(0, 5)
            await log.append(entries(5, 7))
            assert values(await read_records(other, 2)) == texts(5, 7)
        assert values(await read_records(one, 2)) == texts(5, 7)


async def test_what_one_group_has_done_is_not_done_for_another(home: Home) -> None:
    async with started(home.open_log()) as log, started(home.open_reader()) as one:
        await log.append(entries(0, 5))
        async with started(home.open_reader("other")) as other:
            chunk, second = await next_chunk(one), await next_chunk(other)
            await one.done([chunk])
            assert (await one.lag(), await other.lag()) == (0, 5)
            other.retry()
            assert (await next_chunk(other)).token == second.token


async def test_a_group_that_begins_at_the_end_goes_on_where_it_was(home: Home) -> None:
    async with started(home.open_log()) as log:
        await log.append(entries(0, 3))
        async with started(home.open_reader("follower", at_end=True)) as reader:
            assert await reader.poll(0.2) == []
            assert await reader.lag() == 0
            await log.append(entries(3, 5))
            assert values(await read_records(reader, 2)) == texts(3, 5)
        await log.append(entries(5, 6))
        async with started(home.open_reader("follower", at_end=True)) as reader:
            assert values(await read_records(reader, 1)) == texts(5, 6)


async def test_groups_are_listed_with_what_waits_for_them(home: Home) -> None:
    async with started(home.open_log()) as log, started(home.open_reader("one")) as one:
        await log.append(entries(0, 3))
        await one.done([await next_chunk(one)])
        async with started(home.open_reader("two")) as two:
            await next_chunk(two)
        found = {group.name: (group.lag, group.live) for group in await list_groups(home.dsn)}
        assert found["one"] == (0, True)
        assert found["two"] == (3, False)


async def test_a_dropped_group_begins_anew(home: Home) -> None:
    async with started(home.open_log()) as log:
        await log.append(entries(0, 3))
        async with started(home.open_reader("gone")) as reader:
            await reader.done([await next_chunk(reader)])
            with pytest.raises(LogUnavailable, match="stop that process first"):
                await drop_group(home.dsn, "gone")
        assert await drop_group(home.dsn, "gone")
        assert not await drop_group(home.dsn, "gone")
        assert "gone" not in {group.name for group in await list_groups(home.dsn)}
        async with started(home.open_reader("gone")) as reader:
            assert values(await read_records(reader, 3)) == texts(0, 3)
