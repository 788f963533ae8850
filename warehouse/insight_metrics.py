"""The metrics of a project: counts, shares and means of some days, all at once or a number for each day."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

from ask0.schemas.conversations import ANSWER, FEEDBACK, QUESTION
from ask0.schemas.insights import METRICS, Metric
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.insights import AT, DONE, SETTINGS, Kind, Measure, Period, compare, rating_in, said
from ask0.warehouse.moments import place, read_rows
from ask0.warehouse.parameters import Parameters

Source = Literal["events", "said", "conversations", "people"]
SOURCES: tuple[Source, ...] = get_args(Source)


class Measured(NamedTuple):
    """How a metric is made: SQL over the rows of a source. `total` is of a share how many of `number` are meant, of
    a mean the value of one row, NULL where it has none."""

    source: Source
    kind: Kind
    number: str = ""
    total: str = ""


# People by a hash of 64 bits, in a third of the time: it takes two of a million for one in one of 30 million projects.
MADE: Mapping[Metric, Measured] = {
    "users": Measured("people", "count", "count()"),
    "newUsers": Measured("people", "count", "count()"),
    "activeUsers": Measured("events", "count", "uniqExact(cityHash64(user_id))"),
    "events": Measured("events", "count", "count()"),
    "conversations": Measured("conversations", "count", "count()"),
    "questions": Measured("events", "count", "countIf(is_question)"),
    "answers": Measured("events", "count", "countIf(is_answer)"),
    "answeredShare": Measured("conversations", "share", "sum(questions)", "sum(least(answered, questions))"),
    "satisfaction": Measured("said", "mean", total="rate"),
    "questionLength": Measured("said", "mean", total="characters"),
    "messagesPerConversation": Measured("conversations", "mean", total="nullIf(questions + answers, 0)"),
}
PEOPLE = f"""
SELECT id, {place("first_seen_at")} AS at FROM user_rows FINAL
WHERE project_id = {{project:String}} AND merged_into = '' AND at >= {{since:Int64}} AND at < {{until:Int64}}
"""
# FINAL looks at `started_at` of the newest version, as it stands in no key.
CONVERSATIONS = f"""
SELECT {place("started_at")} AS at, toInt64(conversation_rows.questions) AS questions,
       toInt64(conversation_rows.answers) AS answers, toInt64(conversation_rows.answered) AS answered,
       topic, satisfaction
