"""Inserting and asking, in process and over HTTP."""

import gc
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.insert import InsertContext

from ask0.warehouse.connect import PARAMETER_CHARACTERS, Address, Warehouse
from ask0.warehouse.errors import QueryFailed, Refused, Unavailable
from ask0.warehouse.failures import AWAY_OR_BUSY, WRONG_DATA

NOW = time.time_ns() // 1_000_000

ROW: dict[str, Any] = {
    "project_id": "proj_1",
    "type": "track",
    "event": "Question Asked",
    "user_id": "g-1",
    "sent_user_id": "",
    "anonymous_id": "1",
    "message_id": "m",
    "timestamp": NOW,
    "occurred_at": NOW,
    "received_at": NOW,
    "sent_at": None,
    "conversation_id": "c",
    "group_id": "",
    "properties": "{}",
    "context": "{}",
    "ip": "",
    "user_agent": "",
    "_log": "l",
    "_partition": 0,
    "_off": 0,
    "_idx": 0,
}


def events(count: int = 1, **columns: list[Any]) -> dict[str, list[Any]]:
    return {name: columns.get(name, [value] * count) for name, value in ROW.items()}


def count(warehouse: Warehouse, table: str = "events") -> int:
    return int(warehouse.query(f"SELECT count() FROM {table}")[0][0])


@contextmanager
def running(warehouse: Warehouse, sql: str) -> Iterator[threading.Thread]:
    """A query that another thread is in the middle of."""
    thread = threading.Thread(target=warehouse.query, args=(sql,))
    thread.start()
    while not warehouse.query("SELECT 1 FROM system.processes WHERE query LIKE {sql:String}", {"sql": f"{sql}%"}):
        assert thread.is_alive()
    yield thread
    thread.join()


def test_rows_come_back_as_they_went_in(warehouse: Warehouse) -> None:
    warehouse.insert("events", events(2, message_id=["a", "b"], sent_at=[NOW, None]), token="t")
    when = datetime.fromtimestamp(NOW / 1000, UTC)
    assert warehouse.query("SELECT message_id, timestamp, sent_at, _off FROM events ORDER BY message_id") == [
        ("a", when, when, 0),
        ("b", when, None, 0),
    ]


def test_parameters_are_values_and_never_sql(warehouse: Warehouse) -> None:
    nasty = "'; DROP TABLE events; -- \\ {x:String} %s \n\t\0 ü"
    parameters = {"text": nasty, "list": [nasty, "b"], "big": 2**128 - 1, "none": None}
    sql = "SELECT {text:String}, {list:Array(String)}, {big:UInt128}, {none:Nullable(String)}"
    assert warehouse.query(sql, parameters) == [(nasty, [nasty, "b"], 2**128 - 1, None)]
    assert json.loads(warehouse.raw(f"{sql} AS nothing", "JSONCompactEachRow", parameters))[:2] == [nasty, [nasty, "b"]]


