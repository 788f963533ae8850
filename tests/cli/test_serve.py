"""`ask0 serve` as a process: starts, stops, dies, and is told apart from a second one."""

import json
import signal
import stat
from pathlib import Path

import httpx
import pytest

from bench.stack import free_port, wait_for
from tests.cli.processes import Server, run

EVENT = {"type": "track", "event": "Tried", "userId": "user_1", "messageId": "m1"}


def test_the_first_start_makes_a_project_and_keeps_its_secrets_out_of_a_log(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        kept = tmp_path / "data" / "secret_key"
        assert str(kept) in server.printed
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        secret = kept.read_text().strip()
        assert secret.startswith("sk_")
        assert len(secret) == 43
        assert secret not in server.printed
        assert server.write_key.startswith("wk_")
        key = server.write_key
    with Server(tmp_path / "data") as server:
        assert secret not in server.printed
        assert server.write_key == key


def test_a_secret_key_that_the_operator_chose_is_not_printed(tmp_path: Path) -> None:
    chosen = {"ASK0_BOOTSTRAP_PROJECT": "mine", "ASK0_BOOTSTRAP_SECRET_KEY": "sk_" + "chosen" * 5}
    with Server(tmp_path / "data", **chosen) as server:
        assert "chosen" not in server.printed
        assert "ASK0_BOOTSTRAP_SECRET_KEY" in server.printed
    assert not (tmp_path / "data" / "secret_key").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_and_what_was_accepted_is_there_afterwards(tmp_path: Path, number: int) -> None:
    with Server(tmp_path / "data") as server:
        assert server.post([EVENT]).json()["accepted"] == 1
        assert server.stop(number) == 0
    assert not (tmp_path / "data" / "serve.json").exists()
    with Server(tmp_path / "data") as server:
        wait_for(lambda: server.query("SELECT message_id FROM events") == "m1", "the event")


def test_a_second_one_on_the_same_folder_says_who_has_it(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        second = run("serve", settings=server.settings)
        assert server.process is not None
        assert second.code == 3
        assert f"pid {server.process.pid}" in second.err
        assert len(second.err.splitlines()) == 1


def test_after_kill_9_the_next_one_starts(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        server.post([EVENT])
        server.stop(signal.SIGKILL)
    with Server(tmp_path / "data") as server:
        wait_for(lambda: server.query("SELECT count() FROM events") == "1", "the event")


def test_a_port_in_use_is_named_with_the_setting(server: Server, tmp_path: Path) -> None:
    port = server.url.rpartition(":")[2]
    done = run("serve", settings={**server.settings, "ASK0_DATA_DIR": str(tmp_path / "data"), "ASK0_PORT": port})
    assert done.code == 3
    assert "ASK0_PORT" in done.err


def test_the_bootstrap_project_is_made_with_its_keys_and_only_once(tmp_path: Path) -> None:
    keys = {
        "ASK0_BOOTSTRAP_PROJECT": "Help centre",
        "ASK0_BOOTSTRAP_WRITE_KEY": "wk_chosen",
        "ASK0_BOOTSTRAP_SECRET_KEY": "sk_chosen",
    }
    for _ in range(2):
        with Server(tmp_path / "data", **keys) as server:
            assert server.write_key == "wk_chosen"
            projects = server.run("project", "list", "--json").json
            assert [project["name"] for project in projects] == ["Help centre"]
            assert sorted(key["key"] for key in server.run("key", "list", "--json").json) == ["sk_chos…", "wk_chosen"]


def test_the_analysts_password_is_made_once_kept_private_and_works(tmp_path: Path) -> None:
    with Server(tmp_path / "data", ASK0_CLICKHOUSE_HTTP_PORT=str(free_port())) as server:
        line = next(line for line in server.printed.splitlines() if "ClickHouse" in line)
        url = line.split()[1]
        kept = tmp_path / "data" / "analyst_password"
        password = kept.read_text()
        assert line.endswith(str(kept))
        assert password not in server.printed
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        auth = {"X-ClickHouse-User": "analyst", "X-ClickHouse-Key": password}
        assert httpx.post(url, headers=auth, content="SELECT count() FROM events").text == "0\n"
        assert httpx.post(url, headers=auth, content="TRUNCATE TABLE events").status_code >= 400


def test_the_note_for_other_commands_is_for_this_user_only(server: Server) -> None:
    path = Path(server.settings["ASK0_DATA_DIR"]) / "serve.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text()).keys() == {"pid", "url", "clickhouse"}


def test_a_setting_that_does_not_exist_stops_the_start_with_its_name(tmp_path: Path) -> None:
    done = run("serve", settings={"ASK0_DATA_DIR": str(tmp_path), "ASK0_PROT": "1"})
    assert done.code == 2
    assert "ASK0_PROT" in done.err


def test_settings_come_from_a_env_file_and_the_environment_wins(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ASK0_PORT=1\nASK0_QUERY_SECONDS=7\nOTHER=x\n")
    done = run("doctor", "--json", settings={"ASK0_DATA_DIR": str(tmp_path / "data"), "ASK0_PORT": "0"}, cwd=tmp_path)
    assert done.json["settings"]["ASK0_PORT"] == "0"
    assert done.json["settings"]["ASK0_QUERY_SECONDS"] == "7"


def test_it_takes_events_while_a_clickhouse_server_is_away_and_stops_in_time(tmp_path: Path) -> None:
    settings = {"ASK0_CLICKHOUSE": f"http://ask0:x@127.0.0.1:{free_port()}/ask0", "ASK0_DATA_DIR": str(tmp_path / "d")}
    with Server(tmp_path / "d", **settings) as server:
        assert "does not answer yet" in server.printed
        assert httpx.get(f"{server.url}/health/ready").json()["status"] == "degraded"
        assert server.stop() == 0
