"""The audit log of before there were chains is in the new one, and stands before them."""

from pathlib import Path

import orjson

from ask0.warehouse.audit_check import Walked, list_chains, walk
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.migrate import FOLDER, migrate, split
from tests.warehouse.audit_entries import fill

AUDIT = "0110_audit_chain.sql"
BEFORE = """
INSERT INTO changes SELECT 'log', number + 1, 'd' || toString(number), 'p', now64(3), 'cli', 'a.thing',
    if(number % 2, 'deactivation', 'key'), if(number % 2, 'p/u', 'wk_1'), 'r', if(number = 2, 'key/wk_1', '')
FROM numbers(3)
"""
CHANGED = """
INSERT INTO user_changes (project_id, user_id, at, id, action, actor, traits, tags, consent, merged_from, merged_into,
                          _log, _partition, _off, _idx)
VALUES ('p', 'u', now64(3), 'c1', 'user.put', 'key:1', {'a"b': '"x"', 'n': 'null'}, {'vip': 1, 'old': 0},
        {'marketing': 'denied'}, '', '', 'log', 0, 1, 0),
       ('p', 'u', now64(3), 'c2', 'user.exported', 'key:1', {}, {}, {}, '', '', 'log', 0, 2, 0),
       ('p', 'v', now64(3), 'm', 'user.merged', 'key:1', {}, {}, {}, 'v', 'u', 'log', 0, 3, 0),
       ('p', 'u', now64(3), 'm', 'user.merged', 'key:1', {}, {}, {}, 'v', 'u', 'log', 0, 3, 0)
"""


def test_what_was_there_comes_along_and_is_followed_by_chains(empty_warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse = empty_warehouse
    for file in FOLDER.iterdir():
        if file.name.endswith(".sql") and file.name < AUDIT:
            (tmp_path / file.name).write_text(file.read_text())
    migrate(warehouse, tmp_path)
    warehouse.command(BEFORE)
    warehouse.command(CHANGED)
    migrate(warehouse)
    rows = warehouse.query("SELECT entity, about, outcome, is_personal, details FROM audit ORDER BY stream, off")
    assert rows[:3] == [
        ("key", ["wk_1"], "done", False, ""),
        ("deactivation", ["u"], "done", True, ""),
        ("key", ["wk_1"], "refused", False, ""),
    ]
    assert [row[:4] for row in rows[3:]] == [
        ("user", ["u"], "done", True),
        ("user", ["u"], "done", True),
        ("user", ["u", "v"], "done", True),
    ]
    assert [orjson.loads(row[4] or "{}") for row in rows[3:]] == [
        {
            "traits": {'a"b': "x", "n": None},
            "tags": {"vip": True, "old": False},
            "consent": {"marketing": "denied"},
        },
        {},
        {"from_id": "v", "into": "u"},
    ]
    assert fill(warehouse, 2, 3, 4, 5) == 2  # those that came along are not there twice
    before = warehouse.query("SELECT * FROM audit FINAL ORDER BY stream, off")
    warehouse.command(BEFORE)
    for statement in split((FOLDER / AUDIT).read_text()):
        warehouse.command(statement)
    assert warehouse.query("SELECT * FROM audit FINAL ORDER BY stream, off") == before
    walked = Walked()
    for chain in list_chains(warehouse, None):
        walk(warehouse, chain, walked, None, None)
    assert (walked.rows, walked.unchained, walked.problems) == (2, 6, [])