def test_too_many_parameters_are_refused_before_a_server_does(warehouse: Warehouse) -> None:
    fits = ["x" * 96] * (PARAMETER_CHARACTERS // 100)
    assert warehouse.query("SELECT length({ids:Array(String)})", {"ids": fits}) == [(len(fits),)]
    warehouse.command("CREATE TABLE ids ENGINE = Memory AS SELECT arrayJoin({ids:Array(String)}) AS id", {"ids": fits})
    assert count(warehouse, "ids") == len(fits)
    with pytest.raises(ValueError, match="insert them into a table"):
        warehouse.query("SELECT length({ids:Array(String)})", {"ids": [*fits, *fits]})


def test_raw_answers_in_the_format_asked_for(warehouse: Warehouse) -> None:
    assert warehouse.raw("SELECT {n:UInt8} AS n", "CSVWithNames", {"n": 7}) == b'"n"\n7\n'


def test_settings_hold_for_every_statement(dsn: str) -> None:
    with Warehouse(dsn, settings={"max_result_rows": 77}) as warehouse:
        warehouse.create_database()
        for name, value in {"max_result_rows": 77, "async_insert": 0, "max_insert_threads": 1}.items():
            assert warehouse.query(f"SELECT toInt64(getSetting('{name}'))") == [(value,)]


def test_a_command_takes_settings_of_its_own(warehouse: Warehouse) -> None:
    warehouse.command(
        "CREATE TABLE seen ENGINE = Memory AS SELECT toString(getSetting('max_threads')) AS value",
        settings={"max_threads": 1},
    )
    assert warehouse.query("SELECT value FROM seen") == [("1",)]


def test_a_repeated_insert_is_stored_once(warehouse: Warehouse) -> None:
    for _ in range(3):
        warehouse.insert("events", events(2), token="t")
    assert count(warehouse) == 2
    warehouse.insert("events", events(2), token="another")
    assert count(warehouse) == 4


def test_a_token_is_remembered_across_connections(dsn: str, warehouse: Warehouse) -> None:
    warehouse.insert("events", events(2), token="t")
    with Warehouse(dsn) as later:
        later.insert("events", events(2), token="t")
        assert count(later) == 2


def test_tables_do_not_share_tokens(warehouse: Warehouse) -> None:
    ids: dict[str, list[Any]] = {"project_id": ["p"], "id": [2**128 - 1], "received_at": [NOW], "_log": ["l"]}
    ids |= {"_partition": [0], "_off": [2**64 - 1], "_idx": [0]}
    warehouse.insert("events", events(), token="t")
    warehouse.insert("event_ids", ids, token="t")
    assert (count(warehouse), count(warehouse, "event_ids")) == (1, 1)
    assert warehouse.query("SELECT id, _off FROM event_ids") == [(2**128 - 1, 2**64 - 1)]


def test_a_block_is_let_go_of_as_soon_as_it_is_inserted(warehouse: Warehouse) -> None:
    gc.collect()
    gc.disable()
    try:
        warehouse.insert("events", events(), token="t")
        assert not any(type(kept) is InsertContext for kept in gc.get_objects())  # isinstance would ask the objects
    finally:
        gc.enable()


def test_the_largest_chunk_is_one_block(warehouse: Warehouse) -> None:
    warehouse.command("SYSTEM STOP MERGES events")
    body = json.dumps({"text": "x" * 600})
    warehouse.insert("events", events(50_000, properties=[body] * 50_000), token="t")
    parts = warehouse.query(
        "SELECT rows FROM system.parts WHERE database = {db:String} AND table = 'events'", {"db": warehouse.database}
    )
    assert parts == [(50_000,)]


def test_no_rows_is_no_insert(warehouse: Warehouse) -> None:
    warehouse.insert("events", events(0), token="t")
    assert count(warehouse) == 0


def test_columns_of_different_length_never_reach_the_table(warehouse: Warehouse) -> None:
    with pytest.raises(ValueError, match="equally long"):
        warehouse.insert("events", events(2, event=["one"]), token="t")


def test_an_insert_follows_a_changed_table(warehouse: Warehouse) -> None:
    warehouse.command("CREATE TABLE t (id String, n UInt8) ENGINE = MergeTree ORDER BY id")
    warehouse.insert("t", {"id": ["a"], "n": [1]}, token="1")
    warehouse.command("ALTER TABLE t MODIFY COLUMN n String")
    warehouse.insert("t", {"id": ["b"], "n": [2]}, token="2")
    warehouse.command("DROP TABLE t SYNC")
    with pytest.raises(QueryFailed):
        warehouse.insert("t", {"id": ["c"], "n": [3]}, token="3")
    warehouse.command("CREATE TABLE t (id String, n Array(String)) ENGINE = MergeTree ORDER BY id")
    warehouse.insert("t", {"id": ["c"], "n": [["x"]]}, token="4")
    assert warehouse.query("SELECT n FROM t") == [(["x"],)]


def test_a_guests_events_can_be_given_to_a_user(warehouse: Warehouse) -> None:
    warehouse.insert("events", events(3, anonymous_id=["1", "1", "2"], user_id=["g-1", "g-1", "g-2"]), token="t")
    warehouse.command(
        "UPDATE events SET user_id = {user:String} WHERE project_id = 'proj_1' AND sent_user_id = ''"
        " AND anonymous_id = {anonymous:String}",
        {"user": "u-1", "anonymous": "1"},
    )
    assert warehouse.query("SELECT user_id, count() FROM events GROUP BY user_id ORDER BY user_id") == [
        ("g-2", 1),
        ("u-1", 2),
    ]
    warehouse.insert("events", events(3), token="t")
    assert count(warehouse) == 3


@pytest.mark.parametrize(
    "body",
    [
        '{"a.b":1,"a":{"b":2}}',
        '{"text":"a\\u0000b \\ud83d\\ude00 \\u202e é"}',
        '{"day":"2020-01-01","at":"2020-01-01T00:00:00Z","not":"20200101","zone":"2020-01-01 00:00:00+02"}',
        '{"largest":18446744073709551615,"smallest":-9223372036854775808,"double":1e308,"tiny":5e-324}',
        '{"mixed":[1,"a",2.5,true,{"b":[{}]}],"empty":[],"number":"12","yes":"true"}',
        '{"":1,"a":{"":{"":2}}," ":3,"%":4,"`":5,"\'":6,"\\\\":7,".":8,"..":9,".a":10,"a.":11}',
        '{"a":' * 63 + "1" + "}" * 63,
    ],
)
def test_json_comes_back_as_it_was_sent(warehouse: Warehouse, body: str) -> None:
    warehouse.insert("events", events(properties=[body], context=[body]), token="t")
    sent = json.loads(body)
    answer = json.loads(warehouse.raw("SELECT properties, context FROM events", "JSONEachRow"))
    assert answer == {"properties": sent, "context": sent}


def test_json_forgets_nulls_and_empty_objects_and_reads_an_escaped_dot_as_a_dot(warehouse: Warehouse) -> None:
    body = '{"null":null,"empty":{},"list":[null,{}],"a%2Eb":1}'
    warehouse.insert("events", events(properties=[body]), token="t")
    answer = json.loads(warehouse.raw("SELECT properties FROM events", "JSONEachRow"))
    assert answer == {"properties": {"list": [None, {}], "a.b": 1}}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("properties", "{bad"),
        ("properties", '{"a":1,"a":2}'),
        ("properties", '{"a":1e400}'),
        ("properties", "[]"),
        ("properties", "\ud800"),
        ("event", "\ud800"),
        ("event", None),
        ("event", 5),
        ("_partition", 65_536),
        ("_partition", -1),
        ("_partition", "x"),
        ("_off", 2**64),
        ("timestamp", "yesterday"),
        ("timestamp", 2**63),
        ("timestamp", None),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_block(warehouse: Warehouse, column: str, value: Any) -> None:
    with pytest.raises(Refused):
        warehouse.insert("events", events(2, **{column: [ROW[column], value]}), token="t")
    assert count(warehouse) == 0
    warehouse.insert("events", events(1), token="t")  # a refused token is not spent
    assert count(warehouse) == 1


def test_wrong_data_in_a_command_is_refused(warehouse: Warehouse) -> None:
    warehouse.command("CREATE TABLE t (j JSON) ENGINE = Memory")
    with pytest.raises(Refused):
        warehouse.command("INSERT INTO t SELECT '{bad'")


@pytest.mark.parametrize(
    ("sql", "code"),
    [("SELEC 1", 62), ("SELECT 1 FROM nowhere", 60), ("SELECT nothing", 47), ("SELECT {x:UInt8}", 456)],
)
def test_a_wrong_statement_says_its_code(warehouse: Warehouse, sql: str, code: int) -> None:
    for ask in (warehouse.query, warehouse.command, lambda sql: warehouse.raw(sql, "JSON")):
        with pytest.raises(QueryFailed) as caught:
            ask(sql)
        assert caught.value.code == code


def too_much_memory(warehouse: Warehouse) -> None:
    warehouse.query("SELECT number, count() FROM numbers(10000000) GROUP BY number SETTINGS max_memory_usage = 1000000")


def too_long(warehouse: Warehouse) -> None:
    warehouse.query("SELECT sleepEachRow(1) FROM numbers(3) SETTINGS max_execution_time = 1, max_block_size = 1")


def too_many_parts(warehouse: Warehouse) -> None:
    warehouse.command("CREATE TABLE parts (n UInt8) ENGINE = MergeTree ORDER BY n SETTINGS parts_to_throw_insert = 1")
    warehouse.command("SYSTEM STOP MERGES parts")
    for n in range(3):
        warehouse.insert("parts", {"n": [n]}, token=str(n))


def too_many_queries(warehouse: Warehouse) -> None:
    with running(warehouse, "SELECT sleep(2)"):
        warehouse.query("SELECT 1 SETTINGS max_concurrent_queries_for_all_users = 1")


@pytest.mark.parametrize("ask", [too_much_memory, too_long, too_many_parts, too_many_queries])
def test_a_busy_clickhouse_is_unavailable(warehouse: Warehouse, ask: Callable[[Warehouse], None]) -> None:
    with pytest.raises(Unavailable):
        ask(warehouse)
    warehouse.ping()


def test_the_engine_knows_the_error_numbers_by_these_names(engine: Warehouse) -> None:
    for code, name in {**AWAY_OR_BUSY, **WRONG_DATA}.items():
        assert engine.query("SELECT errorCodeToName({code:UInt32})", {"code": code}) == [(name,)]


def test_a_query_does_not_wait_for_another_threads(warehouse: Warehouse) -> None:
    with running(warehouse, "SELECT sleep(3)") as slow:
        warehouse.insert("events", events(), token="t")
        assert slow.is_alive()


def test_many_threads_insert_side_by_side(warehouse: Warehouse) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: warehouse.insert("events", events(10), token=f"t{n % 20}"), range(40)))
    assert count(warehouse) == 200


