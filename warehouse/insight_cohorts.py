"""Who signed up in a month: how many of them came again in each month after it, talk, and pay by now."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from ask0.schemas.segments import UNPAID
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.insight_retention import PLACE, Calendar, active_of, stayed
from ask0.warehouse.insights import SETTINGS, said
from ask0.warehouse.moments import place, read_rows
from ask0.warehouse.parameters import Parameters
from ask0.warehouse.traits import COLUMNS
from ask0.warehouse.user_events import midnights
from ask0.warehouse.user_history import SAID_AT

# A guest has not signed up. Whoever was merged away, or was a guest before, is one with who they are now.
SIGNED_UP = f"""
SELECT id, {place(COLUMNS["createdAt"].format(row="user_rows"))} AS at, conversations, ifNull(plan, '') AS plan
FROM user_rows FINAL
WHERE project_id = {{project:String}} AND merged_into = '' AND status != 'Guest'
  AND at >= {{since:Int64}} AND at < {{until:Int64}}
"""
SIZES = f"""
SELECT {PLACE} AS cohort, count() AS users, sum(conversations) AS talks FROM ({SIGNED_UP}) GROUP BY cohort {SETTINGS}
"""
ACTIVE = active_of(SIGNED_UP)
UNPAID_PLANS = ", ".join(f"'{plan}'" for plan in ("", *UNPAID))
PAYING = f"SELECT id, at, plan FROM ({SIGNED_UP}) WHERE plan NOT IN ({UNPAID_PLANS})"
# As consumers/tables/snapshots.py makes a plan of what was said.
PLAN = """
multiIf(JSONType(changed.json) = 'String', JSONExtractString(changed.json),
        JSONType(changed.json) = 'Object', JSONExtractString(changed.json, 'name'),
        JSONType(changed.json) = 'Null', '', changed.json)
"""
# A change stays under the id that it was made of: of a guest, who has become a user, who was merged into another.
BECAME = """
SELECT id, merged_into AS into FROM user_rows FINAL WHERE project_id = {project:String} AND merged_into != ''
"""
CHANGED = f"""
SELECT multiIf(then.into != '', then.into, next.into != '', next.into, changed.user_id) AS id, changed.at AS at,
       {PLAN.strip()} AS said
FROM (
    SELECT user_id, {place("at")} AS at, traits['plan'] AS json FROM user_changes
    WHERE project_id = {{project:String}} AND mapContains(traits, 'plan')
) AS changed
LEFT JOIN ({BECAME}) AS next ON changed.user_id = next.id
LEFT JOIN ({BECAME}) AS then ON next.into = then.id
"""


def months_of(now: datetime, months: int, zone: ZoneInfo, last: date | None = None) -> Calendar:
    """Up to and with the month of `last`, which is today unless it is given; up to `now` at most."""
    today = last or now.astimezone(zone).date()
    number = today.year * 12 + today.month - 1  # of months
    days = [date(one // 12, one % 12 + 1, 1) for one in range(number - months + 1, number + 2)]
    *starts, end = midnights(days, zone)
    return Calendar(days[:-1], starts, min(end, int(now.timestamp() * 1000)), zone)


def read_cohorts(warehouse: Warehouse, project_id: str, months: Calendar) -> dict[str, Any]:
    """As `schemas.insights.Cohorts`, without its times."""
    parameters = Parameters("plan")
    bound = {"project": project_id, **months.bound}
    sizes = {row["cohort"]: row for row in read_rows(warehouse, SIZES, bound)}
    active = {(row["cohort"], row["span"]): row["users"] for row in read_rows(warehouse, ACTIVE, bound)}
    upgraded = {
        row["cohort"]: row["users"] for row in read_rows(warehouse, _upgraded(parameters), bound | parameters.values)
    }
    cohorts = []
    for number, day in enumerate(months.days):
        size = sizes.get(number, {"users": 0, "talks": 0})
        users, moved = size["users"], upgraded.get(number, 0)
        cohorts.append(
            {
                "month": f"{day:%Y-%m}",
                **stayed(number, len(months.days), users, active),
                "conversations": size["talks"] / users if users else None,
                "upgraded": moved,
                "upgradeRate": moved / users if users else None,
            }
        )
    return {"cohorts": cohorts}


def _upgraded(parameters: Parameters) -> str:
    """SQL of who pays now, and whose first plan was another one."""
    plan = said("plan", parameters)
    values = plan.text, plan.part("name").text, f"toString({plan.number})", f"toString({plan.boolean})"
    identified = f"""
    SELECT user_id AS id, {place(SAID_AT)} AS at, coalesce({", ".join(values)}, '') AS said FROM events
    WHERE project_id = {{project:String}} AND type = 'identify' AND NOT has(ignored, 'plan')
    """
    # A join of all who pay with all that was said would need far more memory.
    return f"""
    SELECT cohort, count() AS users
    FROM (
        SELECT toInt16(max(came)) - 1 AS cohort, max(now) AS plan, minIf((at, said), said != '').2 AS first
        FROM (
            SELECT cityHash64(id) AS who, toUInt8({PLACE} + 1) AS came, plan AS now, at, '' AS said FROM ({PAYING})
            UNION ALL
            SELECT cityHash64(id) AS who, toUInt8(0) AS came, '' AS now, at, said
            FROM ({identified} UNION ALL {CHANGED}) WHERE said != ''
        )
        GROUP BY who HAVING cohort >= 0 AND first != '' AND first != plan
    )
    GROUP BY cohort {SETTINGS}
    """
