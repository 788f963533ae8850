"""The real gateway on a loopback port: uvicorn in a thread, the SQLite log, whatever ClickHouse it is given."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from ask0.catalog.copying import Copier
from ask0.catalog.documents import change_of
from ask0.catalog.replica import Replica
from ask0.consumers.tables.step import rows_worker
from ask0.eventlog.log import WORKERS
from ask0.eventlog.open import open_control, open_reader
from ask0.gateway.building import build_server
from ask0.schemas import records
from ask0.schemas.catalog import Catalog, Key, Project, Verification, secret_key
from ask0.schemas.events import Event
from ask0.schemas.records import Record, Reject
from ask0.schemas.settings import Settings
from ask0.warehouse.connect import Warehouse
from bench.stack import wait_for
from tests.gateway.tokens import SECRET_OF_SITE, secret_of

PROJECT, OTHER_PROJECT, STRICT_PROJECT = "proj_first", "proj_second", "proj_strict"
BOT_PROJECT, BOT_SECRET = "proj_bot", "sk_secret_of_bot"
LIST_PROJECT, LIST_SECRET = "proj_list", "sk_secret_of_list"  # of tests that know all its users
INSIGHT_PROJECT, INSIGHT_SECRET = "proj_insights", "sk_secret_of_insights"  # likewise, and all that happens in it
KEY, OTHER_KEY, STRICT_KEY, REVOKED_KEY = "wk_first", "wk_second", "wk_strict", "wk_revoked"
SECRET, STRICT_SECRET, REVOKED_SECRET = "sk_secret_of_first", "sk_secret_of_strict", "sk_revoked_secret"


@dataclass
class Running:
    """A gateway that answers now."""

    url: str
    client: httpx.Client
    log_dsn: str
    data_dir: Path

    @property
    def port(self) -> int:
        return httpx.URL(self.url).port or 0

    def post(self, path: str, body: Any = None, *, key: str | None = KEY, **options: Any) -> httpx.Response:
        """One beacon; `body` as JSON unless it is bytes already."""
        headers = {"X-Write-Key": key} if key is not None else {}
        headers |= options.pop("headers", {})
        if isinstance(body, bytes):
            return self.client.post(path, content=body, headers=headers, **options)
        return self.client.post(path, json=body, headers=headers, **options)

    def metric(self, name: str, **labels: str) -> float:
        """The value of one sample of /metrics, 0 if there is none yet."""
        shown = ",".join(f'{label}="{value}"' for label, value in labels.items())
        start = f"{name}{{{shown}}} " if labels else f"{name} "
        lines = self.client.get("/metrics").text.splitlines()
        return next((float(line.removeprefix(start)) for line in lines if line.startswith(start)), 0.0)

    def records(self) -> list[Record]:
        """What has come onto the log since the last look."""
        return asyncio.run(_read(self.log_dsn))

    def events(self) -> list[Event]:
        return [event for record in self.records() for event in record.events]

    def rejects(self) -> list[Reject]:
        return [reject for record in self.records() for reject in record.rejects]

    def raw(self, request: bytes) -> bytes:
        """The answer to bytes as they are, until the gateway closes or has said one whole answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(request)
            answer = b""
            while not _is_whole(answer):
                piece = connection.recv(65536)
                if not piece:
                    break
                answer += piece
        return answer


@contextmanager
def running(
    data_dir: Path, warehouse: Warehouse, *, demo: str | None = None, lane: bool = True, **settings: Any
) -> Iterator[Running]:
    """A gateway until the block ends, with the example catalog on its log unless that is in the way."""
    dsn = f"sqlite://{data_dir / 'log' / 'log.sqlite3'}"
    if not (data_dir / "log").is_file():
        asyncio.run(save(dsn, *example_catalog().projects.values(), *example_catalog().keys.values()))
    chosen = Settings(data_dir=data_dir, log=dsn, **{"api_requests_per_second": 0, **settings})
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        server = build_server(chosen, warehouse, CollectorRegistry(), demo_project=demo, lane=lane)
        thread = threading.Thread(target=server.run, args=([sock],))
        thread.start()
        try:
            wait_for(lambda: server.started or not thread.is_alive(), "the gateway to start")
            url = f"http://127.0.0.1:{sock.getsockname()[1]}"
            with httpx.Client(base_url=url, timeout=30) as client:
                yield Running(url, client, dsn, data_dir)
        finally:
            server.should_exit = True
            thread.join()


