"""How long the users API takes over a million users of twenty traits and ten million events: at rest, and beside work.

The data go straight into the tables, from a seeded generator. Times are those of the queries that the gateway asks,
from the call to the decoded answer.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import Any, NamedTuple

from ask0.schemas.filters import spellings, types
from ask0.schemas.filters.dates import Clock
from ask0.schemas.listing import Place, read_sort
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.filters import Compiling, Condition, compile_filter
from ask0.warehouse.migrate import migrate
from ask0.warehouse.user_lists import Listing, count_users, read_page
from ask0.warehouse.users import read_profile

USERS = 1_000_000
EVENTS = 10_000_000
STEP = 250_000  # rows of one insert, as a part holds some rounds
REPEATS = 40
PROJECT = "proj_bench"

ROWS = """
INSERT INTO user_rows (project_id, id, anonymous_ids, email, name, plan, company, status, traits, traits_json,
    first_seen_at, last_active_at, conversations, questions, answers, answered, _version)
SELECT {project:String}, concat('user_', toString(cityHash64(number))), [concat('g-', toString(number))],
       concat('person', toString(number), '@example', toString(h % 50), '.com'),
       concat(['Ada', 'Ben', 'Cleo', 'Dan', 'Eva'][h % 5 + 1], ' ', ['Lovelace', 'Nash', 'Okafor'][h % 3 + 1]),
       ['free', 'free', 'free', 'pro', 'pro', 'enterprise'][h % 6 + 1], concat('Company ', toString(h % 5000)),
       'Active',
       json, json,
       toDateTime64(1.7e9, 3), toDateTime64(1.7e9 + h % 30000000, 3), h % 20, h % 90, h % 90, h % 80, 1
FROM (SELECT number, intHash32(number) AS h,
       concat('{"monthlySpend":', toString(intHash32(number + 1) % 1000), ',"seats":', toString(h % 50),
              ',"industry":"', ['SaaS', 'Retail', 'Health'][h % 3 + 1], '","beta":', ['true', 'false'][h % 2 + 1], ',',
              arrayStringConcat(arrayMap(n -> concat('"trait', toString(n), '":"value ',
                                toString(intHash32(number * 31 + n) % 1000), '"'), range(16)), ','), '}') AS json
      FROM numbers({from:UInt64}, {count:UInt64}))
"""
ACTS = """
INSERT INTO events (project_id, type, event, user_id, message_id, timestamp, occurred_at, received_at, properties)
SELECT {project:String}, 'track', ['Feature Used', 'Page Viewed', 'Button Clicked', 'Question Asked'][h % 4 + 1],
       concat('user_', toString(cityHash64(intHash32(number + 7) % {users:UInt64}))), toString(number), at, at, at,
       concat('{"feature":"', ['API', 'Export', 'Chat', 'Search'][h % 4 + 1], '","n":', toString(h % 100), '}')
FROM (SELECT number, intHash32(number) AS h, toDateTime64(now(), 3, 'UTC') - toIntervalSecond(h % 2592000) AS at
      FROM numbers({from:UInt64}, {count:UInt64}))
"""

LIST = "list, plan and spend, sorted by last active"
LATE = "the same, page 1,000"
SEARCH = "partial search"
PROFILE = "one profile"
COUNT = "count of a filter"
COUNTS = "ten such counts at once"
BEHAVIOUR = "behaviour over ten million events"

SPENDERS = {"plan": ["pro", "enterprise"], "monthlySpend": {"gte": 500}}
DID = {"did": "Feature Used", "where": {"property": "feature", "op": "is", "value": "API"}, "times": {"atLeast": 3}}


class Measured(NamedTuple):
    name: str
    seconds: list[float]

    @property
    def p50(self) -> float:
        return statistics.median(self.seconds) * 1000

    @property
    def p95(self) -> float:
        return sorted(self.seconds)[int(len(self.seconds) * 0.95)] * 1000

    @property
    def p99(self) -> float:
        return sorted(self.seconds)[int(len(self.seconds) * 0.99)] * 1000


@contextmanager
def filled() -> Iterator[Warehouse]:
    with tempfile.TemporaryDirectory() as folder, Warehouse(f"chdb://{Path(folder) / 'clickhouse'}") as warehouse:
        fill(warehouse)
        yield warehouse


def fill(warehouse: Warehouse, project: str = PROJECT) -> None:
    migrate(warehouse)
    for start in range(0, USERS, STEP):
        warehouse.command(ROWS, {"project": project, "from": start, "count": STEP})
    for start in range(0, EVENTS, 4 * STEP):
        warehouse.command(ACTS, {"project": project, "from": start, "count": 4 * STEP, "users": USERS})


def compiled(document: Any = None) -> Condition:
    filter = types.All(()) if document is None else spellings.read(document)
    return compile_filter(filter, Compiling(Clock(time.time_ns() // 1_000_000, UTC)))


def listing(document: Any = None, sort: str = "", words: tuple[str, ...] = ()) -> Listing:
    return Listing(PROJECT, compiled(document), words, None, read_sort(sort))


def measure(warehouse: Warehouse) -> Iterator[Measured]:
    def page(listed: Listing, after: list[Place] | None = None) -> Callable[[], object]:
        return lambda: read_page(warehouse, listed, after, 30)

    newest = listing(SPENDERS, "-lastActiveAt")
    late = None
    for _ in range(150):  # where page 1,000 of 30 begins
        late = read_page(warehouse, newest, late, 200).after
    first = read_page(warehouse, newest, None, 30).users[0]["id"]
    behaviour = listing({"all": [DID]}, "-lastActiveAt")
    yield timed(LIST, page(newest))
    yield timed(LATE, page(newest, late))
    yield timed("list of everyone, by id", page(listing()))
    yield timed("list of everyone, sorted by a trait", page(listing(sort="-monthlySpend")))
    yield timed(SEARCH, page(listing(words=("lovel", "person4"))))
    yield timed(PROFILE, lambda: read_profile(warehouse, PROJECT, first))
    yield timed(COUNT, lambda: count_users(warehouse, newest))
    yield timed(COUNTS, lambda: _ten(lambda: count_users(warehouse, newest)), repeats=8)
    yield timed(BEHAVIOUR, page(behaviour), repeats=8)


def timed(name: str, call: Callable[[], object], repeats: int = REPEATS) -> Measured:
    call()
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return Measured(name, seconds)


def _ten(call: Callable[[], object]) -> None:
    with ThreadPoolExecutor(10) as threads:
        for done in [threads.submit(call) for _ in range(10)]:
            done.result()
