"""Poison of one project, wherever it strikes, on the real engine: it is put aside, and all else goes on."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from ask0.consumers.tables.poison import MOST_REFUSED, ProjectPoison, ProjectPoisoned
from ask0.consumers.tables.rounds import Limits, apply
from ask0.consumers.tables.step import rows_worker
from ask0.eventlog.sqlite import SqliteLog
from ask0.eventlog.sqlite_reader import SqliteReader
from ask0.schemas.reasons import Reason
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import QueryFailed, Refused
from ask0.warehouse.parking import count_parked, read_parked, set_parked
from tests.consumers.beacons import NOW, chunk, event, record, store, untimed
from tests.consumers.test_worker import append, becomes_true, running

BAD = "bad"  # in the id of a user, guest or conversation that is poison


class Poisoned(Warehouse):
    """A ClickHouse that refuses rows of one table which hold BAD, or a statement on a page of keys that does."""

    table = ""
    statement = ""

    def insert(self, table: str, columns: Mapping[str, list[Any]], *, token: str) -> None:
        if table == self.table and BAD in str(columns):
            raise Refused(f"{table} cannot hold it")
        super().insert(table, columns, token=token)

    def command(
        self,
        sql: str,
        parameters: Mapping[str, Any] | None = None,
        settings: Mapping[str, str | int | float] | None = None,
    ) -> None:
        if self.statement and self.statement in sql:
            keys = "SELECT count() FROM round_keys WHERE round = {round:UInt64} AND key LIKE '%bad%'"
            if self.query(keys, {"round": (parameters or {})["round"]}) != [(0,)]:
                raise QueryFailed("Duplicate path found", 117)
        super().command(sql, parameters, settings)


@pytest.fixture
def poisoned(embedded: Warehouse, embedded_dsn: str) -> Iterator[Poisoned]:
    with Poisoned(embedded_dsn) as warehouse:
        yield warehouse


def ask(name: str) -> bytes:
    """A guest asks, and turns out to be a user."""
    talk = {"conversationId": f"talk-{name}", "text": "How?"}
    question = event(anonymousId=f"anon-{name}", messageId=f"ask-{name}", event="Question Asked", properties=talk)
    login = event(anonymousId=f"anon-{name}", userId=f"user-{name}", messageId=f"in-{name}", type="identify")
    return record(question, login)


STRIKES = {
    "facts of a user": ("user_facts", ""),
    "facts of a conversation": ("conversation_facts", ""),
    "a link": ("identity_links", ""),
    "a user's row": ("", "INSERT INTO user_rows"),
    "a conversation's row": ("", "INSERT INTO conversation_rows"),
    "a guest's events": ("", "UPDATE events"),
}


@pytest.mark.parametrize("strike", STRIKES)
def test_poison_is_put_aside_wherever_it_strikes_and_its_neighbours_are_whole(poisoned: Poisoned, strike: str) -> None:
    store(poisoned, chunk(record(event(anonymousId=f"anon-{BAD}", messageId="before", event="Clicked"))))
    poisoned.table, poisoned.statement = STRIKES[strike]
    neighbours = [f"n{number}" for number in range(20)]
    records = [ask(name) for name in (*neighbours[:10], BAD, *neighbours[10:])]
    applied = store(poisoned, chunk(*records, lo=1))
    assert set(applied.quarantined) == {Reason.FACTS_REFUSED if poisoned.table else Reason.ROW_NOT_WRITTEN}
    again = store(poisoned, chunk(*records, lo=1, repeated=True))
    assert again.quarantined == applied.quarantined
    users = poisoned.query("SELECT id, questions FROM users WHERE id LIKE 'user-n%'")
    assert sorted(users) == sorted((f"user-{name}", 1) for name in neighbours)
    talks = poisoned.query("SELECT id, user_id FROM conversations WHERE id LIKE 'talk-n%'")
    assert sorted(talks) == sorted((f"talk-{name}", f"user-{name}") for name in neighbours)
    kept = poisoned.query("SELECT DISTINCT reason, raw FROM quarantine")
    assert kept
    assert all(BAD in raw for _, raw in kept)
    stored = {row[0] for row in poisoned.query("SELECT message_id FROM events")}
    quarantined = {row[0] for row in poisoned.query("SELECT message_id FROM quarantine WHERE message_id != ''")}
    assert not stored & quarantined
    assert stored | quarantined == {
        "before",
        *(f"{what}-{name}" for what in ("ask", "in") for name in (*neighbours, BAD)),
    }


def test_a_row_that_clickhouse_really_cannot_write_is_put_aside_alone(warehouse: Warehouse) -> None:
    """Facts of a user that no gateway takes: a trait whose text is no JSON."""
    at = NOW - 1_000_000
    columns: dict[str, list[Any]] = {
        "project_id": ["p"],
        "user_id": ["u"],
        "traits": [{"x": (at, '{"a":')}],
        "first_seen_at": [at],
        "last_active_at": [at],
    }
    warehouse.insert("user_facts", columns, token="bad")
    applied = store(warehouse, chunk(record(*(event(userId=id, event="Clicked") for id in ("u", "v", "w")))))
    assert applied.quarantined == {Reason.ROW_NOT_WRITTEN: 1}
    assert warehouse.query("SELECT id FROM users ORDER BY id") == [("v",), ("w",)]
    assert warehouse.query("SELECT raw FROM quarantine") == [('{"user":"u"}',)]
    assert warehouse.query("SELECT count() FROM events") == [(3,)]
    good = event(userId="u", type="identify", traits={"x": {"a": 1}})
    assert not store(warehouse, chunk(record(good), lo=1)).quarantined
    assert warehouse.query("SELECT id FROM users ORDER BY id") == [("u",), ("v",), ("w",)]


def bad_records(count: int, project: str = "poisoned") -> list[bytes]:
    """Of a gateway that takes what ClickHouse does not."""
    events = [event(userId=f"u{n}", messageId=f"b{n}", event="Clicked", properties={"n": "here"}) for n in range(count)]
    return [record(one, project=project).replace(b'"here"', b"1e400") for one in events]


def test_a_project_with_much_poison_is_parked_for_the_round_that_finds_it(warehouse: Warehouse) -> None:
    good = [record(event(userId="u", messageId=f"g{n}", event="Clicked")) for n in range(50)]
    records = [*good[:25], *bad_records(200), *good[25:]]
    limits = Limits()
    with pytest.raises(ProjectPoisoned) as poisoned:
        apply(warehouse, [chunk(*records)], limits, untimed)
    assert poisoned.value.project_id == "poisoned"
    limits.parking.park(warehouse, "poisoned", poisoned.value.reason)
    applied = apply(warehouse, [chunk(*records, repeated=True)], limits, untimed)
    assert (applied.stored, applied.parked) == (50, 200)
    assert warehouse.query("SELECT project_id, count() FROM events GROUP BY project_id") == [("p", 50)]
    assert count_parked(warehouse) == {"poisoned": (200, 200)}
    assert set(read_parked(warehouse)) == {"poisoned"}
    set_parked(warehouse, "poisoned", parked=False)
    mended = [value.replace(b"1e400", b"1") for value in bad_records(200)]
    assert apply(warehouse, [chunk(*mended, lo=500)], limits, untimed).stored == 200


def test_slow_poison_is_put_aside_for_ever_and_much_of_it_is_not() -> None:
    now = 0.0
    poison = ProjectPoison(clock=lambda: now)
    assert not poison.count("p", MOST_REFUSED)
    for _ in range(1_000):
        now += 60
        assert not poison.count("p", 10)
    assert poison.count("p", MOST_REFUSED + 1)
    assert not poison.count("q", MOST_REFUSED)


@pytest.fixture
async def log(tmp_path: Path) -> Any:
    log = SqliteLog(tmp_path / "log")
    await log.start()
    yield log
    await log.close()


async def test_a_worker_parks_the_project_says_so_and_all_others_flow(
    log: SqliteLog, tmp_path: Path, embedded: Warehouse
) -> None:
    registry = CollectorRegistry()
    reader = SqliteReader(tmp_path / "log")
    worker = rows_worker(reader, embedded, registry)
    await append(log, *bad_records(1_100), record(event(userId="u", messageId="neighbour", event="Clicked")))
    async with running(worker):
        await becomes_true(lambda: registry.get_sample_value("ask0_worker_lag_records") == 0)
        await append(log, *bad_records(5), record(event(userId="u", messageId="later", event="Clicked")))
        await becomes_true(lambda: registry.get_sample_value("ask0_worker_events_parked_total") == 1_105)
        await becomes_true(lambda: registry.get_sample_value("ask0_worker_parked_projects") == 1)
        report = worker.health.report()
        assert (report["status"], report["parked"]) == ("degraded", ["poisoned"])
    stored = embedded.query("SELECT message_id FROM events WHERE project_id = 'p' ORDER BY 1")
    assert stored == [("later",), ("neighbour",)]
    await reader.close()


def test_what_a_resume_needs_is_kept_as_it_lay_on_the_log(warehouse: Warehouse) -> None:
    limits = Limits()
    limits.parking.park(warehouse, "p", "for a test")
    value = record(event(userId="u", messageId="m", event="Clicked"))
    apply(warehouse, [chunk(value)], limits, untimed)
    ((kept,),) = warehouse.query("SELECT record FROM parked_records")
    assert json.loads(kept) == json.loads(value)
    assert warehouse.query("SELECT count() FROM events") == [(0,)]
