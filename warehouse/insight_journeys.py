"""Which ways people go: what they do first, what next, and how many go each way. Each user has one way."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ask0.schemas.conversations import UNDERSTOOD
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.insights import AT, DONE, SETTINGS, Period
from ask0.warehouse.moments import read_rows
from ask0.warehouse.parameters import Parameters

# An event is a number: its name's in the last bits, before them its time. So an array of them is sorted as it is, and a
# way of six steps is a number too.
BITS = 10
OTHER = (1 << BITS) - 1  # the last of all
MOST_EVENTS = 0xFFFFFF  # of a user: as many as an array takes
MOST_NAMES = 1_000  # those that happen most; all others are OTHER

IS_STEP = f"{DONE} AND type IN ('track', 'page', 'screen')"
# Numbers from 1: of events at the same millisecond those of a conversation come first, as it goes, then by name.
NAMES = f"""
SELECT arraySort(name -> (indexOf({{understood}}, name) = 0, indexOf({{understood}}, name), name), groupArray(name))
FROM (
    SELECT if(event = '', type, event) AS name FROM (
        SELECT toString(event) AS event, toString(type) AS type, count() AS times FROM events WHERE {IS_STEP}
        GROUP BY event, type
    ) GROUP BY name ORDER BY name = {{start}} DESC, sum(times) DESC, name LIMIT {MOST_NAMES}
)
"""
NUMBER = f"transform({{name}}, names, arrayEnumerate(names), {OTHER})"
EVENTS = f"""
SELECT cityHash64(user_id) AS who, bitOr(bitShiftLeft(toUInt64({AT} - {{since:Int64}}), {BITS}),
       toUInt64(if(event = '', {NUMBER.format(name="type")}, {NUMBER.format(name="event")}))) AS done
FROM events WHERE {IS_STEP}
"""
WAYS = f"""
SELECT arraySum((step, place) -> bitShiftLeft(step, {BITS} * (place - 1)), steps, arrayEnumerate(steps)) AS way,
       count() AS users
FROM (
    SELECT arrayCompact(arrayMap(one -> bitAnd(one, {OTHER}), groupArraySorted({MOST_EVENTS})(done))) AS whole,
           {{from}} AS first, arraySlice(whole, first, {{depth:UInt8}}) AS steps
    FROM ({EVENTS}) GROUP BY who HAVING first > 0
)
GROUP BY way
"""
# `before` is 0 where the way begins. Of each step those with most users stay, and all else is OTHER.
STEPS = f"""
SELECT step, before, bitAnd(bitShiftRight(way, {BITS} * (step - 1)), {OTHER}) AS event, sum(users) AS users
FROM (
    SELECT way, users, arrayJoin(range(1, {{depth:UInt8}} + 1)) AS step,
           if(step = 1, 0, bitAnd(bitShiftRight(way, {BITS} * (greatest(step, 2) - 2)), {OTHER})) AS before
    FROM ({WAYS})
)
WHERE event != 0 GROUP BY step, before, event
"""
JOURNEYS = f"""
WITH ({NAMES}) AS names
SELECT step, before, names[before] AS before_name, if(rank <= {{limit:UInt8}}, event, {OTHER}) AS shown,
       names[shown] AS name, sum(users) AS users
FROM (
    SELECT *, dense_rank() OVER (PARTITION BY step ORDER BY event = {OTHER}, total DESC, event) AS rank
    FROM (SELECT *, sum(users) OVER (PARTITION BY step, event) AS total FROM ({STEPS}))
)
GROUP BY step, before, shown {SETTINGS}
"""


class Node(NamedTuple):
    step: int
    event: str | None  # None of all others


class Link(NamedTuple):
    before: Node
    after: Node


def read_journeys(
    warehouse: Warehouse, project_id: str, period: Period, start: str | None, depth: int, limit: int
) -> dict[str, Any]:
    """As `schemas.insights.Journeys`, without its times."""
    parameters = Parameters("way")
    from_first = "1" if start is None else f"indexOf(whole, indexOf(names, {parameters.text(start)}))"
    sql = JOURNEYS.replace("{from}", from_first).replace("{start}", parameters.text(start or ""))
    sql = sql.replace("{understood}", parameters.texts(UNDERSTOOD))
    bound = {
        **{"project": project_id, "since": period.now.start, "until": period.now.end},
        **{"depth": depth, "limit": limit, **parameters.values},
    }
    nodes, links = _add_up(read_rows(warehouse, sql, bound))
    return {
        **{"start": start, "depth": depth},
        "users": sum(users for node, users in nodes.items() if node.step == 1),
        "nodes": _nodes(nodes, links),
        "links": [
            {"step": link.before.step, "from": link.before.event, "to": link.after.event, "users": users}
            for link, users in sorted(links.items(), key=lambda one: (one[0].before.step, -one[1], _order(one[0])))
        ],
    }


def _add_up(rows: Sequence[Mapping[str, Any]]) -> tuple[Counter[Node], Counter[Link]]:
    nodes, links = Counter[Node](), Counter[Link]()
    for row in rows:
        nodes[Node(row["step"], row["name"] or None)] += row["users"]
    for row in rows:
        if row["before"]:
            before = Node(row["step"] - 1, row["before_name"] or None)
            link = Link(
                before if before in nodes else before._replace(event=None), Node(row["step"], row["name"] or None)
            )
            links[link] += row["users"]
    return nodes, links


def _nodes(nodes: Counter[Node], links: Counter[Link]) -> list[dict[str, Any]]:
    went_on = Counter[Node]()
    for link, users in links.items():
        went_on[link.before] += users
    order = sorted(nodes, key=lambda node: (node.step, node.event is None, -nodes[node], node.event or ""))
    return [
        {"step": node.step, "event": node.event, "users": nodes[node], "ended": nodes[node] - went_on[node]}
        for node in order
    ]


def _order(link: Link) -> tuple[str, str]:
    return link.before.event or "", link.after.event or ""
