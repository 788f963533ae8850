"""What a round tells the audit log, and that its chains hold whatever comes again, and after any crash."""

import random
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from ask0.consumers.tables import audit
from ask0.eventlog.log import Chunk
from ask0.schemas.audit import Told
from ask0.schemas.events import Event
from ask0.schemas.user_changes import CHANGE, Origin, encode
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import Unavailable
from tests.consumers.beacons import NOW, change, chunk, event, merge, record, store
from tests.thoroughness import SEEDS
from tests.warehouse.audit_entries import check, forget

LOG = "SELECT action, entity, about, outcome, seq FROM audit FINAL ORDER BY project_id, partition, off, idx"


def told(**details: str) -> Event:
    return Event(
        type=CHANGE,
        message_id="told",
        timestamp=NOW,
        event="key.used",
        properties=encode(Told("key", "hash", details)),
        context=encode(Origin(actor="key:hash", request="r", ip="203.0.113.0", salt="5" * 48)),
    )


def test_each_change_is_in_it_once_with_what_came_of_it(warehouse: Warehouse) -> None:
    first = change("u", id="c1", traits={"plan": "pro"})
    guest = replace(change("", id="c2", tags={"vip": True}), anonymous_id="g-a")
    store(warehouse, chunk(record(first, event(userId="u", event="Clicked"), guest, first)))
    store(warehouse, chunk(record(merge("v", "u"), merge("u", "v"), told(scope="users:read")), lo=1))
    assert warehouse.query(LOG) == [
        ("user.updated", "user", ["u"], "done", 1),
        ("user.updated", "user", ["g-a"], "done", 2),
        ("user.merged", "user", ["u", "v"], "done", 3),
        ("user.merged", "user", ["v", "u"], "refused", 4),
        ("key.used", "key", ["hash"], "done", 5),
    ]
    rows = warehouse.query("SELECT details, ip, is_personal, length(salt) FROM audit WHERE seq IN (1, 5) ORDER BY seq")
    assert rows == [
        ('{"traits":{"plan":"pro"}}', "", True, 24),
        ('{"scope":"users:read"}', "203.0.113.0", False, 24),
    ]
    assert warehouse.query("SELECT count() FROM user_changes FINAL WHERE user_id NOT IN ('u', 'v', 'g-a')") == [(0,)]
    assert check(warehouse).problems == []


def test_a_change_that_cannot_be_read_does_not_break_the_round(warehouse: Warehouse) -> None:
    broken = replace(told(), properties=msgspec.Raw(b'{"entity":1}'), context=msgspec.Raw(b"[]"))
    store(warehouse, chunk(record(broken, change("u"))))
    assert warehouse.query(LOG) == [("user.updated", "user", ["u"], "done", 1)]


def test_a_round_without_changes_does_not_look(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "append", lambda *_: pytest.fail("it looked"))
    store(warehouse, chunk(record(event(userId="u", event="Clicked"))))


def test_each_project_and_each_partition_has_a_chain_of_its_own(warehouse: Warehouse) -> None:
    for lo in range(2):
        chunks = [
            chunk(*(record(change("u"), project=f"p{n}") for n in range(45)), lo=lo * 45, partition=partition)
            for partition in range(2)
        ]
        store(warehouse, *chunks)
    assert warehouse.query("SELECT count(), uniqExact(project_id, partition), max(seq) FROM audit") == [(180, 90, 2)]
    assert check(warehouse).problems == []


def test_rows_whose_token_was_spent_without_them_come_all_the_same(warehouse: Warehouse) -> None:
    """As after a crash of ClickHouse, which writes the token down before the rows are in."""
    first = chunk(record(change("u", id="c1"), change("v", id="c2")))
    store(warehouse, first)
    warehouse.command("TRUNCATE TABLE audit")
    store(warehouse, again(first))
    assert [seq for *_, seq in warehouse.query(LOG)] == [1, 2]
    assert check(warehouse).problems == []