def test_close_waits_for_running_queries(dsn: str, warehouse: Warehouse) -> None:
    closing = Warehouse(dsn)
    with running(closing, "SELECT sleep(1)") as slow:
        closing.close()
        slow.join(timeout=0)
    closing.close()
    with pytest.raises(Unavailable, match="closed"):
        closing.ping()
    warehouse.ping()


def test_a_second_process_is_refused_and_told_whose_it_is(engine: Warehouse, chdb_path: Path) -> None:
    script = "import sys; from ask0.warehouse.connect import Warehouse; Warehouse(sys.argv[1])"
    second = subprocess.run(
        [sys.executable, "-c", script, f"chdb://{chdb_path}"], capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert f"Unavailable: {chdb_path} is in use by process {os.getpid()}; stop it" in second.stderr


def test_a_path_is_free_again_after_its_process(tmp_path: Path) -> None:
    script = (
        "import sys; from ask0.warehouse.connect import Warehouse\n"
        "with Warehouse(sys.argv[1]) as w: w.command('CREATE TABLE IF NOT EXISTS t (n UInt8) ENGINE = MergeTree"
        " ORDER BY n'); print(w.query('SELECT count() FROM t'))"
    )
    for _ in range(2):
        command = [sys.executable, "-X", "dev", "-W", "error", "-c", script, f"chdb://{tmp_path}/data"]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[(0,)]\n"


def test_nobody_listening_is_unavailable() -> None:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as free:
        port = free.server_port
    with Warehouse(f"http://ask0:secret@127.0.0.1:{port}/ask0") as warehouse, pytest.raises(Unavailable):
        warehouse.ping()


class HangsUp(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.close_connection = True


class BadGateway(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.send_error(502)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing on stderr."""


@pytest.mark.parametrize("handler", [HangsUp, BadGateway])
def test_a_broken_answer_is_unavailable(handler: type[BaseHTTPRequestHandler]) -> None:
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with Warehouse(f"http://ask0:secret@127.0.0.1:{server.server_port}") as warehouse, pytest.raises(Unavailable):
            warehouse.ping()
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("dsn", "address"),
    [
        ("chdb:///var/lib/a%20b", Address(scheme="chdb", database="ask0", path="/var/lib/a b")),
        ("chdb:///d?database=other", Address(scheme="chdb", database="other", path="/d")),
        (
            "http://ask0:p%40ss@h:8124/other",
            Address("http", "other", host="h", port=8124, username="ask0", password="p@ss"),
        ),
        ("https://h", Address("https", "ask0", host="h", port=8443, username="default")),
    ],
)
def test_a_dsn_names_the_place(dsn: str, address: Address) -> None:
    assert Address.parse(dsn) == address
    assert "p@ss" not in repr(address)


@pytest.mark.parametrize("dsn", ["", "chdb:", "chdb://host/path", "tcp://h:9000", "http:///ask0"])
def test_another_dsn_is_explained(dsn: str) -> None:
    with pytest.raises(ValueError, match="chdb:///path or http"):
        Warehouse(dsn)
