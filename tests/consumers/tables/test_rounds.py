"""Rounds on the real engine: exactly once, in any order, from any crash."""

import random
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from ask0.consumers.tables.snapshots import rebuild
from ask0.eventlog.log import Chunk
from ask0.schemas.events import Event
from ask0.schemas.reasons import Reason
from ask0.schemas.records import Record, Reject, encode
from ask0.warehouse.connect import Warehouse
from tests.consumers.beacons import NOW, chunk, cut, event, history, record, store, tables
from tests.thoroughness import SEEDS


def rows(warehouse: Warehouse, sql: str) -> list[tuple[Any, ...]]:
    return warehouse.query(sql)


def test_a_resend_is_stored_once(warehouse: Warehouse) -> None:
    first = event(userId="u", messageId="m", event="Clicked")
    applied = store(warehouse, chunk(record(first, first)), chunk(record(first), partition=1))
    assert (applied.stored, applied.duplicates) == (1, 2)
    applied = store(warehouse, chunk(record(first, event(userId="u", messageId="n", event="Clicked")), lo=1))
    assert (applied.stored, applied.duplicates) == (1, 1)
    assert rows(warehouse, "SELECT message_id FROM events ORDER BY message_id") == [("m",), ("n",)]


def test_two_projects_may_use_the_same_ids(warehouse: Warehouse) -> None:
    for lo, project in enumerate(("p", "q")):
        same = event(userId="u", anonymousId="a", messageId="m", type="identify", traits={"plan": project})
        store(warehouse, chunk(record(same, project=project), lo=lo))
    assert rows(warehouse, "SELECT project_id, id, plan FROM users ORDER BY project_id") == [
        ("p", "u", "p"),
        ("q", "u", "q"),
    ]
    assert rows(warehouse, "SELECT count() FROM events") == [(2,)]


def test_a_guests_earlier_events_and_conversations_are_the_users_after_identify(warehouse: Warehouse) -> None:
    talk = {"conversationId": "c", "text": "How?"}
    store(warehouse, chunk(record(event(anonymousId="a", event="Question Asked", properties=talk))))
    store(warehouse, chunk(record(event(userId="g-a", event="Clicked")), lo=1))
    assert rows(warehouse, "SELECT id, status, questions FROM users") == [("g-a", "Guest", 1)]
    assert rows(warehouse, "SELECT DISTINCT user_id FROM events") == [("g-a",)]
    store(warehouse, chunk(record(event(anonymousId="a", userId="u", type="identify")), lo=2))
    assert rows(warehouse, "SELECT id, status, questions, anonymous_ids FROM users") == [
        ("u", "Active", 1, ["a", "g-a"])
    ]
    assert rows(warehouse, "SELECT DISTINCT user_id FROM events") == [("u",)]
    assert rows(warehouse, "SELECT user_id, title FROM conversations") == [("u", "How?")]
    assert rows(warehouse, "SELECT anonymous_id, guest_id, user_id FROM identities") == [("a", "g-a", "u")]
    late = event(anonymousId="a", event="Answer Given", properties={"conversationId": "d", "answered": False})
    store(warehouse, chunk(record(late), lo=3))
    assert rows(warehouse, "SELECT DISTINCT user_id FROM events") == [("u",)]
    assert rows(warehouse, "SELECT conversations, answers, answered FROM users") == [(2, 1, 0)]
    assert rows(warehouse, "SELECT DISTINCT user_id FROM conversations") == [("u",)]


def test_anonymous_ids_read_as_they_were_sent(warehouse: Warehouse) -> None:
    store(warehouse, chunk(record(event(anonymousId="g-a", event="Clicked"))))
    store(warehouse, chunk(record(event(anonymousId="g-a", userId="u", type="identify")), lo=1))
    joined = "SELECT guest_id, i.user_id, e.user_id FROM identities AS i JOIN events AS e USING (anonymous_id)"
    assert rows(warehouse, joined) == [("g-a", "u", "u")] * 2
    assert rows(warehouse, "SELECT id, anonymous_ids FROM users") == [("u", ["g-a"])]


