"""What a project's conversations are about: how many of each topic, how satisfied, how much is unanswered."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ask0.warehouse.connect import Warehouse
from ask0.warehouse.insight_metrics import CONVERSATIONS
from ask0.warehouse.insights import SETTINGS, Measure, Period, compare
from ask0.warehouse.moments import read_rows

Sort = Literal["conversations", "questions", "unanswered", "satisfaction"]

# Only those that are met in the period itself are told: the others were asked about before.
OF_TOPICS = f"""
SELECT ifNull(topic, '') AS name, roundDown(at, {{cuts:Array(Int64)}}) AS cut, count() AS talks,
       sum(questions) AS asked, sum(greatest(questions - answered, 0)) AS unanswered,
       count(satisfaction) AS rated, ifNull(sum(satisfaction), 0) AS ratings,
       ifNull(sum(satisfaction * satisfaction), 0) AS squares
FROM ({CONVERSATIONS}) GROUP BY name, cut
"""
TOPICS = f"""
SELECT name, count() OVER () AS topics,
       sumIf(talks, cut = {{now:Int64}}) AS talks_now, sumIf(asked, cut = {{now:Int64}}) AS asked_now,
       sumIf(unanswered, cut = {{now:Int64}}) AS unanswered_now,
       sumIf(ratings, cut = {{now:Int64}}) / nullIf(sumIf(rated, cut = {{now:Int64}}), 0) AS mean_now,
       groupArray((cut, talks, asked, unanswered, rated, ratings, squares)) AS sums
FROM ({OF_TOPICS}) WHERE name != '' GROUP BY name HAVING talks_now > 0
ORDER BY {{order}}, talks_now DESC, name LIMIT {{limit:UInt32}} {SETTINGS}
"""
ORDERS: Mapping[Sort, str] = {
    "conversations": "talks_now DESC",
    "questions": "asked_now DESC",
    "unanswered": "unanswered_now DESC",
    "satisfaction": "mean_now ASC NULLS LAST",
}
WHOLE = f"""
SELECT count() AS talks, countIf(ifNull(topic, '') = '') AS without FROM ({CONVERSATIONS}) {SETTINGS}
"""


def read_topics(warehouse: Warehouse, project_id: str, period: Period, sort: Sort, limit: int) -> dict[str, Any]:
    """As `schemas.insights.Topics`, without its times."""
    cuts = period.cuts
    bound = {"project": project_id, "cuts": cuts, "now": period.now.start, "limit": limit, **period.bound}
    rows = read_rows(warehouse, TOPICS.replace("{order}", ORDERS[sort]), bound)
    (whole,) = read_rows(warehouse, WHOLE, {"project": project_id, "since": period.now.start, "until": period.now.end})
    return {
        "topics": [_topic_of(row["name"], row["sums"], period) for row in rows],
        "conversations": whole["talks"],
        "withoutTopic": whole["without"],
        "count": rows[0]["topics"] if rows else 0,
    }


def _topic_of(name: str, sums: Sequence[Sequence[Any]], period: Period) -> dict[str, Any]:
    of_cut = {cut: rest for cut, *rest in sums}
    nothing = [0] * 6
    before, now = (of_cut.get(cut, nothing) for cut in (period.before.start, period.now.start))
    return {
        "topic": name,
        "conversations": compare("count", Measure(before[0]), Measure(now[0])),
        "questions": compare("count", Measure(before[1]), Measure(now[1])),
        "unansweredShare": compare("share", Measure(*before[1:3]), Measure(*now[1:3])),
        "satisfaction": compare("mean", Measure(*before[3:]), Measure(*now[3:])),
    }
