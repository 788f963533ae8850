"""Entries of the audit log, and what a walk along its chains finds."""

from typing import Any

from ask0.schemas.audit import Entry
from ask0.warehouse.audit import SAYS_NOTHING
from ask0.warehouse.audit_chain import append
from ask0.warehouse.audit_check import Chain, Mark, Walked, list_chains, walk
from ask0.warehouse.connect import Warehouse

CHAIN = Chain("p", "users", "log", 0)
AT = 1_760_000_000_000


def entry(off: int, **more: Any) -> Entry:
    return Entry(
        **{
            "project_id": "p",
            "stream": "users",
            "log": "log",
            "partition": 0,
            "off": off,
            "idx": 0,
            "at": AT + off,
            "id": f"chg_{off}",
            "action": "user.put",
            "actor": "key:1",
            "entity": "user",
            "about": (f"u{off}",),
            "outcome": "done",
            "request": f"r{off}",
            "ip": "203.0.113.0",
            "details": f'{{"traits":{{"plan":"p{off}"}}}}',
            "is_personal": True,
            "salt": f"{off:024x}{off:024x}",
            **more,
        }
    )


def fill(warehouse: Warehouse, *offsets: int, **more: Any) -> int:
    entries = [entry(off, **more) for off in offsets]
    return append(warehouse, entries, f"{more.get('project_id', 'p')}:{offsets[0]}:{offsets[-1]}")


def forget(warehouse: Warehouse, *ids: str, project_id: str = "p") -> None:
    """As an erase of these people does it."""
    warehouse.command(
        f"ALTER TABLE audit UPDATE {SAYS_NOTHING}"
        " WHERE project_id = {project:String} AND is_personal AND hasAny(about, {ids:Array(String)})",
        {"project": project_id, "ids": [*ids]},
        {"mutations_sync": 1},
    )


def check(
    warehouse: Warehouse, project_id: str | None = None, head: Mark | None = None, start: Mark | None = None
) -> Walked:
    walked = Walked()
    for chain in list_chains(warehouse, project_id):
        walk(warehouse, chain, walked, head, start)
    return walked


def problems(warehouse: Warehouse, head: Mark | None = None, start: Mark | None = None) -> list[tuple[str, int]]:
    return [(one.kind, one.seq) for one in check(warehouse, None, head, start).problems]


def change(warehouse: Warehouse, statement: str) -> None:
    """As somebody does who may write to the table."""
    warehouse.command(f"ALTER TABLE audit {statement}", settings={"mutations_sync": 1})


def copy_row(warehouse: Warehouse, number: int, **other: str) -> None:
    """Another one like it, with these columns."""
    replaced = ", ".join(f"{value} AS {name}" for name, value in other.items())
    found = f"(SELECT * FROM audit WHERE seq = {number})"
    warehouse.command(f"INSERT INTO audit SELECT * REPLACE ({replaced}) FROM {found}")
