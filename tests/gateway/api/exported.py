"""Exports of many users, as tests ask for them and take them."""

import csv
import io
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any
from uuid import uuid4

import httpx

from ask0.warehouse.connect import Warehouse
from bench.stack import wait_for
from tests.gateway.running import (
    PROJECT,
    SECRET,
    Running,
)

LARGE = "x" * 30_000


def call(
    gateway: Running, method: str, path: str, body: Any = None, *, secret: str = SECRET, **headers: str
) -> httpx.Response:
    sent = {"authorization": f"Bearer {secret}"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return gateway.client.request(method, f"/v1/projects/-{path}", json=body, headers=sent)


def create(gateway: Running, *, secret: str = SECRET, **body: Any) -> dict[str, Any]:
    """The answer, whose job waits to be downloaded."""
    answer = call(gateway, "POST", "/exports", body, secret=secret)
    assert answer.status_code == 202, answer.text
    made: dict[str, Any] = answer.json()
    assert (made["job"]["kind"], made["job"]["status"]) == ("export", "waiting")
    assert secret != SECRET or made["download"] == f"/v1/projects/{PROJECT}/exports/{made['job']['id']}/file"
    return made


def of_job(gateway: Running, made: dict[str, Any], secret: str = SECRET) -> dict[str, Any]:
    job: dict[str, Any] = call(gateway, "GET", f"/jobs/{made['job']['id']}", secret=secret).json()["job"]
    return job


def download(gateway: Running, made: dict[str, Any], secret: str = SECRET) -> httpx.Response:
    """Once nobody else does."""
    answers: list[httpx.Response] = []

    def is_free() -> bool:
        answers.append(gateway.client.get(made["download"], headers={"authorization": f"Bearer {secret}"}))
        return answers[-1].status_code != 429

    wait_for(is_free, "the download")
    return answers[-1]


def taken(gateway: Running, **body: Any) -> tuple[httpx.Response, dict[str, Any]]:
    """The file of a new export, and its receipt."""
    made = create(gateway, **body)
    answer = download(gateway, made)
    assert answer.status_code == 200, answer.text
    job = of_job(gateway, made)
    assert job["status"] == "done"
    receipt: dict[str, Any] = job["receipt"]
    assert (receipt["bytes"], receipt["sha256"]) == (len(answer.content), sha256(answer.content).hexdigest())
    assert job["progress"] == {"done": receipt["users"], "total": job["progress"]["total"]}
    return answer, receipt


def lines_of(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.content.endswith(b"\n")
    return [json.loads(line) for line in answer.content.splitlines()]


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def tagged(clickhouse: Warehouse, tag: str, number: int, **row: Any) -> list[str]:
    """So many users with the tag, as rows: it is gone once the worker has folded something of them."""
    ids = [f"{tag}-{place:04}" for place in range(number)]
    columns = {"project_id": PROJECT, "status": "Active", "merged_into": "", "_version": 1, "tags": [tag], **row}
    clickhouse.insert(
        "user_rows", {"id": ids, **{name: [value] * number for name, value in columns.items()}}, token=uuid4().hex
    )
    return ids


def fill(clickhouse: Warehouse, tag: str, number: int = 600) -> list[str]:
    """With more than a connection holds that nobody reads."""
    return tagged(clickhouse, tag, number, traits_json=json.dumps({"text": LARGE}))


@contextmanager
def reading_slowly(gateway: Running, path: str, secret: str = SECRET) -> Iterator[httpx.Response]:
    """Nothing is read that the block does not read, and little fits on the way."""
    little = httpx.HTTPTransport(socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 262_144)])
    with (
        httpx.Client(base_url=gateway.url, transport=little, timeout=30) as client,
        client.stream("GET", path, headers={"authorization": f"Bearer {secret}"}) as answer,
    ):
        yield answer
