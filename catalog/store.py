"""The catalog in ClickHouse: small documents, of which the newest version counts."""

import threading
import time

import msgspec

from ask0.schemas.catalog import Catalog, Key, Project
from ask0.warehouse.connect import Warehouse

_saving = threading.Lock()  # versions of one document never tie, however fast they follow


def load(warehouse: Warehouse) -> Catalog:
    """Everything there is now. Kinds that only newer code knows are left alone."""
    rows = warehouse.query("SELECT kind, id, argMax(body, version) FROM catalog GROUP BY kind, id")
    return Catalog(
        projects={id: msgspec.json.decode(body, type=Project) for kind, id, body in rows if kind == "project"},
        keys={id: msgspec.json.decode(body, type=Key) for kind, id, body in rows if kind == "key"},
    )


def save(warehouse: Warehouse, kind: str, id: str, document: Project | Key) -> None:
    """Store a document in place of its earlier version. On Unavailable it may be stored or not: save it again."""
    with _saving:
        newest = warehouse.query(
            "SELECT max(version) FROM catalog WHERE kind = {kind:String} AND id = {id:String}", {"kind": kind, "id": id}
        )[0][0]
        version = max(time.time_ns(), newest + 1)
        warehouse.insert(
            "catalog",
            {"kind": [kind], "id": [id], "version": [version], "body": [msgspec.json.encode(document).decode()]},
            token=f"catalog:{kind}:{id}:{version}",
        )
