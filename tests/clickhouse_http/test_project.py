"""A member's SQL: of two projects, nothing of the other one ever shows, however the statement is written."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import chdb
import orjson
import pytest
from chdb._exceptions import ChdbError
from hypothesis import event, given, settings
from hypothesis import strategies as st

from ask0.clickhouse_http.engine import as_query_failed, asking
from ask0.clickhouse_http.execution import PARSING, set_all
from ask0.clickhouse_http.guard import quoted
from ask0.clickhouse_http.project import MOST_TABLES, Limits, ProjectGuard, Statement
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import QueryFailed
from ask0.warehouse.migrate import migrate

STATEMENTS = Path(__file__).parent / "statements"
LIMITS = Limits(seconds=10, memory_bytes=512 << 20, rows_to_read=10_000_000, result_bytes=10 << 20, threads=1)
DATABASE = "of_two"
OWN, OTHER = "proj_a", "proj_b"
ROWS = 4
TABLES = ("audit_log", "conversations", "events", "identities", "quarantine", "segment_members", "users")
TRACE = re.compile("secret|proj_b")  # everything that is of the other project says so


def statements(name: str) -> list[tuple[str, str]]:
    parts = re.split(r"^--> (.*)\n", (STATEMENTS / name).read_text(), flags=re.MULTILINE)
    return [(said, text.strip()) for said, text in zip(parts[1::2], parts[2::2], strict=True)]


class Asked:
    """Statements as a member of OWN asks them."""

    def __init__(self, path: Path) -> None:
        self.path, self.guard = str(path), ProjectGuard(DATABASE)

    def check(self, sql: str) -> Statement:
        handle = chdb.connect(self.path)
        try:
            handle.query(f"USE {DATABASE}")
            set_all(handle, PARSING)
            return self.guard.check(asking(handle), sql, OWN, TABLES, LIMITS, 1_000)
        finally:
            handle.close()

    def run(self, sql: str, settings: Any) -> list[list[Any]]:
        handle = chdb.connect(self.path)
        try:
            handle.query(f"USE {DATABASE}")
            set_all(handle, settings)
            return list(orjson.loads(handle.query(sql, "JSONCompact").bytes())["data"])
        except ChdbError as error:
            raise as_query_failed(error) from error
        finally:
            handle.close()

    def rows(self, sql: str) -> list[list[Any]]:
        statement = self.check(sql.replace("ask0.", f"{DATABASE}.").replace("`ask0`", f"`{DATABASE}`"))
        return self.run(statement.sql, statement.settings)


@pytest.fixture(scope="module")
def member(engine: Warehouse, chdb_path: Path) -> Iterator[Asked]:
    with Warehouse(f"chdb://{chdb_path}?database={DATABASE}") as warehouse:
        migrate(warehouse)
        fill(warehouse)
        yield Asked(chdb_path)


def fill(warehouse: Warehouse) -> None:
    """The rows of both lie beside each other, in one part of each table."""
    owner = f"if(number < {ROWS}, '{OWN}', '{OTHER}') AS project"
    name = f"concat(if(number < {ROWS}, 'own', 'secret'), toString(number % {ROWS}))"
    both, one_each = f"numbers({2 * ROWS})", "(SELECT arrayJoin([0, 4]) AS number)"
    now = "now64(3, 'UTC')"
    for table, columns, values, rows in (
        ("user_rows", "id, email, status, _version", f"{name}, {name}, 'Active', 1", both),
        (
            "events",
            "type, event, user_id, message_id, timestamp, occurred_at, received_at, properties",
            f"'track', {name}, {name}, {name}, {now}, {now}, {now}, concat('{{\"of\":\"', {name}, '\"}}')",
            both,
        ),
        ("conversation_rows", "id, user_id, title, _version", f"{name}, {name}, {name}, 1", one_each),
        ("identity_links", "guest_id, link", f"{name}, tuple({now}, {name}, {name})", one_each),
        ("member_rows", "user_id, segment_id, is_member, _version", f"{name}, {name}, 1, 1", one_each),
        ("quarantine_rows", "id, raw, received_at", f"{name}, {name}, {now}", one_each),
        ("audit", "id, action, stream, off", f"{name}, {name}, 'users', number", one_each),
    ):
        warehouse.command(f"INSERT INTO {table} (project_id, {columns}) SELECT {owner}, {values} FROM {rows}")


@pytest.mark.parametrize(("value", "sql"), statements("own_rows.sql"))
def test_each_way_to_ask_sees_the_projects_own_rows(member: Asked, value: str, sql: str) -> None:
    assert member.rows(sql) == [[int(value)]]


@pytest.mark.parametrize(("told", "sql"), statements("beyond_a_project.sql"))
def test_what_would_see_more_is_refused(member: Asked, told: str, sql: str) -> None:
    with pytest.raises(QueryFailed) as refused:
        member.rows(sql)
    assert not re.search("root:|secret[0-9]'? ", str(refused.value).replace(sql, "")), told


def test_every_table_of_the_engine_but_those_is_refused(member: Asked) -> None:
    handle = chdb.connect(member.path)
    found = handle.query(
        f"SELECT database, name FROM system.tables WHERE database IN ('system', '{DATABASE}')", "JSONCompact"
    )
    names = orjson.loads(found.bytes())["data"]
    handle.close()
    assert len(names) > 100
    for database, name in names:
        sql = f"SELECT * FROM {quoted(database)}.{quoted(name)} LIMIT 1"
        if database == DATABASE and name in TABLES:
            assert not TRACE.search(str(member.rows(sql)))
            continue
        with pytest.raises(QueryFailed):
            member.check(sql)


def test_the_settings_alone_keep_the_other_project_out(member: Asked) -> None:
    """If a table were ever read past the guard."""
    settings = member.check("SELECT 1").settings
    for table in (*TABLES, "user_rows", "identity_links", "audit"):
        assert member.run(f"SELECT DISTINCT project_id FROM {table}", settings) == [[OWN]]
    for table in ("user_facts", "user_changes", "catalog", "event_ids"):
        assert member.run(f"SELECT count() FROM {table}", settings) == [[0]]
    with pytest.raises(QueryFailed, match="readonly"):
        member.run("SELECT 1 SETTINGS additional_table_filters = {}", settings)


def test_the_masks_alone_keep_the_other_project_out(member: Asked) -> None:
    """Also where the statement's own condition fails on rows of others: it never meets them."""
    for sql in (
        "SELECT toUInt64(replaceOne(id, 'own', '')) FROM users",
        "SELECT count() FROM users WHERE throwIf(email LIKE 'secret%') = 0 AND id > 'a'",
        "SELECT count() FROM events WHERE throwIf(project_id != 'proj_a') = 0 AND timestamp > now() - 100",
        "SELECT max(throwIf(user_id LIKE 'secret%')) FROM conversations WHERE id < 'z'",
    ):
        statement = member.check(sql)
        own = {name: value for name, value in statement.settings.items() if name != "additional_table_filters"}
        for more in ({}, {"optimize_move_to_prewhere": 1}, {"query_plan_filter_push_down": 0}):
            assert member.run(statement.sql, {**own, **more, "readonly": 0})


