"""How everybody of a project stands now: by status, and by what they last said of recommending it."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import orjson

from ask0.warehouse.connect import PARAMETER_CHARACTERS, Warehouse
from ask0.warehouse.insights import SETTINGS
from ask0.warehouse.moments import read_rows
from ask0.warehouse.parameters import SPARE_CHARACTERS

# As the filters of the lists have it: whoever is deactivated is nothing else.
STATUSES = """
countIf(status = 'Active') AS active, countIf(status = 'Guest') AS guest, countIf(status = 'Unconfirmed') AS unconfirmed
"""
WHOSE = "FROM user_rows FINAL WHERE project_id = {project:String} AND merged_into = ''"
# Windows that end now: whoever was met within them was last met within them. As the filter `inLast` has it.
LATELY = ", ".join(
    f"countIf(last_active_at > now64(3) - toIntervalHour({24 * days})) AS {name}"
    for name, days in (("day", 1), ("week", 7), ("month", 30))
)
# As the segments Promoters, Passives and Detractors.
STANDING = f"""
SELECT {STATUSES}, {LATELY},
    countIf(nps >= 9) AS promoters, countIf(nps IN (7, 8)) AS passives, countIf(nps <= 6) AS detractors
{WHOSE} {SETTINGS}
"""
OF_SOME = f"SELECT {STATUSES} {WHOSE} AND id IN JSONExtract({{ids:String}}, 'Array(String)') {SETTINGS}"


def read_standing(warehouse: Warehouse, project_id: str, deactivated: Collection[str]) -> dict[str, Any]:
    """`statuses`, `lately` and `nps` of `schemas.insights.Overview`."""
    (row,) = read_rows(warehouse, STANDING, {"project": project_id})
    names = ("active", "guest", "unconfirmed")
    statuses = {name: row[name] for name in names} | {"deactivated": 0}
    for ids in _pages(sorted(deactivated)):
        (some,) = read_rows(warehouse, OF_SOME, {"project": project_id, "ids": orjson.dumps(ids).decode()})
        for name in names:
            statuses[name] -= some[name]
            statuses["deactivated"] += some[name]
    promoters, passives, detractors = row["promoters"], row["passives"], row["detractors"]
    answered = promoters + passives + detractors
    score = 100 * (promoters - detractors) / answered if answered else None
    nps = {"promoters": promoters, "passives": passives, "detractors": detractors, "score": score}
    lately = {name: row[name] for name in ("day", "week", "month")}
    return {"statuses": statuses, "lately": lately, "nps": nps}


def _pages(ids: Sequence[str]) -> Iterator[list[str]]:
    """As many at once as fit into a parameter."""
    page: list[str] = []
    characters = 0
    for id in ids:
        size = len(orjson.dumps(id)) + 1
        if page and characters + size > PARAMETER_CHARACTERS - SPARE_CHARACTERS:
            yield page
            page, characters = [], 0
        page.append(id)
        characters += size
    if page:
        yield page