def test_more_guests_than_a_query_takes_as_parameters_become_users_in_one_round(warehouse: Warehouse) -> None:
    guests = [event(anonymousId=f"a{n:0200}", event="Clicked") for n in range(1500)]
    users = [event(anonymousId=f"a{n:0200}", userId=f"u{n:0200}", type="identify") for n in range(1500)]
    store(warehouse, chunk(record(*guests)))
    store(warehouse, chunk(record(*users), lo=1))
    assert rows(warehouse, "SELECT count(), uniqExact(user_id), countIf(startsWith(user_id, 'u')) FROM events") == [
        (3000, 1500, 3000)
    ]
    assert rows(warehouse, "SELECT count() FROM users") == [(1500,)]


def test_the_columns_of_a_user_come_from_the_traits(warehouse: Warehouse) -> None:
    traits = {
        "email": "x@example.com",
        "firstName": "X",
        "company": {"name": "Acme", "id": 1},
        "customerId": 7,
        "createdAt": "2023-06-15",
        "emailVerified": False,
        "a.b": 1,
        "a": {"b": 2},
        "": "nameless",
    }
    store(warehouse, chunk(record(event(userId="u", type="identify", traits=traits))))
    (row,) = rows(
        warehouse,
        "SELECT email, first_name, company, customer_id, toString(toDate(created_at)), status, plan, traits FROM users",
    )
    assert row[:7] == ("x@example.com", "X", "Acme", "7", "2023-06-15", "Unconfirmed", None)
    assert row[7] == {"emailVerified": False, "a.b": 1, "a": {"b": 2}, "": "nameless"}


def test_a_guests_choices_are_the_users_after_identify(warehouse: Warehouse) -> None:
    def choice(minutes: int, **consent: str) -> dict[str, Any]:
        return {"event": "x", "timestamp": NOW - minutes * 60_000, "context": {"consent": consent}}

    guest = event(anonymousId="a", **choice(2, marketing="granted", analytics="granted"))
    store(warehouse, chunk(record(guest)))
    assert rows(warehouse, "SELECT id, consent FROM users") == [
        ("g-a", {"marketing": "granted", "analytics": "granted"})
    ]
    store(warehouse, chunk(record(event(userId="u", **choice(3, analytics="denied", chat="pending"))), lo=1))
    store(warehouse, chunk(record(event(anonymousId="a", userId="u", **choice(1, marketing="denied"))), lo=2))
    assert rows(warehouse, "SELECT id, consent, gpc FROM users") == [
        ("u", {"marketing": "denied", "analytics": "granted", "chat": "pending"}, False)
    ]


@pytest.mark.parametrize("gpc_first", [True, False])
def test_gpc_denies_what_the_person_never_chose(warehouse: Warehouse, gpc_first: bool) -> None:
    chosen = record(event(userId="u", event="x", context={"consent": {"marketing": "granted"}}))
    signals = record(event(userId="u", event="y"), event(anonymousId="a", event="y"), gpc=True)
    store(warehouse, chunk(signals if gpc_first else chosen))
    store(warehouse, chunk(chosen if gpc_first else signals, lo=1))
    assert rows(warehouse, "SELECT id, consent, gpc FROM users ORDER BY id") == [
        ("g-a", {"personalization": "denied", "marketing": "denied"}, True),
        ("u", {"personalization": "denied", "marketing": "granted"}, True),
    ]


@pytest.mark.apart
@pytest.mark.parametrize("seed", SEEDS)
def test_any_order_chunking_and_repetition_of_records_reads_the_same(embedded: Warehouse, seed: int) -> None:
    chance = random.Random(seed)
    reads = []
    for attempt in range(3):
        project = f"p{attempt}"
        records = history(seed, 60, project)
        if attempt:
            records += chance.sample(records, 20)
            chance.shuffle(records)
        for chunks in cut(records, chance, log=project):
            store(embedded, *chunks)
        reads.append(tables(embedded, project))
    assert len(reads[0]["events"]) > 100
    assert len(reads[0]["identities"]) > 2
    for read in reads[1:]:
        assert [table for table in read if read[table] != reads[0][table]] == []
    embedded.command("TRUNCATE TABLE user_rows")
    embedded.command("TRUNCATE TABLE conversation_rows")
    rebuild(embedded)
    assert tables(embedded, "p0") == reads[0]


