"""`ask0 doctor`: finds what is wrong, shows no secret, and its exit code says the verdict."""

from pathlib import Path

from bench.stack import free_port
from tests.cli.processes import Server, run


def statuses(done_json: dict[str, list[dict[str, str]]]) -> dict[str, str]:
    return {check["name"]: check["status"] for check in done_json["checks"]}


def test_a_running_server_is_well(server: Server) -> None:
    done = server.run("doctor", "--json")
    assert done.code == 0
    assert set(statuses(done.json).values()) == {"ok"}


def test_missing_migrations_fail_until_they_are_applied(tmp_path: Path) -> None:
    settings = {"ASK0_DATA_DIR": str(tmp_path / "data")}
    done = run("doctor", "--json", settings=settings)
    assert (done.code, statuses(done.json)["migrations"]) == (1, "failed")
    assert run("migrate", settings=settings).code == 0
    assert run("doctor", settings=settings).code == 0


def test_a_clickhouse_that_is_away_fails(tmp_path: Path) -> None:
    settings = {
        "ASK0_DATA_DIR": str(tmp_path / "data"),
        "ASK0_CLICKHOUSE": f"http://ask0:very-secret@127.0.0.1:{free_port()}/ask0",
        "ASK0_ANALYST_PASSWORD": "also-secret",
    }
    done = run("doctor", settings=settings)
    assert done.code == 1
    assert "very-secret" not in done.out + done.err
    assert "also-secret" not in done.out + done.err
    assert "http://ask0:…@127.0.0.1" in done.out


def test_a_folder_open_to_others_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o755)
    done = run("doctor", "--json", settings={"ASK0_DATA_DIR": str(tmp_path / "data")})
    assert statuses(done.json)["data folder"] == "warning"


def test_parts_that_run_apart_refuse_embedded_engines(tmp_path: Path) -> None:
    for part in ("gateway", "worker"):
        done = run(part, settings={"ASK0_DATA_DIR": str(tmp_path / "data")})
        assert done.code == 2
        assert "ASK0_CLICKHOUSE" in done.err
