"""How many identify calls of known users a second a worker takes, with a million users in the tables."""

import gc
import random
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

from ask0.cli.process import GC_THRESHOLDS
from ask0.consumers.tables.rounds import Limits, apply
from ask0.eventlog.log import Chunk
from ask0.schemas import records
from ask0.schemas.events import Event, parse_event
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.migrate import migrate

USERS = 1_000_000
CALLS = 50_000  # of one round
ROUNDS = 3
NOW = 1_795_000_000_000

FACTS = """
INSERT INTO user_facts (project_id, user_id, traits, anonymous_ids, first_seen_at, last_active_at)
SELECT 'proj_bench', concat('user_', toString(number)),
       map('plan', (toDateTime64(1.7e9, 3), '"pro"'), 'email', (toDateTime64(1.7e9, 3), '"ada@example.com"')),
       [concat('g-', toString(number))], toDateTime64(1.7e9, 3), toDateTime64(1.7e9, 3)
FROM numbers({users:UInt64})
"""
ROWS = """
INSERT INTO user_rows (project_id, id, anonymous_ids, email, plan, status, first_seen_at, last_active_at, _version)
SELECT 'proj_bench', concat('user_', toString(number)), [concat('g-', toString(number))], 'ada@example.com', 'pro',
       'Active', toDateTime64(1.7e9, 3), toDateTime64(1.7e9, 3), 1
FROM numbers({users:UInt64})
"""

LINKS = """
INSERT INTO identity_links (project_id, guest_id, link)
SELECT 'proj_bench', concat('g-', toString(number)),
       (toDateTime64(1.7e9, 3), concat('user_', toString(number)), concat('g-', toString(number)))
FROM numbers({users:UInt64})
"""


def measure() -> float:
    """Calls a second, from the bytes on the log to the rows people read, of rounds after the first."""
    with tempfile.TemporaryDirectory() as folder, Warehouse(f"chdb://{Path(folder) / 'clickhouse'}") as warehouse:
        migrate(warehouse)
        for statement in (FACTS, LINKS, ROWS):
            warehouse.command(statement, {"users": USERS})
        limits = Limits()
        gc.set_threshold(*GC_THRESHOLDS)  # as in a worker
        chunks = [_chunk(number) for number in range(ROUNDS + 1)]
        apply(warehouse, chunks[:1], limits, lambda step: nullcontext())
        started = time.perf_counter()
        for chunk in chunks[1:]:
            apply(warehouse, [chunk], limits, lambda step: nullcontext())
        return ROUNDS * CALLS / (time.perf_counter() - started)


def _chunk(number: int) -> Chunk:
    """One record of a hundred calls each, as batches make them."""
    chance = random.Random(number)
    values = []
    for record in range(CALLS // 100):
        events = tuple(_call(chance, number, record * 100 + n) for n in range(100))
        values.append((record, records.encode(records.Record(project_id="proj_bench", received_at=NOW, events=events))))
    return Chunk(f"bench{number}", 0, 0, len(values), values)


def _call(chance: random.Random, number: int, n: int) -> Event:
    user = chance.randrange(USERS)
    sent = {
        "type": "identify",
        "userId": f"user_{user}",
        "anonymousId": f"g-{user}",
        "messageId": f"identify-{number}-{n}",
        "timestamp": NOW - 1_000,
        "traits": {"plan": chance.choice(("free", "pro", "team")), "seats": chance.randrange(100)},
    }
    return parse_event(sent, kind=None, received_at=NOW, new_id=str)
