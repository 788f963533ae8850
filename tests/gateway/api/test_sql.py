"""SQL of a project's own rows, on the engine in this process and over HTTP: what is answered, refused and told."""

import asyncio
import csv
import io
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from ask0.schemas.catalog import Project, secret_key
from ask0.schemas.statements import MAX_STATEMENT_CHARACTERS, SqlAnswer, SqlTables
from ask0.warehouse.connect import Warehouse
from bench.stack import wait_for
from tests.clickhouse_http.interface_server import serve_interface
from tests.gateway.running import Running, running, save, working

ONE, TWO = "proj_sql_one", "proj_sql_two"
ANALYST, NARROW, OF_TWO = "sk_analyst_of_one", "sk_narrow_of_one", "sk_of_two"
SLOW = "SELECT count() FROM numbers(490000000) WHERE NOT ignore(sipHash128(number, 1), sipHash64(number, 2))"


@pytest.fixture(scope="module", params=["in this process", "over HTTP"])
def asked(
    clickhouse: Warehouse, chdb_path: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Running]:
    fill(clickhouse)
    folder = tmp_path_factory.mktemp("sql")
    if request.param == "in this process":
        with running(folder, clickhouse, query_seconds=2) as gateway:
            yield with_keys(gateway)
        return
    with (
        serve_interface(chdb_path, password="writes", database="gateway") as url,
        Warehouse(f"{url}/gateway") as warehouse,
        running(folder, warehouse, query_seconds=2) as gateway,
    ):
        yield with_keys(gateway)


def with_keys(gateway: Running) -> Running:
    reading = ("sql:read", "users:read", "events:read")
    keys = (
        secret_key(ANALYST, ONE, 1, reading),
        secret_key(NARROW, ONE, 1, ("sql:read", "events:read")),
        secret_key(OF_TWO, TWO, 1),
    )
    projects = (Project(id=id, name=id, created_at=1) for id in (ONE, TWO))
    asyncio.run(save(gateway.log_dsn, *projects, *keys))
    wait_for(lambda: ask(gateway, "SELECT 1", OF_TWO).status_code == 200, "the keys to be known")
    return gateway


def fill(clickhouse: Warehouse) -> None:
    """Told twice, it is as once: rows of users replace each other."""
    for project, ids in ((ONE, ("ann", "=1+1")), (TWO, ("hidden",))):
        for id in ids:
            clickhouse.command(
                "INSERT INTO user_rows (project_id, id, name, status, _version)"
                f" VALUES ('{project}', '{id}', 'Name of {id}', 'Active', 1)"
            )


