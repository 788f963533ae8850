"""What analysts find in the columns, and what many names cost the disk."""

from pathlib import Path

import pytest

from ask0.consumers.folds.user_agents import MAX_REMEMBERED, read_user_agent
from ask0.consumers.tables.rounds import Limits, apply
from ask0.warehouse.connect import Warehouse
from tests.consumers.beacons import chunk, event, record, store, untimed

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.4 Mobile/15E148 Safari/604.1"
)
WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
)
OPEN = ("events", "users", "conversations", "identities", "quarantine")


@pytest.mark.parametrize(
    ("header", "client"),
    [
        (IPHONE, ("Mobile Safari", "iOS", "iPhone")),
        (WINDOWS, ("Chrome", "Windows", "Desktop")),
        ("curl/8.0", ("curl", "", "")),
        ("", ("", "", "")),
        ("\xff" * 512, ("", "", "")),
        ("(" * 512, ("", "", "")),
    ],
)
def test_a_user_agent_tells_browser_system_and_device(header: str, client: tuple[str, str, str]) -> None:
    assert read_user_agent(header) == client


def test_so_many_user_agents_are_remembered_and_each_is_read_once() -> None:
    for number in range(MAX_REMEMBERED + 100):
        read_user_agent(f"agent {number}")
    read = read_user_agent.cache_info()
    assert read.currsize == MAX_REMEMBERED
    assert read_user_agent(f"agent {MAX_REMEMBERED + 99}") == ("", "", "")
    assert read_user_agent.cache_info().misses == read.misses


def test_conversation_events_have_typed_columns_that_can_be_grouped(warehouse: Warehouse) -> None:
    talk = {"conversationId": "c", "topic": "billing"}
    store(
        warehouse,
        chunk(
            record(
                event(userId="u", messageId="q", event="Question Asked", properties={**talk, "text": "How?"}),
                event(
                    userId="u",
                    messageId="a",
                    event="Answer Given",
                    properties={**talk, "answered": False, "latencyMs": 900, "inReplyTo": "q"},
                ),
                event(userId="u", messageId="f", event="Feedback Given", properties={**talk, "rating": 0.5}),
                event(userId="u", messageId="odd", event="Question Asked", properties={"topic": 7, "text": {"x": 1}}),
            )
        ),
    )
    grouped = (
        "SELECT topic, count(), avg(latency_ms), avg(rating), min(answered) FROM events GROUP BY topic ORDER BY topic"
    )
    assert warehouse.query(grouped) == [("billing", 3, 900.0, 0.5, False), (None, 1, None, None, None)]
    joined = "SELECT q.text, a.answered FROM events AS a JOIN events AS q ON a.in_reply_to = q.message_id"
    assert warehouse.query(joined) == [("How?", False)]


def test_everything_that_analysts_see_has_a_comment(warehouse: Warehouse) -> None:
    tables = ", ".join(f"'{table}'" for table in OPEN)
    where = "database = currentDatabase() AND comment = ''"
    assert warehouse.query(f"SELECT name FROM system.tables WHERE {where} AND name IN ({tables})") == []
    assert warehouse.query(f"SELECT table, name FROM system.columns WHERE {where} AND table IN ({tables})") == []


def files_of(warehouse: Warehouse) -> int:
    """Of the parts in use, after a merge of all."""
    warehouse.command("OPTIMIZE TABLE events FINAL")
    rows = warehouse.query(
        "SELECT path FROM system.parts WHERE active AND table = 'events' AND database = currentDatabase()"
    )
    return sum(len(list(Path(path).iterdir())) for (path,) in rows)


def test_files_stay_as_few_however_many_names_come(embedded: Warehouse) -> None:
    limits = Limits()

    def flood(start: int, events: int) -> None:
        said = [
            event(userId="u", event="x", messageId=f"m{n}", properties={f"name_{4 * n + k}": k for k in range(4)})
            for n in range(start, start + events)
        ]
        apply(embedded, [chunk(record(*said), lo=start)], limits, untimed)

    flood(0, 10)
    few = files_of(embedded)
    for start in range(100, 3_100, 500):
        flood(start, 500)
    assert files_of(embedded) <= few + 2
    assert embedded.query("SELECT count() FROM events") == [(3_010,)]
    left = "SELECT countIf(sent_properties != '') FROM events"
    assert embedded.query(left) == [(3_010 - 2_000 // 4,)]


@pytest.mark.apart
def test_a_large_part_has_as_few_files_however_many_names_come(warehouse: Warehouse) -> None:
    """Forced to be one, as a real one has 256 MB."""

    def flood(names: int, start: int) -> int:
        said = f"""concat('{{"plan":"pro","name_', toString({start} + number), '":1}}')::JSON"""
        warehouse.command(
            "INSERT INTO events (message_id, timestamp, occurred_at, received_at, properties)"
            f" SELECT toString(number), {at}, {at}, {at}, {said} FROM numbers({names})"
        )
        return files_of(warehouse)

    at = "toDateTime64('2026-01-01 00:00:00', 3, 'UTC')"
    warehouse.command("ALTER TABLE events MODIFY SETTING min_bytes_for_wide_part = 0")
    flood(100, 0)
    many = flood(100, 100)
    assert flood(2_000, 200) <= many + 2
    assert warehouse.query(
        "SELECT DISTINCT part_type FROM system.parts WHERE active AND table = 'events' AND database = currentDatabase()"
    ) == [("Wide",)]
    of_one = "SELECT countIf(properties.plan.:String = 'pro'), countIf(properties.name_2199.:Int64 = 1) FROM events"
    assert warehouse.query(of_one) == [(2_200, 1)]


def test_what_is_refused_is_kept_for_some_time_and_what_says_no_time_for_ever(warehouse: Warehouse) -> None:
    store(warehouse, chunk(b"not a record"))
    warehouse.command("OPTIMIZE TABLE quarantine_rows FINAL")
    assert warehouse.query("SELECT toYear(received_at), reason FROM quarantine") == [(1970, "unreadable_record")]


def test_a_view_has_the_types_of_its_table(warehouse: Warehouse) -> None:
    """Else it would convert each value under its reader's settings, and make times of texts."""
    of_traits = "database = currentDatabase() AND table IN ('users', 'user_rows') AND name = 'traits'"
    types = f"SELECT DISTINCT type FROM system.columns WHERE {of_traits}"
    assert len(warehouse.query(types)) == 1