def test_a_token_that_was_spent_before_the_rows_were_in_does_not_lose_them(warehouse: Warehouse) -> None:
    records = [record(event(userId="u", messageId=f"m{n}", event="Clicked")) for n in range(4)]
    store(warehouse, chunk(*records))
    # As after a death of ClickHouse between the two: the tokens are known, rows are not there. Twice, in two places.
    for lost in ("1", "_off >= 2"):
        warehouse.command(f"DELETE FROM events WHERE {lost}")
        store(warehouse, chunk(*records, repeated=True))
        assert rows(warehouse, "SELECT message_id FROM events ORDER BY 1") == [("m0",), ("m1",), ("m2",), ("m3",)]
    store(warehouse, chunk(*records, repeated=True))
    assert rows(warehouse, "SELECT count() FROM events") == [(4,)]


class Crash(Exception):
    pass


class Crashing(Warehouse):
    """Dies at one call to ClickHouse: before it, or after ClickHouse did it and before the answer came."""

    at = -1  # counted down, from any thread
    answered = False
    dead = False
    counting = threading.Lock()

    def insert(self, table: str, columns: Mapping[str, list[Any]], *, token: str) -> None:
        self._step(lambda: super(Crashing, self).insert(table, columns, token=token))

    def command(
        self,
        sql: str,
        parameters: Mapping[str, Any] | None = None,
        settings: Mapping[str, str | int | float] | None = None,
    ) -> None:
        self._step(lambda: super(Crashing, self).command(sql, parameters, settings))

    def _step(self, do: Any) -> None:
        with self.counting:
            self.at -= 1
            dies = self.at == 0
            if self.dead or (dies and not self.answered):
                self.dead = True
                raise Crash
        try:
            do()
        finally:
            if dies:
                self.dead = True
                raise Crash


@pytest.mark.apart
@pytest.mark.parametrize("answered", [False, True], ids=["before a write", "after a write"])
def test_a_crash_between_any_two_steps_leaves_the_tables_exact(
    embedded: Warehouse, embedded_dsn: str, answered: bool
) -> None:
    def rounds(project: str) -> list[list[bytes]]:
        """Guests who talk; then what makes users of them, in a round with a bad event; then somebody else."""

        def ask(guest: str) -> Event:
            talk = {"conversationId": f"of-{guest}", "text": "How?"}
            return event(anonymousId=guest, messageId=f"ask-{guest}", event="Question Asked", properties=talk)

        def log_in(guest: str, user: str, after: int) -> bytes:
            login = event(anonymousId=guest, userId=user, messageId=f"{guest}-{user}", type="identify", traits={"n": 1})
            return record(login, project=project, received_at=NOW + after)

        asked = [record(ask(guest), project=project) for guest in ("a1", "a2", "a3", "a4")]
        alias = event(previousId="a2", userId="u2", messageId="alias", type="alias")
        bad = record(event(userId="u1", messageId="bad", event="Clicked"), project=project).replace(b"{}", b"[1]", 1)
        other = record(event(userId="u8", messageId="other", event="Clicked"), project=project)
        return [
            [*asked[:3], log_in("a3", "late", after=9_000)],
            [log_in("a1", "u1", after=1), record(alias, project=project), b"not a record"]
            + [log_in("a3", "early", after=1), bad, asked[0], asked[3]],
            [other, other],
        ]

    def chunks(project: str, number: int, *, repeated: bool = False) -> list[Chunk]:
        records, lo = rounds(project)[number], 10 * number
        half = len(records) // 2
        return [
            chunk(*records[:half], lo=lo, log=project, repeated=repeated),
            chunk(*records[half:], lo=lo, partition=1, log=project, repeated=repeated),
        ]

    with Crashing(embedded_dsn) as crashing:
        store(crashing, *chunks("whole", 0))
        crashing.at = 0
        store(crashing, *chunks("whole", 1))
        writes = -crashing.at
        assert writes > 15
        crashes = {point: f"crash-{point}" for point in range(1, writes + 1)}
        store(embedded, *(part for project in crashes.values() for part in chunks(project, 0)))
        for point, project in crashes.items():
            crashing.at, crashing.answered, crashing.dead = point, answered, False
            with pytest.raises(Crash):
                store(crashing, *chunks(project, 1))
            repeated = chunks(project, 1, repeated=True)
            if point % 2:
                store(embedded, *repeated)
            else:  # by two workers, after a rebalance
                store(embedded, repeated[1])
                store(embedded, repeated[0])
    store(embedded, *(part for project in ("whole", *crashes.values()) for part in chunks(project, 2)))
    expected = tables(embedded, "whole")
    assert len(expected["quarantine"]) == 1
    owners = embedded.query("SELECT id, user_id FROM conversations WHERE project_id = 'whole' ORDER BY id")
    assert owners == [("of-a1", "u1"), ("of-a2", "u2"), ("of-a3", "early"), ("of-a4", "g-a4")]
    asked = embedded.query("SELECT id, questions FROM users WHERE project_id = 'whole' ORDER BY id")
    assert asked == [("early", 1), ("g-a4", 1), ("late", 0), ("u1", 1), ("u2", 1), ("u8", 0)]
    for point, project in crashes.items():
        read = tables(embedded, project)
        different = [table for table in expected if read[table] != expected[table]]
        assert not different, f"after a crash at write {point}"
    assert embedded.query("SELECT count(), uniqExact(_log) FROM quarantine WHERE reason = 'unreadable_record'") == [
        (writes + 1, writes + 1)
    ]


