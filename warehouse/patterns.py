"""What one user's activity is like over some days: when, about what, how satisfied, and where it goes."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from ask0.schemas.conversations import ANSWER, FEEDBACK, QUESTION
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.journeys import TALKS
from ask0.warehouse.moments import SETTINGS, place, read_rows
from ask0.warehouse.parameters import Parameters
from ask0.warehouse.traits import JsonPath
from ask0.warehouse.user_events import BY_USER, Day
from ask0.warehouse.whose import Person

QUARTER = 900_000  # of an hour, in ms: every zone's offset is a whole number of them
PAUSE = 1_800_000  # ms; a longer one ends a session
MOST_EVENTS = 100_000  # whose sessions are looked at
MOST_TOPICS = 10
SUMS = ("events", "questions", "answers", "answered", "ratings", "rated", "positive", "talks")
PARTS = ("night", "morning", "afternoon", "evening")

IN_TIME = f"{place('occurred_at')} >= {{since:Int64}} AND {place('occurred_at')} < {{until:Int64}}"
QUARTERS = f"""
SELECT DISTINCT intDiv({place("occurred_at")}, {QUARTER}) AS quarter FROM events
WHERE {BY_USER} AND {IN_TIME} {SETTINGS}
"""
TOPICS = f"""
SELECT topic, count() AS conversations FROM {TALKS}
WHERE user_id = {{user:String}} AND topic != ''
  AND {place("last_at")} >= {{since:Int64}} AND {place("started_at")} < {{until:Int64}}
GROUP BY topic ORDER BY conversations DESC, topic LIMIT {MOST_TOPICS} {SETTINGS}
"""
SESSIONS = f"""
SELECT count() AS count, avg(seconds) AS mean_seconds, countIf(messages > 0) AS talks,
       avgIf(messages, messages > 0) AS mean_messages