FROM conversation_rows FINAL
WHERE project_id = {{project:String}} AND status != 'deleted' AND at >= {{since:Int64}} AND at < {{until:Int64}}
"""


def read_overview(warehouse: Warehouse, project_id: str, period: Period) -> dict[str, Any]:
    """As `schemas.insights.Overview`, without its times."""
    found = _read(warehouse, project_id, [name for name in METRICS if name != "users"], period.cuts, period)
    before, _, now = _by_cut(found, period.cuts)
    # Who was met before a time is a user at that time.
    until = _known(warehouse, project_id, [period.before.end, period.now.end])
    before["users"], now["users"] = (Measure(count) for count in until)
    return {name: compare(MADE[name].kind, before[name], now[name]) for name in METRICS}


def read_trend(warehouse: Warehouse, project_id: str, period: Period, metric: Metric) -> dict[str, Any]:
    """As `schemas.insights.MetricTrend`, without its times."""
    kind, starts = MADE[metric].kind, [day.start for day in period.days]
    if metric == "users":
        ends = [min(day.end, period.now.end) for day in period.days]
        *of_days, before, now = (
            Measure(count) for count in _known(warehouse, project_id, [*ends, period.before.end, period.now.end])
        )
    else:
        cuts = [period.before.start, period.before.end, *starts]
        found = [one[metric] for one in _by_cut(_read(warehouse, project_id, [metric], cuts, period), cuts)]
        before, of_days = found[0], found[2:]
        if metric == "activeUsers":  # who came on several days is one
            whole = _read(warehouse, project_id, [metric], [period.now.start], period)
            now = _by_cut(whole, [period.now.start])[0][metric]
        else:
            now = Measure(*map(sum, zip(*of_days, strict=True)))
    values = [
        {"day": day.date.isoformat(), "value": measure.value(kind), "count": int(measure.number)}
        for day, measure in zip(period.days, of_days, strict=True)
    ]
    return {"metric": metric, "kind": kind, **compare(kind, before, now), "values": values}


def _known(warehouse: Warehouse, project_id: str, times: Sequence[int]) -> list[int]:
    """How many had been met before each time."""
    order = sorted({0, *times})
    bound = {"project": project_id, "since": 0, "until": order[-1], "cuts": order}
    sql = (
        f"SELECT roundDown(at, {{cuts:Array(Int64)}}) AS cut, count() AS people FROM ({PEOPLE}) GROUP BY cut {SETTINGS}"
    )
    met = {row["cut"]: row["people"] for row in read_rows(warehouse, sql, bound)}
    return [sum(count for cut, count in met.items() if cut < time) for time in times]


def _by_cut(found: Mapping[int, Mapping[Metric, Measure]], cuts: Sequence[int]) -> list[dict[Metric, Measure]]:
    nothing = dict.fromkeys(METRICS, Measure())
    return [{**nothing, **found.get(cut, {})} for cut in cuts]


def _read(
    warehouse: Warehouse, project_id: str, metrics: Collection[Metric], cuts: Sequence[int], period: Period
) -> dict[int, dict[Metric, Measure]]:
    """By the cut that it comes after, up to the end of the period."""
    found: dict[int, dict[Metric, Measure]] = {}
    for source in SOURCES:
        of_source = [name for name in metrics if MADE[name].source == source]
        if not of_source:
            continue
        parameters = Parameters("said")
        sql = f"""
        SELECT roundDown(at, {{cuts:Array(Int64)}}) AS cut, {", ".join(map(_sums_of, of_source))}
        FROM ({_rows_of(source, of_source, parameters)}) GROUP BY cut {SETTINGS}
        """
        bound = {"project": project_id, "since": cuts[0], "until": period.now.end, "cuts": list(cuts)}
        for row in read_rows(warehouse, sql, {**bound, **parameters.values}):
            of_cut = found.setdefault(row["cut"], {})
            of_cut |= {name: Measure(*row[name]) for name in of_source}
    return found


def _sums_of(metric: Metric) -> str:
    made = MADE[metric]
    if made.kind == "mean":
        value = f"toFloat64({made.total})"
        sums = f"count({made.total}), ifNull(sum({value}), 0), ifNull(sum({value} * {value}), 0)"
    else:
        sums = f"{made.number}, {made.total or 0}, 0"
    return f"[{sums}]::Array(Float64) AS {metric}"


def _rows_of(source: Source, metrics: Collection[Metric], parameters: Parameters) -> str:
    if source == "people":
        return PEOPLE
    if source == "conversations":
        return CONVERSATIONS
    question, answer, feedback = map(parameters.text, (QUESTION, ANSWER, FEEDBACK))
    if source == "events":
        is_track = "type = 'track' AND event ="
        kinds = f"{is_track} {question} AS is_question, {is_track} {answer} AS is_answer"
        return f"SELECT {AT} AS at, user_id, {kinds} FROM events WHERE {DONE}"
    made = {"satisfaction": (feedback, rating_in(parameters), "rate")}
    made["questionLength"] = question, f"lengthUTF8({said('text', parameters).text})", "characters"
    chosen = [made[metric] for metric in metrics]
    columns = ", ".join(f"if(event = {name}, {value}, NULL) AS {alias}" for name, value, alias in chosen)
    names = ", ".join(name for name, _, _ in chosen)
    return f"SELECT {AT} AS at, {columns} FROM events WHERE {DONE} AND type = 'track' AND event IN ({names})"
