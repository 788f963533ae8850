"""What aiokafka's clients do not offer: a topic's id, offsets with their metadata, commits of a chosen generation."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import suppress
from io import BytesIO
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    IllegalGenerationError,
    KafkaConnectionError,
    KafkaError,
    NodeNotReadyError,
    NoError,
    NotCoordinatorForGroupError,
    RebalanceInProgressError,
    TopicAlreadyExistsError,
    UnknownMemberIdError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.admin import CreateTopicsRequest, DescribeConfigsRequest
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.commit import OffsetCommitRequest, OffsetFetchRequest
from aiokafka.protocol.types import Boolean, CompactArray, CompactString, Int16, Int32, Schema, TaggedFields

from ask0.eventlog.log import LogUnavailable

PARTITIONS = 8  # of a topic made by us
REPLICAS = 3

logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # an absent broker floods it; we say so once

MOVING = (GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError)


def parse_dsn(dsn: str) -> tuple[list[str], str]:
    """Servers and topic of `kafka://host:port,host:port/topic`."""
    url = urlsplit(dsn)
    topic = url.path.removeprefix("/")
    if url.scheme != "kafka" or not url.netloc or not topic or "/" in topic:
        raise ValueError("A Kafka log is kafka://host:port,host:port/topic.")
    return url.netloc.split(","), topic


class Fenced(Exception):
    """The group has a later generation than the one of the commit."""


class Shape(NamedTuple):
    """What a topic is made with where there is none."""

    partitions: int
    settings: tuple[tuple[str, str], ...] = ()


EVENTS_SHAPE = Shape(PARTITIONS)
CONTROL_SHAPE = Shape(1, (("retention.ms", "-1"), ("retention.bytes", "-1")))


class Topic(NamedTuple):
    id: str  # of this topic: one that is deleted and made again under the same name has another
    partitions: int
    max_batch_bytes: int


class Cluster:
    """One connection. Nothing here has a deadline: the caller sets it."""

    def __init__(self, servers: list[str], *, request_seconds: float = 5) -> None:
        self._servers = servers
        self._client = AIOKafkaClient(bootstrap_servers=servers, request_timeout_ms=int(request_seconds * 1000))

    async def start(self) -> None:
        try:
            await self._client.bootstrap()
        except KafkaConnectionError:
            raise LogUnavailable(f"no broker answers at {', '.join(self._servers)}") from None

    async def close(self) -> None:
        await self._client.close()

    async def topic(self, name: str, *, make: bool, shape: Shape = EVENTS_SHAPE) -> Topic:
        """Raises LogUnavailable when its settings would lose what was acknowledged."""
        described = await self._describe(name)
        if not described and make:
            await self._make(name, shape)
        while not described:
            await asyncio.sleep(0.02)
            described = await self._describe(name)
        id, replicas = described
        config = await self._config(name, "max.message.bytes", *SAFE)
        for setting, (safe, demand) in SAFE.items():
            if not safe(config[setting], min(replicas)):
                raise LogUnavailable(f"Topic {name} has {setting}={config[setting]}: it must be {demand}")
        return Topic(str(id), len(replicas), int(config["max.message.bytes"]))

    async def committed(self, group: str, topic: str, partitions: Iterable[int]) -> dict[int, tuple[int, str]]:
        """Offset (-1 if there is none) and metadata."""
        request = OffsetFetchRequest(group, [(topic, list(partitions))])
        found = {}
        for _, rows in (await self._ask_coordinator(group, request)).topics:
            for partition, offset, metadata, _ in rows:
                found[partition] = (offset, metadata or "")
        return found

    async def commit(
        self, group: str, generation: int, member: str, topic: str, offsets: Mapping[int, tuple[int, str]]
    ) -> None:
        """Raises Fenced; any other error leaves it open whether the commit lands, now or later.

        aiokafka's own commit takes the generation that is current when it comes to sending, and even sends again after
        a rebalance: a chunk that was lost meanwhile would count as done."""
        rows = [(partition, offset, metadata) for partition, (offset, metadata) in offsets.items()]
        await self._ask_coordinator(group, OffsetCommitRequest(group, generation, member, -1, [(topic, rows)]))

    async def _ask_coordinator(self, group: str, request: Request[Any]) -> Any:
        """Asks again while the answer is that the coordinator is not there yet, or no more."""
        while True:
            try:
                node = await self._client.coordinator_lookup(CoordinationType.GROUP, group)
                answer = await self._client.send(node, request)
                for code in _codes(answer):
                    _check(code)
                return answer
            except MOVING:
                await asyncio.sleep(0.1)

    async def _describe(self, name: str) -> tuple[UUID, list[int]] | None:
        """The id, and each partition's number of replicas."""
        answer = await self._client.send(self._client.get_random_node(), _TopicRequest(name))
        ((code, _, id, _, partitions, *_),) = answer.topics
        if for_code(code) is UnknownTopicOrPartitionError:
            return None
        _check(code)
        return id, [len(replicas) for _, _, _, _, replicas, *_ in partitions]

    async def _make(self, name: str, shape: Shape) -> None:
        replicas = min(REPLICAS, len(self._client.cluster.brokers()))
        settings = [("min.insync.replicas", str(min(replicas, 2))), *shape.settings]
        request = CreateTopicsRequest([(name, shape.partitions, replicas, [], settings)], 5000, False)
        answer = await self._client.send(self._client.get_random_node(), request)
        with suppress(TopicAlreadyExistsError):
            _check(answer.topic_errors[0][1])

    async def _config(self, name: str, *settings: str) -> dict[str, str]:
        request = DescribeConfigsRequest([(2, name, list(settings))], False)
        answer = await self._client.send(self._client.get_random_node(), request)
        code, _, _, _, rows = answer.resources[0]
        _check(code)
        return {setting: value for setting, value, *_ in rows}