def ask(gateway: Running, sql: str, key: str = ANALYST, **more: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {key}", **more.pop("headers", {})}
    query = more.pop("params", {})
    return gateway.client.post("/v1/projects/-/sql", json={"sql": sql, **more}, params=query, headers=headers)


def rows(gateway: Running, sql: str, key: str = ANALYST) -> list[list[Any]]:
    answer = ask(gateway, sql, key)
    assert answer.status_code == 200, answer.text
    found = SqlAnswer.model_validate(answer.json())
    return found.rows


def test_a_statement_sees_the_rows_of_the_keys_project_alone(asked: Running) -> None:
    assert rows(asked, "SELECT id FROM users ORDER BY id") == [["=1+1"], ["ann"]]
    assert rows(asked, "SELECT id FROM users", OF_TWO) == [["hidden"]]
    assert rows(asked, f"SELECT count() FROM users WHERE project_id = '{TWO}'") == [[0]]
    assert rows(asked, "SELECT count() FROM users WHERE throwIf(name LIKE '%hidden%') = 0") == [[2]]


def test_columns_have_their_types_and_numbers_that_json_rounds_are_text(asked: Running) -> None:
    answer = ask(
        asked,
        "SELECT toUInt64(9007199254740992) AS safe, toUInt64(9007199254740993) AS large, toInt256('-1') AS small,"
        " [18446744073709551615] AS list, 0.5 AS half, nan AS none, toDecimal64(1, 2) AS price, 'é\"\\n' AS text,"
        " NULL AS nothing, toDateTime64('2026-01-31 12:00:00', 3, 'UTC') AS at, '12345678901234567890' AS digits",
    ).json()
    named = {
        column["name"]: (column["type"], value)
        for column, value in zip(answer["columns"], answer["rows"][0], strict=True)
    }
    assert named["safe"] == ("UInt64", 9007199254740992)
    assert named["large"] == ("UInt64", "9007199254740993")
    assert named["small"] == ("Int256", -1)
    assert named["list"] == ("Array(UInt64)", ["18446744073709551615"])
    assert named["half"] == ("Float64", 0.5)
    assert named["none"][1] == "nan"
    assert named["price"][1] == "1"
    assert named["text"] == ("String", 'é"\n')
    assert named["nothing"][1] is None
    assert named["at"][1] == "2026-01-31T12:00:00.000Z"
    assert named["digits"] == ("String", "12345678901234567890")
    assert not answer["truncated"]


def test_an_answer_has_the_rows_that_were_asked_for_and_says_if_there_are_more(asked: Running) -> None:
    cut = ask(asked, "SELECT number FROM numbers(100) ORDER BY number DESC", limit=3).json()
    assert (cut["rows"], cut["truncated"]) == ([[99], [98], [97]], True)
    whole = ask(asked, "SELECT number FROM numbers(3) UNION ALL SELECT 7", limit=4).json()
    assert (len(whole["rows"]), whole["truncated"]) == (4, False)
    assert ask(asked, "SELECT 1", limit=10_001).status_code == 400
    assert ask(asked, "SELECT 1 WHERE 0").json()["rows"] == []


def test_as_csv_its_cells_are_safe_in_a_spreadsheet(asked: Running) -> None:
    sql = "SELECT id AS `=id`, 1 AS one, NULL AS none, [1, 2] AS list FROM users ORDER BY id"
    for answer in (
        ask(asked, sql, params={"format": "csv"}),
        ask(asked, sql, headers={"accept": "text/csv"}),
    ):
        assert answer.headers["content-type"].startswith("text/csv")
        assert "attachment" in answer.headers["content-disposition"]
        assert list(csv.reader(io.StringIO(answer.text))) == [
            ["'=id", "one", "none", "list"],
            ["'=1+1", "1", "", "[1,2]"],
            ["ann", "1", "", "[1,2]"],
        ]


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT id FROM userz", "there is no table userz here; there are"),
        ("SELECT nope FROM users", "unknown expression identifier `nope`"),
        ("SELECT nofn(1)", "the function nofn is unknown"),
        ("SELECT toUInt8('x')", "cannot parse string 'x' as UInt8"),
        ("SELECT id FROM audit_log", "needs a scope that you have not"),
        ("SELECT * FROM users SETTINGS readonly = 0", "SETTINGS is not open here"),
        ("SELECT * FROM url('http://x')", "the table function url is not open here"),
        ("SELECT arrayJoin(range(100000000))", ""),
        ("SELECT repeat('x', 1000000) FROM numbers(100)", "its answer is larger than 10 MB"),
        ("SELECT groupArray(number) FROM numbers(1000000000)", "rows"),
        ("DROP TABLE events", "this is no SELECT"),
        ("SELECT '\x00'", "a character that no statement has"),
    ],
)
def test_what_is_wrong_is_told_in_words(asked: Running, sql: str, words: str) -> None:
    answer = ask(asked, sql)
    assert answer.status_code == 422, answer.text[:1_000]
    assert answer.json()["code"] in ("statement_refused", "statement_too_large")
    assert words in answer.json()["message"]
    for hidden in ("PREWHERE", "user_rows", TWO, "additional_table_filters", "catalog"):
        assert hidden not in answer.text[:10_000]


