"""How far the workers of a consumer group are on a Kafka topic."""

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition

from ask0.eventlog.kafka_cluster import Cluster
from ask0.eventlog.log import Position, Progress


async def read_progress(servers: list[str], topic: str, group: str) -> Progress:
    """Asks with connections of its own; nothing here has a deadline."""
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False)
    cluster = Cluster(servers)
    try:
        await asyncio.gather(consumer.start(), cluster.start())
        found = await cluster.topic(topic, make=True)
        places = [TopicPartition(topic, number) for number in range(found.partitions)]
        ends = await consumer.end_offsets(places)
        starts = await consumer.beginning_offsets(places)
        committed = await cluster.committed(group, topic, range(found.partitions))
        done = sum(max(committed.get(place.partition, (-1, ""))[0], starts[place]) for place in places)
        return Progress(sum(ends.values()), done)
    finally:
        await asyncio.gather(consumer.stop(), cluster.close())


async def read_ends(servers: list[str], topic: str) -> list[Position]:
    """Likewise: the last record of each partition that has any."""
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False)
    cluster = Cluster(servers)
    try:
        await asyncio.gather(consumer.start(), cluster.start())
        found = await cluster.topic(topic, make=True)
        ends = await consumer.end_offsets([TopicPartition(topic, number) for number in range(found.partitions)])
        return [Position(place.partition, end - 1) for place, end in ends.items() if end]
    finally:
        await asyncio.gather(consumer.stop(), cluster.close())
