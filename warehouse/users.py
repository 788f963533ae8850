"""One user's row, as cheap as it can be had: pages ask for it while they load, servers for all that is in it."""

from collections.abc import Collection, Mapping
from hashlib import blake2b
from typing import Any

import orjson

from ask0.schemas.consent import preferences_of
from ask0.schemas.traits import STANDARD
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.whose import whose

COLUMNS = {trait: column for column, trait in STANDARD.items()}
SECONDS = 5

# Not FINAL, which takes twice as long for one key: the version read is the one that the view shows.
ROW = """
SELECT {columns} FROM user_rows
WHERE project_id = {{project:String}} AND id = {{id:String}}
ORDER BY _version DESC LIMIT 1
SETTINGS max_execution_time = {seconds}, date_time_output_format = 'iso', output_format_json_quote_64bit_integers = 0
"""

OLD = f"""
SELECT id, traits, sent_traits FROM user_rows WHERE project_id = {{project:String}} AND id IN {{ids:Array(String)}}
ORDER BY _version DESC LIMIT 1 BY id
SETTINGS max_execution_time = {SECONDS}, output_format_json_quote_64bit_integers = 0
"""
MOST_GUESTS = 100  # anonymous ids that a profile shows
PROFILE = [
    "id",
    "merged_into",
    f"arraySlice(anonymous_ids, 1, {MOST_GUESTS}) AS guests",
    "length(anonymous_ids) AS guest_count",
    "merged_ids",
    *STANDARD,
    *("status", "tags", "traits_json", "consent", "gpc", "updated_at", "confirmed_at", "first_seen_at"),
    "nullIf(last_active_at, toDateTime64(0, 3, 'UTC')) AS last_active",
    *("conversations", "questions", "answers", "answered", "satisfaction", "nps"),
]
EDITED = (*STANDARD.values(), "address", "tags", "traits", "consent")  # what `version` stands for


def read_user(
    warehouse: Warehouse, project_id: str, id: str, traits: Collection[str], unless: str = ""
) -> dict[str, Any] | None:
    """Those of the named traits that the user has, under the names they are sent with, and `id`; of a user who was
    merged away, those of the one who is left. None for a user who is not known yet, for a guest who has become a user,
    and for who has denied the category of consent `unless`."""
    columns = ["merged_into", "consent", *(COLUMNS[trait] for trait in traits if trait in COLUMNS)]
    own = [trait for trait in traits if trait not in COLUMNS]
    row = _read(warehouse, project_id, id, [*columns, "traits_json"] if own else columns)
    if row and row["merged_into"] and not id.startswith("g-"):
        id = row["merged_into"]
        row = _read(warehouse, project_id, id, [*columns, "traits_json"] if own else columns)
    if row is None or row["merged_into"] or row["consent"].get(unless) == "denied":
        return None
    found = {trait: row[COLUMNS[trait]] for trait in traits if trait in COLUMNS}
    if own:
        all_of_them = orjson.loads(row["traits_json"])
        found |= {trait: all_of_them.get(trait) for trait in own}
    return {trait: value for trait, value in found.items() if value is not None} | {"id": id}


def read_profile(warehouse: Warehouse, project_id: str, id: str) -> dict[str, Any] | None:
    """All that is in the row, as `schemas.api.Profile`; of the one who is left, see `whose`. None for who is not
    known."""
    row = _read(warehouse, project_id, id, PROFILE)
    if row is None or row["merged_into"]:
        person = whose(warehouse, project_id, id)
        row = _read(warehouse, project_id, person.id, PROFILE) if person else None
    return profile_of(row) if row else None


def profile_of(row: dict[str, Any]) -> dict[str, Any]:
    """A row of PROFILE, as `schemas.api.Profile`."""
    traits = orjson.loads(row["traits_json"])
    profile = {
        "id": row["id"],
        "anonymousIds": row["guests"],
        "anonymousIdCount": row["guest_count"],
        "mergedIds": row["merged_ids"],
        **{trait: row[column] for column, trait in STANDARD.items()},
        "address": traits.get("address"),
        "status": row["status"],
        "tags": row["tags"],
        "traits": traits,
        "consent": row["consent"],
        "preferences": preferences_of(row["consent"]),
        "gpc": row["gpc"],
        "createdAt": row["created_at"] or row["first_seen_at"],
        "updatedAt": row["updated_at"],
        "confirmedAt": row["confirmed_at"],
        "firstSeenAt": row["first_seen_at"],
        "lastActiveAt": row["last_active"],
        **{name: row[name] for name in ("conversations", "questions", "answers", "answered", "satisfaction", "nps")},
    }
    return profile | {"version": _version_of(profile)}


def _version_of(profile: dict[str, Any]) -> str:
    """Another one whenever something of the profile was edited, and not when its user did something."""
    edited = orjson.dumps([profile[name] for name in EDITED], option=orjson.OPT_SORT_KEYS)
    return blake2b(edited, digest_size=8).hexdigest()


def _read(warehouse: Warehouse, project_id: str, id: str, columns: Collection[str]) -> dict[str, Any] | None:
    sql = ROW.format(columns=", ".join(columns), seconds=SECONDS)
    rows = warehouse.raw(sql, "JSONEachRow", {"project": project_id, "id": id})
    if not rows:
        return None
    row: dict[str, Any] = orjson.loads(rows)
    fill_old(warehouse, project_id, {id: row})
    return row


def fill_old(warehouse: Warehouse, project_id: str, rows: Mapping[str, dict[str, Any]]) -> None:
    """The `traits_json` of rows, by id, that an earlier Ask0 has written."""
    old = [id for id, row in rows.items() if row.get("traits_json") == ""]
    if not old:
        return
    for line in warehouse.raw(OLD, "JSONEachRow", {"project": project_id, "ids": old}).splitlines():
        row = orjson.loads(line)
        rows[row["id"]]["traits_json"] = row["sent_traits"] or orjson.dumps(row["traits"])
