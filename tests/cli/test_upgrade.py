"""A data folder of before there were groups and a control stream opens, and goes on with the chunk in doubt."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from ask0.catalog.replica import SNAPSHOT_NAME
from bench.stack import wait_for
from tests.cli.processes import Server

# The last chunk is handed out and not done, as if the worker of then had died after its rows were in.
TO_FORMAT_1 = """
CREATE TABLE state_1 (log_id TEXT NOT NULL, done INTEGER NOT NULL, intent INTEGER, checks INTEGER NOT NULL);
INSERT INTO state_1 SELECT log_id, (SELECT max(offset) FROM records), (SELECT max(offset) + 1 FROM records), checks
FROM state;
DROP TABLE state;
ALTER TABLE state_1 RENAME TO state;
DROP TABLE groups;
DROP TABLE control;
PRAGMA user_version = 1;
"""


def make_old(data_dir: Path, server: Server) -> None:
    with closing(sqlite3.connect(data_dir / "log.sqlite3")) as log:
        changes = [json.loads(value) for (value,) in log.execute("SELECT value FROM control ORDER BY position")]
        log.executescript(TO_FORMAT_1)
    rows = [
        {"kind": one["kind"], "id": one["subject"], "version": number, "body": json.dumps(one["body"])}
        for number, one in enumerate(changes, 1)
    ]
    lines = "\n".join(json.dumps(row) for row in rows)
    done = server.run("sql", stdin=f"INSERT INTO catalog FORMAT JSONEachRow\n{lines}".encode())
    assert done.code == 0, done
    assert server.run("sql", "TRUNCATE TABLE audit").code == 0
    (data_dir / SNAPSHOT_NAME).unlink()


def test_it_goes_on_with_its_keys_and_counts_nothing_twice(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    count = "SELECT count(), uniqExact(message_id) FROM events"
    with Server(data_dir) as server:
        key = server.write_key
        assert (
            server.post([{"event": "Before", "userId": "u", "messageId": f"m{n}"} for n in range(3)]).status_code == 200
        )
        wait_for(lambda: server.query(count) == "3\t3", "the events")
    make_old(data_dir, server)
    with Server(data_dir) as server:
        assert server.write_key == key
        assert server.post([{"event": "After", "userId": "u", "messageId": "m9"}]).status_code == 200
        wait_for(lambda: server.query(count) == "4\t4", "the next event")
        wait_for(lambda: server.run("group", "list", "--json").json[0]["lag"] == 0, "the worker to be done")
        entered = "SELECT DISTINCT action FROM audit_log WHERE project_id <> '' ORDER BY action"
        wait_for(lambda: server.query(entered).splitlines() == ["key.entered", "project.entered"], "the entries")
