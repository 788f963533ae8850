"""The Kafka home of the log, reading side: a consumer group whose commits carry the bounds of the chunks handed out."""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from ask0.eventlog.kafka_cluster import Cluster, Fenced, parse_dsn, reason, within
from ask0.eventlog.kafka_share import Lease, note, resume
from ask0.eventlog.log import Chunk, ChunkLost, LogUnavailable

FETCH_BYTES = 4_000_000  # of one partition at a time
WAIT_MILLISECONDS = 100  # a partition that was not fetched from with the others waits so long for its turn
SESSION_SECONDS = 10.0  # a worker that was silent for so long loses its partitions
IDLE_SECONDS = 600.0  # and so does one that did not poll
ANSWER_SECONDS = 5.0
STOP_SECONDS = 3.0
ERRORS = KafkaError, OSError, TimeoutError

_log = logging.getLogger(__name__)


class KafkaReader(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, dsn: str, *, group: str, at_end: bool = False, session_seconds: float = SESSION_SECONDS) -> None:
        self._servers, self._topic = parse_dsn(dsn)
        self._group = group
        self._at_end = at_end
        self._session_seconds = session_seconds
        self._cluster: Cluster | None = None
        self._consumer: AIOKafkaConsumer | None = None
        self._lease: Lease | None = None
        self._loading = asyncio.Lock()
        self._assigned = asyncio.Event()
        self._well = 0.0  # when we last saw that nothing is wrong

    @property
    def leads(self) -> bool:
        return bool(self._lease and not self._lease.revoked and 0 in self._lease.partitions)

    async def start(self) -> None:
        if self._consumer:
            return
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._open()
        except (*ERRORS, LogUnavailable) as error:
            await self.close()
            raise _unavailable(error) from None

    async def poll(self, timeout: float) -> list[Chunk]:
        await self.start()
        now = asyncio.get_running_loop().time
        deadline = now() + timeout
        while True:
            chunks: list[Chunk] = []
            try:
                chunks = await self._take(max(0.0, deadline - now()))
            except Fenced:
                pass  # a lease is on its way, or will be
            except ERRORS as error:
                if not (self._lease and self._lease.revoked):
                    self._give_up()
                    raise _unavailable(error) from None
            if chunks:
                self._well = now()
                return chunks
            await self._watch()
            if now() >= deadline:
                return []

    async def done(self, chunks: Sequence[Chunk]) -> None:
        lease, ours, lost = self._lease, {}, []
        for chunk in chunks:
            share = lease.shares.get(chunk.partition) if lease and lease.log_id == chunk.log_id else None
            if share and share.chunk and share.chunk.token == chunk.token:
                ours[chunk.partition] = chunk
            elif not share or share.done < chunk.hi:
                lost.append(chunk)
        if lease and ours:
            await self._finish(lease, ours)
        if lost:
            raise ChunkLost(f"Chunks of another worker by now: {', '.join(chunk.token for chunk in lost)}.")

    def retry(self) -> None:
        for share in self._lease.shares.values() if self._lease else ():
            if share.chunk:
                share.chunk = replace(share.chunk, repeated=True)
                share.handed_out = False

    async def lag(self) -> int:
        await self.start()
        try:
            async with asyncio.timeout(ANSWER_SECONDS + self._session_seconds):
                while not (lease := await self._leased(self._session_seconds)):
                    pass
                ends = await self._ends(lease, lease.shares)
        except ERRORS as error:
            raise _unavailable(error) from None
        return sum(max(0, ends[partition] - share.done) for partition, share in lease.shares.items())

    async def close(self) -> None:
        consumer, self._consumer = self._consumer, None
        cluster, self._cluster = self._cluster, None
        self._lease = None
        if consumer:
            await within(STOP_SECONDS, consumer.stop())
            if consumer._fetcher:  # which `stop` leaves running when it hangs before
                await within(STOP_SECONDS, consumer._fetcher.close())
            await within(STOP_SECONDS, consumer._client.close())
        if cluster:
            await within(STOP_SECONDS, cluster.close())

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self._assigned.clear()
        if self._lease:
            self._lease.revoked = True

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        if self._consumer:
            coordinator = self._consumer._coordinator
            partitions = sorted(each.partition for each in assigned)
            self._lease = Lease(coordinator.generation, coordinator.member_id, partitions)
            self._assigned.set()

    async def _open(self) -> None:
        self._cluster = Cluster(self._servers)
        await self._cluster.start()
        await self._cluster.topic(self._topic, make=True)
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._servers,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_wait_ms=WAIT_MILLISECONDS,
            session_timeout_ms=int(self._session_seconds * 1000),
            heartbeat_interval_ms=int(self._session_seconds * 300),
            max_poll_interval_ms=int(IDLE_SECONDS * 1000),
            request_timeout_ms=int(self._session_seconds * 3000),  # joining a group takes up to a session
        )
        await self._consumer.start()
        self._assigned.clear()
        self._consumer.subscribe([self._topic], listener=self)
        self._well = asyncio.get_running_loop().time()

    async def _take(self, wait: float) -> list[Chunk]:
        lease = await self._leased(wait)
        if not lease:
            return []
        await self._gather(lease, wait)
        if lease.revoked or lease is not self._lease:
            return []
        made = {}
        for partition, share in lease.shares.items():
            if not share.chunk and (chunk := share.cut(lease.log_id, partition)):
                share.chunk = made[partition] = chunk
        new = {partition: (chunk.lo, chunk.hi) for partition, chunk in made.items() if not chunk.repeated}
        if new:
            await self._commit(lease, new)
        waiting = [share for share in lease.shares.values() if share.chunk and not share.handed_out]
        for share in waiting:
            share.handed_out = True
        return [share.chunk for share in waiting if share.chunk]

    async def _leased(self, wait: float) -> Lease | None:
        """None while the group shares the partitions out anew."""
        assert self._consumer
        if not self._assigned.is_set():
            self._consumer._coordinator.check_errors()
            with self._consumer._subscription.fetch_context():  # or it takes us for idle, and does not join again
                waiting = asyncio.create_task(self._assigned.wait())
                await asyncio.wait([waiting], timeout=wait)
                waiting.cancel()
        lease = self._lease
        if not lease or lease.revoked:
            return None
        async with self._loading:
            if not lease.loaded:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self._load(lease)
        return lease

    async def _load(self, lease: Lease) -> None:
        assert self._consumer
        assert self._cluster
        lease.log_id = (await self._cluster.topic(self._topic, make=False)).id
        commits = await self._cluster.committed(self._group, self._topic, lease.partitions)
        first = await self._consumer.beginning_offsets([self._at(partition) for partition in lease.partitions])
        ends = await self._ends(lease, lease.partitions)
        for partition in lease.partitions:
            is_new = self._at_end and commits[partition][0] < 0
            start = ends[partition] if is_new else first[self._at(partition)]
            share = resume(lease.log_id, start, *commits[partition])
            if share.done > ends[partition]:
                raise LogUnavailable(
                    f"Partition {partition} of topic {self._topic} ends at {ends[partition]}, but was read up to"
                    f" {share.done}: Kafka lost records. Make the topic anew, or reset the group's offsets."
                )
            if share.done < start:
                _log.error("Topic %s:%s: %s to %s expired unread", self._topic, partition, share.done, start)
            self._consumer.seek(self._at(partition), share.next)
            lease.shares[partition] = share
        if self._at_end:  # or whoever takes a partition over would begin at its end of then
            await self._commit(
                lease, {partition: (share.done, share.done) for partition, share in lease.shares.items()}
            )
        lease.loaded = True
        self._well = asyncio.get_running_loop().time()

    async def _gather(self, lease: Lease, wait: float) -> None:
        """Fetches for the partitions that have no chunk and too few records for one."""
        assert self._consumer
        hungry = self._hungry(lease)
        if any(not share.hungry and not share.handed_out for share in lease.shares.values()):
            wait = 0
        if not hungry:
            await asyncio.sleep(wait)
            return
        # Rarely a rebalance begins inside of this call, which then lasts until it is over.
        async with asyncio.timeout(wait + 3 * self._session_seconds):
            fetched = await self._consumer.getmany(
                *[self._at(partition) for partition in hungry], timeout_ms=int(wait * 1000)
            )
        for tp, records in fetched.items():
            share = lease.shares[tp.partition]
            if lease is not self._lease:
                return
            if records[0].offset < share.next:  # the offset was out of range: the topic was cut off, or made anew
                self._give_up()
                return
            share.records.extend(records)
            share.next = records[-1].offset + 1

    def _hungry(self, lease: Lease) -> list[int]:
        return [partition for partition, share in lease.shares.items() if share.hungry]

    async def _finish(self, lease: Lease, chunks: Mapping[int, Chunk]) -> None:
        try:
            await self._commit(lease, {partition: (chunk.hi, chunk.hi) for partition, chunk in chunks.items()})
        except Fenced:
            raise ChunkLost("The group shared out its partitions anew before the chunk was done.") from None
        except ERRORS as error:
            raise _unavailable(error) from None
        for partition, chunk in chunks.items():
            share = lease.shares[partition]
            share.done, share.chunk, share.handed_out = chunk.hi, None, False

    async def _commit(self, lease: Lease, bounds: Mapping[int, tuple[int, int]]) -> None:
        """Bounds [lo, hi) of a chunk to be handed out; hi and hi when that is done."""
        assert self._cluster
        offsets = {partition: (lo, note(lease.log_id, lo, hi)) for partition, (lo, hi) in bounds.items()}
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._cluster.commit(self._group, lease.generation, lease.member, self._topic, offsets)
        except BaseException:
            if lease is self._lease:
                self._give_up()
            raise

    def _give_up(self) -> None:
        """Joins again: the next generation fences a commit of this one that may still be on its way."""
        if self._consumer:
            self._lease = None
            self._assigned.clear()
            self._consumer._coordinator.request_rejoin()

    async def _watch(self) -> None:
        """aiokafka can hang without telling: a consumer that should advance, and does not, is made anew."""
        idle = asyncio.get_running_loop().time() - self._well
        if idle < self._session_seconds:
            return
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                waiting = await self._waiting()
        except ERRORS as error:
            raise _unavailable(error) from None
        if waiting == 0:
            self._well += idle
        elif idle > 3 * self._session_seconds:
            await self.close()
            what = "The group shared out no partitions" if waiting is None else f"Of {waiting} records none came"
            raise LogUnavailable(f"{what} for {idle:.0f} s: the consumer is made anew.")

    async def _waiting(self) -> int | None:
        """Records to be fetched; None if we do not know which ones are ours."""
        assert self._cluster
        lease = self._lease
        if not lease or not lease.loaded or lease.revoked:
            await self._cluster.topic(self._topic, make=False)
            return None
        hungry = self._hungry(lease)
        ends = await self._ends(lease, hungry)
        return sum(max(0, ends[partition] - lease.shares[partition].next) for partition in hungry)

    async def _ends(self, lease: Lease, partitions: Iterable[int]) -> dict[int, int]:
        assert self._consumer
        ends = await self._consumer.end_offsets([self._at(partition) for partition in partitions])
        return {tp.partition: offset for tp, offset in ends.items()}

    def _at(self, partition: int) -> TopicPartition:
        return TopicPartition(self._topic, partition)


def _unavailable(error: Exception) -> LogUnavailable:
    return LogUnavailable(f"Kafka is away: {reason(error)}.")
