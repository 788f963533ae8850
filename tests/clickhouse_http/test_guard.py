"""What a read-only user may do: the corpora in statements/, and everything that the engine itself lists."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from chdb._exceptions import ChdbError
from chdb.state.sqlitelike import connect

from ask0.clickhouse_http import allowed
from ask0.clickhouse_http.guard import MAX_TEXT_BYTES
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.migrate import migrate
from tests.clickhouse_http.interface_server import serve_interface

STATEMENTS = Path(__file__).parent / "statements"
LEFT_BEHIND = Path("/tmp/ask0-x")  # where the statements would write, if they could
ACCESS_DENIED = "497"
SYNTAX_ERROR = "62"
UNKNOWN_TABLE = "60"


def statements(name: str) -> list[tuple[str, str]]:
    parts = re.split(r"^-->[ ]?(\d*).*\n", (STATEMENTS / name).read_text(), flags=re.MULTILINE)
    return [(code, text.strip()) for code, text in zip(parts[1::2], parts[2::2], strict=True)]


@pytest.fixture(scope="module")
def analyst(engine: Warehouse, chdb_path: Path) -> Iterator[httpx.Client]:
    migrate(engine)
    engine.command("INSERT INTO catalog VALUES ('key', 'x', 1, 'a hash')")
    with (
        serve_interface(chdb_path, password="writes", analyst_password="reads", seconds=10, memory_mb=512) as url,
        httpx.Client(base_url=url, auth=("analyst", "reads"), timeout=30) as client,
    ):
        yield client


def ask(client: httpx.Client, sql: str, **parameters: str) -> httpx.Response:
    return client.post("/", content=sql.encode(), params=parameters)


def column(client: httpx.Client, sql: str) -> list[str]:
    return ask(client, sql).raise_for_status().text.splitlines()


def code_of(response: httpx.Response) -> str:
    return str(response.headers.get("X-ClickHouse-Exception-Code", ""))


@pytest.mark.parametrize(("code", "sql"), statements("refused.sql"))
def test_a_hostile_statement_is_refused(analyst: httpx.Client, code: str, sql: str) -> None:
    response = ask(analyst, sql, param_x="catalog")
    assert code_of(response) == code, response.text
    assert "root:" not in response.text
    assert "a hash" not in response.text
    assert not LEFT_BEHIND.exists()


@pytest.mark.parametrize(("code", "sql"), statements("allowed.sql"))
def test_what_tools_and_people_ask_is_answered(analyst: httpx.Client, code: str, sql: str) -> None:
    response = ask(analyst, sql)
    assert code_of(response) == code, response.text


@pytest.mark.apart
def test_every_table_function_of_the_engine_is_refused_but_for_the_open_ones(analyst: httpx.Client) -> None:
    names = column(analyst, "SELECT name FROM system.table_functions")
    assert len(names) > 90
    for name in names:
        if name.lower() in allowed.TABLE_FUNCTIONS:
            continue
        for called in (name, f"`{name}`", f'"{name}"', name.upper()):
            for arguments in ("", "'x'", "'127.0.0.1:1', 'ask0', 'catalog'", "ask0, catalog", "'x', 'CSV', 'a String'"):
                response = ask(analyst, f"SELECT * FROM {called}({arguments})")
                assert code_of(response) in (ACCESS_DENIED, SYNTAX_ERROR, UNKNOWN_TABLE), (
                    called,
                    arguments,
                    response.text,
                )


def functions(client: httpx.Client) -> dict[str, str]:
    """Names in lower case, with their categories; an alias has that of what it stands for."""
    rows = column(client, "SELECT lower(name), lower(alias_to), categories, is_aggregate FROM system.functions")
    named = [row.split("\t") for row in rows]
    category = {name: its for name, _, its, _ in named if its}
    aggregate = {"0": "", "1": "Aggregate Functions"}
    return {name: its or category.get(alias_to, aggregate[is_one]) for name, alias_to, its, is_one in named}


def test_every_function_outside_the_pure_categories_is_refused_but_for_the_reviewed_ones(
    analyst: httpx.Client,
) -> None:
    rows = column(analyst, "SELECT name, lower(alias_to) FROM system.functions")
    reviewed = {name.lower() for name in allowed.OTHER_FUNCTIONS}
    category = functions(analyst)
    closed = [
        name
        for name, alias_to in (row.split("\t") for row in rows)
        if category[name.lower()] not in allowed.FUNCTION_CATEGORIES and (alias_to or name.lower()) not in reviewed
    ]
    assert len(closed) > 100
    for name in closed:
        for call in (f"{name}('x')", f"`{name}`()", f"{name.upper()}(1)"):
            assert code_of(ask(analyst, f"SELECT {call}")) == ACCESS_DENIED, call


def test_no_open_function_has_a_name_that_sounds_of_more_than_computing(analyst: httpx.Client) -> None:
    reviewed = {
        "currentprofiles", "defaultprofiles", "enabledprofiles", "jsonallpaths", "jsonallpathswithtypes",
        "jsondynamicpaths", "jsondynamicpathswithtypes", "jsonshareddatapaths", "jsonshareddatapathswithtypes",
        "distinctjsonpaths", "distinctjsonpathsandtypes", "numericindexedvectorshortdebugstring",
        "servertimezone", "timeseriespredictlineartogrid",
    }  # fmt: skip
    suspicious = re.compile(
        "file|dict|sleep|server|secret|certificate|remote|socket|http|catboost|model|exec|script|python|disk|path"
        "|zookeeper|keeper|cluster|macro|trace|logger|trap|crash|debug|secur|password|grant|^ai|^eval|^__"
    )
    reviewed_others = {name.lower() for name in allowed.OTHER_FUNCTIONS}
    opened = {
        name
        for name, category in functions(analyst).items()
        if category != "URL" and (category in allowed.FUNCTION_CATEGORIES or name in reviewed_others)
    }
    assert {name for name in opened if suspicious.search(name)} == reviewed


def test_every_reviewed_name_is_one_that_the_engine_knows(analyst: httpx.Client) -> None:
    assert set(column(analyst, "SELECT name FROM system.functions")) >= allowed.OTHER_FUNCTIONS
    assert set(column(analyst, "SELECT name FROM system.formats WHERE is_output")) >= allowed.FORMATS
    assert set(column(analyst, "SELECT name FROM system.tables WHERE database = 'system'")) >= allowed.SYSTEM_TABLES
    settings = set(column(analyst, "SELECT name FROM system.settings"))
    assert settings >= allowed.SETTINGS | allowed.LIMITS | allowed.SETTINGS_WITH_FILES


def test_every_table_of_the_engine_is_refused_but_for_the_open_ones(analyst: httpx.Client) -> None:
    names = column(analyst, "SELECT database, name FROM system.tables WHERE database IN ('system', 'ask0', 'default')")
    for database, name in (row.split("\t") for row in names):
        response = ask(analyst, f"SELECT * FROM `{database}`.`{name}` LIMIT 1")
        is_open = name in (allowed.SYSTEM_TABLES if database == "system" else allowed.READABLE)
        assert code_of(response) == ("" if is_open else ACCESS_DENIED), (database, name, response.text)


def test_every_open_setting_is_about_how_an_answer_looks(analyst: httpx.Client) -> None:
    reviewed = {"output_format_avro_rows_in_file", "show_table_uuid_in_table_create_query_if_not_nil"}
    reviewed |= {"allow_suspicious_types_in_group_by", "allow_suspicious_types_in_order_by"}
    dangerous = re.compile("file|path|url|schema|template|secret|query_|^max_|^allow|readonly|ddl|user|password|cache")
    names = column(analyst, "SELECT name FROM system.settings")
    is_open = [name for name in names if name in allowed.SETTINGS or name.startswith(allowed.SETTING_PREFIXES)]
    assert {name for name in is_open if dangerous.search(name)} - reviewed - allowed.SETTINGS_WITH_FILES == set()


@pytest.mark.parametrize("how", ["url", "clause"])
def test_limits_may_be_lowered_and_not_lifted(analyst: httpx.Client, how: str) -> None:
    settings = {"max_execution_time": "999", "max_memory_usage": "1000000", "max_threads": "64"}
    names = ", ".join(f"'{name}'" for name in settings)
    sql = f"SELECT name, value FROM system.settings WHERE name IN ({names})"
    if how == "url":
        values = ask(analyst, sql, **settings, readonly="0", max_result_bytes="0")
    else:
        values = ask(analyst, f"{sql} SETTINGS {', '.join(f'{name} = {value}' for name, value in settings.items())}")
    got = dict(line.split("\t") for line in values.text.splitlines())
    assert got == {"max_execution_time": "10", "max_memory_usage": "1000000", "max_threads": "2"}


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("events", ""),
        ("catalog", ACCESS_DENIED),
        ("ask0.catalog", UNKNOWN_TABLE),
        ("events`, `catalog", UNKNOWN_TABLE),
        ("events, catalog", UNKNOWN_TABLE),
        ("file('/etc/passwd')", UNKNOWN_TABLE),
        ("/etc/passwd", UNKNOWN_TABLE),
        ("\\x63atalog", "36"),
        ("", "36"),
    ],
)
def test_a_parameter_names_a_table_as_if_it_stood_there(analyst: httpx.Client, value: str, code: str) -> None:
    assert code_of(ask(analyst, "SELECT count() FROM {t:Identifier}", param_t=value)) == code
    assert code_of(ask(analyst, "SELECT count() FROM ask0.{t:Identifier}", param_t=value)) == code


def test_a_value_of_a_parameter_stays_a_value(analyst: httpx.Client) -> None:
    hostile = "') UNION ALL SELECT body FROM catalog --"
    assert ask(analyst, "SELECT {v:String} = concat({v:String}, '')", param_v=hostile).text == "1\n"
    columns = ask(analyst, "SELECT {c:Identifier} FROM (SELECT 1 AS `a b`)", param_c="a b")
    assert columns.text == "1\n"


def test_clients_that_name_no_database_get_ours(analyst: httpx.Client) -> None:
    for database in ("", "default", "ask0"):
        assert ask(analyst, "SELECT currentDatabase(), count() >= 0 FROM events", database=database).text == "ask0\t1\n"
    assert ask(analyst, "SELECT name FROM databases WHERE name = 'ask0'", database="system").text == "ask0\n"
    assert code_of(ask(analyst, "SELECT * FROM processes", database="system")) == ACCESS_DENIED
    assert code_of(ask(analyst, "SELECT 1", database="other")) == "81"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT " + "(" * 2_000 + "1" + ")" * 2_000,
        "SELECT " + "[" * 10_000 + "]" * 10_000,
        "SELECT " + "NOT " * 30_000 + "1",
        "SELECT 1" + " + 1" * 60_000,
        "SELECT " + "1, " * 80_000 + "1",
        "SELECT * FROM " + "(SELECT * FROM " * 2_000 + "numbers(1)" + ")" * 2_000,
        "SELECT 1" + " UNION ALL SELECT 1" * 13_000,
        "SELECT " + "-- " * 80_000,
        "SELECT '" + "x" * 100_000,
        "/*" * 60_000,
        "DESC" + " " * 200_000,
    ],
    ids=range(11),
)
def test_a_statement_built_to_exhaust_the_parser_gives_an_error(analyst: httpx.Client, sql: str) -> None:
    assert 400 <= ask(analyst, sql).status_code < 501
    assert ask(analyst, "SELECT 1").text == "1\n"


def test_a_statement_is_at_most_256_kilobytes(analyst: httpx.Client) -> None:
    assert ask(analyst, "SELECT 1" + " " * (MAX_TEXT_BYTES - 100)).text == "1\n"
    assert ask(analyst, "SELECT 1" + " " * MAX_TEXT_BYTES).status_code == 413


def test_the_engine_behind_the_guard_refuses_to_write_by_itself(analyst: httpx.Client, chdb_path: Path) -> None:
    handle = connect(str(chdb_path))
    try:
        handle.query("SET readonly = 1")
        for sql in (
            "INSERT INTO ask0.catalog VALUES ('key', 'y', 1, '')",
            "CREATE TABLE ask0.x (a UInt8) ENGINE = Memory",
            "DROP TABLE ask0.catalog",
            "SYSTEM FLUSH LOGS",
            "SELECT 1 SETTINGS max_threads = 1",
            "SELECT * FROM file('/etc/passwd', 'LineAsString')",
            "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
            "SELECT * FROM remote('127.0.0.1:1', 'ask0', 'catalog')",
            "SELECT * FROM executable('x', 'TSV', 'a String')",
        ):
            with pytest.raises(ChdbError, match="READONLY"):
                handle.query(sql)
    finally:
        handle.close()


CLOSED = ("catalog", "user_facts", "user_rows", "event_ids", "round_keys", "migrations", "parked_records")


@pytest.mark.parametrize(
    "sql",
    [
        "SHOW TABLES",
        "SHOW TABLES FROM ask0",
        "SHOW FULL TABLES FROM ask0",
        "SELECT name FROM system.tables",
        "SELECT t.name FROM system.tables AS t",
        "SELECT system.tables.name FROM system.tables WHERE system.tables.database = 'ask0'",
        "SELECT * EXCEPT (as_select, create_table_query) FROM system.tables FORMAT Vertical",
        "SELECT name FROM (SELECT * FROM system.tables)",
        "WITH x AS (SELECT * FROM system.tables) SELECT name FROM x",
        "SELECT table FROM system.columns",
        "SELECT table_name FROM information_schema.tables",
        "SELECT table_name FROM INFORMATION_SCHEMA.TABLES",
        "SELECT table_name FROM information_schema.columns",
        "SELECT table_name FROM information_schema.key_column_usage",
        "SELECT table_name FROM information_schema.statistics",
        "SELECT (SELECT groupArray(name) FROM system.tables)",
        "SELECT 'catalog' IN (SELECT name FROM system.tables) ? 'catalog' : 'no'",
    ],
)
def test_closed_tables_are_listed_nowhere(analyst: httpx.Client, sql: str) -> None:
    words = set(re.findall(r"[a-z_]+", ask(analyst, sql).raise_for_status().text))
    assert not words.intersection(CLOSED)


def test_open_tables_are_listed_everywhere(analyst: httpx.Client) -> None:
    for sql in ("SHOW TABLES", "SELECT name FROM system.tables WHERE database = 'ask0'"):
        assert set(column(analyst, sql)) >= {"events", "users", "conversations", "identities", "quarantine"}


def test_no_place_on_the_disk_is_told(analyst: httpx.Client, chdb_path: Path) -> None:
    paths = "SELECT groupUniqArrayArray(data_paths), groupUniqArray(metadata_path) FROM system.tables"
    assert column(analyst, paths) == ["[]\t['']"]
    assert column(analyst, "SELECT groupUniqArray(data_path), groupUniqArray(metadata_path) FROM system.databases") == [
        "['']\t['']"
    ]
    everything = "".join(ask(analyst, f"SELECT * FROM system.{name}").text for name in ("tables", "databases"))
    assert str(chdb_path) not in everything


@pytest.mark.parametrize(("table", "there"), [("events", "1"), ("nothing", "0"), ("catalog", "0"), ("ask0.users", "1")])
def test_whether_a_table_is_there_is_answered(analyst: httpx.Client, table: str, there: str) -> None:
    assert column(analyst, f"EXISTS TABLE {table}") == [there]
    assert column(analyst, f"EXISTS {table}") == [there]


@pytest.mark.parametrize(("database", "there"), [("ask0", "1"), ("`ask0`", "1"), ("system", "1"), ("other", "0")])
def test_whether_a_database_is_there_is_answered(analyst: httpx.Client, database: str, there: str) -> None:
    assert column(analyst, f"EXISTS DATABASE {database}") == [there]


def test_a_syntax_error_has_its_name(analyst: httpx.Client) -> None:
    assert ask(analyst, "SELECT 1 FROM").text.rstrip().endswith("(SYNTAX_ERROR)")


def test_a_table_that_is_not_there_is_code_60_and_the_advice_names_only_what_is(analyst: httpx.Client) -> None:
    assert code_of(ask(analyst, "SELECT 1 FROM nothing")) == UNKNOWN_TABLE
    assert code_of(ask(analyst, "DESCRIBE TABLE ask0.nothing")) == UNKNOWN_TABLE
    closed = ask(analyst, "SELECT 1 FROM catalog")
    assert code_of(closed) == ACCESS_DENIED
    assert "ask0.events" in closed.text
    assert "config_exposures" not in closed.text


@pytest.mark.parametrize("name", sorted(allowed.RESULT_SETTINGS))
def test_a_setting_that_changes_results_is_refused_in_the_address_too(analyst: httpx.Client, name: str) -> None:
    assert code_of(ask(analyst, "SELECT 1", **{name: "x"})) == ACCESS_DENIED


def test_a_setting_that_is_none_is_refused_and_one_that_changes_nothing_is_dropped(analyst: httpx.Client) -> None:
    assert code_of(ask(analyst, "SELECT 1", no_such_setting="1")) == "115"
    dropped = {"max_insert_threads": "4", "mutations_sync": "2", "insert_deduplicate": "0", "allow_ddl": "1"}
    assert ask(analyst, "SELECT 1", **dropped).text == "1\n"


def test_clients_are_told_which_settings_they_may_send(analyst: httpx.Client) -> None:
    rows = dict(line.split("\t") for line in column(analyst, "SELECT name, readonly FROM system.settings"))
    assert rows["max_execution_time"] == rows["mutations_sync"] == rows["join_use_nulls"] == "0"
    assert rows["additional_table_filters"] == rows["dialect"] == "1"


@pytest.mark.parametrize(
    "call",
    [
        "editDistance(repeat('x', 60000), repeat('y', 60000))",
        "levenshteinDistance('a', 'b')",
        "damerauLevenshteinDistance('a', 'b')",
        "jaroWinklerSimilarity('a', 'b')",
    ],
)
def test_a_call_that_looks_at_no_time_limit_is_refused(analyst: httpx.Client, call: str) -> None:
    assert code_of(ask(analyst, f"SELECT {call} FROM numbers(6)")) == ACCESS_DENIED


def test_an_array_is_made_with_so_many_elements(analyst: httpx.Client) -> None:
    assert ask(analyst, "SELECT length(range(1000000))").text == "1000000\n"
    assert code_of(ask(analyst, "SELECT length(arraySort(x -> sipHash64(x), range(40000000)))")) == "69"
