"""`ask0 import`: every line has one outcome, however often it is sent and however it is interrupted."""

import gzip
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard

from bench.stack import free_port, wait_for
from tests.cli.processes import ROOT, Server, environment, run


def events(name: str, count: int) -> bytes:
    return b"".join(
        json.dumps({"type": "track", "event": name, "userId": f"u{n % 7}", "properties": {"n": n}}).encode() + b"\n"
        for n in range(count)
    )


def stored(server: Server, name: str) -> str:
    return server.query(f"SELECT count(), uniqExact(properties.n) FROM events WHERE event = '{name}'")


@pytest.mark.parametrize("kind", ["plain", "gzip", "zstd", "stdin"])
def test_every_kind_of_file_arrives(server: Server, tmp_path: Path, kind: str) -> None:
    plain = events(kind, 2500)
    path = tmp_path / "events.jsonl"
    path.write_bytes({"gzip": gzip.compress(plain), "zstd": zstandard.compress(plain)}.get(kind, plain))
    done = server.run("import", "-" if kind == "stdin" else str(path), "--json", stdin=plain, cwd=tmp_path)
    assert (done.code, done.json["accepted"], done.json["rejected"]) == (0, 2500, 0)
    wait_for(lambda: stored(server, kind) == "2500\t2500", "the events")


def test_sending_a_file_again_changes_nothing(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(events("Again", 300))
    for _ in range(2):
        assert server.run("import", str(path), "--restart").code == 0
    server.post([{"type": "track", "event": "After it", "userId": "u"}])
    wait_for(lambda: server.query("SELECT count() FROM events WHERE event = 'After it'") == "1", "the sentinel")
    assert stored(server, "Again") == "300\t300"


def test_a_file_that_grew_is_sent_from_where_it_ended(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(events("Grown", 10))
    assert server.run("import", str(path), "--json").json["sent"] == 10
    path.write_bytes(events("Grown", 25))
    assert server.run("import", str(path), "--json").json["sent"] == 15
    wait_for(lambda: stored(server, "Grown") == "25\t25", "the events")


def test_refused_lines_are_reported_with_their_numbers_and_reasons(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "mixed.jsonl"
    good = b'{"type":"track","event":"Mixed","userId":"u","timestamp":"2026-01-02T03:04:05.678Z"}\n'
    bad_time = b'{"type":"track","event":"Mixed","userId":"u","timestamp":"yesterday"}\n'
    long = b'{"type":"track","event":"' + b"x" * 2_000_000 + b'","userId":"u"}\n'
    path.write_bytes(good + b"not json\n" + b"\n" + bad_time + long + b"[1]\n" + good)
    done = server.run("import", str(path), "--json")
    assert (done.code, done.json["accepted"], done.json["rejected"]) == (1, 2, 4)
    refused = [json.loads(line) for line in (tmp_path / "mixed.jsonl.rejected.jsonl").read_text().splitlines()]
    assert [(one["line"], one["code"]) for one in refused] == [
        (2, "not_an_object"),
        (4, "invalid_timestamp"),
        (5, "too_large"),
        (6, "not_an_object"),
    ]
    assert json.loads(refused[1]["event"])["timestamp"] == "yesterday"
    when = "SELECT DISTINCT toString(timestamp) FROM events WHERE event = 'Mixed'"
    wait_for(lambda: server.query(when) == "2026-01-02 03:04:05.678", "the events, at their own time")


def test_an_import_that_was_killed_goes_on_where_it_stopped(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    path.write_bytes(events("Long", 60_000))
    place = tmp_path / "long.jsonl.progress.json"
    command = [sys.executable, "-m", "ask0.cli.main", "import", str(path), "--parallel", "1"]
    with subprocess.Popen(command, env=environment(server.settings), cwd=ROOT) as process:
        wait_for(lambda: place.exists() or process.poll() is not None, "the first batch to be through")
        process.send_signal(signal.SIGKILL)
    done = server.run("import", str(path), "--json")
    assert done.json["accepted"] == 60_000
    assert done.json["sent"] < 60_000
    wait_for(lambda: stored(server, "Long") == "60000\t60000", "the events")


def test_a_place_kept_for_another_file_is_not_used(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(events("One file", 5))
    assert server.run("import", str(path)).code == 0
    path.write_bytes(events("Another file", 5))
    done = server.run("import", str(path))
    assert done.code == 1
    assert "--restart" in done.err


def test_a_damaged_file_is_a_sentence_not_a_traceback(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(gzip.compress(events("Cut", 1000))[:500])
    done = server.run("import", str(path))
    assert done.code == 1
    assert len(done.err.splitlines()) == 1


def test_a_wrong_key_stops_it(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(events("Wrong key", 1))
    done = server.run("import", str(path), "--write-key", "wk_wrong")
    assert (done.code, len(done.err.splitlines())) == (1, 1)
    assert "write key" in done.err


def test_without_a_gateway_it_gives_up_with_the_code_for_away(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(events("Nowhere", 1))
    to = ("--url", f"http://127.0.0.1:{free_port()}", "--write-key", "wk_x", "--patience", "0.2")
    done = run("import", str(path), *to, settings={})
    assert (done.code, len(done.err.splitlines())) == (3, 1)


def test_without_a_server_on_the_folder_it_says_what_to_start(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(events("Nowhere", 1))
    done = run("import", str(path), settings={"ASK0_DATA_DIR": str(tmp_path / "data")})
    assert done.code == 1
    assert "ask0 serve" in done.err
