"""The way of one user: the first times, the conversations, and what the site counts as steps."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from ask0.schemas import conversations as product
from ask0.schemas.filters.names import PRODUCT_EVENTS
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.moments import SETTINGS, read_rows
from ask0.warehouse.user_events import BY_USER
from ask0.warehouse.whose import Person

MOST_OF_A_KIND = 100
REGULAR_DAYS, WITHIN_DAYS = 3, 7
TALK = (product.STARTED, product.QUESTION, product.ANSWER, product.FEEDBACK, product.CLOSED, product.DELETED)
NOT_THEIR_OWN = [*TALK, product.SURVEY, *sorted(PRODUCT_EVENTS)]

PLACE = "(occurred_at, message_id)"
IS_QUESTION = "type = 'track' AND event = {question:String}"
IS_NAMED = "sent_user_id = {user:String}"
FIRSTS = f"""
SELECT argMin(message_id, {PLACE}) AS visit, minOrNull(occurred_at) AS visited_at,
       argMin(event, {PLACE}) AS visit_event,
       argMinIf(message_id, {PLACE}, {IS_QUESTION}) AS question, minOrNullIf(occurred_at, {IS_QUESTION}) AS asked_at,
       argMinIf(conversation_id, {PLACE}, {IS_QUESTION}) AS question_talk,
       argMinIf(message_id, {PLACE}, {IS_NAMED}) AS named, minOrNullIf(occurred_at, {IS_NAMED}) AS named_at,
       argMinIf(if(event = '', type, event), {PLACE}, {IS_NAMED}) AS named_event
FROM events WHERE {BY_USER} {SETTINGS}
"""
TOLD = f"""
SELECT message_id, text, sent_properties, context.page.url.:String AS url, sent_context FROM events
WHERE {BY_USER} AND message_id IN ({{visit:String}}, {{question:String}}) {SETTINGS}
"""
MILESTONES = f"""
SELECT event, argMin(message_id, {PLACE}) AS id, min(occurred_at) AS at, count() AS times FROM events
WHERE {BY_USER} AND type = 'track' AND event NOT IN {{names:Array(String)}}
GROUP BY event ORDER BY at, event LIMIT {MOST_OF_A_KIND + 1} {SETTINGS}
"""
REGULAR = f"""
SELECT minOrNull(first) AS at FROM (
    SELECT first, day, lagInFrame(day, {REGULAR_DAYS - 1}, toInt32(-{WITHIN_DAYS})) OVER (
        ORDER BY day ROWS BETWEEN {REGULAR_DAYS - 1} PRECEDING AND CURRENT ROW) AS before
    FROM (SELECT toInt32(toDate32(occurred_at)) AS day, min(occurred_at) AS first FROM events
          WHERE {BY_USER} GROUP BY day)
) WHERE day - before < {WITHIN_DAYS} {SETTINGS}
"""
# The newest versions of rows that were the user's in any of them.
TALKS = """
(SELECT id, user_id, title, topic, started_at, last_at FROM conversation_rows
 WHERE project_id = {project:String} AND id IN (
     SELECT id FROM conversation_rows WHERE project_id = {project:String} AND user_id = {user:String}
 )
 ORDER BY _version DESC LIMIT 1 BY id)
"""
CONVERSATIONS = f"""
SELECT id, title, topic, started_at AS at FROM {TALKS} WHERE user_id = {{user:String}}
ORDER BY at, id LIMIT {MOST_OF_A_KIND + 1} {SETTINGS}
"""
KNOWN = f"""
SELECT created_at, confirmed_at FROM user_rows WHERE project_id = {{project:String}} AND id = {{user:String}}
ORDER BY _version DESC LIMIT 1 {SETTINGS}
"""
ORDER = (
    *("signedUp", "firstVisit", "identified", "confirmed"),
    *("conversation", "firstQuestion", "milestone", "regularUse"),
)
EMPTY = dict.fromkeys(("event", "messageId", "conversationId", "topic", "text", "page", "count"))


class Journey(NamedTuple):
    steps: list[dict[str, Any]]
    is_complete: bool


def read_journey(warehouse: Warehouse, person: Person) -> Journey:
    milestones = read_rows(warehouse, MILESTONES, {**person.bound, "names": NOT_THEIR_OWN})
    talks = read_rows(warehouse, CONVERSATIONS, person.bound)
    steps = [*_firsts(warehouse, person), *_known(warehouse, person)]
    for row in milestones[:MOST_OF_A_KIND]:
        steps.append(_step("milestone", row["at"], event=row["event"], messageId=row["id"], count=row["times"]))
    for row in talks[:MOST_OF_A_KIND]:
        told = {"conversationId": row["id"], "topic": row["topic"], "text": row["title"]}
        steps.append(_step("conversation", row["at"], **told))
    steps.sort(key=lambda step: (step["at"], ORDER.index(step["step"])))
    return Journey(steps, max(len(milestones), len(talks)) <= MOST_OF_A_KIND)


def _firsts(warehouse: Warehouse, person: Person) -> Iterator[dict[str, Any]]:
    (row,) = read_rows(warehouse, FIRSTS, {**person.bound, "question": product.QUESTION})
    if row["visited_at"] is None:
        return
    named = {**person.bound, "visit": row["visit"], "question": row["question"]}
    told = {found["message_id"]: found for found in read_rows(warehouse, TOLD, named)}
    event = row["visit_event"] or None
    yield _step("firstVisit", row["visited_at"], event=event, messageId=row["visit"], page=_page(told, row["visit"]))
    if row["asked_at"] is not None:
        text = _text(told, row["question"])
        talk = row["question_talk"] or None
        yield _step("firstQuestion", row["asked_at"], messageId=row["question"], conversationId=talk, text=text)
    if row["named_at"] is not None:
        yield _step("identified", row["named_at"], event=row["named_event"], messageId=row["named"])


def _known(warehouse: Warehouse, person: Person) -> Iterator[dict[str, Any]]:
    for row in read_rows(warehouse, KNOWN, person.bound):
        if row["created_at"] is not None:
            yield _step("signedUp", row["created_at"])
        if row["confirmed_at"] is not None:
            yield _step("confirmed", row["confirmed_at"])
    for row in read_rows(warehouse, REGULAR, person.bound):
        if row["at"] is not None:
            yield _step("regularUse", row["at"])


def _step(step: str, at: str, **told: Any) -> dict[str, Any]:
    return {"step": step, "at": at, **EMPTY, **told}


def _text(told: dict[str, dict[str, Any]], id: str) -> str | None:
    row = told.get(id, {})
    text = orjson.loads(row["sent_properties"]).get("text") if row.get("sent_properties") else row.get("text")
    return text if isinstance(text, str) else None


def _page(told: dict[str, dict[str, Any]], id: str) -> str | None:
    row = told.get(id, {})
    if not row.get("sent_context"):
        return row.get("url")
    page = orjson.loads(row["sent_context"]).get("page")
    url = page.get("url") if isinstance(page, dict) else None
    return url if isinstance(url, str) else None
