"""What the protocol promises, on each home of the log."""

import asyncio
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from ask0.eventlog.log import Chunk, Entry, LogUnavailable
from tests.eventlog.homes import Home, next_chunk, read, read_records, started, values

ROOT = Path(__file__).parent.parent.parent


def one_key(*contents: bytes, events: int = 1) -> list[Entry]:
    return [Entry(b"proj_1\0ada", content, events) for content in contents]


def numbers(start: int, end: int) -> list[bytes]:
    return [b"%d" % number for number in range(start, end)]


@pytest.fixture(params=["sqlite", "busy_sqlite", "kafka"])
def home(request: pytest.FixtureRequest) -> Home:
    """Also where a process of its own commits."""
    home: Home = request.getfixturevalue(f"{request.param}_home")
    return home


async def test_what_was_appended_is_read_back_whole_and_in_the_order_of_its_key(home: Home) -> None:
    sent = defaultdict(list)
    async with started(home.open_log()) as log, started(home.open_reader()) as reader:
        for beacon in range(30):
            entries = []
            for user in range(10):
                key = b"user %d" % user
                value = key + b"|" + bytes(range(256)) + b"%d" % beacon * beacon
                sent[key].append(value)
                entries.append(Entry(key, value, 1))
            await log.append(entries)
        chunks = await read_records(reader, 300)
    got = defaultdict(list)
    for value in values(chunks):
        got[value.partition(b"|")[0]].append(value)
    assert got == sent


async def test_an_append_says_where_each_entry_lies(home: Home) -> None:
    async with started(home.open_log()) as log, started(home.open_reader()) as reader:
        batches = [
            [Entry(b"%d" % (number % 5), b"%d/%d" % (batch, number), 1) for number in range(9)] for batch in range(20)
        ]
        batches[7] = []
        said = await asyncio.gather(*(log.append(batch) for batch in batches))
        chunks = await read_records(reader, 9 * 19)
        lies = {value: (chunk.partition, offset) for chunk in chunks for offset, value in chunk.records}
        for batch, positions in zip(batches, said, strict=True):
            assert positions == [lies[entry.value] for entry in batch]


async def test_an_empty_value_and_an_empty_append_are_taken(home: Home) -> None:
    async with started(home.open_log()) as log, started(home.open_reader()) as reader:
        await log.append([])
        await log.append(one_key(b"", b"a", b""))
        assert values(await read_records(reader, 3)) == [b"", b"a", b""]


async def test_how_far_the_workers_are_is_told(home: Home) -> None:
    async with started(home.open_log()) as log, started(home.open_reader()) as reader:
        before = await log.progress()
        assert before.appended == before.done
        await log.append(one_key(b"a", b"b"))
        chunk = await next_chunk(reader)
        assert await log.progress() == (before.appended + 2, before.done), "handed out is not done"
        await log.append(one_key(b"c"))
        await reader.done([chunk])
        assert await log.progress() == (before.appended + 3, before.done + 2)
        await read_records(reader, 1)
        assert await log.progress() == (before.appended + 3, before.done + 3)


async def test_its_ends_are_where_the_last_records_lie(home: Home) -> None:
    async with started(home.open_log()) as log, started(home.open_reader()) as reader:
        await log.append([Entry(b"user %d" % user, b"user %d" % user, 1) for user in range(20)])
        last: dict[int, int] = {}
        for chunk in await read_records(reader, 20):
            last[chunk.partition] = chunk.hi - 1
        assert {partition: offset for partition, offset in await log.ends() if partition in last} == last


async def test_what_is_forgotten_was_done_and_the_rest_is_read_on(home: Home) -> None:
    async with started(home.open_log()) as log, started(home.open_reader()) as reader:
        await log.append(one_key(b"a", b"b"))
        await read_records(reader, 2)
        await log.append(one_key(b"c"))
        await log.forget(await log.ends())  # also of what nobody has done yet
        assert values(await read_records(reader, 1)) == [b"c"]


