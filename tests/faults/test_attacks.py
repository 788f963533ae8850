"""What once stopped the product for every tenant, on both homes: it costs its sender, and a neighbour is seen."""

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ask0.gateway.ingest.intake import MAX_KEPT_REJECTS
from ask0.warehouse.connect import Warehouse
from bench.stack import Stack, wait_for
from tests.faults.test_outage import running


class Product(NamedTuple):
    post: Callable[..., tuple[int, dict[str, Any]]]
    query: Callable[[str], list[tuple[Any, ...]]]
    is_alive: Callable[[], bool]


@contextmanager
def embedded(folder: Path) -> Iterator[Product]:
    with Stack(folder / "data") as stack:

        def query(sql: str) -> list[tuple[Any, ...]]:
            return [tuple(json.loads(row)) for row in stack.query(f"{sql} FORMAT JSONCompactEachRow").splitlines()]

        yield Product(stack.post, query, lambda: stack.alive)


@contextmanager
def apart(folder: Path) -> Iterator[Product]:
    with running(folder) as production, Warehouse(production.clickhouse.dsn) as warehouse:
        production.deliver(0, 1)
        yield Product(
            production.gateway.post, warehouse.query, lambda: production.gateway.alive and production.worker.alive
        )


@pytest.fixture(params=[embedded, apart], ids=["SQLite and chDB", "Kafka and HTTP"])
def product(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Product]:
    with request.param(tmp_path) as product:
        yield product


def batch(*events: Any) -> bytes:
    return json.dumps({"batch": list(events)}).encode()


def send(product: Product, path: str, body: Any, **headers: str) -> Any:
    """(status, answer). Again after a 429, as SDKs do: on a slow machine this one project may be over its share of what
    waits for the worker."""
    answers: list[Any] = []

    def is_heard() -> bool:
        answers.append(product.post(path, body, **headers))
        return bool(answers[-1][0] != 429)

    wait_for(is_heard, "room for a beacon", timeout=120)
    return answers[-1]


def see_neighbour(product: Product, message_id: str) -> None:
    assert send(product, "/v1/track", {"event": "x", "userId": "neighbour", "messageId": message_id})[0] == 200
    found = f"SELECT count() FROM ask0.events WHERE message_id = '{message_id}'"
    wait_for(lambda: product.query(found) in ([(1,)], [("1",)]), "the neighbour's event")
    assert product.is_alive()


@pytest.mark.timeout(600)
def test_nobody_stops_wedges_or_fills_the_product_for_others(product: Product) -> None:
    # Keys that once became the same in ClickHouse: two requests of 60 bytes, and many events of one request.
    for traits in ({"a.b": 1}, {"a%2Eb": 2}):
        assert send(product, "/v1/identify", {"anonymousId": "g-z", "traits": traits})[0] == 200
    pair = {"event": "pair", "userId": "u", "properties": {"a.b": 1, "a%2Eb": 2, "n": [{".": 1, "%2E": 2}]}}
    assert send(product, "/v1/batch", batch(*[pair] * 1_100))[1]["accepted"] == 1_100
    see_neighbour(product, "after keys that meet")
    sent = "SELECT DISTINCT sent_properties FROM ask0.events WHERE event = 'pair'"
    assert [json.loads(row[0]) for row in product.query(sent)] == [pair["properties"]]
    as_sent = "SELECT sent_traits FROM ask0.users WHERE id = 'g-z'"
    wait_for(lambda: product.query(as_sent) == [('{"a%2Eb":2,"a.b":1}',)], "the guest's traits as they were sent")

    # Ids as long as they may be, in as many events as a chunk takes: more keys than the table of a round ever held.
    for request in range(20):
        ids = [f"{request:04}-{n:04}" for n in range(500)]
        events = [{"type": "identify", "userId": f"{id:a<255}", "anonymousId": f"{id:b<253}"} for id in ids]
        assert send(product, "/v1/batch", gzip.compress(batch(*events)), **{"Content-Encoding": "gzip"})[0] == 200
    see_neighbour(product, "after long ids")

    # Rejected events, which once cost 700 times what was sent.
    rejects = gzip.compress(batch(*[{"event": 7, "userId": "u", "x": "y" * 150}] * 2_400))
    for _ in range(3):
        assert send(product, "/v1/batch", rejects, **{"Content-Encoding": "gzip"})[0] == 400
    see_neighbour(product, "after rejects")
    kept = "SELECT count() FROM ask0.quarantine WHERE stage = 'gateway'"
    wait_for(lambda: int(product.query(kept)[0][0]) == 3 * MAX_KEPT_REJECTS, "those that are kept, and no more")
    assert int(product.query("SELECT count() FROM ask0.quarantine WHERE stage = 'worker'")[0][0]) == 0
