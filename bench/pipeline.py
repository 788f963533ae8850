"""How many events a second one process takes in and shows, beside raw columnar inserts of the same rows."""

import tempfile
import time
from pathlib import Path

import orjson

from ask0.consumers.folds.events import Fit, event_columns
from ask0.consumers.folds.json_columns import fit
from ask0.consumers.folds.records import read
from ask0.eventlog.log import Chunk
from ask0.schemas import records
from ask0.schemas.events import parse_event
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.migrate import migrate
from bench.events import batch, event
from bench.stack import WRITE_KEY, ask0, load, wait_for

EVENTS = 200_000
BLOCK = 20_000


def measure() -> tuple[float, float]:
    """(events/s accepted and visible, rows/s of raw inserts)."""
    requests = [batch(first, 100, 4, WRITE_KEY) for first in range(0, EVENTS, 100)]
    with ask0("serve", ASK0_MAX_WAIT_SECONDS="0") as stack:
        started = time.perf_counter()
        load(stack.port, requests, connections=16)
        wait_for(lambda: int(stack.query("SELECT count() FROM ask0.events")) >= EVENTS, "every event", timeout=300)
        ours = EVENTS / (time.perf_counter() - started)
    return ours, raw_inserts()


def _fit_all(project_id: str) -> Fit:
    return lambda column, raw: fit(raw)


def raw_inserts() -> float:
    """The worker's own columns of the same events, made beforehand, into the same table, block after block."""
    blocks = [event_columns(read([_chunk(first)]).events, {}, _fit_all) for first in range(0, EVENTS, BLOCK)]
    with tempfile.TemporaryDirectory() as folder, Warehouse(f"chdb://{Path(folder) / 'clickhouse'}") as warehouse:
        migrate(warehouse)
        started = time.perf_counter()
        for number, columns in enumerate(blocks):
            warehouse.insert("events", columns, token=f"block:{number}")
        return EVENTS / (time.perf_counter() - started)


def _chunk(first: int) -> Chunk:
    """One record for each event, as single beacons would make."""
    values = []
    for n in range(first, first + BLOCK):
        parsed = parse_event(
            orjson.loads(orjson.dumps(event(n, 5))), kind=None, received_at=1_795_000_000_000, new_id=str
        )
        record = records.Record(
            project_id="proj_bench", received_at=1_795_000_000_000, ip="203.0.113.0", events=(parsed,)
        )
        values.append((n, records.encode(record)))
    return Chunk("bench", 0, first, first + BLOCK, values)