async def test_a_key_keeps_its_partition(home: Home) -> None:
    partitions = defaultdict(set)
    for _ in range(2):
        async with started(home.open_log()) as log, started(home.open_reader()) as reader:
            for _ in range(3):
                await log.append([Entry(b"user %d" % user, b"user %d" % user, 1) for user in range(20)])
            for chunk in await read_records(reader, 60):
                for _, value in chunk.records:
                    partitions[value].add(chunk.partition)
    assert len(partitions) == 20
    assert all(len(found) == 1 for found in partitions.values())


async def test_offsets_rise_and_lie_within_the_bounds_of_their_chunk(home: Home) -> None:
    async with started(home.open_log()) as log, started(home.open_reader()) as reader:
        await log.append(one_key(*numbers(0, 100)))
        chunks = await read_records(reader, 100)
    for chunk in chunks:
        offsets = [offset for offset, _ in chunk.records]
        assert offsets == sorted(set(offsets))
        assert chunk.lo <= offsets[0] <= offsets[-1] < chunk.hi


def test_a_killed_process_loses_nothing_that_it_acknowledged(home: Home) -> None:
    command = [sys.executable, "-m", "tests.eventlog.appending", home.dsn]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout
        acknowledged = {process.stdout.readline().rstrip() for _ in range(500)}
        process.kill()
        *lines, _ = process.stdout.read().split(b"\n")  # the last one may be cut
    acknowledged |= set(lines)

    async def read_all() -> None:
        async with started(home.open_reader()) as reader:
            await read(reader, lambda chunks: acknowledged <= set(values(chunks)))

    asyncio.run(read_all())


async def test_a_new_reader_gets_the_unfinished_chunk_with_the_same_bounds(home: Home) -> None:
    async with started(home.open_log()) as log:
        await log.append(one_key(*numbers(0, 10)))
        async with started(home.open_reader()) as reader:
            first = await next_chunk(reader)
        await log.append(one_key(*numbers(10, 20)))
        async with started(home.open_reader()) as reader:
            again = await next_chunk(reader)
            assert (again.token, again.records) == (first.token, first.records)
            assert (first.repeated, again.repeated) == (False, True)
            await reader.done([again])
            rest = await read_records(reader, 20 - len(first.records))
    assert not any(chunk.repeated for chunk in rest)
    assert values([first, *rest]) == numbers(0, 20)


async def test_retry_hands_out_the_same_chunk_again(home: Home) -> None:
    async with started(home.open_log()) as log, started(home.open_reader()) as reader:
        await log.append(one_key(*numbers(0, 10)))
        first = await next_chunk(reader)
        await log.append(one_key(*numbers(10, 20)))
        reader.retry()
        again = await next_chunk(reader)
        assert (again.token, again.records, again.repeated) == (first.token, first.records, True)


async def test_a_chunk_in_work_is_not_handed_out_again(home: Home) -> None:
    async with started(home.open_log()) as log, started(home.open_reader()) as reader:
        await log.append(one_key(*numbers(0, 10)))
        chunk = await next_chunk(reader)
        assert await reader.poll(0.2) == []
        await reader.done([chunk])
        await log.append(one_key(b"next"))
        assert values(await read_records(reader, 11 - len(chunk.records)))[-1] == b"next"


async def test_done_moves_on(home: Home) -> None:
    async with started(home.open_log()) as log, started(home.open_reader()) as reader:
        await log.append(one_key(b"a"))
        first = await next_chunk(reader)
        await reader.done([first])
        await log.append(one_key(b"b"))
        second = await next_chunk(reader)
    assert (values([first]), values([second])) == ([b"a"], [b"b"])
    assert second.lo >= first.hi
    assert (first.log_id, first.partition) == (second.log_id, second.partition)


async def test_a_chunk_is_bounded_by_its_events(home: Home) -> None:
    async with started(home.open_log()) as log, started(home.open_reader()) as reader:
        await log.append(one_key(*numbers(0, 7), events=20_000))
        chunks = await read_records(reader, 7)
    assert values(chunks) == numbers(0, 7)
    assert max(len(chunk.records) for chunk in chunks) == 2


