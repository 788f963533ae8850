"""People into another project: everything that is stored of those of a run of warehouse/erasure.py, as it stands.

Copied while nothing more of them can come (they are suppressed where they were), in one certain order and under one
token for each table: so a copying that was cut is done again without a row twice.
"""

from ask0.warehouse.connect import Warehouse
from ask0.warehouse.erasure import CONVERSATIONS, GONE, IN_CONVERSATIONS, OWN, THEIRS, Run

SETTINGS: dict[str, str | int | float] = {"max_threads": 1, "max_insert_threads": 1, "max_execution_time": 3_600}

EVENTS = f"({THEIRS} OR {IN_CONVERSATIONS})"
PLACES = f"(SELECT _log, _partition, _off, _idx FROM events WHERE {OWN} AND {EVENTS})"
NOW = "toUnixTimestamp64Micro(now64(6))"  # of a row's version: whoever keeps segments looks at these users then
# By table: of which rows, what becomes another, and in which order. Ids of events first: what is sent there again
# under one of them is the same event.
COPIED = {
    "event_ids": (f"(_log, _partition, _off, _idx) IN {PLACES}", "", "id"),
    "events": (EVENTS, "", "_log, _partition, _off, _idx"),
    "identity_links": (f"guest_id IN {GONE} OR link.2 IN {GONE}", "", "guest_id, link"),
    "user_merges": (f"id IN {GONE} OR from_id IN {GONE} OR into IN {GONE}", "", "id, from_id, at"),
    "user_changes": (f"user_id IN {GONE}", "", "user_id, at, id"),
    "consent_standing": (f"id IN {GONE}", "", "id, category, _log, _partition, _off"),
    "conversation_facts": (f"conversation_id IN {CONVERSATIONS}", "", "conversation_id, started_at, last_at"),
    "conversation_rows": (f"id IN {CONVERSATIONS}", f", {NOW} AS _version", "id"),
    "user_facts": (f"user_id IN {GONE}", "", "user_id, first_seen_at, last_active_at"),
    "user_rows": (f"id IN {GONE}", f", {NOW} AS _version", "id"),
}


def move(warehouse: Warehouse, run: Run, into: str) -> None:
    """Into the other project; from the first one they are removed afterwards, as when they are erased."""
    for table, (condition, otherwise, order) in COPIED.items():
        final = "FINAL" if table in ("conversation_rows", "user_rows") else ""
        sql = f"""
        INSERT INTO {table} SELECT * REPLACE ({{into:String}} AS project_id{otherwise})
        FROM (SELECT * FROM {table} {final} WHERE {OWN} AND ({condition}) ORDER BY {order})
        """
        token = f"transfer:{run.name}:{table}"
        warehouse.command(sql, {**run.bound, "into": into}, {**SETTINGS, "insert_deduplication_token": token})
