"""The control stream, on both homes: one order for everyone."""

import asyncio
from dataclasses import replace

import pytest

from ask0.eventlog.log import Control, LogUnavailable
from tests.eventlog.homes import Home, started


async def read_all(control: Control, count: int, after: int = 0) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    while len(found) < count:
        found += await control.read(found[-1][0] if found else after, 1)
    return found


async def test_everyone_reads_what_was_written_in_one_order(home: Home) -> None:
    async with started(home.open_control()) as one, started(home.open_control()) as other:
        await asyncio.gather(*(writer.append(b"%d" % number) for number in range(5) for writer in (one, other)))
        found = await read_all(one, 10)
        assert await read_all(other, 10) == found
        assert sorted(value for _, value in found) == sorted(b"%d" % (number // 2) for number in range(10))
        positions = [position for position, _ in found]
        assert positions == sorted(set(positions))
        assert await one.end() == positions[-1]


async def test_a_record_gives_way_to_another_where_the_stream_is_a_file(home: Home) -> None:
    async with started(home.open_control()) as control:
        await control.append(b"who it was")
        await control.append(b"else")
        ((position, _), kept) = await read_all(control, 2)
        if control.rewritable:
            await control.rewrite({position: b"nobody"})
            assert await read_all(control, 2) == [(position, b"nobody"), kept]
        else:
            with pytest.raises(LogUnavailable):
                await control.rewrite({position: b"nobody"})


async def test_reading_goes_on_from_any_position(home: Home) -> None:
    async with started(home.open_control()) as control:
        for value in (b"a", b"b", b"c"):
            await control.append(value)
        found = await read_all(control, 3)
        assert await read_all(control, 2, found[0][0]) == found[1:]
        assert await control.read(found[-1][0], 0.05) == []
        assert await read_all(control, 3) == found


async def test_a_waiting_reader_gets_what_another_writes(home: Home) -> None:
    async with started(home.open_control()) as reader, started(home.open_control()) as writer:
        waiting = asyncio.create_task(read_all(reader, 1))
        await asyncio.sleep(0.1)
        await writer.append(b"news")
        assert [value for _, value in await waiting] == [b"news"]


async def test_an_empty_stream_ends_at_0(home: Home) -> None:
    async with started(home.open_control()) as control:
        assert (await control.end(), await control.read(0, 0)) == (0, [])
        assert control.log_id


async def test_whoever_starts_it_second_knows_the_stream_too(home: Home) -> None:
    control = home.open_control()

    async def start() -> str:
        await control.start()
        return control.log_id

    first, second = await asyncio.gather(start(), start())
    assert first == second != ""
    await control.close()


async def test_the_stream_and_the_events_do_not_meet(home: Home) -> None:
    async with started(home.open_log()), started(home.open_control()) as control:
        await control.append(b"change")
        async with started(home.open_reader()) as reader:
            assert await reader.poll(0.2) == []


async def test_a_stream_that_is_away_says_so(home: Home) -> None:
    away = replace(home, dsn=home.away).open_control()
    with pytest.raises(LogUnavailable):
        await away.start()
    await away.close()
