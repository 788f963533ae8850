"""Whose events are dropped, as rows: hashes of ids, copied from the documents of catalog/suppressions.py."""

from collections.abc import Mapping
from typing import Any

from ask0.schemas.erasure import FOR_EVER, Pack
from ask0.warehouse.connect import Warehouse

# As schemas/erasure.py says it in Python.
HASH = "lower(hex(substring(SHA256(concat({key}, char(0), id)), 1, 16)))"
PRESENT = f"""
INSERT INTO job_users (list, id)
SELECT {{list:String}}, id FROM (
    SELECT user_id AS id FROM user_facts WHERE project_id = {{project:String}}
    UNION DISTINCT SELECT id FROM user_rows WHERE project_id = {{project:String}}
    UNION DISTINCT SELECT guest_id FROM identity_links WHERE project_id = {{project:String}}
    UNION DISTINCT SELECT id FROM user_merges WHERE project_id = {{project:String}}
) WHERE {HASH.format(key="{key:String}")} IN {{hashes:Array(String)}}
"""
COPIED = "SELECT project_id, place, max(_version) FROM suppressions GROUP BY project_id, place"


def copy(warehouse: Warehouse, pack: Pack, version: int) -> None:
    """The document as rows; twice is as once."""
    rows = len(pack.hashes)
    columns: dict[str, list[Any]] = {
        "project_id": [pack.project_id] * rows,
        "hash": [bytes.fromhex(each) for each in pack.hashes],
        "key": [pack.key] * rows,
        "until": [pack.until.get(each, FOR_EVER) for each in pack.hashes],
        "place": [pack.place] * rows,
        "_version": [version] * rows,
    }
    if rows:
        warehouse.insert("suppressions", columns, token=f"suppressions:{pack.subject}:{version}")


def read_copied(warehouse: Warehouse) -> Mapping[tuple[str, int], int]:
    """By project and place, the version of the document that there are rows of."""
    return {(project_id, place): version for project_id, place, version in warehouse.query(COPIED)}


def list_present(warehouse: Warehouse, pack: Pack, list: str) -> None:
    """Puts those of whom everything is dropped, and who are in the tables all the same, on a list (job_users.py)."""
    settings: dict[str, str | int | float] = {"max_threads": 1, "max_execution_time": 600}
    hashes = [each for each in pack.hashes if each not in pack.until]
    bound = {"project": pack.project_id, "key": pack.key, "list": list, "hashes": hashes}
    warehouse.command(PRESENT, bound, settings)
