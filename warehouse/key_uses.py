"""When the secret keys of a project were used, as far as the audit log says."""

from collections.abc import Sequence

from ask0.warehouse.connect import Warehouse
from ask0.warehouse.users import SECONDS

LAST = f"""
SELECT actor, max(toUnixTimestamp64Milli(at)) FROM audit
WHERE project_id = {{project:String}} AND actor IN {{actors:Array(String)}}
GROUP BY actor SETTINGS max_execution_time = {SECONDS}
"""


def read_last_uses(warehouse: Warehouse, project_id: str, actors: Sequence[str]) -> dict[str, int]:
    """Epoch ms, by actor."""
    found = warehouse.query(LAST, {"project": project_id, "actors": list(actors)})
    return {actor: int(at) for actor, at in found}
