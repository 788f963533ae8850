"""Which events a project has met: their names, how often and since when, and what properties they carry."""

from typing import Any

from ask0.schemas.segment_moves import MOVE
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.insights import AT, SETTINGS
from ask0.warehouse.moments import ALWAYS, read_rows

LOOKED_AT = 50  # events of a name, the newest: at their properties
MOST_PROPERTIES = 200  # of a name
TYPES = {
    **{"String": "string", "Bool": "boolean", "Object": "object", "Array": "list"},
    **dict.fromkeys(("Int64", "UInt64", "Double"), "number"),
}

OF_PROJECT = f"project_id = {{project:String}} AND type != '{MOVE}'"
NAMES = f"""
SELECT type, event, count() AS times, min(occurred_at) AS first_seen_at, max(occurred_at) AS last_seen_at,
       sipHash64(type, event) AS key, -groupArraySorted({LOOKED_AT})(-{AT})[-1] AS since, count() OVER () AS names
FROM events WHERE {OF_PROJECT} AND ({{event:String}} = '' OR event = {{event:String}})
GROUP BY type, event ORDER BY times DESC, event, type LIMIT {{limit:UInt32}} {SETTINGS}
"""
# Of an object only its name is told.
PROPERTIES = f"""
SELECT key, count() AS looked_at,
       groupUniqArrayArray({4 * MOST_PROPERTIES})(
           arrayMap(one -> (one.1, JSONType(one.2)), JSONExtractKeysAndValuesRaw(said))) AS properties
FROM (
    SELECT sipHash64(type, event) AS key, if(sent_properties = '', toJSONString(properties), sent_properties) AS said
    FROM events
    WHERE {OF_PROJECT} AND {AT} >= transform(key, {{keys:Array(UInt64)}}, {{since:Array(Int64)}}, {ALWAYS})
)
GROUP BY key {SETTINGS}
"""


def has_events(warehouse: Warehouse, project_id: str) -> bool:
    sql = "SELECT 1 FROM events WHERE project_id = {project:String} LIMIT 1"
    return bool(warehouse.query(sql, {"project": project_id}))


def read_event_catalog(warehouse: Warehouse, project_id: str, event: str, limit: int) -> dict[str, Any]:
    """As `schemas.insights.EventCatalog`, without its time. Only of a name, unless it is empty."""
    rows = read_rows(warehouse, NAMES, {"project": project_id, "event": event, "limit": limit})
    looked: dict[int, dict[str, Any]] = {}
    if rows:
        bound = {"keys": [row["key"] for row in rows], "since": [row["since"] for row in rows]}
        looked = {row["key"]: row for row in read_rows(warehouse, PROPERTIES, {"project": project_id, **bound})}
    return {
        "events": [_shown(row, looked.get(row["key"], {"looked_at": 0, "properties": []})) for row in rows],
        "count": rows[0]["names"] if rows else 0,
    }


def _shown(row: dict[str, Any], looked: dict[str, Any]) -> dict[str, Any]:
    types: dict[str, set[str]] = {}
    for name, kind in looked["properties"]:
        if kind in TYPES:  # null says nothing
            types.setdefault(name, set()).add(TYPES[kind])
    return {
        "event": row["event"] or None,
        "type": row["type"],
        "count": row["times"],
        "firstSeenAt": row["first_seen_at"],
        "lastSeenAt": row["last_seen_at"],
        "properties": [{"name": name, "types": sorted(types[name])} for name in sorted(types)[:MOST_PROPERTIES]],
        "lookedAt": looked["looked_at"],
    }