FROM (
    SELECT (max(at) - min(at)) / 1000 AS seconds, sum(is_message) AS messages
    FROM (
        SELECT at, is_message, sum(is_new) OVER (ORDER BY at, message_id) AS session
        FROM (
            SELECT at, message_id, is_message, at - lagInFrame(at, 1, toInt64(-{PAUSE} - 1)) OVER (
                ORDER BY at, message_id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) > {PAUSE} AS is_new
            FROM (
                SELECT {place("occurred_at")} AS at, message_id,
                       type = 'track' AND event IN ({{question:String}}, {{answer:String}}) AS is_message
                FROM events WHERE {BY_USER} AND {IN_TIME}
                ORDER BY at DESC, message_id DESC LIMIT {MOST_EVENTS}
            )
        )
    )
    GROUP BY session
) {SETTINGS}
"""


def read_patterns(warehouse: Warehouse, person: Person, days: Sequence[Day], zone: ZoneInfo) -> dict[str, Any]:
    bound = {**person.bound, "since": days[0].start, "until": days[-1].end}
    halves = _read_halves(warehouse, person, days)
    whole = {name: sum(half[name] for half in halves.values()) for name in SUMS}
    ratings = whole["ratings"]
    (sessions,) = read_rows(warehouse, SESSIONS, {**bound, "question": QUESTION, "answer": ANSWER})
    return {
        "tz": zone.key,
        **_active([row["quarter"] for row in read_rows(warehouse, QUARTERS, bound)], zone),
        "topics": read_rows(warehouse, TOPICS, bound),
        **{name: whole[name] for name in ("questions", "answers", "answered")},
        "satisfaction": {
            "ratings": ratings,
            "mean": whole["rated"] / ratings if ratings else None,
            "positive": whole["positive"] / ratings if ratings else None,
        },
        "sessions": {
            "count": sessions["count"],
            "meanSeconds": sessions["mean_seconds"],
            "talks": sessions["talks"],
            "meanMessages": sessions["mean_messages"],
        },
        "trends": _trends(halves[1], halves[2]),
    }


def _read_halves(warehouse: Warehouse, person: Person, days: Sequence[Day]) -> dict[int, dict[str, Any]]:
    """1 is the earlier half, 2 the later one; of an odd number of days 0 is the first, which is in none."""
    half = len(days) // 2
    parameters = Parameters("said")
    sql = f"""
    SELECT half, count() AS events, countIf(is_question) AS questions, countIf(is_answer) AS answers,
           countIf(is_answered) AS answered, count(rate) AS ratings, ifNull(sum(rate), 0) AS rated,
           countIf(rate > 0.5) AS positive, uniqExactIf(talk, is_question AND talk != '') AS talks
    FROM ({_said_in(parameters)}) GROUP BY half {SETTINGS}
    """
    bound = {
        **person.bound,
        **parameters.values,
        **{"since": days[0].start, "until": days[-1].end},
        **{"earlier": days[-2 * half].start, "later": days[-half].start},
    }
    nothing = dict.fromkeys(SUMS, 0)
    found = {row["half"]: row for row in read_rows(warehouse, sql, bound)}
    return {number: found.get(number, nothing) for number in range(3)}


def _said_in(parameters: Parameters) -> str:
    """SQL of each event: in which half it is, and what it says."""
    question, answer, feedback = map(parameters.text, (QUESTION, ANSWER, FEEDBACK))
    rating, thumbs = _said("rating", parameters).number, _said("thumbs", parameters).text
    answered = _said("answered", parameters).boolean
    return f"""
    SELECT {place("occurred_at")} AS at, multiIf(at >= {{later:Int64}}, 2, at >= {{earlier:Int64}}, 1, 0) AS half,
           type = 'track' AND event = {question} AS is_question, type = 'track' AND event = {answer} AS is_answer,
           is_answer AND ifNull({answered}, true) AS is_answered, conversation_id AS talk,
           if(type = 'track' AND event = {feedback},
              multiIf(isNotNull({rating}), least(greatest({rating}, 0), 1),
                      {thumbs} = 'up', 1, {thumbs} = 'down', 0, NULL), NULL) AS rate
    FROM events WHERE {BY_USER} AND {IN_TIME}
    """


def _said(name: str, parameters: Parameters) -> JsonPath:
    return JsonPath("events.properties", "events.sent_properties", (name,), parameters)


def _active(quarters: Sequence[int], zone: ZoneInfo) -> dict[str, Any]:
    """When, by that zone's clocks."""
    hours, weekdays = [0] * 24, [0] * 7
    slots: dict[tuple[str, str], int] = {}
    for quarter in quarters:
        local = datetime.fromtimestamp(quarter * QUARTER / 1000, UTC).astimezone(zone)
        hours[local.hour] += 1
        weekdays[local.weekday()] += 1
        slot = "weekdays" if local.weekday() < 5 else "weekend", PARTS[local.hour // 6]
        slots[slot] = slots.get(slot, 0) + 1
    most = None
    if slots:
        (days, part), count = max(slots.items(), key=lambda item: (item[1], item[0]))
        most = {"days": days, "part": part, "share": count / len(quarters)}
    return {"mostActive": most, "hours": hours, "weekdays": weekdays}


def _trends(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    happened = before["events"] or now["events"]
    means = [half["rated"] / half["ratings"] if half["ratings"] else None for half in (before, now)]
    depths = [half["questions"] / half["talks"] if half["talks"] else None for half in (before, now)]
    return {
        "activity": _trend(before["events"], now["events"]) if happened else _trend(None, None),
        "satisfaction": _trend(means[0], means[1], apart=0.05),
        "complexity": _trend(depths[0], depths[1]),
    }


def _trend(before: float | None, now: float | None, apart: float | None = None) -> dict[str, Any]:
    """`apart` is the least difference that counts, a tenth of what was before unless it is given."""
    direction = None
    if before is not None and now is not None:
        least = before * 0.1 if apart is None else apart
        difference = round(now - before, 9)
        direction = "increasing" if difference > least else "decreasing" if -difference > least else "stable"
    return {"direction": direction, "before": before, "now": now}
