"""The consumer groups of a Kafka topic: where each is, and how one is dropped."""

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupIdNotFound, KafkaError, NoError, NonEmptyGroup, for_code
from aiokafka.protocol.admin import DeleteGroupsRequest

from ask0.eventlog.kafka_cluster import Cluster, parse_dsn, reason
from ask0.eventlog.log import Group, LogUnavailable

ANSWER_SECONDS = 10.0


async def list_groups(dsn: str) -> list[Group]:
    """Those that have committed a place on the topic."""
    servers, topic = parse_dsn(dsn)
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False)
    cluster = Cluster(servers)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await asyncio.gather(admin.start(), consumer.start(), cluster.start())
            partitions = range((await cluster.topic(topic, make=True)).partitions)
            places = [TopicPartition(topic, number) for number in partitions]
            ends, starts = await asyncio.gather(consumer.end_offsets(places), consumer.beginning_offsets(places))
            groups = []
            for name, *_ in sorted(await admin.list_consumer_groups()):
                committed = await cluster.committed(name, topic, partitions)
                if all(offset < 0 for offset, _ in committed.values()):
                    continue
                lag = sum(ends[at] - max(committed[at.partition][0], starts[at]) for at in places)
                ((described, *_),) = (answer.groups for answer in await admin.describe_consumer_groups([name]))
                groups.append(Group(name, max(lag, 0), bool(described[5]), None))
            return groups
    except (KafkaError, OSError, TimeoutError) as error:
        raise LogUnavailable(f"Kafka does not tell its groups: {reason(error)}.") from error
    finally:
        await asyncio.gather(admin.close(), consumer.stop(), cluster.close(), return_exceptions=True)


async def drop_group(dsn: str, group: str) -> bool:
    servers, _ = parse_dsn(dsn)
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await admin.start()
            coordinator = await admin.find_coordinator(group)
            answer = await admin._send_request(DeleteGroupsRequest([group]), coordinator)
    except (KafkaError, OSError, TimeoutError) as error:
        raise LogUnavailable(f"Kafka did not drop the group: {reason(error)}.") from error
    finally:
        await admin.close()
    outcome = for_code(answer.results[0][1])
    if outcome is NonEmptyGroup:
        raise LogUnavailable(f"Somebody reads the log as group {group}: stop that process first.")
    if outcome not in (NoError, GroupIdNotFound):
        raise LogUnavailable(f"Kafka did not drop the group: {outcome.__name__}.")
    return outcome is NoError
