"""Who was merged into whom, of one family, and the guests of some of its users."""

from collections.abc import Collection, Sequence

from ask0.schemas.ids import guest_id
from ask0.warehouse.connect import PARAMETER_CHARACTERS, Warehouse

SECONDS = 5
MOST_GUESTS = 5_000
AT_ONCE = PARAMETER_CHARACTERS // 1_024  # ids of 255 characters, each of which may take two in a parameter

STANDING = f"""
SELECT id, argMax(into, at) AS survivor FROM user_merges
WHERE project_id = {{project:String}} AND id IN {{ids:Array(String)}} AND id = from_id
GROUP BY id HAVING survivor != '' SETTINGS max_execution_time = {SECONDS}
"""
# Of the facts, which no merge has touched.
GUESTS = f"""
SELECT DISTINCT arrayJoin(anonymous_ids) AS sent FROM user_facts
WHERE project_id = {{project:String}} AND user_id IN {{ids:Array(String)}}
LIMIT {MOST_GUESTS} SETTINGS max_execution_time = {SECONDS}
"""


def read_merges(warehouse: Warehouse, project_id: str, ids: Sequence[str]) -> dict[str, str]:
    """Into whom each was merged, of those who were and where it was not undone."""
    found: dict[str, str] = {}
    for start in range(0, len(ids), AT_ONCE):
        found |= dict(warehouse.query(STANDING, {"project": project_id, "ids": list(ids[start : start + AT_ONCE])}))
    return found


def read_guests(warehouse: Warehouse, project_id: str, ids: Sequence[str]) -> list[str]:
    """The ids of the guests that these users were, each without those of who was merged into them."""
    found: list[str] = []
    for start in range(0, len(ids), AT_ONCE):
        rows = warehouse.query(GUESTS, {"project": project_id, "ids": list(ids[start : start + AT_ONCE])})
        found += (guest_id(sent) for (sent,) in rows)
    return found


def below(merges: dict[str, str], top: str) -> list[str]:
    """The user, and everyone who was merged into them, directly or not."""
    found = [top]
    for id in found:
        found += (one for one, into in merges.items() if into == id and one not in found)
    return found


def height(merges: dict[str, str], top: str) -> int:
    """How many merges lead to the user, one after the other."""
    level: Collection[str] = {top}
    for steps in range(len(merges) + 1):
        level = {one for one, into in merges.items() if into in level}
        if not level:
            return steps
    return len(merges)