def test_a_statement_is_told_without_its_values_and_comments(member: Asked) -> None:
    sql = "SELECT id AS `jane@x.example` FROM users -- jane@x.example\nWHERE email = 'jane@x.example' AND 5 IN (1, 2)"
    assert member.check(sql).shown == "SELECT id AS `?` FROM users WHERE email = ? AND ? IN (?..)"


def test_a_statement_names_so_many_tables_at_most(member: Asked) -> None:
    with pytest.raises(QueryFailed, match=str(MOST_TABLES)):
        member.check(" UNION ALL ".join(["SELECT id FROM users"] * (MOST_TABLES + 1)))


# Mostly what is there, so that many statements are answered.
columns = st.sampled_from(("id", "project_id") * 8 + ("email", "u.id", "users.id", "x", "'proj_b'"))
names = st.sampled_from(
    ("u", "c", "own") * 5 + ("users", "x", "equals", "project_id", "user_rows", f"{DATABASE}.users")
)
tables = st.sampled_from(
    ("users", "conversations", "quarantine", f"{DATABASE}.users", "audit_log") * 5
    + ("events", "identities", "user_rows", "x", "own", "numbers(3)", "catalog")
)


def selects(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Statements around statements."""
    source = st.one_of(tables, inner.map("({})".format), inner.map("view({})".format))
    condition = st.one_of(
        st.builds("({}, 'x') IN ({})".format, columns, inner),
        st.builds("{} IN {}".format, columns, names),
        st.builds("{} = {}".format, columns, columns),
        st.builds("throwIf({} LIKE 'secret%') = 0".format, columns),
        st.builds("NOT ({} LIKE 'own%')".format, columns),
        st.just("1"),
    )
    plain = st.builds("SELECT {} AS id, project_id FROM {} AS {} WHERE {}".format, columns, source, names, condition)
    return st.one_of(
        plain,
        st.builds("SELECT * FROM {} {} WHERE {}".format, source, names, condition),
        st.builds(
            "SELECT u.id AS id, x.project_id AS project_id FROM {} AS u CROSS JOIN {} AS x".format, source, source
        ),
        st.builds("WITH {0} AS ({1}) SELECT id, project_id FROM {0}".format, names, inner),
        st.builds("WITH {} AS {} SELECT id, project_id FROM {}".format, columns, names, source),
        st.builds("WITH (a, b) -> 1 AS {} {}".format, names, plain),
        st.builds("{} UNION ALL {}".format, inner, inner),
        st.builds("{} EXCEPT {}".format, inner, inner),
    )


@settings(max_examples=120)
@given(
    sql=st.recursive(st.builds("SELECT {} AS id, project_id FROM {}".format, columns, tables), selects, max_leaves=5)
)
def test_however_statements_are_mixed_nothing_of_the_other_project_shows(member: Asked, sql: str) -> None:
    try:
        rows = member.rows(sql)
    except QueryFailed as error:
        event("refused")
        found = str(error).partition("In scope")[0]
        assert not re.search("secret[0-9]", found), found
        return
    event("answered")
    assert not re.search("secret[0-9]", str(rows)), sql
    assert OTHER not in str(rows) or "'proj_b'" in sql
