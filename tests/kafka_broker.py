"""A real Kafka broker on loopback, from the jars of deploy/kafka/pom.xml; `python -m tests.kafka_broker` runs one."""

import asyncio
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar
from xml.etree import ElementTree

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import InvalidReplicationFactorError, KafkaError, NoError, for_code

T = TypeVar("T")

POM = Path(__file__).parent.parent / "deploy" / "kafka" / "pom.xml"
START_SECONDS = 60
STOP_SECONDS = 30
JAVA = (
    "java",
    "-Xmx512m",
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)

# One node, soon there and soon back: short sessions, because a killed broker may not register again before its old
# session is over, and nothing replicated, because there is nobody to replicate to.
PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
broker.session.timeout.ms=500
broker.heartbeat.interval.ms=100
controller.quorum.election.timeout.ms=100
controller.quorum.election.backoff.max.ms=50
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=100
log.cleaner.enable=false
"""


class Broker:
    """Broker and controller in one process. It may be stopped or killed and started again: same ports, same data."""

    def __init__(self, *properties: str) -> None:
        self._jars = jars()
        self._dir = Path(tempfile.mkdtemp(prefix="ask0-kafka-"))
        self._data = self._dir / "data"
        self._config = self._dir / "server.properties"
        self._output = self._dir / "output"
        port, controller = _free_ports(2)
        self.bootstrap = f"127.0.0.1:{port}"
        lines = PROPERTIES.format(port=port, controller=controller, data=self._data), *properties
        self._config.write_text("\n".join(lines))
        self._process: subprocess.Popen[bytes] | None = None
        self._leash: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when the broker answers."""
        if not self._data.exists():
            # Always the same first byte, as an id that begins with "-" would look like an option.
            cluster = urlsafe_b64encode(b"a" + uuid.uuid4().bytes[1:]).decode().rstrip("=")
            format_data = self._java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self._config))
            _run(format_data, "Kafka's data folder could not be formatted")
        with self._output.open("ab") as output:
            command = self._java("kafka.Kafka", str(self._config))
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        self._leash = _leash(self._process.pid, self._dir)
        self._wait()

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Until `resume` it holds its connections, and answers nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Returns when the broker answers again."""
        self._signal(signal.SIGCONT)
        self._wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        shutil.rmtree(self._dir)

    def _java(self, *arguments: str) -> list[str]:
        return [*JAVA, "-cp", str(self._jars / "*"), *arguments]

    def _wait(self) -> None:
        assert self._process
        deadline = time.monotonic() + START_SECONDS
        while not _elsewhere(_answers(self.bootstrap)):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"The Kafka broker does not answer: {self._output.read_text()[-2000:]}")

    def _signal(self, number: signal.Signals) -> None:
        if self._process:
            os.kill(self._process.pid, number)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process:
            process.send_signal(number)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        leash, self._leash = self._leash, None
        if leash:
            leash.kill()
            leash.communicate()


@contextmanager
def kafka_broker(*properties: str) -> Iterator[Broker]:
    """A started broker; `properties` are further lines of its configuration."""
    with Broker(*properties) as broker:
        yield broker


def make_topic(bootstrap: str, name: str, partitions: int = 1, **config: str) -> None:
    """`config`: a topic's settings, with underscores for dots."""
    settings = {key.replace("_", "."): value for key, value in config.items()}
    _elsewhere(_change(bootstrap, "create_topics", [NewTopic(name, partitions, 1, topic_configs=settings)]))


def drop_topic(bootstrap: str, name: str) -> None:
    _elsewhere(_change(bootstrap, "delete_topics", [name]))


def jars() -> Path:
    """The folder with the broker's jars, outside of the tree; fetched with Maven if it is not there yet."""
    for tool in ("java", "mvn"):
        if not shutil.which(tool):
            raise RuntimeError(f"`{tool}` is missing: the Kafka tests need Java 17 or later, and Maven")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ask0"
    folder = cache / f"kafka-{_version()}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "kafka.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=cache) as part:
                copy = ["mvn", "-B", "-q", "-f", str(POM), "dependency:copy-dependencies"]
                _run([*copy, f"-DoutputDirectory={part}/jars"], "Maven could not fetch the jars of the Kafka broker")
                Path(part, "jars").rename(folder)
    return folder


def _version() -> str:
    namespace = {"m": "http://maven.apache.org/POM/4.0.0"}
    return ElementTree.parse(POM).findtext("m:properties/m:kafka.version", namespaces=namespace) or ""


def _run(command: list[str], problem: str) -> None:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{problem}: {done.stdout[-2000:]}")


def _leash(pid: int, folder: Path) -> subprocess.Popen[bytes]:
    """Kills `pid` when this process is gone, however it went: then the pipe closes."""
    script = f"read _; kill -KILL {pid}; rm -rf '{folder}'"
    return subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE, start_new_session=True)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _elsewhere(coroutine: Coroutine[object, object, T]) -> T:
    """Runs it in a thread, since the caller's thread may be running an event loop already."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


async def _answers(bootstrap: str) -> bool:
    host, port = bootstrap.split(":")
    with socket.socket() as probe:  # what does not listen yet aiokafka would log as an error
        if probe.connect_ex((host, int(port))):
            await asyncio.sleep(0.05)
            return False
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=2000)
    try:
        await admin.start()
        cluster = await admin.describe_cluster()
        return bool(cluster["brokers"])
    except (KafkaError, OSError):
        await asyncio.sleep(0.05)
        return False
    finally:
        await admin.close()


async def _change(bootstrap: str, method: str, arguments: list[NewTopic] | list[str]) -> None:
    """Again while the broker, which answers already, does not yet count itself among those that take partitions."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=10_000)
    try:
        await admin.start()
        while True:
            answer = await getattr(admin, method)(arguments)
            ((_, code, *_),) = getattr(answer, "topic_errors", ()) or answer.topic_error_codes
            if for_code(code) is not InvalidReplicationFactorError:
                break
            await asyncio.sleep(0.1)
    finally:
        await admin.close()
    if for_code(code) is not NoError:
        raise RuntimeError(f"{method} {arguments}: {for_code(code).__name__}")


def main() -> None:
    with kafka_broker() as broker:
        print(f"kafka://{broker.bootstrap}/events", flush=True)
        with suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
