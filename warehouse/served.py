"""Which messages a user was shown and which configs they were served: one row of all events that name the same."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import orjson

from ask0.schemas import served
from ask0.schemas.conversations import SURVEY
from ask0.schemas.events import MAX_ID_CHARS, write_time
from ask0.warehouse import bounded_pages
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.moments import ALWAYS, SETTINGS, Moment, Page, place, read_rows
from ask0.warehouse.parameters import Parameters
from ask0.warehouse.traits import JsonPath
from ask0.warehouse.user_events import OF_USER
from ask0.warehouse.whose import Person

EXPORTED_AT_ONCE = 20  # each may have ten answers of some kilobytes

Row = dict[str, Any]

_said = Parameters("served")


def _sent(name: str) -> JsonPath:
    return JsonPath("events.properties", "events.sent_properties", (name,), _said)


def _cut(name: str, characters: int = served.MAX_TEXT_CHARACTERS) -> str:
    """SQL of a text; empty where there is none."""
    return f"substringUTF8(ifNull({_sent(name).text}, ''), 1, {characters})"


def _id(*names: str) -> str:
    """SQL of the first of them that is an id: a text, or a number as it is written."""
    found = []
    for name in names:
        sent = _sent(name)
        text = f"coalesce({sent.text}, if(isNotNull({sent.number}), {sent.json}, NULL), '')"
        found.append(f"if(lengthUTF8({text} AS text_{name}) BETWEEN 1 AND {MAX_ID_CHARS}, text_{name}, NULL)")
    return f"coalesce({', '.join(found)}, '')"


def _value(name: str) -> str:
    """SQL of the JSON of any value that is not too large; a text is cut."""
    sent, most = _sent(name), served.MAX_TEXT_CHARACTERS
    json = f"ifNull({sent.json}, 'null') AS json_{name}"
    other = f"if(length({json}) <= {served.MAX_VALUE_BYTES}, json_{name}, 'null')"
    return f"if(isNotNull({sent.text}), toJSONString(substringUTF8({sent.text}, 1, {most})), {other})"


# What was received later is not in it, and of nobody else but the user, who has their guests' events too.
TAKEN = f"{OF_USER} AND type = 'track' AND {place('received_at')} <= {{until:Int64}}"
MESSAGE = f"if(event = '{SURVEY}', {_id(*served.MESSAGE_IDS)}, {_id(*served.MESSAGE_IDS[:-1])})"
OF_MESSAGES = ", ".join(f"'{event}'" for event in served.OF_MESSAGES)
MESSAGE_EVENTS = f"FROM events WHERE {TAKEN} AND event IN ({OF_MESSAGES})"
CONFIG_EVENTS = f"FROM events WHERE {TAKEN} AND event = '{served.CONFIG_SERVED}'"
CONFIG = _id(*served.CONFIG_KEYS)


class Order(NamedTuple):
    """`after` is what comes after the bound place."""

    after: str
    by: str
    settings: str


NEWEST_FIRST = Order("(last, named) < ({after_at:Int64}, {after_id:String})", "last DESC, named DESC", SETTINGS)
BY_ID = Order("named > {after_id:String}", "named", bounded_pages.SETTINGS)  # which stands still, whatever comes in


def _page(named: str, events: str, order: Order) -> str:
    """SQL of the ids on a page: nothing is read but what names the message or config."""
    return f"""
    SELECT named FROM (
        SELECT named, max(at) AS last FROM (SELECT {named} AS named, {place("occurred_at")} AS at {events})
        WHERE named != '' GROUP BY named
    )
    WHERE {order.after} ORDER BY {order.by} LIMIT {{limit:UInt32}}
    """


def _messages(order: Order) -> str:
    answer = f"(-at, message_id, {_value('answer')}, {_sent('nps').number}, {_cut('comment')})"
    return f"""
    SELECT named, max(at) AS last, argMaxIf(sent_name, (at, message_id), sent_name != '') AS name,
           countIf(event = '{served.SHOWN}') AS shown,
           minOrNullIf(occurred_at, event = '{served.SHOWN}') AS first_shown,
           maxOrNullIf(occurred_at, event = '{served.SHOWN}') AS last_shown,
           countIf(event = '{served.CLICKED}') AS clicked,
           maxOrNullIf(occurred_at, event = '{served.CLICKED}') AS last_clicked,
           countIf(event = '{served.DISMISSED}') AS dismissed,
           maxOrNullIf(occurred_at, event = '{served.DISMISSED}') AS last_dismissed,
           countIf(event = '{SURVEY}') AS answered,
           groupArraySortedIf({served.MAX_ANSWERS})(answer, event = '{SURVEY}') AS answers
    FROM (
        SELECT {MESSAGE} AS named, event, message_id, occurred_at, {place("occurred_at")} AS at,
               {_cut("name", MAX_ID_CHARS)} AS sent_name, {answer} AS answer
        {MESSAGE_EVENTS}
    )
    WHERE named IN ({_page(MESSAGE, MESSAGE_EVENTS, order)})
    GROUP BY named ORDER BY {order.by} {order.settings}
    """


def _configs(order: Order) -> str:
    return f"""
    SELECT named, max(at) AS last, argMax(sent_variation, (at, message_id)) AS variation,
           argMax(sent_reason, (at, message_id)) AS reason, maxIf(occurred_at, sent_variation != before) AS since,
           min(occurred_at) AS first_served, max(occurred_at) AS last_served, count() AS served
    FROM (
        SELECT *, lagInFrame(sent_variation, 1, '') OVER (
            PARTITION BY named ORDER BY at, message_id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before
        FROM (
            SELECT {CONFIG} AS named, message_id, occurred_at, {place("occurred_at")} AS at,
                   {_value("variation")} AS sent_variation, {_cut("reason")} AS sent_reason
            {CONFIG_EVENTS}
        )
        WHERE named IN ({_page(CONFIG, CONFIG_EVENTS, order)})
    )
    GROUP BY named ORDER BY {order.by} {order.settings}
    """


MESSAGES, CONFIGS = _messages(NEWEST_FIRST), _configs(NEWEST_FIRST)
EVERY_MESSAGE, EVERY_CONFIG = _messages(BY_ID), _configs(BY_ID)


def read_messages(warehouse: Warehouse, person: Person, after: Moment, limit: int) -> Page:
    """The one of the newest event first."""
    return _newest(warehouse, MESSAGES, show_message, person, after, limit)


def read_configs(warehouse: Warehouse, person: Person, after: Moment, limit: int) -> Page:
    """The one that was served last first."""
    return _newest(warehouse, CONFIGS, show_config, person, after, limit)


def every_message(warehouse: Warehouse, person: Person, until: int) -> Iterator[list[Row]]:
    """By id. `until`, epoch ms: what was received later is not in it."""
    return _walk(warehouse, EVERY_MESSAGE, show_message, person, until)


def every_config(warehouse: Warehouse, person: Person, until: int) -> Iterator[list[Row]]:
    """By key, likewise."""
    return _walk(warehouse, EVERY_CONFIG, show_config, person, until)


def _newest(
    warehouse: Warehouse, sql: str, show: Callable[[Row], Row], person: Person, after: Moment, limit: int
) -> Page:
    bound = {**_said.values, **person.bound, **after.bound, "until": ALWAYS, "limit": limit + 1}
    found = read_rows(warehouse, sql, bound)
    page = found[:limit]
    last = Moment(page[-1]["last"], page[-1]["named"]) if len(found) > limit else None
    return Page([show(row) for row in page], last)


def _walk(
    warehouse: Warehouse, sql: str, show: Callable[[Row], Row], person: Person, until: int
) -> Iterator[list[Row]]:
    after = ""
    bound = {**_said.values, **person.bound, "until": until, "limit": EXPORTED_AT_ONCE}
    while rows := bounded_pages.read_patiently(warehouse, sql, {**bound, "after_id": after}):
        yield [show(row) for row in rows]
        after = rows[-1]["named"]


def show_message(row: Row) -> Row:
    return {
        "id": row["named"],
        "name": row["name"] or None,
        "shown": row["shown"],
        "firstShownAt": row["first_shown"],
        "lastShownAt": row["last_shown"],
        "clicked": row["clicked"],
        "clickedAt": row["last_clicked"],
        "dismissed": row["dismissed"],
        "dismissedAt": row["last_dismissed"],
        "answered": row["answered"],
        "answers": [_answer(*answer) for answer in row["answers"]],
    }


def _answer(before: int, message_id: str, answer: str, nps: float | None, comment: str) -> Row:
    """`before` is the time, epoch ms, with a minus: the smallest is the newest."""
    return {
        "at": write_time(-before),
        "answer": orjson.loads(answer),
        "nps": nps,
        "comment": comment or None,
        "messageId": message_id,
    }


def show_config(row: Row) -> Row:
    return {
        "key": row["named"],
        "variation": orjson.loads(row["variation"]),
        "reason": row["reason"] or None,
        "since": row["since"],
        "firstServedAt": row["first_served"],
        "lastServedAt": row["last_served"],
        "served": row["served"],
    }