async def test_a_chunk_is_bounded_by_its_bytes(home: Home) -> None:
    sent = [b"%02d" % number + bytes(900_000) for number in range(40)]
    async with started(home.open_log()) as log, started(home.open_reader()) as reader:
        for value in sent:
            await log.append(one_key(value))
        chunks = await read_records(reader, 40)
    assert values(chunks) == sent
    assert max(sum(map(len, values([chunk]))) for chunk in chunks) <= 32_000_000


async def test_a_record_beyond_the_bound_comes_alone(home: Home) -> None:
    async with started(home.open_log()) as log, started(home.open_reader()) as reader:
        await log.append([*one_key(b"a"), *one_key(b"huge", events=60_000), *one_key(b"b")])
        chunks = await read_records(reader, 3)
    assert [values([chunk]) for chunk in chunks] == [[b"a"], [b"huge"], [b"b"]]


async def test_a_poll_of_an_empty_log_comes_back_empty(home: Home) -> None:
    async with started(home.open_log()), started(home.open_reader()) as reader:
        assert await reader.poll(0) == []
        assert await reader.poll(0.1) == []


async def test_a_waiting_poll_gets_what_comes(home: Home) -> None:
    async with started(home.open_log()) as log, started(home.open_reader()) as reader:
        polling = asyncio.create_task(next_chunk(reader))
        await asyncio.sleep(0)
        await log.append(one_key(b"a"))
        assert values([await polling]) == [b"a"]


async def test_a_cancelled_poll_loses_nothing(home: Home) -> None:
    async with started(home.open_log()) as log, started(home.open_reader()) as reader:
        await log.append(one_key(b"a"))
        chunks: list[Chunk] = []
        while not chunks:
            polling = asyncio.create_task(reader.poll(1))
            await asyncio.sleep(0)
            polling.cancel()
            await asyncio.wait([polling])
            chunks = await reader.poll(1)
    assert values(chunks) == [b"a"]


async def test_what_many_append_at_once_lands_once(home: Home) -> None:
    sent = {b"%d" % number for number in range(200 * 5)}
    async with started(home.open_log()) as log, started(home.open_reader()) as reader:

        async def appender(own: list[bytes]) -> None:
            for value in own:
                await log.append([Entry(value, value, 1)])

        await asyncio.gather(*(appender(numbers(5 * task, 5 * task + 5)) for task in range(200)))
        got = values(await read_records(reader, len(sent)))
        assert await reader.lag() == 0
    assert (len(got), set(got)) == (len(sent), sent)


async def test_lag_counts_the_records_that_are_not_done(home: Home) -> None:
    async with started(home.open_log()) as log, started(home.open_reader()) as reader:
        await log.append(one_key(*numbers(0, 7)))
        chunk = await next_chunk(reader)
        assert await reader.lag() == 7
        await reader.done([chunk])
        await read_records(reader, 7 - len(chunk.records))
        assert await reader.lag() == 0


async def test_after_close_and_start_it_goes_on(home: Home) -> None:
    log, reader = home.open_log(), home.open_reader()
    for value in (b"a", b"b"):
        async with started(log), started(reader):
            await log.append(one_key(value))
            assert values(await read_records(reader, 1)) == [value]


async def test_start_may_be_called_again(home: Home) -> None:
    async with started(home.open_log()) as log, started(home.open_reader()) as reader:
        await log.start()
        await reader.start()
        await log.append(one_key(b"a"))
        assert values(await read_records(reader, 1)) == [b"a"]


async def test_a_log_that_is_there_passes_its_check(home: Home) -> None:
    async with started(home.open_log()) as log:
        await log.check()


async def test_a_log_that_is_away_says_so(home: Home) -> None:
    away = Home(home.away, home.away)
    log, reader = away.open_log(), away.open_reader()
    with pytest.raises(LogUnavailable):
        await log.start()
    with pytest.raises(LogUnavailable):
        await log.check()
    with pytest.raises(LogUnavailable):
        await log.append(one_key(b"a"))
    with pytest.raises(LogUnavailable):
        await reader.start()
    await log.close()
    await reader.close()