def test_one_bad_row_of_ten_thousand_is_quarantined_alone_and_once(warehouse: Warehouse) -> None:
    events = [event(userId=f"u{n % 50}", messageId=f"m{n}", event="Clicked") for n in range(10_000)]
    records = [record(*events[n : n + 100]) for n in range(0, 10_000, 100)]
    records[57] = records[57].replace(b"{}", b'{"big":1e400}', 1)
    applied = store(warehouse, chunk(*records))
    assert applied.stored == 9_999
    assert applied.quarantined == {Reason.REFUSED_BY_CLICKHOUSE: 1}
    store(warehouse, chunk(*records, repeated=True))
    assert rows(warehouse, "SELECT count(), uniqExact(message_id) FROM events") == [(9_999, 9_999)]
    ((id, reason, message_id, raw),) = rows(warehouse, "SELECT id, reason, message_id, raw FROM quarantine")
    assert (id, reason, message_id) == ("log:0:57:0", "refused_by_clickhouse", "m5700")
    assert '"properties":{"big":1e400}' in raw


def test_records_that_do_not_decode_and_rejects_reach_the_quarantine(warehouse: Warehouse) -> None:
    rejected = Record(
        project_id="p",
        received_at=NOW,
        events=(event(userId="u", event="Clicked"),),
        rejects=(Reject("missing_event", "a track call needs an event name", 3, "m", '{"type":"track"}'),),
    )
    newer = b'[2,"p",%d,{"of":"tomorrow"}]' % NOW
    applied = store(warehouse, chunk(encode(rejected), b"\xff\xfe", newer, b"[" * 100_000))
    assert applied.stored == 1
    assert applied.quarantined == {Reason.MISSING_EVENT: 1, Reason.UNREADABLE_RECORD: 3}
    assert rows(
        warehouse, "SELECT id, project_id, stage, reason, substring(raw, 1, 20) FROM quarantine ORDER BY id"
    ) == [
        ("log:0:0:1", "p", "gateway", "missing_event", '{"type":"track"}'),
        ("log:0:1:0", "", "worker", "unreadable_record", "base64://4="),
        ("log:0:2:0", "p", "worker", "unreadable_record", newer.decode()[:20]),
        ("log:0:3:0", "", "worker", "unreadable_record", "[" * 20),
    ]
