"""Whose id an id is: of a guest who has become a user, or of a user merged into another, the one who is left."""

from typing import NamedTuple

from ask0.schemas.events import MAX_ID_CHARS
from ask0.warehouse.connect import Warehouse

SECONDS = 5
MOST_STEPS = 8  # from one id to the next; a circle ends here too
MOST_IDS = 1_000  # of one user, merged ones and guests

# A guest who did nothing as a guest has a link and no row.
NEXT = f"""
SELECT (SELECT (count(), argMax(merged_into, _version)) FROM user_rows
        WHERE project_id = {{project:String}} AND id = {{id:String}}) AS row,
       (SELECT if(count() = 0, '', min(link).2) FROM identity_links
        WHERE project_id = {{project:String}} AND guest_id = {{id:String}}) AS linked
SETTINGS max_execution_time = {SECONDS}
"""
# Changes of users stay under the id that they were made of: their own, their guests', and those of who was merged into
# them, with their guests.
MERGED = """
(SELECT arrayJoin(arrayPushBack(argMax(merged_ids, _version), {user:String})) FROM user_rows
 WHERE project_id = {project:String} AND id = {user:String})
"""
IDS = f"""
SELECT {{user:String}} UNION ALL
SELECT arrayJoin(argMax(merged_ids, _version)) FROM user_rows
WHERE project_id = {{project:String}} AND id = {{user:String}} UNION ALL
SELECT id FROM user_rows
WHERE project_id = {{project:String}} AND id IN (
    SELECT id FROM user_rows WHERE project_id = {{project:String}} AND merged_into IN {MERGED}
)
GROUP BY id HAVING argMax(merged_into, _version) IN {MERGED} LIMIT {MOST_IDS}
"""


class Person(NamedTuple):
    """Somebody who is known, by the id that is left."""

    project_id: str
    id: str

    @property
    def bound(self) -> dict[str, str]:
        return {"project": self.project_id, "user": self.id}


def whose(warehouse: Warehouse, project_id: str, id: str) -> Person | None:
    """None for an id that nobody has been met with."""
    if len(id) > MAX_ID_CHARS:
        return None
    for _ in range(MOST_STEPS):
        (rows, merged_into), linked = warehouse.query(NEXT, {"project": project_id, "id": id})[0]
        after = merged_into if rows else linked
        if not after:
            return Person(project_id, id) if rows else None
        id = after
    return None