# Which values keep what was acknowledged (value, replicas), and how to say so.
SAFE: dict[str, tuple[Callable[[str, int], bool], str]] = {
    "unclean.leader.election.enable": (lambda value, _: value == "false", "false, or a failover loses events"),
    "cleanup.policy": (lambda value, _: value == "delete", "delete, or events of one user overwrite each other"),
    "min.insync.replicas": (
        lambda value, replicas: min(replicas, 2) <= int(value) <= replicas,
        "at least 2 (1 if there is one replica) and at most the number of replicas",
    ),
}


async def within(seconds: float, ending: Coroutine[object, object, None]) -> None:
    """Whatever goes wrong with a thing that is being closed, it is not needed any more."""
    task = asyncio.create_task(ending)
    for _ in range(2):
        await asyncio.wait([task], timeout=seconds)
        task.cancel()
    with suppress(BaseException):
        task.result()


def reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    if isinstance(error, NodeNotReadyError):
        return "no broker answers"
    return str(error).rstrip(".") or type(error).__name__


def _codes(answer: Any) -> Iterator[int]:
    yield getattr(answer, "error_code", 0)
    for _, rows in answer.topics:
        yield from (row[-1] for row in rows)


def _check(code: int) -> None:
    error: type[KafkaError] = for_code(code)
    if error in (IllegalGenerationError, UnknownMemberIdError, RebalanceInProgressError):
        raise Fenced(error.__name__)
    if error is not NoError:
        raise error


class _Uuid:
    @staticmethod
    def encode(value: UUID) -> bytes:
        return value.bytes

    @staticmethod
    def decode(data: BytesIO) -> UUID:
        return UUID(bytes=data.read(16))


# Metadata 12 (Kafka 3.0 and later), the first that is asked by name and tells topic ids; aiokafka ends at 5.
class _TopicResponse(Response):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 12
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString()),
                ("port", Int32),
                ("rack", CompactString()),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString()),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", CompactString()),
                ("topic_id", _Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("in_sync", CompactArray(Int32)),
                        ("offline", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _TopicRequest12(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 12
    RESPONSE_TYPE = _TopicResponse
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("name", CompactString()), ("tags", TaggedFields))),
        ("create", Boolean),
        ("operations", Boolean),
        ("tags", TaggedFields),
    )


class _TopicRequest(Request[_TopicRequest12]):  # type: ignore[misc]
    API_KEY = 3

    def __init__(self, name: str) -> None:
        self._name = name

    def build(self, request_struct_class: Any) -> _TopicRequest12:
        return request_struct_class([(UUID(int=0), self._name, {})], False, False, {})  # type: ignore[no-any-return]
