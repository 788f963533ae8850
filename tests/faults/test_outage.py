"""The production shape, gateway and worker apart: Kafka or ClickHouse may go away at any time and nothing is lost."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import QueryFailed, Unavailable
from bench.stack import Stack, answers, free_port, wait_for
from tests.faults.clickhouse_server import PASSWORD
from tests.faults.follower import following
from tests.kafka_broker import Broker, kafka_broker


class ClickHouse:
    """A server process that can be killed and started again on its port and data."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.dsn = f"http://ask0:{PASSWORD}@127.0.0.1:{self.port}/ask0"

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.clickhouse_server", str(self.folder), str(self.port)]
        )
        wait_for(lambda: answers(f"http://127.0.0.1:{self.port}/ping"), "ClickHouse to answer")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Production:
    """Kafka, ClickHouse, one gateway and one worker."""

    def __init__(self, broker: Broker, clickhouse: ClickHouse, folder: Path) -> None:
        self.broker, self.clickhouse = broker, clickhouse
        shared = {"ASK0_LOG": f"kafka://{broker.bootstrap}/events", "ASK0_CLICKHOUSE": clickhouse.dsn}
        self.gateway = Stack(folder / "gateway", "-m", "ask0.cli.main", "gateway", **shared)
        self.worker = Stack(folder / "worker", "-m", "ask0.cli.main", "worker", **shared)
        self.worker.environ["ASK0_WORKER_PORT"] = str(self.worker.port)

    def rows(self) -> tuple[int, int]:
        """(events, messages) in ClickHouse; zeros while it is away."""
        try:
            with Warehouse(self.clickhouse.dsn) as warehouse:
                ((rows, messages),) = warehouse.query("SELECT count(), uniqExact(message_id) FROM events")
        except (Unavailable, QueryFailed):
            return 0, 0
        return rows, messages

    def send(self, first: int, count: int) -> list[tuple[int, dict[str, Any]]]:
        def one(n: int) -> tuple[int, dict[str, Any]]:
            return self.gateway.post(
                "/v1/track", {"event": "x", "userId": f"user_{n % 7}", "messageId": f"message-{n}"}
            )

        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(one, range(first, first + count)))

    def deliver(self, first: int, count: int) -> None:
        """Sends as an SDK does: again and again, until each is answered 200."""
        for n in range(first, first + count):
            wait_for(lambda n=n: self.send(n, 1)[0][0] == 200, "the gateway to take an event")  # type: ignore[misc]

    def migrate(self) -> None:
        """Makes the tables, and the project of the ASK0_BOOTSTRAP_* variables."""
        environ = {**os.environ, **self.gateway.environ}
        subprocess.run([sys.executable, "-m", "ask0.cli.main", "migrate"], env=environ, check=True, capture_output=True)

    def settle(self, total: int) -> None:
        wait_for(lambda: self.rows()[1] >= total, f"{total} events in ClickHouse", timeout=120)
        assert self.rows() == (total, total)


@contextmanager
def running(folder: Path) -> Iterator[Production]:
    with ExitStack() as stack:
        broker = stack.enter_context(kafka_broker())
        clickhouse = ClickHouse(folder / "server")
        clickhouse.start()
        stack.callback(clickhouse.kill)
        production = Production(broker, clickhouse, folder)
        production.migrate()
        stack.enter_context(production.gateway)
        production.worker.launch()
        stack.callback(production.worker.stop)
        yield production


@pytest.mark.timeout(600)
def test_events_wait_on_kafka_while_clickhouse_is_away(tmp_path: Path) -> None:
    """A second group has them meanwhile."""
    with running(tmp_path) as production, following(tmp_path / "followed", production.gateway) as follower:
        production.deliver(0, 20)
        production.settle(20)
        production.clickhouse.kill()
        assert {status for status, _ in production.send(20, 60)} == {200}, "the log takes events by itself"
        follower.wait_for(80)
        production.gateway.kill()
        production.gateway.start()
        assert {status for status, _ in production.send(80, 20)} == {200}, "the catalog's snapshot knows the key"
        production.clickhouse.start()
        production.settle(100)


@pytest.mark.timeout(600)
def test_a_gateway_without_kafka_answers_503_and_says_when_to_come_back(tmp_path: Path) -> None:
    """And both groups go on afterwards."""
    with running(tmp_path) as production, following(tmp_path / "followed", production.gateway) as follower:
        production.deliver(0, 20)
        follower.wait_for(20)
        production.broker.kill()
        answered = production.send(20, 20)
        assert {status for status, _ in answered} == {503}
        assert all(body["code"] and body["message"] for _, body in answered)
        production.broker.start()
        production.deliver(20, 40)
        production.settle(60)
        follower.wait_for(60)


@pytest.mark.timeout(600)
def test_a_killed_worker_and_its_successor_store_every_event_once(tmp_path: Path) -> None:
    with running(tmp_path) as production:
        for round_ in range(3):
            production.deliver(40 * round_, 40)
            production.worker.kill()
            production.worker.launch()
        production.settle(120)
