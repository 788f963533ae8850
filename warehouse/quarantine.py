"""The quarantine, read and marked: what became no event, and what has been replayed of it."""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from ask0.schemas.events import MASK, TOKEN
from ask0.schemas.reasons import Reason
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.moments import SETTINGS, Moment, Page, earlier, place, read_rows

COLUMNS = "project_id, id, stage, reason, message, message_id, raw, received_at, replayed_at"


CLAIMED = (Reason.REFUSED_BY_CLICKHOUSE, Reason.FACTS_REFUSED)


class Quarantined(NamedTuple):
    """One row. `id` is the position on the log, log:partition:offset:index."""

    project_id: str
    id: str
    stage: str
    reason: str
    message: str
    message_id: str
    raw: str
    received_at: datetime
    replayed_at: datetime | None

    @property
    def replay_id(self) -> str:
        """The messageId to replay under. An event that reached the worker has claimed its own, so that a client's
        resend is dropped: its replay needs another, the same at every attempt. Empty: the gateway makes one."""
        return f"{self.message_id}:replay" if self.reason in CLAIMED else self.message_id


def list_quarantine(
    warehouse: Warehouse, *, project: str = "", reason: str = "", replayed: bool = True, limit: int = 100
) -> list[Quarantined]:
    """The newest first; of one project, of one reason, only what was not replayed yet, if so asked."""
    rows = warehouse.query(
        f"""
        SELECT {COLUMNS} FROM quarantine
        WHERE ({{project:String}} = '' OR project_id = {{project:String}})
          AND ({{reason:String}} = '' OR reason = {{reason:String}})
          AND ({{replayed:UInt8}} OR replayed_at IS NULL)
        ORDER BY received_at DESC, id
        LIMIT {{limit:UInt64}}
        """,
        {"project": project, "reason": reason, "replayed": int(replayed), "limit": limit},
    )
    return [Quarantined(*row) for row in rows]


def read_page(warehouse: Warehouse, project_id: str, reason: str, waiting: bool, after: Moment, limit: int) -> Page:
    """Of one project, the newest first."""
    rows = read_rows(
        warehouse,
        f"""
        SELECT id, stage, reason, message, message_id, raw, received_at, replayed_at, {place("received_at")} AS at
        FROM quarantine
        WHERE project_id = {{project:String}} AND ({{reason:String}} = '' OR reason = {{reason:String}})
          AND (NOT {{waiting:UInt8}} OR replayed_at IS NULL) AND {earlier("received_at", "id")}
        ORDER BY at DESC, id DESC LIMIT {{limit:UInt32}} {SETTINGS}
        """,
        {"project": project_id, "reason": reason, "waiting": int(waiting), "limit": limit + 1, **after.bound},
    )
    page = rows[:limit]
    last = Moment(page[-1]["at"], page[-1]["id"]) if len(rows) > limit else None
    return Page([_shown(row) for row in page], last)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """As QuarantineRow."""
    return {
        "id": row["id"],
        "stage": row["stage"],
        "reason": row["reason"],
        "message": row["message"],
        "messageId": row["message_id"] or None,
        "raw": row["raw"],
        "receivedAt": row["received_at"],
        "replayedAt": row["replayed_at"],
    }


def ready_again(row: Quarantined, event: dict[str, Any]) -> None:
    """What is to be sent in a row's place: its project is the row's own, and a token that was masked is none."""
    _drop_masks(event)
    event.pop("writeKey", None)
    if row.replay_id:
        event["messageId"] = row.replay_id


def _drop_masks(event: object) -> None:
    if isinstance(event, dict):
        if event.get(TOKEN) == MASK:
            del event[TOKEN]
        _drop_masks(event.get("context"))


def show(warehouse: Warehouse, id: str) -> Quarantined | None:
    rows = warehouse.query(f"SELECT {COLUMNS} FROM quarantine WHERE id = {{id:String}}", {"id": id})
    return Quarantined(*rows[0]) if rows else None


def mark_replayed(warehouse: Warehouse, ids: Sequence[str]) -> None:
    """Remember that these were sent again. Harmless twice: the later time stays."""
    now = time.time_ns() // 1_000_000
    for start in range(0, len(ids), 500):
        warehouse.command(
            """
            INSERT INTO quarantine_rows
            SELECT * REPLACE (fromUnixTimestamp64Milli({now:Int64}, 'UTC') AS replayed_at, {now:UInt64} AS _version)
            FROM quarantine_rows FINAL
            WHERE id IN {ids:Array(String)}
            """,
            {"ids": list(ids[start : start + 500]), "now": now},
        )
