"""Of whom nothing is shown that is not stored yet: who has denied a consent that what is stored goes by."""

from collections.abc import Collection

import orjson

from ask0.schemas.consent import STATES
from ask0.warehouse.connect import Warehouse

DENIED = STATES["denied"]
IDS = "JSONExtract({ids:String}, 'Array(String)')"
DENIERS = f"""
SELECT id FROM consent_standing FINAL
WHERE project_id = {{project:String}} AND {DENIED} IN (state, before_state)
"""
WITHHELD = f"""
SELECT id FROM ({DENIERS}) WHERE id IN {IDS}
UNION ALL
SELECT guest_id FROM identity_links
WHERE project_id = {{project:String}} AND guest_id IN {IDS}
GROUP BY guest_id HAVING min(link).2 IN ({DENIERS})
SETTINGS max_execution_time = 2
"""


def read_withheld(warehouse: Warehouse, project_id: str, ids: Collection[str]) -> set[str]:
    """Those of the users and guests. Raises Unavailable, QueryFailed."""
    rows = warehouse.query(WITHHELD, {"project": project_id, "ids": orjson.dumps(list(ids)).decode()})
    return {id for (id,) in rows}
