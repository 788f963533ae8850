"""What became of a user's traits, tags and choices: said by identify events, or by changes that the API was asked for.

A change stays under the id it was made of, a guest's too; events go with the user.
"""

from typing import Any

import orjson

from ask0.warehouse.audit import read_of_person, show_entry
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.moments import SETTINGS, Moment, Page, earlier, place, read_rows
from ask0.warehouse.parameters import Parameters
from ask0.warehouse.traits import JsonPath
from ask0.warehouse.user_events import OF_USER, properties_of
from ask0.warehouse.whose import IDS, Person

MOST_EVENTS = 100_000  # identify events whose values are compared: the newest
UNSET = "null"

CHANGED = f"project_id = {{project:String}} AND user_id IN ({IDS})"
# As facts have it: an event says nothing for a time after it was received.
SAID_AT = "least(occurred_at, received_at)"

IDENTIFIED = f"""
SELECT message_id AS id, {SAID_AT} AS time, {place(SAID_AT)} AS place, properties, sent_properties, ignored,
       user_id, ip
FROM events
WHERE {OF_USER} AND type = 'identify' AND message_id IN (
    SELECT message_id FROM events WHERE {OF_USER} AND type = 'identify' AND {earlier(SAID_AT, "message_id")}
    ORDER BY {SAID_AT} DESC, message_id DESC LIMIT {{limit:UInt32}}
)
ORDER BY place DESC, id DESC {SETTINGS}
"""


def read_history(warehouse: Warehouse, person: Person, keys: tuple[str, ...], after: Moment, limit: int) -> Page:
    """The values of the trait that the keys lead to, each that differs from the one before it. A value that a page
    claimed and may not set has never held: it is none of them."""
    parameters = Parameters("trait")
    whole, part = _said(keys[:1], parameters), _said(keys, parameters)
    name, *rest = map(parameters.text, keys)
    changed = f"traits[{name}]"
    if rest:
        below = f"JSONExtractRaw({changed}, {', '.join(rest)})"
        changed = f"if({below} = '', '{UNSET}', {below})"
    sql = f"""
    SELECT id, time, place, source, action, actor, value FROM (
        SELECT *, lagInFrame(value, 1, '') OVER (
            ORDER BY place, value, id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before
        FROM (
            SELECT message_id AS id, {SAID_AT} AS time, {place(SAID_AT)} AS place, 'event' AS source,
                   'identify' AS action, '' AS actor, ifNull({part.json}, '{UNSET}') AS value
            FROM events WHERE {OF_USER} AND type = 'identify' AND {whole.is_present} AND NOT has(ignored, {name})
            ORDER BY place DESC LIMIT {MOST_EVENTS}
            UNION ALL
            SELECT id, at AS time, {place("at")} AS place, 'change' AS source, toString(action) AS action, actor,
                   {changed} AS value
            FROM user_changes FINAL WHERE {CHANGED} AND mapContains(traits, {name})
        )
    )
    WHERE value != before AND (place, id) < ({{after_at:Int64}}, {{after_id:String}})
    ORDER BY place DESC, id DESC LIMIT {{limit:UInt32}} {SETTINGS}
    """
    bound = {**person.bound, **parameters.values, **after.bound, "limit": limit + 1}
    return _page(read_rows(warehouse, sql, bound), limit, _value)


def read_audit(warehouse: Warehouse, person: Person, after: Moment, limit: int) -> Page:
    """What was done to them, and what they or a page said of them."""
    bound = {**person.bound, **after.bound, "limit": limit + 1}
    rows = [*read_of_person(warehouse, person, after, limit), *read_rows(warehouse, IDENTIFIED, bound)]
    rows.sort(key=lambda row: (row["place"], row["id"].encode()), reverse=True)
    return _page(rows, limit, _entry)


def _said(keys: tuple[str, ...], parameters: Parameters) -> JsonPath:
    return JsonPath("events.properties", "events.sent_properties", keys, parameters)


def _page(rows: list[dict[str, Any]], limit: int, show: Any) -> Page:
    page = rows[:limit]
    last = Moment(page[-1]["place"], page[-1]["id"]) if len(rows) > limit else None
    return Page([show(row) for row in page], last)


def _value(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "value": orjson.loads(row["value"]),
        "at": row["time"],
        "source": row["source"],
        "id": row["id"],
        "action": row["action"],
        "actor": row["actor"] or None,
    }


def _entry(row: dict[str, Any]) -> dict[str, Any]:
    if "actor" in row:
        return show_entry(row)
    return {
        "at": row["time"],
        "source": "event",
        "id": row["id"],
        "action": "identify",
        "outcome": "done",
        "actor": None,
        "entity": "user",
        "entityId": row["user_id"],
        "ip": row["ip"] or None,
        "requestId": None,
        "traits": properties_of(row),
        "ignored": row["ignored"],
        "tags": {},
        "consent": {},
        "merged": None,
        "details": {},
        "number": None,
        "digest": None,
    }