def nowhere() -> Warehouse:
    """ClickHouse where nobody answers."""
    return Warehouse("http://127.0.0.1:9/ask0")


def put_in_the_way(data_dir: Path) -> None:
    """A file where the log's folder is looked for."""
    log = data_dir / "log"
    log.rename(data_dir / "log-of-before")
    log.touch()


async def save(dsn: str, *documents: Project | Key) -> None:
    """Each in place of what was there."""
    replica = Replica(open_control(dsn))
    await replica.start()
    for document in documents:
        await replica.write(change_of(document, "test", expected=None))
    await replica.close()


def example_catalog() -> Catalog:
    """Some projects; the strict one requires tokens."""
    keys = (
        Key(id=KEY, kind="write", project_id=PROJECT, shown=KEY, created_at=1),
        Key(id=OTHER_KEY, kind="write", project_id=OTHER_PROJECT, shown=OTHER_KEY, created_at=1),
        Key(id=REVOKED_KEY, kind="write", project_id=PROJECT, shown=REVOKED_KEY, created_at=1, revoked_at=2),
        Key(id=STRICT_KEY, kind="write", project_id=STRICT_PROJECT, shown=STRICT_KEY, created_at=1),
        secret_key(SECRET, PROJECT, 1),
        secret_key(STRICT_SECRET, STRICT_PROJECT, 1),
        secret_key(BOT_SECRET, BOT_PROJECT, 1),
        secret_key(LIST_SECRET, LIST_PROJECT, 1),
        secret_key(INSIGHT_SECRET, INSIGHT_PROJECT, 1),
        replace(secret_key(REVOKED_SECRET, STRICT_PROJECT, 1), revoked_at=2),
    )
    verification = Verification(required=True, keys=(secret_of(SECRET_OF_SITE),), readable=("plan", "firstName", "a.b"))
    plain = PROJECT, OTHER_PROJECT, BOT_PROJECT, LIST_PROJECT, INSIGHT_PROJECT
    projects = [Project(id=id, name=f"Project {id}", created_at=1) for id in plain]
    projects.append(Project(id=STRICT_PROJECT, name="Strict", created_at=1, verification=verification))
    return Catalog(projects={project.id: project for project in projects}, keys={key.id: key for key in keys})


def track(event: str = "Clicked", **more: Any) -> dict[str, Any]:
    return {"type": "track", "event": event, "userId": "u1", **more}


async def _read(dsn: str) -> list[Record]:
    reader = open_reader(dsn, group="tests")
    await reader.start()
    found: list[Record] = []
    try:
        while chunks := await reader.poll(0.01):
            found += [records.decode(value) for chunk in chunks for _, value in chunk.records]
            await reader.done(chunks)
    finally:
        await reader.close()
    return found


def _is_whole(answer: bytes) -> bool:
    head, separator, body = answer.partition(b"\r\n\r\n")
    if not separator:
        return False
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return bool(lengths) and len(body) >= int(lengths[0].partition(b":")[2])


def names(items: Sequence[Event]) -> list[str]:
    return [event.event for event in items]


async def copy_until(gateway: Running, warehouse: Warehouse, done: Callable[[], object], what: str) -> None:
    """What is on the control stream comes into the audit log."""
    stop = asyncio.Event()
    copying = asyncio.create_task(Copier(open_control(gateway.log_dsn), warehouse).run(stop))
    await asyncio.to_thread(wait_for, done, what)
    stop.set()
    await copying


@contextmanager
def working(gateway: Running, warehouse: Warehouse) -> Iterator[None]:
    """A worker on the gateway's log until the block ends."""
    stop = threading.Event()

    async def work() -> None:
        worker = rows_worker(open_reader(gateway.log_dsn, group=WORKERS), warehouse, CollectorRegistry())
        stopping = asyncio.Event()
        running = asyncio.create_task(worker.run(stopping))
        await asyncio.to_thread(stop.wait)
        stopping.set()
        await running

    thread = threading.Thread(target=asyncio.run, args=(work(),))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
