"""Everything that is stored of one person, part by part and page by page, in an order in which nothing moves while it
is read: an export of a million events takes no more memory than one of a thousand."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from ask0.schemas.events import write_time
from ask0.schemas.ids import guest_id
from ask0.warehouse import conversations as talks
from ask0.warehouse.audit import read_of_person, show_entry
from ask0.warehouse.bounded_pages import SETTINGS, Row, bounded, patiently, read_patiently, walk
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.moments import ALWAYS, NEWEST, Moment, place
from ask0.warehouse.served import every_config, every_message
from ask0.warehouse.user_events import OF_USER, show_event
from ask0.warehouse.user_statements import History
from ask0.warehouse.whose import IDS, Person

Page = list[dict[str, Any]]

IDS_AT_ONCE = 100
ENTRIES_AT_ONCE = 50  # of the audit log, as one may be as large as a request
EVENTS_AT_ONCE = 20_000  # whose days are asked together: the primary key finds days
REJECTS_AT_ONCE = 20_000
MOST_REJECTS, MOST_REJECT_BYTES = 2_000_000, 2_000_000_000  # that are looked through, of whomever

BEGINNING = {"after_at": -ALWAYS, "after_id": ""}
LATER = "({at}, {id}) > ({{after_at:Int64}}, {{after_id:String}})"

DAYS = f"""
SELECT toString(toDate(timestamp)) AS day, count() AS events FROM events
WHERE {OF_USER} AND received_at <= fromUnixTimestamp64Milli({{until:Int64}}, 'UTC')
GROUP BY day ORDER BY day {SETTINGS}
"""
OF_DAYS = f"""
{OF_USER} AND received_at <= fromUnixTimestamp64Milli({{until:Int64}}, 'UTC')
AND toDate(timestamp) BETWEEN {{from:Date}} AND {{to:Date}}
"""
EVENTS = bounded(
    f"""
    SELECT message_id, type, event, sent_user_id, anonymous_id, timestamp, occurred_at, received_at, sent_at,
           conversation_id, group_id, properties, context, sent_properties, sent_context, ignored, ip, user_agent,
           browser, os, device, {place("timestamp")} AS at,
           byteSize(properties) + byteSize(context) + length(sent_properties) + length(sent_context) AS size
    FROM events
    WHERE {OF_DAYS} AND message_id IN (
        SELECT message_id FROM events
        WHERE {OF_DAYS} AND {LATER.format(at=place("timestamp"), id="message_id")}
        ORDER BY timestamp, message_id LIMIT {{limit:UInt32}}
    )
    """,
    "at, message_id",
)
IDENTITIES = f"""
SELECT kind, id FROM (
    SELECT arrayJoin(arrayConcat(arrayMap(id -> ('anonymous', id), anonymous_ids),
                                 arrayMap(id -> ('user', id), merged_ids))) AS one, one.1 AS kind, one.2 AS id
    FROM (SELECT anonymous_ids, merged_ids FROM user_rows
          WHERE project_id = {{project:String}} AND id = {{user:String}} ORDER BY _version DESC LIMIT 1)
)
WHERE (kind, id) > ({{after_kind:String}}, {{after_id:String}}) ORDER BY kind, id LIMIT {IDS_AT_ONCE} {SETTINGS}
"""
LINKED = f"""
SELECT guest_id, min(link).1 AS at FROM identity_links
WHERE project_id = {{project:String}} AND guest_id IN {{guests:Array(String)}} GROUP BY guest_id {SETTINGS}
"""
# The newest row says whose one is.
TALKS = """
SELECT id FROM conversation_rows
WHERE project_id = {project:String} AND id IN (
    SELECT id FROM conversation_rows WHERE project_id = {project:String} AND user_id = {user:String}
)
GROUP BY id HAVING argMax(user_id, _version) = {user:String}
"""
CONVERSATIONS = f"SELECT id FROM ({TALKS}) WHERE id > {{after:String}} ORDER BY id LIMIT {IDS_AT_ONCE} {SETTINGS}"
OF_TALKS = f"""
project_id = {{project:String}} AND conversation_id IN ({TALKS}) AND type = 'track'
AND event IN {{events:Array(String)}} AND received_at <= fromUnixTimestamp64Milli({{until:Int64}}, 'UTC')
"""
MESSAGES = bounded(
    f"""
    SELECT conversation_id, message_id, event, user_id, occurred_at, {place("occurred_at")} AS at,
           text, answered, in_reply_to, latency_ms, rating, thumbs, sent_properties,
           length(ifNull(text, '')) + length(sent_properties) + 200 AS size
    FROM events
    WHERE {OF_TALKS} AND message_id IN (
        SELECT message_id FROM events
        WHERE {OF_TALKS} AND (conversation_id, {place("occurred_at")}, message_id)
            > ({{after_conversation:String}}, {{after_at:Int64}}, {{after_id:String}})
        ORDER BY conversation_id, occurred_at, message_id LIMIT {{limit:UInt32}}
    )
    """,
    "conversation_id, at, message_id",
)
# Nothing finds somebody there but to look through it: what was refused may name nobody, or be no JSON at all.
BEFORE = f"""
received_at <= fromUnixTimestamp64Milli({{before_at:Int64}}, 'UTC')
AND ({place("received_at")}, id) < ({{before_at:Int64}}, {{before_id:String}})
"""
SCANNED = f"""
SELECT min(place) AS last_at, argMin(id, (place, id)) AS last_id, count() AS rows, sum(bytes) AS bytes FROM (
    SELECT {place("received_at")} AS place, id, length(raw) AS bytes FROM quarantine_rows
    WHERE project_id = {{project:String}} AND {BEFORE}
    ORDER BY received_at DESC, id DESC LIMIT {REJECTS_AT_ONCE}
) {SETTINGS}
"""
KNOWN = """
SELECT arrayJoin(arrayConcat(anonymous_ids, merged_ids, [id])) FROM (
    SELECT id, anonymous_ids, merged_ids FROM user_rows
    WHERE project_id = {project:String} AND id = {user:String} ORDER BY _version DESC LIMIT 1
)
"""
NAMES = ("userId", "anonymousId", "previousId", "id", "user", "guest")
NAMED = f"JSONExtract(raw, 'Tuple({', '.join(f'{name} String' for name in NAMES)})') AS named"
REJECTS = bounded(
    f"""
    SELECT id, received_at, {place("received_at")} AS place, stage, reason, message, message_id, raw, replayed_at,
           length(raw) AS size
    FROM (
        SELECT *, {NAMED} FROM quarantine_rows
        WHERE project_id = {{project:String}} AND {BEFORE}
          AND received_at >= fromUnixTimestamp64Milli({{last_at:Int64}}, 'UTC')
          AND ({place("received_at")}, id) >= ({{last_at:Int64}}, {{last_id:String}})
    )
    WHERE {" OR ".join(f"named.{name} IN ({KNOWN})" for name in NAMES)}
    ORDER BY place DESC, id DESC, _version DESC LIMIT 1 BY place, id LIMIT {{limit:UInt32}}
    """,
    "place DESC, id DESC",
)


@dataclass
class Everything:
    """`until`, epoch ms: what was received later is not in it, so that it ends while they go on."""

    warehouse: Warehouse
    person: Person
    until: int
    quarantine_since: str | None = None  # once the quarantine was read: how far back, if not all of it

    def ids(self) -> list[str]:
        """Theirs, those of their guests and of who was merged into them."""
        return [id for (id,) in self.warehouse.query(f"SELECT * FROM ({IDS}) {SETTINGS}", self.person.bound)]

    def identities(self) -> Iterator[Page]:
        after = {"after_kind": "", "after_id": ""}
        while rows := self._read(IDENTITIES, after):
            guests = {row["id"]: guest_id(row["id"]) for row in rows if row["kind"] == "anonymous"}
            linked = {row["guest_id"]: row["at"] for row in self._read(LINKED, {"guests": list(guests.values())})}
            yield [{**row, "linkedAt": linked.get(guests.get(row["id"], ""))} for row in rows]
            after = {"after_kind": rows[-1]["kind"], "after_id": rows[-1]["id"]}

    def history(self) -> Iterator[Page]:
        return History(self.warehouse, self.person, self.until).pages()

    def conversations(self) -> Iterator[Page]:
        """By id, as no other order stays while they talk."""
        after = ""
        while ids := [row["id"] for row in self._read(CONVERSATIONS, {"after": after})]:
            rows = {row["id"]: talks.show(row) for row in self._read(talks.ROWS, {"ids": ids})}
            yield [rows[id] for id in ids if id in rows]
            after = ids[-1]

    def messages(self) -> Iterator[Page]:
        """In the order of their conversations."""
        bound = {**self.person.bound, "events": list(talks.KINDS), "until": self.until}
        first = {"after_conversation": "", **BEGINNING}
        for rows in walk(self.warehouse, MESSAGES, bound, first, ("conversation_id", "at", "message_id")):
            yield [{"conversationId": row["conversation_id"], **talks.show_message(row)} for row in rows]

    def events(self) -> Iterator[Page]:
        bound = {**self.person.bound, "until": self.until}
        for first, last in _spans(self._read(DAYS, {"until": self.until})):
            days = {"from": first, "to": last}
            for rows in walk(self.warehouse, EVENTS, bound | days, BEGINNING, ("at", "message_id")):
                yield [_event(row) for row in rows]

    def shown_messages(self) -> Iterator[Page]:
        """By id."""
        return every_message(self.warehouse, self.person, self.until)

    def served_configs(self) -> Iterator[Page]:
        """By key."""
        return every_config(self.warehouse, self.person, self.until)

    def audit(self) -> Iterator[Page]:
        """The newest first."""
        after: Moment | None = NEWEST
        while after:
            rows = patiently(read_of_person, self.warehouse, self.person, after, ENTRIES_AT_ONCE)
            page = rows[:ENTRIES_AT_ONCE]
            yield [show_entry(row) for row in page]
            after = Moment(page[-1]["place"], page[-1]["id"]) if len(rows) > ENTRIES_AT_ONCE else None

    def quarantine(self) -> Iterator[Page]:
        """A stranger can fill it: so only so much of it is looked through."""
        before: dict[str, Any] = {"before_at": self.until + 1, "before_id": ""}
        rows = size = 0
        while True:
            (scanned,) = self._read(SCANNED, before)
            if not scanned["rows"]:
                return
            last = {"last_at": scanned["last_at"], "last_id": scanned["last_id"]}
            bound = {**self.person.bound, **last}
            for found in walk(self.warehouse, REJECTS, bound, before, ("place", "id")):
                yield [_reject(row) for row in found]
            yield []  # whoever waits sees that there is work going on
            rows, size = rows + scanned["rows"], size + scanned["bytes"]
            if scanned["rows"] < REJECTS_AT_ONCE:
                return
            if rows >= MOST_REJECTS or size >= MOST_REJECT_BYTES:
                self.quarantine_since = write_time(scanned["last_at"])
                return
            before = {"before_at": scanned["last_at"], "before_id": scanned["last_id"]}

    def _read(self, sql: str, bound: dict[str, Any]) -> list[Row]:
        return read_patiently(self.warehouse, sql, {**self.person.bound, **bound})


def _spans(days: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """From a day to a day, without many more than EVENTS_AT_ONCE events in between unless one day has them."""
    first, events = "", 0
    for number, day in enumerate(days):
        first = first or day["day"]
        events += day["events"]
        if events >= EVENTS_AT_ONCE or number == len(days) - 1:
            yield first, day["day"]
            first, events = "", 0


def _event(row: Row) -> dict[str, Any]:
    """What a column cannot say, to the letter."""
    sent = {name: orjson.Fragment(row[f"sent_{name}"]) for name in ("properties", "context") if row[f"sent_{name}"]}
    more = {"sentAt": row["sent_at"], "ignored": row["ignored"], "ip": row["ip"] or None}
    return {**show_event(row), **sent, **more, "userAgent": row["user_agent"] or None}


def _reject(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "receivedAt": row["received_at"],
        "stage": row["stage"],
        "reason": row["reason"],
        "message": row["message"],
        "messageId": row["message_id"] or None,
        "raw": row["raw"],
        "replayedAt": row["replayed_at"],
    }
