"""Whose events are dropped, as rows: hashes of ids, copied from the documents of catalog/suppressions.py."""

from collections.abc import Mapping
from typing import Any

from ask0.schemas.erasure import FOR_EVER, Pack
from ask0.warehouse.connect import Warehouse

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
