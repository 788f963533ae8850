"""Questions that nobody has answered: which, and those that ask the same together."""

from collections.abc import Sequence
from typing import Any

from ask0.schemas.conversations import ANSWER, QUESTION
from ask0.schemas.events import write_time
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.insights import AT, DONE, SETTINGS, Measure, Period, compare, said
from ask0.warehouse.likeness import group_alike
from ask0.warehouse.moments import read_rows
from ask0.warehouse.parameters import Parameters

MOST_SAID = 300_000  # questions and answers that are looked at, the newest
MOST_WORDINGS = 2_000  # that are compared, those asked most
MOST_CHARACTERS = 200  # of a wording, and of a text that is shown
MOST_EXAMPLES = 5
ANSWERED_WITHIN = 86_400_000  # ms after the last day

# Of `whole`, letters, their marks and digits stay: in one case, in one width, with one space between words.
WORDING = f"""
substringUTF8(trimBoth(replaceRegexpAll(
    lowerUTF8(normalizeUTF8NFKC(substringUTF8(whole, 1, {2 * MOST_CHARACTERS}))), {{others:String}}, ' '
)), 1, {MOST_CHARACTERS})
"""
OTHERS = r"[^\p{L}\p{M}\p{N}]+"
ALL = f"{DONE} AND type = 'track' AND event IN ({{question:String}}, {{answer:String}})"
SIZE = f"""
SELECT count() AS said, countIf(event = {{question:String}} AND {AT} >= {{now:Int64}} AND {{topic}}) AS asked
FROM events WHERE {ALL} {SETTINGS}
"""
NEWEST = f"SELECT {AT} AS at FROM events WHERE {ALL} ORDER BY at DESC LIMIT 1 OFFSET {MOST_SAID} {SETTINGS}"
# Ids of questions: what an answer names; of one that names none, the question before it in its conversation.
ANSWERED = f"""
SELECT arrayJoin(arrayConcat(
    groupArrayIf(reply, is_good AND reply != ''),
    if(talk != '' AND turn > 0 AND countIf(is_good AND reply = '') > 0, [anyIf(message_id, is_question)], [])
))
FROM (
    SELECT talk, message_id, is_question, is_good, reply, sum(is_question) OVER (
        PARTITION BY talk ORDER BY at, is_question DESC, message_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS turn
    FROM (
        SELECT {AT} AS at, conversation_id AS talk, message_id, event = {{question:String}} AS is_question,
               NOT is_question AND ifNull({{is_answered}}, true) AS is_good, ifNull({{reply}}, '') AS reply
        FROM events WHERE {ALL.replace("{until:", "{answered_until:")}
    )
)
GROUP BY talk, turn
"""
WORDINGS = f"""
SELECT wording, countIf(is_open AND is_now) AS open_now, countIf(is_open AND NOT is_now) AS open_before,
       minIf(at, is_open AND is_now) AS first_at, maxIf(at, is_open AND is_now) AS last_at,
       argMaxIf((text, talk), (at, message_id), is_open AND is_now) AS last,
       groupUniqArrayIf(sipHash64(user_id), is_open AND is_now) AS users, maxIf(at, NOT is_open) AS answered_at,
       sum(open_now) OVER () AS all_now, sum(open_before) OVER () AS all_before
FROM (
    SELECT {AT} AS at, at >= {{now:Int64}} AS is_now, message_id, user_id, conversation_id AS talk,
           ifNull({{text}}, '') AS whole, substringUTF8(whole, 1, {MOST_CHARACTERS}) AS text,
           {WORDING} AS wording,
           message_id NOT IN ({ANSWERED}) AS is_open
    FROM events WHERE {DONE} AND type = 'track' AND event = {{question:String}} AND {{topic}}
)
GROUP BY wording HAVING open_now + open_before > 0
ORDER BY open_now DESC, open_before DESC, wording LIMIT {MOST_WORDINGS + 1} {SETTINGS}
"""


def read_unanswered(
    warehouse: Warehouse, project_id: str, period: Period, topic: str | None, limit: int
) -> dict[str, Any]:
    """As `schemas.insights.Unanswered`, without its times."""
    parameters = Parameters("said")
    bound = {
        **{"project": project_id, "question": QUESTION, "answer": ANSWER, "others": OTHERS},
        **{"now": period.now.start, "answered_until": period.now.end + ANSWERED_WITHIN},
        **period.bound,
    }
    about = "true" if topic is None else f"{said('topic', parameters).text} = {parameters.text(topic)}"
    places = {"topic": f"ifNull({about}, false)", **_of_answers(parameters)}
    bound |= parameters.values
    (size,) = read_rows(warehouse, _fill(SIZE, places), bound)
    if size["said"] > MOST_SAID:
        (oldest,) = read_rows(warehouse, NEWEST, bound)
        bound["since"] = oldest["at"] + 1
    rows = read_rows(warehouse, _fill(WORDINGS, places), bound)
    is_whole = size["said"] <= MOST_SAID
    groups = _groups_of([row for row in rows[:MOST_WORDINGS] if row["wording"]], is_whole)
    all_before, all_now = (rows[0]["all_before"], rows[0]["all_now"]) if rows else (0, 0)
    return {
        "groups": groups[:limit],
        "count": len(groups),
        "questions": _compared(all_before, all_now, is_whole),
        "asked": size["asked"],
        "complete": is_whole and len(rows) <= MOST_WORDINGS,
    }


def _of_answers(parameters: Parameters) -> dict[str, str]:
    return {
        "text": said("text", parameters).text,
        "is_answered": said("answered", parameters).boolean,
        "reply": said("inReplyTo", parameters).text,
    }


def _fill(sql: str, places: dict[str, str]) -> str:
    for name, value in places.items():
        sql = sql.replace(f"{{{name}}}", value)
    return sql


def _groups_of(rows: Sequence[dict[str, Any]], is_whole: bool) -> list[dict[str, Any]]:
    alike = group_alike([row["wording"] for row in rows])
    groups = [_group_of([rows[place] for place in places], is_whole) for places in alike if rows[places[0]]["open_now"]]
    return sorted(groups, key=lambda group: (-group["questions"]["value"], group["text"]))


def _group_of(rows: Sequence[dict[str, Any]], is_whole: bool) -> dict[str, Any]:
    """`rows` are of its wordings, the one that is asked most first."""
    current = [row for row in rows if row["open_now"]]
    last = max(current, key=lambda row: row["last_at"])
    answered_at = max(row["answered_at"] for row in rows)
    return {
        "text": rows[0]["last"][0],
        "questions": _compared(
            sum(row["open_before"] for row in rows), sum(row["open_now"] for row in current), is_whole
        ),
        "users": len({user for row in current for user in row["users"]}),
        "wordings": len(rows),
        "examples": [row["last"][0] for row in current[:MOST_EXAMPLES]],
        "firstAskedAt": write_time(min(row["first_at"] for row in current)),
        "lastAskedAt": write_time(last["last_at"]),
        "lastConversationId": last["last"][1] or None,
        "answeredSince": write_time(answered_at) if answered_at > last["last_at"] else None,
    }


def _compared(before: int, now: int, is_whole: bool) -> dict[str, Any]:
    compared = compare("count", Measure(before), Measure(now))
    return compared if is_whole else {**compared, "before": None, "change": None, "direction": None}
