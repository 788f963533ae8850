"""`ask0 sql`: the same answers whether the server runs or not."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.processes import Server, run


@pytest.fixture(scope="module", params=["running", "stopped"])
def settings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Of a data folder with tables, while its server runs and after."""
    with Server(tmp_path_factory.mktemp("sql") / "data") as server:
        if request.param == "stopped":
            assert server.stop() == 0
        yield server.settings


def test_a_table_by_default(settings: dict[str, str]) -> None:
    done = run("sql", "SELECT 1 AS one, 'x' AS two", settings=settings)
    assert done.code == 0
    assert "┌─one─┬─two─┐" in done.out


def test_any_format_of_clickhouse(settings: dict[str, str]) -> None:
    done = run("sql", "SELECT number AS n FROM numbers(3)", "--format", "JSONEachRow", settings=settings)
    assert [json.loads(line) for line in done.out.splitlines()] == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert run("sql", "SELECT 1 AS a FORMAT CSVWithNames", settings=settings).out == '"a"\n1\n'


def test_the_statement_may_come_from_standard_input(settings: dict[str, str]) -> None:
    assert run("sql", "--format", "TSV", settings=settings, stdin=b"SELECT 2 + 3;\n").out == "5\n"


def test_every_table_answers(settings: dict[str, str]) -> None:
    for table in ("events", "users", "conversations", "identities", "quarantine"):
        assert run("sql", f"SELECT count() FROM ask0.{table}", "--format", "TSV", settings=settings).out == "0\n"


def test_it_may_write(settings: dict[str, str]) -> None:
    for statement in ("CREATE TABLE noted (n UInt8) ENGINE = MergeTree ORDER BY n", "INSERT INTO noted VALUES (7)"):
        assert run("sql", statement, settings=settings).code == 0
    assert run("sql", "SELECT n FROM noted", "--format", "TSV", settings=settings).out == "7\n"
    assert run("sql", "DROP TABLE noted SYNC", settings=settings).code == 0


def test_an_error_is_one_line_with_its_code(settings: dict[str, str]) -> None:
    done = run("sql", "SELECT nothing_such", settings=settings)
    assert (done.code, done.out) == (1, "")
    assert "code 47" in done.err
    assert len(done.err.splitlines()) == 1


def test_a_large_answer_comes_whole(settings: dict[str, str]) -> None:
    done = run("sql", "SELECT number FROM numbers(1000000)", "--format", "TSV", settings=settings)
    assert done.code == 0
    assert len(done.out) == 6_888_890


def test_an_error_in_the_middle_of_an_answer_is_not_taken_for_its_end(settings: dict[str, str]) -> None:
    cut = "SELECT number, throwIf(number = 900000) FROM numbers(1000000) SETTINGS max_block_size = 1000"
    done = run("sql", cut, "--format", "TSV", settings=settings)
    assert done.code == 1
    assert "code 395" in done.err


def test_without_a_statement_it_says_so(tmp_path: Path) -> None:
    assert run("sql", settings={"ASK0_DATA_DIR": str(tmp_path)}).code == 2


def test_a_clickhouse_that_is_away_is_exit_code_3(tmp_path: Path) -> None:
    done = run("sql", "SELECT 1", settings={"ASK0_CLICKHOUSE": "http://ask0:x@127.0.0.1:9/ask0"})
    assert done.code == 3
