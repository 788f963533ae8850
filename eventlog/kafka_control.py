"""The control stream on Kafka: a topic of one partition beside that of the events, kept for ever."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from ask0.eventlog.kafka import KafkaLog
from ask0.eventlog.kafka_cluster import CONTROL_SHAPE, Cluster, parse_dsn, reason, within
from ask0.eventlog.log import Entry, LogUnavailable

ANSWER_SECONDS = 5.0
STOP_SECONDS = 3.0
ERRORS = KafkaError, OSError, TimeoutError


class KafkaControl:
    """Position = offset + 1."""

    rewritable = False

    def __init__(self, dsn: str) -> None:
        self._servers, topic = parse_dsn(dsn)
        self._topic = f"{topic}.control"
        self._at = TopicPartition(self._topic, 0)
        self._log = KafkaLog(f"{dsn}.control", group="", shape=CONTROL_SHAPE)
        self._consumer: AIOKafkaConsumer | None = None
        self._opening = asyncio.Lock()
        self._next = -1  # the offset that the consumer reads next
        self.log_id = ""

    async def start(self) -> None:
        await self._log.start()
        async with self._explained():
            await self._opened()

    async def append(self, value: bytes) -> None:
        await self._log.append([Entry(b"", value, 1)])

    async def read(self, after: int, timeout: float) -> list[tuple[int, bytes]]:
        async with self._explained(timeout):
            consumer = await self._opened()
            if self._next != after:
                consumer.seek(self._at, after)
                self._next = after
            fetched = await consumer.getmany(self._at, timeout_ms=int(timeout * 1000))
            records = [(record.offset + 1, record.value or b"") for record in fetched.get(self._at, ())]
            if records:
                self._next = records[-1][0]
            return records

    async def end(self) -> int:
        async with self._explained():
            consumer = await self._opened()
            return int((await consumer.end_offsets([self._at]))[self._at])

    async def rewrite(self, records: Mapping[int, bytes]) -> None:
        raise LogUnavailable("A topic keeps what was written to it.")

    async def close(self) -> None:
        await self._forget()
        await self._log.close()

    @asynccontextmanager
    async def _explained(self, timeout: float = 0) -> AsyncIterator[None]:
        """A consumer with which something went wrong is not used again: aiokafka can hang without telling."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS + timeout):
                yield
        except (*ERRORS, LogUnavailable) as error:
            await self._forget()
            raise LogUnavailable(f"Kafka is away: {reason(error)}.") from error

    async def _opened(self) -> AIOKafkaConsumer:
        async with self._opening:
            if not self._consumer:
                cluster = Cluster(self._servers)
                try:
                    await cluster.start()
                    self.log_id = (await cluster.topic(self._topic, make=True, shape=CONTROL_SHAPE)).id
                finally:
                    await cluster.close()
                self._consumer, self._next = self._make_consumer(), -1
                await self._consumer.start()
                self._consumer.assign([self._at])
            return self._consumer

    def _make_consumer(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(bootstrap_servers=self._servers, enable_auto_commit=False, auto_offset_reset="earliest")

    async def _forget(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer:
            await within(STOP_SECONDS, consumer.stop())
            await within(STOP_SECONDS, consumer._client.close())