def test_a_replay_after_an_erase_changes_nothing(warehouse: Warehouse) -> None:
    """In other chunks, and without what the erase suppresses."""
    events = [change(f"u{n}", id=f"c{n}", traits={"n": n}) for n in range(6)]
    for lo, one in enumerate(events):
        store(warehouse, chunk(record(one), lo=lo))
    forget(warehouse, "u2")
    before = warehouse.query("SELECT * FROM audit FINAL ORDER BY off")
    warehouse.command("TRUNCATE TABLE event_ids")
    store(warehouse, chunk(*(record(*([] if n == 2 else [one])) for n, one in enumerate(events)), lo=0))
    assert warehouse.query("SELECT * FROM audit FINAL ORDER BY off") == before
    store(warehouse, chunk(record(change("u9")), lo=6))
    walked = check(warehouse)
    assert (walked.rows, walked.erased, walked.problems) == (7, 1, [])


def again(chunk: Chunk) -> Chunk:
    return Chunk(chunk.log_id, chunk.partition, chunk.lo, chunk.hi, chunk.records, repeated=True)


class Crash(Exception):
    """The worker dies here."""


class Frail:
    """The warehouse until a worker has made so many inserts; then it dies, before the insert or just after it."""

    def __init__(self, warehouse: Warehouse, inserts: int, *, after: bool) -> None:
        self._warehouse = warehouse
        self._left = inserts
        self._after = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._warehouse, name)

    def insert(self, table: str, columns: Mapping[str, list[Any]], *, token: str) -> None:
        self._left -= 1
        if self._left < 0 and not self._after:
            raise Crash
        self._warehouse.insert(table, columns, token=token)
        if self._left < 0:
            raise Crash


def random_records(chance: random.Random, beacons: int) -> list[bytes]:
    def one(number: int) -> Event:
        user = f"u{chance.randrange(6)}"
        kinds = (
            lambda: change(user, id=f"c{number}", traits={"n": number}),
            lambda: change(user, id=f"c{chance.randrange(number + 1)}", tags={"vip": True}),  # maybe sent before
            lambda: merge(user, f"u{chance.randrange(6)}", id=f"m{number}", undo=chance.random() < 0.3),
            lambda: replace(told(n=str(number)), message_id=f"t{number}"),
            lambda: event(userId=user, event="Clicked"),
        )
        return chance.choice(kinds)()

    return [
        record(*(one(4 * n + k) for k in range(chance.randrange(4))), project=chance.choice("pq"))
        for n in range(beacons)
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_chains_hold_after_any_crash_and_any_repeat(embedded: Warehouse, seed: int) -> None:
    """Each chunk is applied until it is through: by workers that die at any insert, before or after it, and by one
    that comes late with a chunk that is long done. As it is without any of this."""
    chance = random.Random(seed)
    rest, lo, done = random_records(chance, 60), 0, []
    while rest:
        taken, rest = rest[: (size := chance.randint(1, 7))], rest[size:]
        own = chunk(*taken, lo=lo)
        lo += len(taken)
        while True:
            inserts = chance.choice((1, 2, 3, 4, 5, 6, 8, 10, 99))
            try:
                store(Frail(embedded, inserts, after=chance.random() < 0.5), own)  # type: ignore[arg-type]
                break
            except (Crash, Unavailable):
                own = again(own)
        done.append(own)
        if chance.random() < 0.3:
            store(embedded, again(chance.choice(done)))
    walked = check(embedded)
    assert walked.problems == []
    stored = embedded.query("SELECT project_id, off, idx, id, outcome FROM audit FINAL ORDER BY off, idx")
    assert walked.rows == len(stored) > 20
    embedded.command("TRUNCATE TABLE audit")
    for table in ("event_ids", "user_merges", "user_changes", "identity_links", "user_facts", "user_rows", "events"):
        embedded.command(f"TRUNCATE TABLE {table}")
    for one in done:
        store(embedded, Chunk("log", 0, one.lo, one.hi, one.records))
    assert embedded.query("SELECT project_id, off, idx, id, outcome FROM audit FINAL ORDER BY off, idx") == stored
