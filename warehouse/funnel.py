"""How far users come on a way of some events, one after the other and all within a time."""

from collections.abc import Sequence
from typing import Any

from ask0.warehouse.connect import Warehouse
from ask0.warehouse.insights import AT, DONE, SETTINGS, Period
from ask0.warehouse.moments import read_rows
from ask0.warehouse.parameters import Parameters

HOUR_MS = 3_600_000

# Of each step the latest beginning of a way that has come so far: an event goes on from where the step before was.
# Whatever begins later has more time left, so no other need be remembered.
FUNNEL = f"""
SELECT arrayCount(started -> started >= 0, ways) AS reached, count() AS users
FROM (
    SELECT arrayFold(
        (ways, done) -> arrayMap(
            (started, before, place, number) -> multiIf(
                place != done.2, started,
                number = 1, done.1,
                before >= 0 AND done.1 - before <= {{within:Int64}}, greatest(started, before),
                started
            ),
            ways, arrayPushFront(arrayPopBack(ways), toInt64(-1)), {{places:Array(UInt8)}}, {{numbers:Array(UInt8)}}
        ),
        arraySort(groupArray((at, place))), arrayMap(place -> toInt64(-1), {{places:Array(UInt8)}})
    ) AS ways
    FROM (
        SELECT user_id, {AT} AS at, toUInt8(indexOf({{names}}, event)) AS place FROM events
        WHERE {DONE} AND type IN ('track', 'page', 'screen') AND event IN {{names}}
    )
    GROUP BY user_id
)
GROUP BY reached {SETTINGS}
"""


def read_funnel(
    warehouse: Warehouse, project_id: str, period: Period, steps: Sequence[str], hours: int
) -> dict[str, Any]:
    """As `schemas.insights.Funnel`, without its times."""
    parameters = Parameters("funnel")
    places = [steps.index(step) + 1 for step in steps]  # a name may stand twice
    sql = FUNNEL.replace("{names}", parameters.texts(steps))
    bound = {
        **{"project": project_id, "since": period.now.start, "until": period.now.end, "within": hours * HOUR_MS},
        **{"places": places, "numbers": list(range(1, len(steps) + 1))},
        **parameters.values,
    }
    reached = {row["reached"]: row["users"] for row in read_rows(warehouse, sql, bound)}
    came = [sum(users for step, users in reached.items() if step > number) for number in range(len(steps))]
    return {"hours": hours, "steps": [_step(step, number, came) for number, step in enumerate(steps)]}


def _step(event: str, number: int, came: Sequence[int]) -> dict[str, Any]:
    users, first = came[number], came[0]
    before = came[number - 1] if number else 0
    return {
        "event": event,
        "users": users,
        "share": users / first if first else None,
        "ofPrevious": users / before if before else None,
    }
