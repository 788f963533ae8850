"""What Kafka's home of the log does when brokers and workers fail."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest

from ask0.eventlog.kafka import APPEND_SECONDS, KafkaLog
from ask0.eventlog.kafka_cluster import PARTITIONS, Cluster, Topic
from ask0.eventlog.kafka_reader import KafkaReader
from ask0.eventlog.log import Chunk, ChunkLost, Entry, LogUnavailable
from tests.eventlog.homes import next_chunk, read, read_records, started, values
from tests.kafka_broker import Broker, drop_topic, kafka_broker, make_topic

ROOT = Path(__file__).parent.parent.parent
GROUP = "ask0-test"
SESSION_SECONDS = 1.0


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    """One that may be killed: each test leaves it running."""
    with kafka_broker() as broker:
        yield broker


@pytest.fixture
def topic() -> str:
    return f"events-{uuid4()}"


@pytest.fixture
def dsn(broker: Broker, topic: str) -> str:
    make_topic(broker.bootstrap, topic, 1)
    return f"kafka://{broker.bootstrap}/{topic}"


def make_reader(dsn: str) -> KafkaReader:
    return KafkaReader(dsn, group=GROUP, session_seconds=SESSION_SECONDS)


def entries(*values: bytes) -> list[Entry]:
    return [Entry(b"key", value, 1) for value in values]


@contextmanager
def other_worker(dsn: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.eventlog.reading", dsn, GROUP, str(SESSION_SECONDS)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


async def line(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout
    return (await asyncio.to_thread(process.stdout.readline)).decode().rstrip()


async def describe(broker: Broker, topic: str) -> Topic:
    cluster = Cluster([broker.bootstrap])
    await cluster.start()
    try:
        return await cluster.topic(topic, make=False)
    finally:
        await cluster.close()


async def append_until_taken(log: KafkaLog, value: bytes) -> None:
    while True:
        try:
            await log.append(entries(value))
            return
        except LogUnavailable:
            await asyncio.sleep(0.05)


async def poll_until_away(reader: KafkaReader) -> LogUnavailable:
    while True:
        try:
            await reader.poll(0.1)
        except LogUnavailable as error:
            return error


async def read_in_spite_of_rebalances(reader: KafkaReader, count: int) -> list[Chunk]:
    chunks: list[Chunk] = []
    while len(values(chunks)) < count:
        polled = await reader.poll(1)
        with suppress(ChunkLost):
            await reader.done(polled)
            chunks += polled
    return chunks


async def test_what_was_acknowledged_survives_kills_of_the_broker(broker: Broker, dsn: str) -> None:
    acknowledged: set[bytes] = set()
    numbers = count()
    stop = False

    async def appender(log: KafkaLog) -> None:
        while not stop:
            value = b"%d" % next(numbers)
            try:
                await log.append(entries(value))
                acknowledged.add(value)
            except LogUnavailable:
                await asyncio.sleep(0.05)

    async def wait_for_more() -> None:
        enough = len(acknowledged) + 200
        while len(acknowledged) < enough:
            await asyncio.wait(appenders, timeout=0.01)

    async with started(KafkaLog(dsn, group=GROUP)) as log:
        appenders = [asyncio.create_task(appender(log)) for _ in range(16)]
        for _ in range(3):
            await wait_for_more()
            broker.kill()
            await asyncio.to_thread(broker.start)
        await wait_for_more()
        stop = True
        await asyncio.gather(*appenders)
    async with started(make_reader(dsn)) as reader:
        await read(reader, lambda chunks: acknowledged <= set(values(chunks)))


async def test_while_the_broker_is_away_an_append_fails_at_once(broker: Broker, dsn: str) -> None:
    async with started(KafkaLog(dsn, group=GROUP)) as log:
        broker.kill()
        with pytest.raises(LogUnavailable):
            await log.append(entries(b"a"))
        async with asyncio.timeout(APPEND_SECONDS / 10):
            for _ in range(100):
                with pytest.raises(LogUnavailable):
                    await log.append(entries(b"b"))
        await asyncio.to_thread(broker.start)
        await append_until_taken(log, b"c")
        await log.check()


async def test_a_check_notices_that_the_broker_went_away(broker: Broker, dsn: str) -> None:
    async with started(KafkaLog(dsn, group=GROUP)) as log:
        broker.kill()
        with pytest.raises(LogUnavailable):
            await log.check()
        await asyncio.to_thread(broker.start)
        await append_until_taken(log, b"a")


async def test_a_broker_that_hangs_is_not_waited_for_for_ever(broker: Broker, dsn: str) -> None:
    async with started(KafkaLog(dsn, group=GROUP)) as log:
        broker.pause()
        appends = [log.append(entries(b"%d" % number)) for number in range(50)]
        results = await asyncio.gather(*appends, return_exceptions=True)
        assert all(isinstance(result, LogUnavailable) for result in results)
        broker.resume()
        await append_until_taken(log, b"last")
    async with started(make_reader(dsn)) as reader:
        await read(reader, lambda chunks: b"last" in values(chunks))


async def test_a_log_closes_while_the_broker_hangs(broker: Broker, dsn: str) -> None:
    log = KafkaLog(dsn, group=GROUP)
    await log.start()
    broker.pause()
    appending = asyncio.create_task(log.append(entries(b"a")))
    await asyncio.sleep(0)
    await log.close()
    with pytest.raises(LogUnavailable):
        await appending
    broker.resume()
    await log.close()


async def test_a_producer_whose_sequence_the_broker_refuses_is_replaced(dsn: str, topic: str) -> None:
    async with started(KafkaLog(dsn, group=GROUP)) as log, started(make_reader(dsn)) as reader:
        await log.append(entries(b"a"))
        assert log._producer
        log._producer._txn_manager.increment_sequence_number((topic, 0), 7)  # as after a batch that was refused
        await log.append(entries(b"b"))
        assert values(await read_records(reader, 2)) == [b"a", b"b"]


async def test_a_record_that_is_too_large_is_refused_before_anything_is_sent(dsn: str, topic: str) -> None:
    async with started(KafkaLog(dsn, group=GROUP)) as log, started(make_reader(dsn)) as reader:
        with pytest.raises(ValueError, match=f"more than topic {topic} takes"):
            await log.append(entries(b"a", bytes(2_000_000)))
        largest = bytes(log._max_record_bytes - len(b"key"))
        await log.append(entries(b"b", largest))
        assert values(await read_records(reader, 2)) == [b"b", largest]


async def test_more_than_waits_already_is_refused(dsn: str) -> None:
    async with started(KafkaLog(dsn, max_waiting_bytes=10_000, group=GROUP)) as log:
        results = await asyncio.gather(*(log.append(entries(bytes(9000))) for _ in range(2)), return_exceptions=True)
        assert isinstance(results[0], list)
        assert isinstance(results[1], LogUnavailable)
        await log.append(entries(bytes(90_000)))


async def test_the_topic_is_made_at_start(broker: Broker, topic: str) -> None:
    async with started(KafkaLog(f"kafka://{broker.bootstrap}/{topic}", group=GROUP)) as log:
        await log.append(entries(b"a"))
    assert (await describe(broker, topic)).partitions == PARTITIONS


@pytest.mark.parametrize(
    ("setting", "value"),
    [("unclean_leader_election_enable", "true"), ("cleanup_policy", "compact"), ("min_insync_replicas", "2")],
)
async def test_a_topic_that_would_lose_events_is_refused(broker: Broker, topic: str, setting: str, value: str) -> None:
    make_topic(broker.bootstrap, topic, 1, **{setting: value})
    dsn = f"kafka://{broker.bootstrap}/{topic}"
    log, reader = KafkaLog(dsn, group=GROUP), make_reader(dsn)
    for part in (log, reader):
        with pytest.raises(LogUnavailable, match=f"{setting.replace('_', '.')}={value}"):
            await part.start()
        await part.close()


async def test_a_topic_made_anew_is_another_log(broker: Broker, dsn: str, topic: str) -> None:
    chunks: list[Chunk] = []
    for value in (b"a", b"b"):
        async with started(KafkaLog(dsn, group=GROUP)) as log, started(make_reader(dsn)) as reader:
            await log.append(entries(value))
            chunks += await read_records(reader, 1)
        drop_topic(broker.bootstrap, topic)
        make_topic(broker.bootstrap, topic, 1)
    old, new = chunks
    assert (old.lo, old.hi) == (new.lo, new.hi)
    assert old.log_id != new.log_id
    assert values([new]) == [b"b"]


async def test_a_reader_follows_when_its_topic_is_made_anew(broker: Broker, dsn: str, topic: str) -> None:
    async with started(make_reader(dsn)) as reader:
        async with started(KafkaLog(dsn, group=GROUP)) as log:
            await log.append(entries(b"a", b"b"))
        old = await read_records(reader, 2)
        drop_topic(broker.bootstrap, topic)
        make_topic(broker.bootstrap, topic, 1)
        async with started(KafkaLog(dsn, group=GROUP)) as log:
            await log.append(entries(b"c"))
        while True:
            try:
                new = await read_records(reader, 1)
                break
            except LogUnavailable:
                await asyncio.sleep(0.05)
    assert values(new) == [b"c"]
    assert new[0].log_id != old[0].log_id


async def test_a_chunk_outlives_the_worker_that_was_killed_over_it(dsn: str) -> None:
    async with started(KafkaLog(dsn, group=GROUP)) as log:
        await log.append(entries(b"a", b"b"))
        with other_worker(dsn) as worker:
            token = await line(worker)
        await log.append(entries(b"c"))
        async with started(make_reader(dsn)) as reader:
            chunk = await next_chunk(reader)
            assert (chunk.token, values([chunk]), chunk.repeated) == (token, [b"a", b"b"], True)
            await reader.done([chunk])
            assert values(await read_records(reader, 1)) == [b"c"]


async def test_a_worker_that_was_away_too_long_has_lost_its_chunk(dsn: str) -> None:
    async with started(KafkaLog(dsn, group=GROUP)) as log:
        await log.append(entries(b"a", b"b"))
        with other_worker(dsn) as zombie:
            token = await line(zombie)
            await log.append(entries(b"c"))
            async with started(make_reader(dsn)) as reader:
                chunk = await next_chunk(reader)
                assert (chunk.token, values([chunk]), chunk.repeated) == (token, [b"a", b"b"], True)
                assert zombie.stdin
                zombie.stdin.write(b"\n")
                zombie.stdin.flush()
                assert await line(zombie) == "lost"
                await asyncio.to_thread(zombie.wait)
                reader.retry()
                again, *rest = await read_in_spite_of_rebalances(reader, 3)
    assert (again.token, again.repeated) == (token, True)
    assert values([again, *rest]) == [b"a", b"b", b"c"]


async def test_two_workers_share_the_partitions(broker: Broker, topic: str) -> None:
    make_topic(broker.bootstrap, topic, 6)
    dsn = f"kafka://{broker.bootstrap}/{topic}"
    got: dict[int, set[bytes]] = {0: set(), 1: set()}

    async def work(number: int, reader: KafkaReader) -> None:
        while len(got[0] | got[1]) < 600:
            chunks = await reader.poll(0.1)
            with suppress(ChunkLost):
                await reader.done(chunks)
                got[number] |= set(values(chunks))

    async with started(make_reader(dsn)) as first, started(make_reader(dsn)) as second:
        while not (first._assigned.is_set() and second._assigned.is_set()):
            await asyncio.gather(first.poll(0.1), second.poll(0.1))
        async with started(KafkaLog(dsn, group=GROUP)) as log:
            await log.append([Entry(b"%d" % number, b"%d" % number, 1) for number in range(600)])
        await asyncio.gather(work(0, first), work(1, second))
    assert got[0]
    assert got[1]
    assert not got[0] & got[1]


async def test_a_reader_goes_on_after_the_broker_was_killed(broker: Broker, dsn: str) -> None:
    async with started(KafkaLog(dsn, group=GROUP)) as log, started(make_reader(dsn)) as reader:
        await log.append(entries(b"a"))
        before = await next_chunk(reader)
        broker.kill()
        with pytest.raises(LogUnavailable):
            await reader.done([before])
        await poll_until_away(reader)
        await asyncio.to_thread(broker.start)
        await append_until_taken(log, b"b")
        chunks: list[Chunk] = []
        while b"b" not in values(chunks):
            try:
                polled = await reader.poll(1)
                await reader.done(polled)
                chunks += polled
            except LogUnavailable:
                await asyncio.sleep(0.05)
    assert (chunks[0].token, chunks[0].repeated) == (before.token, True)


async def test_a_consumer_that_hangs_is_made_anew(dsn: str) -> None:
    async with started(KafkaLog(dsn, group=GROUP)) as log, started(make_reader(dsn)) as reader:
        await log.append(entries(b"a"))
        await read_records(reader, 1)
        assert reader._consumer
        fetcher = reader._consumer._fetcher
        for task in (fetcher._fetch_task, *fetcher._pending_tasks):
            task.cancel()
        await log.append(entries(b"b"))
        assert "Of 1 records none came" in str(await poll_until_away(reader))
        assert values(await read_records(reader, 1)) == [b"b"]


async def test_a_reader_refuses_to_go_on_when_kafka_lost_records(broker: Broker, dsn: str, topic: str) -> None:
    async with started(KafkaLog(dsn, group=GROUP)) as log:
        await log.append(entries(b"a"))
    cluster = Cluster([broker.bootstrap])
    await cluster.start()
    log_id = (await cluster.topic(topic, make=False)).id
    await cluster.commit(GROUP, -1, "", topic, {0: (100, f"v1:{log_id}:100:100")})
    await cluster.close()
    async with started(make_reader(dsn)) as reader:
        assert "Kafka lost records" in str(await poll_until_away(reader))


def test_a_dsn_names_servers_and_topic() -> None:
    for wrong in ("kafka://host:1", "kafka:///topic", "kafka://host:1/a/b", "sqlite:///file"):
        with pytest.raises(ValueError, match="kafka://host:port"):
            KafkaLog(wrong, group=GROUP)
