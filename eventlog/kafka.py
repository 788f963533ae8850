"""The Kafka home of the log, writing side: an idempotent producer that is replaced whenever it is in doubt."""

import asyncio
import logging
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata

from ask0.eventlog.kafka_backlog import read_ends, read_progress
from ask0.eventlog.kafka_cluster import EVENTS_SHAPE, Cluster, Shape, parse_dsn, reason, within
from ask0.eventlog.log import Entry, LogUnavailable, Position, Progress

APPEND_SECONDS = 10.0  # in all: two sendings, and a new producer between them
SEND_SECONDS = 5.0
CONNECT_SECONDS = 5.0
CHECK_SECONDS = 2.0
STOP_SECONDS = 2.0
PROGRESS_SECONDS = 5.0
RETRY_SECONDS = 0.1, 2.0  # between attempts to connect: at first, at most

EVENTS = "n"  # header: how many events are in the record; one if it is absent

_RECORD_BYTES = 200  # what a record takes in its batch besides key and value, at most
_BATCH_BYTES = 512 * 1024
_log = logging.getLogger(__name__)


class KafkaLog:
    partitioned = True

    """At most one producer is alive, and one task replaces it. While that task fails, appends fail at once."""

    def __init__(
        self, dsn: str, *, group: str, shape: Shape = EVENTS_SHAPE, max_waiting_bytes: int = 64_000_000
    ) -> None:
        self._servers, self._topic = parse_dsn(dsn)
        self._group = group
        self._shape = shape
        self._max_waiting_bytes = max_waiting_bytes
        self._waiting_bytes = 0
        self.log_id = ""
        self._max_record_bytes = 0
        self._producer: AIOKafkaProducer | None = None
        self._away = ""  # why there is no producer, once that is known
        self._closed = False
        self._settled = asyncio.Event()  # there is a producer, or it is known why not
        self._connecting: asyncio.Task[None] | None = None
        self._sending: set[asyncio.Timeout] = set()
        self._stopping: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._closed = False
        await self._ready()

    async def append(self, entries: Sequence[Entry]) -> list[Position]:
        """Raises ValueError for an entry that the topic cannot take: nothing of `entries` is sent then."""
        size = sum([len(entry.value) + _RECORD_BYTES for entry in entries])
        if self._waiting_bytes and self._waiting_bytes + size > self._max_waiting_bytes:
            raise LogUnavailable("Kafka does not keep up: send again later.")
        self._waiting_bytes += size
        try:
            async with asyncio.timeout(APPEND_SECONDS):
                return await self._append(entries)
        except TimeoutError:
            raise LogUnavailable(f"Kafka did not confirm within {APPEND_SECONDS:g} s.") from None
        finally:
            self._waiting_bytes -= size

    async def check(self) -> None:
        producer = await self._ready()
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                reached = await producer.client.force_metadata_update()
        except TimeoutError:
            reached = False
        if not reached:
            self._replace(producer, "no answer")
            raise LogUnavailable("Kafka is away: no broker answers.")

    async def progress(self) -> Progress:
        try:
            async with asyncio.timeout(PROGRESS_SECONDS):
                return await read_progress(self._servers, self._topic, self._group)
        except (KafkaError, OSError, TimeoutError) as error:
            raise LogUnavailable(f"Kafka does not tell its backlog: {reason(error)}.") from error

    async def ends(self) -> list[Position]:
        try:
            async with asyncio.timeout(PROGRESS_SECONDS):
                return await read_ends(self._servers, self._topic)
        except (KafkaError, OSError, TimeoutError) as error:
            raise LogUnavailable(f"Kafka does not tell its ends: {reason(error)}.") from error

    async def forget(self, positions: Sequence[Position]) -> None:
        """The topic's retention does."""

    async def close(self) -> None:
        self._closed = True
        producer, self._producer = self._producer, None
        if self._connecting:
            self._connecting.cancel()
            await asyncio.wait([self._connecting])
            self._connecting = None
        self._settled.clear()
        if producer:
            await within(STOP_SECONDS, producer.flush())
            self._release()
            await _stop(producer)
        if self._stopping:
            await asyncio.wait(self._stopping)

    async def _append(self, entries: Sequence[Entry]) -> list[Position]:
        producer = self._producer or await self._ready()
        for entry in entries:
            if len(entry.key) + len(entry.value) > self._max_record_bytes:
                raise ValueError(
                    f"A record of {len(entry.key) + len(entry.value)} bytes is more than topic {self._topic} takes"
                    f" ({self._max_record_bytes} bytes): split it, or raise the topic's max.message.bytes."
                )
        positions, doubt = await self._send(producer, entries)
        if doubt:
            positions, doubt = await self._send(await self._ready(), entries)
        if doubt:
            raise LogUnavailable(f"Kafka did not confirm: {doubt}.")
        return positions

    async def _send(self, producer: AIOKafkaProducer, entries: Sequence[Entry]) -> tuple[list[Position], str]:
        """Where all entries are durable; or why that is in doubt, and then the producer is replaced too, because
        aiokafka's sequence numbers may be ahead of the broker's, which refuses everything from there on."""
        sending = asyncio.timeout(SEND_SECONDS)
        try:
            async with sending:
                self._sending.add(sending)
                try:
                    return await self._deliver(producer, entries), ""
                finally:
                    self._sending.discard(sending)
        except (KafkaError, TimeoutError) as error:
            self._replace(producer, reason(error))
            return [], reason(error)

    async def _deliver(self, producer: AIOKafkaProducer, entries: Sequence[Entry]) -> list[Position]:
        deliveries: list[asyncio.Future[RecordMetadata]] = []
        try:
            for entry in entries:
                headers = [(EVENTS, b"%d" % entry.events)] if entry.events != 1 else []
                deliveries.append(await producer.send(self._topic, entry.value, key=entry.key, headers=headers))
            return [Position(made.partition, made.offset) for made in [await delivery for delivery in deliveries]]
        finally:
            for delivery in deliveries:
                delivery.cancel()

    async def _ready(self) -> AIOKafkaProducer:
        if self._closed:
            raise LogUnavailable("The log is closed.")
        if not self._producer and not self._connecting:
            self._connecting = asyncio.create_task(self._connect())
        await self._settled.wait()
        if not self._producer:
            raise LogUnavailable(f"Kafka is away: {self._away}.")
        return self._producer

    def _replace(self, producer: AIOKafkaProducer, doubt: str) -> None:
        if producer != self._producer:
            return
        _log.warning("Kafka log %s: a new producer, because of %s", self._topic, doubt)
        self._producer = None
        self._settled.clear()
        self._release()
        stopping = asyncio.create_task(_stop(producer))
        self._stopping.add(stopping)
        stopping.add_done_callback(self._stopping.discard)
        self._connecting = asyncio.create_task(self._connect())

    def _release(self) -> None:
        """Nobody has to wait for the producer any more."""
        for sending in self._sending:
            if not sending.expired():
                sending.reschedule(0)
        self._sending.clear()

    async def _connect(self) -> None:
        delay, longest = RETRY_SECONDS
        self._away = ""
        while True:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    self._producer = await self._open()
                break
            except (KafkaError, OSError, TimeoutError, LogUnavailable) as error:
                if not self._away:
                    _log.warning("Kafka log %s is away: %s", self._topic, reason(error))
                self._away = reason(error)
            self._settled.set()
            await asyncio.sleep(delay)
            delay = min(2 * delay, longest)
        if self._away:
            _log.warning("Kafka log %s is back", self._topic)
        self._connecting = None
        self._settled.set()

    async def _open(self) -> AIOKafkaProducer:
        cluster = Cluster(self._servers)
        try:
            await cluster.start()
            topic = await cluster.topic(self._topic, make=True, shape=self._shape)
        finally:
            await cluster.close()
        self.log_id = topic.id
        self._max_record_bytes = topic.max_batch_bytes - _RECORD_BYTES
        producer = AIOKafkaProducer(
            bootstrap_servers=self._servers,
            acks="all",
            enable_idempotence=True,
            max_batch_size=min(_BATCH_BYTES, topic.max_batch_bytes),
            max_request_size=topic.max_batch_bytes,
            request_timeout_ms=int(SEND_SECONDS * 1000),
        )
        try:
            await producer.start()
            await producer.partitions_for(self._topic)
        except BaseException:
            await _stop(producer)
            raise
        return producer


async def _stop(producer: AIOKafkaProducer) -> None:
    """aiokafka's own `stop` would wait for every batch, and a batch of an idempotent producer never expires."""
    producer._closed = True
    await within(STOP_SECONDS, producer._sender.close())
    await within(STOP_SECONDS, producer.client.close())
