"""`ask0 gateway` and `ask0 worker` as processes of their own, on a real Kafka and on ClickHouse over HTTP."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from bench.stack import free_port, wait_for
from tests.cli.processes import ROOT, Server, environment, run
from tests.kafka_broker import kafka_broker


@contextmanager
def part(name: str, settings: dict[str, str], url: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "ask0.cli.main", name]
    with subprocess.Popen(command, env=environment(settings), cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: answers(url) or process.poll() is not None, f"the {name} to answer")
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def test_two_gateways_and_two_workers_share_the_work(server: Server, tmp_path: Path) -> None:
    note = json.loads((Path(server.settings["ASK0_DATA_DIR"]) / "serve.json").read_text())
    with ExitStack() as stack:
        broker = stack.enter_context(kafka_broker())
        gateways, workers = [[f"http://127.0.0.1:{free_port()}" for _ in range(2)] for _ in range(2)]
        for number, (gateway, worker) in enumerate(zip(gateways, workers, strict=True)):
            settings = {
                "ASK0_LOG": f"kafka://{broker.bootstrap}/apart",
                "ASK0_CLICKHOUSE": note["clickhouse"],
                "ASK0_DATA_DIR": str(tmp_path / str(number)),
                "ASK0_PORT": gateway.rpartition(":")[2],
                "ASK0_WORKER_PORT": worker.rpartition(":")[2],
                "ASK0_BOOTSTRAP_PROJECT": "Apart",
                "ASK0_BOOTSTRAP_WRITE_KEY": "wk_of_the_parts",
            }
            assert run("migrate", settings=settings).code == 0
            stack.enter_context(part("gateway", settings, f"{gateway}/health/ready"))
            stack.enter_context(part("worker", settings, f"{worker}/health"))
        for number in range(200):
            event = {"type": "track", "event": "Apart", "userId": f"u{number % 20}", "messageId": f"apart-{number}"}
            sent = httpx.post(f"{gateways[number % 2]}/v1/track", auth=("wk_of_the_parts", ""), json=event)
            assert sent.status_code == 200
        stored = "SELECT count(), uniqExact(message_id) FROM events WHERE event = 'Apart'"
        wait_for(lambda: server.query(stored) == "200\t200", "the events")
        assert b"ask0_worker_rounds_total" in httpx.get(f"{workers[0]}/metrics").content