def test_a_mistake_of_syntax_has_its_place(asked: Running) -> None:
    told = ask(asked, "SELECT 'é',\n  id FROM users WHERE = 1").json()
    assert told["code"] == "statement_refused"
    assert (told["line"], told["position"]) == (2, 35)
    assert ask(asked, "x" * (MAX_STATEMENT_CHARACTERS + 1)).json()["code"] == "invalid_body"


def test_which_tables_there_are_follows_from_the_scopes(asked: Running) -> None:
    def tables(key: str) -> dict[str, list[str]]:
        headers = {"authorization": f"Bearer {key}"}
        answer = asked.client.get("/v1/projects/-/sql/tables", headers=headers)
        found = SqlTables.model_validate(answer.json()).tables
        return {table.name: [column.name for column in table.columns] for table in found}

    assert {"users", "events", "conversations", "quarantine"} <= tables(ANALYST).keys()
    assert "audit_log" not in tables(ANALYST)
    assert "audit_log" in tables(OF_TWO)
    assert "users" not in tables(NARROW)
    assert "email" in tables(ANALYST)["users"]
    assert "_off" not in tables(ANALYST)["events"]
    assert ask(asked, "SELECT 1 FROM users", NARROW).status_code == 422


def test_the_audit_log_has_each_statement_without_its_values(asked: Running, clickhouse: Warehouse) -> None:
    sql = "SELECT actor, entity_id, details FROM audit_log WHERE action = 'sql.asked' AND details LIKE '%uniq%'"
    with working(asked, clickhouse):
        ask(asked, "SELECT uniq(id) FROM users WHERE name = 'Jane Private'", OF_TWO)
        wait_for(lambda: bool(rows(asked, sql.replace("'%uniq%'", "'%uniq%name%'"), OF_TWO)), "it to be told")
    told = [row for row in rows(asked, sql, OF_TWO) if "FROM users" in row[2]]
    assert told
    for actor, id, details in told:
        assert actor.startswith("key:")
        assert id.startswith("sql_")
        assert "Private" not in details
        assert json.loads(details) == {"statement": "SELECT uniq(id) FROM users WHERE name = ?", "tables": "users"}


def test_a_project_asks_two_statements_at_once_and_another_is_answered_meanwhile(asked: Running) -> None:
    enough = threading.Event()

    def keep_asking() -> list[httpx.Response]:
        answers = []
        while not enough.is_set():
            answers.append(ask(asked, SLOW))
        return answers

    with ThreadPoolExecutor(2) as threads:
        busy = [threads.submit(keep_asking) for _ in range(2)]
        try:
            seen: list[httpx.Response] = []
            wait_for(lambda: is_refused(asked, seen), "two statements to be under way")
            refused = seen[-1]
            assert refused.json()["code"] == "too_many_statements"
            assert refused.headers["retry-after"]
            assert rows(asked, "SELECT count() FROM users", OF_TWO) == [[1]]
        finally:
            enough.set()
    answered = [answer for one in busy for answer in one.result() if answer.status_code != 429]
    assert {answer.status_code for answer in answered} == {422}
    assert all("it takes longer than 2 s" in answer.json()["message"] for answer in answered)


def is_refused(gateway: Running, seen: list[httpx.Response]) -> bool:
    seen.append(ask(gateway, "SELECT 1"))
    return seen[-1].status_code == 429


def test_a_statement_ends_when_its_caller_leaves(asked: Running) -> None:
    with httpx.Client(base_url=asked.url, timeout=0.5) as client, pytest.raises(httpx.ReadTimeout):
        client.post("/v1/projects/-/sql", json={"sql": SLOW}, headers={"authorization": f"Bearer {ANALYST}"})

    def both() -> bool:
        """Whether there is room for two again."""
        with ThreadPoolExecutor(2) as threads:
            return all(one.status_code == 200 for one in threads.map(lambda sql: ask(asked, sql), ["SELECT 1"] * 2))

    wait_for(both, "the place of the one who left")
