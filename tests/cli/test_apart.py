"""`ask0 gateway` and `ask0 worker` as processes of their own, on a real Kafka and on ClickHouse over HTTP."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from bench.stack import free_port, wait_for
from tests.cli.processes import ROOT, Server, environment, run
from tests.kafka_broker import kafka_broker

SECRET = f"sk_{'parts' * 8}"
SERVER = {"authorization": f"Bearer {SECRET}"}


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
                "ASK0_BOOTSTRAP_SECRET_KEY": SECRET,
                "ASK0_GATEWAY_PROCESSES": str(number + 1),
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
        users_are_the_same_at_every_gateway(gateways)
        segments_are_kept_by_one_of_the_workers(gateways, server)


def users_are_the_same_at_every_gateway(gateways: Sequence[str]) -> None:
    """What is written at one is read at all of them, once; who is deactivated at one is refused at all."""
    for number in range(8):
        user, body = f"/v1/projects/-/users/apart-{number}", {"plan": "pro", "tags": ["apart"]}
        keyed = {"idempotency-key": f"apart-{number}"}
        first, again = (put(f"{one}{user}", body, keyed) for one in gateways)
        assert again.headers["idempotency-replayed"] == "true"
        assert again.json() == first.json()
    listed = httpx.get(f"{gateways[1]}/v1/projects/-/users?search=apart-&sort=-id", headers=SERVER).json()["users"]
    assert [one["id"] for one in listed] == [f"apart-{number}" for number in range(7, -1, -1)]
    assert httpx.post(f"{gateways[0]}{user}/deactivate", headers=SERVER).status_code == 200
    for one in (*gateways, gateways[1], gateways[1]):  # the second is two processes
        wait_for(partial(refuses, f"{one}/v1/projects/-/access?user=apart-7"), "every gateway to obey")


def segments_are_kept_by_one_of_the_workers(gateways: Sequence[str], server: Server) -> None:
    filter = {"all": [{"tag": "apart"}, {"trait": "plan", "op": "is", "value": "team"}]}
    segments = f"{gateways[0]}/v1/projects/-/segments"
    made = httpx.post(segments, json={"name": "Teams", "filter": filter}, headers=SERVER).json()["id"]
    history = f"{segments}/{made}/history?days=1"
    wait_for(lambda: httpx.get(history, headers=SERVER).json()["history"][0]["size"] == 0, "the segment to be settled")
    put(f"{gateways[1]}/v1/projects/-/users/apart-1", {"plan": "team"}, {})
    members = f"SELECT user_id, cause FROM segment_members WHERE segment_id = '{made}'"
    wait_for(lambda: server.query(members) == "apart-1\tchange", "the member")
    told = "SELECT event, user_id FROM events WHERE type = 'segment'"
    wait_for(lambda: server.query(told) == "Segment Entered\tapart-1", "the event")


def put(url: str, body: dict[str, Any], headers: dict[str, str]) -> httpx.Response:
    """Once it is applied: a machine that is busy may say 202 first, and the same key is safe."""
    answers: list[httpx.Response] = []

    def is_applied() -> bool:
        answers.append(httpx.put(url, json=body, headers=headers | SERVER, timeout=30))
        return answers[-1].status_code in (200, 201)

    wait_for(is_applied, "the change to be applied")
    return answers[-1]


def refuses(url: str) -> bool:
    return httpx.get(url, headers=SERVER).json()["allowed"] is False
