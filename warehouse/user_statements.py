"""What was said of one person over time, by events and by changes, and so what each trait, tag and choice became."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from heapq import merge
from typing import Any, NamedTuple

import orjson

from ask0.schemas.consent import STATES, read_consent
from ask0.schemas.ids import short_key
from ask0.warehouse.bounded_pages import Row, bounded, walk
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.moments import ALWAYS, place
from ask0.warehouse.parameters import Parameters
from ask0.warehouse.traits import JsonPath
from ask0.warehouse.user_events import OF_USER
from ask0.warehouse.user_history import CHANGED, SAID_AT
from ask0.warehouse.whose import Person

READ_AT_ONCE = 8_192  # events, of which most say what the one before said
ENTRIES_AT_ONCE = 256  # that are handed out
MOST_KNOWN = 20_000  # names whose value is kept in mind: a user has fewer, however many were sent
BY_NUMBER = {number: name for name, number in STATES.items()}
BEGINNING = {"after_at": -ALWAYS, "after_id": ""}

# A merge stands under both ids.
CHANGES = bounded(
    f"""
    SELECT id, at AS time, {place("at")} AS place, toString(action) AS action, actor, traits, tags, consent,
           200 + arraySum(arrayMap(x -> length(x), mapValues(traits))) AS size
    FROM user_changes FINAL
    WHERE {CHANGED} AND ({place("at")}, id) > ({{after_at:Int64}}, {{after_id:String}})
    ORDER BY place, id LIMIT 1 BY place, id LIMIT {{limit:UInt32}}
    """,
    "place, id",
)


class Statement(NamedTuple):
    """What one event or change says."""

    place: tuple[int, bytes]
    of: Mapping[str, Any]  # when, where and by whom: fields of all its entries
    said: Iterable[tuple[str, str, Any]]  # what, name and value
    is_last: bool = False  # of those that were read together


@dataclass
class History:
    warehouse: Warehouse
    person: Person
    until: int
    _known: OrderedDict[int, int] = field(default_factory=OrderedDict)  # digests: of what and name, of the value

    def pages(self) -> Iterator[list[dict[str, Any]]]:
        """Entries that differ from the one before of their name, the earliest first. A page may be empty, so that
        whoever waits sees that there is work going on."""
        page: list[dict[str, Any]] = []
        for one in merge(self._events(), self._changes(), key=lambda one: one.place):
            page += [entry for entry in _entries(one) if self._differs(entry)]
            if one.is_last or len(page) >= ENTRIES_AT_ONCE:
                yield page
                page = []
        yield page

    def _events(self) -> Iterator[Statement]:
        parameters = Parameters("said")
        sql = _events_sql(JsonPath("events.context", "events.sent_context", ("consent",), parameters))
        bound = {**self.person.bound, **parameters.values, "until": self.until}
        for rows in walk(self.warehouse, sql, bound, BEGINNING, ("place", "id"), READ_AT_ONCE):
            yield from map(_of_event, rows)

    def _changes(self) -> Iterator[Statement]:
        for rows in walk(self.warehouse, CHANGES, self.person.bound, BEGINNING, ("place", "id")):
            yield from map(_of_change, rows)

    def _differs(self, entry: Mapping[str, Any]) -> bool:
        """Of a name that has been forgotten, each value does."""
        key = short_key(f"{entry['what']} {entry['name']}")
        value = short_key(orjson.dumps(entry["value"], option=orjson.OPT_SORT_KEYS).decode())
        differs = self._known.get(key) != value
        self._known[key] = value
        self._known.move_to_end(key)
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return differs


def _events_sql(consent: JsonPath) -> str:
    """Without those, but for the last of a page, that repeat the choices of the one before: pages send them along with
    each event."""
    theirs = f"{OF_USER} AND received_at <= fromUnixTimestamp64Milli({{until:Int64}}, 'UTC')"
    says = f"(type = 'identify' OR {consent.is_present})"
    traits = "if(type != 'identify', '{}', if(sent_properties = '', toJSONString(properties), sent_properties))"
    return bounded(
        f"""
        SELECT *, length(said_traits) + length(said_consent) + 200 AS size FROM (
            SELECT *, count() OVER () AS read, row_number() OVER in_order AS number,
                   lagInFrame((said_consent, unproven)) OVER in_order AS before
            FROM (
                SELECT message_id AS id, {SAID_AT} AS time, {place(SAID_AT)} AS place, toString(type) AS type, ignored,
                       {traits} AS said_traits, ifNull({consent.json}, '{{}}') AS said_consent,
                       _of_guest AND sent_user_id != '' AS unproven
                FROM events
                WHERE {theirs} AND message_id IN (
                    SELECT message_id FROM events
                    WHERE {theirs} AND {says}
                      AND ({place(SAID_AT)}, message_id) > ({{after_at:Int64}}, {{after_id:String}})
                    ORDER BY {SAID_AT}, message_id LIMIT {{limit:UInt32}}
                )
            )
            WINDOW in_order AS (ORDER BY place, id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
        )
        WHERE type = 'identify' OR (said_consent, unproven) != before OR number = read
        """,
        "place, id",
        "read",
    )


def _of_event(row: Row) -> Statement:
    """A page's null says nothing, and what it may not set has never held; nor has a permission without proof."""
    said = [
        ("trait", name, value)
        for name, value in orjson.loads(row["said_traits"]).items()
        if value is not None and name not in row["ignored"]
    ]
    consent = read_consent(orjson.loads(row["said_consent"]))
    said += [
        ("consent", category, BY_NUMBER[state])
        for category, state in consent.items()
        if not row["unproven"] or state != STATES["granted"]
    ]
    statement = _statement(row, said, source="event", action=row["type"], actor=None)
    return statement._replace(is_last=row["number"] == row["read"])


def _of_change(row: Row) -> Statement:
    said: list[tuple[str, str, Any]] = [("trait", name, orjson.loads(value)) for name, value in row["traits"].items()]
    said += [("tag", tag, bool(is_on)) for tag, is_on in row["tags"].items()]
    said += [("consent", category, state) for category, state in row["consent"].items()]
    return _statement(row, said, source="change", action=row["action"], actor=row["actor"] or None)


def _statement(row: Row, said: list[tuple[str, str, Any]], **of: Any) -> Statement:
    return Statement((row["place"], row["id"].encode()), {"at": row["time"], "id": row["id"], **of}, said)


def _entries(one: Statement) -> Iterator[dict[str, Any]]:
    for what, name, value in one.said:
        yield {"what": what, "name": name, "value": value, **one.of}
