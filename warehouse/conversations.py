"""Conversations: of a user or a project, by time, and what was said in one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson

from ask0.schemas.conversations import ANSWER, FEEDBACK, QUESTION, rating_of
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.moments import SETTINGS, Moment, Page, earlier, place, read_rows
from ask0.warehouse.newest import Candidate, Row, read_newest
from ask0.warehouse.user_lists import ROWS_AT_ONCE

Sort = Literal["recent", "started"]
Rating = Literal["positive", "negative", "mixed", "none"]

TIMES: Final[Mapping[Sort, str]] = {"recent": "last_at", "started": "started_at"}
RATINGS: Final[Mapping[Rating, str]] = {
    "positive": "satisfaction > 0.5",
    "negative": "satisfaction < 0.5",
    "mixed": "satisfaction = 0.5",
    "none": "satisfaction IS NULL",
}
ROWS = f"""
SELECT id, user_id, title, channel, topic, status, started_at, last_at, questions, answers, answered, satisfaction,
       _version
FROM conversation_rows WHERE project_id = {{project:String}} AND id IN {{ids:Array(String)}}
ORDER BY _version DESC LIMIT 1 BY id {SETTINGS}
"""
KINDS = {QUESTION: "question", ANSWER: "answer", FEEDBACK: "feedback"}

# The types that a message's properties have to have, or they say nothing.
MESSAGES = f"""
SELECT message_id, event, user_id, occurred_at, {place("occurred_at")} AS at,
       text, answered, in_reply_to, latency_ms, rating, thumbs, sent_properties
FROM events
WHERE project_id = {{project:String}} AND conversation_id = {{id:String}} AND type = 'track'
  AND event IN {{events:Array(String)}}
  AND ({place("occurred_at")}, message_id) > ({{after_at:Int64}}, {{after_id:String}})
ORDER BY at, message_id LIMIT {{limit:UInt32}} {SETTINGS}
"""


@dataclass(frozen=True)
class Selection:
    """Which conversations; None asks for any."""

    sort: Sort = "recent"
    status: str | None = None
    topic: str | None = None
    unanswered: bool | None = None
    rating: Rating | None = None

    @property
    def conditions(self) -> Sequence[str]:
        found = []
        if self.status is not None:
            found.append("status = {status:String}")
        if self.topic is not None:
            found.append("topic = {topic:String}")
        if self.unanswered is not None:
            found.append("answered < questions" if self.unanswered else "answered >= questions")
        if self.rating is not None:
            found.append(RATINGS[self.rating])
        return found


def read_page(
    warehouse: Warehouse, project_id: str, user_id: str | None, asked: Selection, after: Moment, limit: int
) -> Page:
    """Of one user, or of all."""
    found = read_newest(_Listed(warehouse, project_id, user_id, asked, after), limit + 1)
    page = found[:limit]
    return Page([show(row) for _, row in page], page[-1][0] if len(found) > limit else None)


@dataclass(frozen=True)
class _Listed:
    """For `read_newest`."""

    warehouse: Warehouse
    project_id: str
    user_id: str | None
    asked: Selection
    after: Moment

    def candidates(self, beyond: Moment | None, most: int, ids: Sequence[str] | None = None) -> list[Candidate]:
        time, after = TIMES[self.asked.sort], beyond or self.after
        conditions = ["project_id = {project:String}", *self.asked.conditions, earlier(time, "id")]
        if self.user_id is not None:
            conditions.append("user_id = {user:String}")
        if ids is not None:
            conditions.append("id IN {ids:Array(String)}")
        sql = (
            f"SELECT id, {place(time)} AS at, _version FROM conversation_rows WHERE {' AND '.join(conditions)} "
            f"ORDER BY at DESC, id DESC, _version DESC LIMIT {{limit:UInt32}} {SETTINGS}"
        )
        named = {"user": self.user_id, "status": self.asked.status, "topic": self.asked.topic, "ids": ids}
        given = {name: value for name, value in named.items() if value is not None}
        rows = read_rows(self.warehouse, sql, {"project": self.project_id, "limit": most} | given | after.bound)
        return [Candidate(Moment(row["at"], row["id"]), row["id"], row["_version"]) for row in rows]

    def rows(self, ids: Sequence[str]) -> Mapping[str, Row]:
        return _read_rows(self.warehouse, self.project_id, ids)


def _read_rows(warehouse: Warehouse, project_id: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for start in range(0, len(ids), ROWS_AT_ONCE):
        some = list(ids[start : start + ROWS_AT_ONCE])
        rows |= {row["id"]: row for row in read_rows(warehouse, ROWS, {"project": project_id, "ids": some})}
    return rows


def read_conversation(
    warehouse: Warehouse, project_id: str, id: str, after: Moment, limit: int
) -> tuple[dict[str, Any], Page] | None:
    """With its messages in their order."""
    row = _read_rows(warehouse, project_id, [id]).get(id)
    if row is None:
        return None
    bound = {"project": project_id, "id": id, "events": list(KINDS), "limit": limit + 1, **after.bound}
    found = read_rows(warehouse, MESSAGES, bound)
    page = found[:limit]
    last = Moment(page[-1]["at"], page[-1]["message_id"]) if len(found) > limit else None
    return show(row), Page([show_message(message) for message in page], last)


def show(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "userId": row["user_id"] or None,
        "title": row["title"],
        "channel": row["channel"],
        "topic": row["topic"],
        "status": row["status"],
        "startedAt": row["started_at"],
        "lastAt": row["last_at"],
        **{name: row[name] for name in ("questions", "answers", "answered", "satisfaction")},
    }


def show_message(row: dict[str, Any]) -> dict[str, Any]:
    kind = KINDS[row["event"]]
    said = _as_sent(row)
    text, reply = said["text"], said["inReplyTo"]
    return {
        "id": row["message_id"],
        "kind": kind,
        "at": row["occurred_at"],
        "userId": row["user_id"] or None,
        "text": text if isinstance(text, str) else None,
        "inReplyTo": reply if isinstance(reply, str) else None,
        "answered": said["answered"] is not False if kind == "answer" else None,
        "latencyMs": _number(said["latencyMs"]) if kind == "answer" else None,
        "rating": rating_of(said) if kind == "feedback" else None,
    }


def _as_sent(row: dict[str, Any]) -> dict[str, Any]:
    """By the names that clients send."""
    names = {"text": "text", "answered": "answered", "inReplyTo": "in_reply_to", "latencyMs": "latency_ms"}
    names |= {"rating": "rating", "thumbs": "thumbs"}
    if row["sent_properties"]:
        sent = orjson.loads(row["sent_properties"])
        return {name: sent.get(name) for name in names}
    return {name: row[column] for name, column in names.items()}


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
