"""One user's row, as cheap as it can be had: pages ask for it while they load."""

from collections.abc import Collection
from typing import Any

import orjson

from ask0.schemas.traits import STANDARD
from ask0.warehouse.connect import Warehouse

COLUMNS = {trait: column for column, trait in STANDARD.items()}
SECONDS = 5

# Not FINAL, which takes twice as long for one key: the version read is the one that the view shows.
ROW = """
SELECT {columns} FROM user_rows
WHERE project_id = {{project:String}} AND id = {{id:String}}
ORDER BY _version DESC LIMIT 1
SETTINGS max_execution_time = {seconds}, date_time_output_format = 'iso', output_format_json_quote_64bit_integers = 0
"""


def read_user(warehouse: Warehouse, project_id: str, id: str, traits: Collection[str]) -> dict[str, Any] | None:
    """Those of the named traits that the user has, under the names they are sent with, and `id`. None for a user who
    is not known yet, and for a guest who has become a user."""
    columns = ["merged_into", *(COLUMNS[trait] for trait in traits if trait in COLUMNS)]
    own = [trait for trait in traits if trait not in COLUMNS]
    sql = ROW.format(columns=", ".join([*columns, "traits", "sent_traits"] if own else columns), seconds=SECONDS)
    rows = warehouse.raw(sql, "JSONEachRow", {"project": project_id, "id": id})
    row = orjson.loads(rows) if rows else None
    if row is None or row["merged_into"]:
        return None
    found = {trait: row[COLUMNS[trait]] for trait in traits if trait in COLUMNS}
    if own:
        all_of_them = orjson.loads(row["sent_traits"]) if row["sent_traits"] else row["traits"]
        found |= {trait: all_of_them.get(trait) for trait in own}
    return {trait: value for trait, value in found.items() if value is not None} | {"id": id}
