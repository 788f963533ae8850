"""The audit log, read by time."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from ask0.warehouse.connect import Warehouse
from ask0.warehouse.moments import SETTINGS, Moment, Page, earlier, place, read_rows
from ask0.warehouse.whose import IDS, Person

OF_PROJECT = "project_id = {project:String}"
OF_PERSON = f"{OF_PROJECT} AND is_personal AND hasAny(about, (SELECT groupArray(id) FROM ({IDS}) AS ids (id)))"

# What becomes of an entry about somebody who is erased: that something was done, when and by whom, and the chain holds.
SAYS_NOTHING = "about = [], details = '', salt = ''"


class Wanted(NamedTuple):
    """Empty and None: any. `since` is the first moment, `until` the first one beyond, as epoch ms."""

    actor: str = ""
    action: str = ""
    entity: str = ""
    entity_id: str = ""
    since: int | None = None
    until: int | None = None

    @property
    def conditions(self) -> dict[str, tuple[str, Any]]:
        """By parameter, the SQL and the value."""
        found = {
            "actor": ("actor = {actor:String}", self.actor),
            "action": ("action = {action:String}", self.action),
            "entity": ("entity = {entity:String}", self.entity),
            "entity_id": ("has(about, {entity_id:String})", self.entity_id),
            "since": (f"{place('at')} >= {{since:Int64}}", self.since),
            "until": (f"{place('at')} < {{until:Int64}}", self.until),
        }
        return {name: condition for name, condition in found.items() if condition[1] not in ("", None)}


def read_entries(warehouse: Warehouse, project_id: str, wanted: Wanted, after: Moment, limit: int) -> Page:
    """The newest first."""
    conditions = wanted.conditions
    condition = " AND ".join([OF_PROJECT, *(sql for sql, _ in conditions.values())])
    bound = {name: value for name, (_, value) in conditions.items()}
    rows = _read(warehouse, condition, {"project": project_id, **bound}, after, limit)
    page = rows[:limit]
    last = Moment(page[-1]["place"], page[-1]["id"]) if len(rows) > limit else None
    return Page([show_entry(row) for row in page], last)


def read_of_person(warehouse: Warehouse, person: Person, after: Moment, limit: int) -> list[dict[str, Any]]:
    """Rows, one more than `limit` if there are more, with `place` and `id`."""
    return _read(warehouse, OF_PERSON, person.bound, after, limit)


def show_entry(row: dict[str, Any]) -> dict[str, Any]:
    """As AuditEntry."""
    said: dict[str, Any] = orjson.loads(row["details"]) if row["details"] else {}
    from_id, into = said.get("from_id"), said.get("into")
    is_merge = row["action"] in ("user.merged", "user.unmerged") and from_id
    return {
        "at": row["time"],
        "source": "change",
        "id": row["id"],
        "action": row["action"],
        "outcome": row["outcome"],
        "actor": row["actor"] or None,
        "entity": row["entity"],
        "entityId": _first(row["about"]),
        "ip": row["ip"] or None,
        "requestId": row["request"] or None,
        "traits": said.get("traits", {}),
        "ignored": [],
        "tags": said.get("tags", {}),
        "consent": said.get("consent", {}),
        "merged": {"from": from_id, "into": into} if is_merge else None,
        "details": said if row["entity"] != "user" else {},
        "number": row["seq"] or None,
        "digest": row["digest"] or None,
    }


def _read(
    warehouse: Warehouse, condition: str, bound: dict[str, Any], after: Moment, limit: int
) -> list[dict[str, Any]]:
    """Which entries are on the page is asked of narrow columns alone."""
    sql = f"""
    SELECT id, at AS time, {place("at")} AS place, action, actor, entity, about, outcome, request, ip, details, seq,
           digest
    FROM audit FINAL
    WHERE {condition} AND (stream, log, partition, off, idx) IN (
        SELECT stream, log, partition, off, idx FROM audit FINAL
        WHERE {condition} AND {earlier("at", "id")}
        ORDER BY at DESC, id DESC LIMIT {{limit:UInt32}}
    )
    ORDER BY place DESC, id DESC {SETTINGS}
    """
    return read_rows(warehouse, sql, {**bound, **after.bound, "limit": limit + 1})


def _first(about: Sequence[str]) -> str | None:
    return about[0] if about else None
