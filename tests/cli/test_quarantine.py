"""`ask0 quarantine`: what was refused can be read, mended and sent again."""

import json
from pathlib import Path
from typing import Any

from bench.stack import wait_for
from tests.cli.processes import Server


def refuse(server: Server, event: dict[str, Any]) -> str:
    """The quarantine's id of an event that the gateway refuses."""
    assert server.post([event, {"type": "track", "event": "Neighbour", "userId": "u"}]).json()["accepted"] == 1
    found = f"SELECT id FROM quarantine WHERE message_id = '{event['messageId']}'"
    wait_for(lambda: server.query(found), "the refused event")
    return server.query(found)


def test_a_refused_event_is_listed_shown_mended_and_replayed(server: Server) -> None:
    event = {"type": "track", "event": "Mended", "userId": "u", "messageId": "q1", "timestamp": "long ago"}
    id = refuse(server, event)
    listed = server.run("quarantine", "list", "--reason", "invalid_timestamp", "--json").json
    assert id in [row["id"] for row in listed]
    assert json.loads(server.run("quarantine", "show", id, "--json").json["raw"]) == event
    assert server.run("quarantine", "replay", id).code == 1
    mended = server.run(
        "quarantine", "replay", id, "--set", "timestamp=2026-01-02T03:04:05Z", "--set", "properties.n=9"
    )
    assert mended.code == 0, mended
    row = "SELECT toString(timestamp), properties.n FROM events WHERE message_id = 'q1'"
    wait_for(lambda: server.query(row) == "2026-01-02 03:04:05.000\t9", "the mended event")
    assert server.run("quarantine", "show", id, "--json").json["replayed_at"]
    assert id not in [row["id"] for row in server.run("quarantine", "list", "--waiting", "--json").json]


def test_an_event_can_be_replaced_by_a_file(server: Server, tmp_path: Path) -> None:
    id = refuse(server, {"type": "track", "userId": "u", "messageId": "q2"})
    path = tmp_path / "event.json"
    path.write_text('{"type":"track","event":"Replaced","userId":"u"}')
    assert server.run("quarantine", "replay", id, "--edit", str(path)).code == 0
    wait_for(lambda: server.query("SELECT event FROM events WHERE message_id = 'q2'") == "Replaced", "the event")


def test_all_of_one_reason_are_replayed(server: Server) -> None:
    refuse(server, {"type": "track", "event": "No user", "messageId": "q3"})
    done = server.run("quarantine", "replay", "--reason", "missing_user", "--set", "userId=found", "--json")
    assert [outcome["accepted"] for outcome in done.json] == [True]


def test_an_id_that_is_not_there_is_said(server: Server) -> None:
    done = server.run("quarantine", "show", "nothing")
    assert (done.code, len(done.err.splitlines())) == (1, 1)
