"""What is older than a project keeps it: counted, named, and removed, for many projects at once.

Users and conversations that are to go are listed first; a person is all ids that are theirs. What goes by age alone
needs no list. Nothing that has come since is removed: of those listed, only what is as old as it was found to be.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ask0.warehouse.audit import SAYS_NOTHING
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import QueryFailed
from ask0.warehouse.mutations import mutate

COUNT_SECONDS = 60
SAMPLE = 10  # ids of a dry run
PROJECTS_AT_ONCE = 500  # of one statement, whose parameters are bounded

SETTINGS = {"max_threads": 1, "max_execution_time": 600}  # nobody waits, and others are to notice nothing
OWN = "project_id = {project:String}"
BEFORE = "transform(project_id, {{projects:Array(String)}}, {{{kind}:Array(Int64)}}, -1)"
OLD = f"toInt64(toUnixTimestamp64Milli({{at}})) < {BEFORE}"

# When somebody did anything last, or anything was said of them.
FRESH = "greatest(last_active_at, first_seen_at, ifNull(updated_at, first_seen_at))"
INACTIVE = f"merged_into = '' AND toInt64(toUnixTimestamp64Milli({FRESH})) < {{before:Int64}}"
ENDED = "toInt64(toUnixTimestamp64Milli(last_at)) < {before:Int64}"
RECEIVED = "toInt64(toUnixTimestamp64Milli(received_at)) < {before:Int64}"
ASKED = "toInt64(toUnixTimestamp64Milli(at)) < {before:Int64}"


def _audit(owned: str, old: str) -> str:
    """SQL: entries that go. Of a chain it is the beginning, and never the last one (catalog/audit_heads.py)."""
    return f"""
    (SELECT entries.project_id AS project_id, entries.id AS id FROM (SELECT * FROM audit FINAL WHERE {owned}) AS entries
     LEFT JOIN (
        SELECT project_id, stream, log, partition, minIf(seq, NOT ({old})) AS first_kept,
               if(first_kept = 0, max(seq), first_kept) AS stays
        FROM audit WHERE {owned} AND seq > 0 GROUP BY project_id, stream, log, partition
     ) AS chains USING (project_id, stream, log, partition)
     WHERE if(entries.seq = 0, {old.replace("(at)", "(entries.at)")}, entries.seq < chains.stays))
    """


# Of a project: from where, which, and by which id.
KINDS = {
    "inactiveUsers": ("user_rows FINAL", INACTIVE, "id"),
    "events": ("events", RECEIVED, "message_id"),
    "conversations": ("conversation_rows FINAL", ENDED, "id"),
    "quarantine": ("quarantine_rows FINAL", RECEIVED, "id"),
    "audit": (_audit(OWN, ASKED), "true", "id"),
}

# Those to go, and whose guests and merged users they are; so that as few as possible are left over, the oldest first.
USERS = f"""
INSERT INTO retention_ids (run, project_id, kind, id, owner)
SELECT {{run:String}}, project_id, 'user', id, id FROM user_rows FINAL
WHERE {OWN} AND {INACTIVE} ORDER BY {FRESH}, id LIMIT {{most:UInt32}}
"""
LISTED = "SELECT id FROM retention_ids WHERE run = {run:String} AND project_id = {project:String} AND kind = 'user'"
MERGED = f"""
INSERT INTO retention_ids (run, project_id, kind, id, owner)
SELECT {{run:String}}, project_id, 'user', merged_id, id FROM user_rows FINAL ARRAY JOIN merged_ids AS merged_id
WHERE {OWN} AND id IN ({LISTED})
"""
GUESTS = f"""
INSERT INTO retention_ids (run, project_id, kind, id, owner)
SELECT {{run:String}}, {{project:String}}, 'user', links.guest_id, listed.owner
FROM (SELECT guest_id, min(link).2 AS user FROM identity_links WHERE {OWN} GROUP BY guest_id) AS links
INNER JOIN (
    SELECT id, any(owner) AS owner FROM retention_ids
    WHERE run = {{run:String}} AND {OWN} AND kind = 'user' GROUP BY id
) AS listed ON links.user = listed.id
"""
CONVERSATIONS = f"""
INSERT INTO retention_ids (run, project_id, kind, id, owner)
SELECT {{run:String}}, project_id, 'conversation', id, '' FROM conversation_rows FINAL
WHERE {OWN} AND {ENDED} ORDER BY last_at, id LIMIT {{most:UInt32}}
"""
# Who has come back since, and which conversation has gone on, is left alone.
SETTLED_USERS = f"""
INSERT INTO retention_ids (run, project_id, kind, id, owner)
SELECT {{run:String}}, project_id, 'gone', id, owner FROM retention_ids
WHERE run = {{run:String}} AND {OWN} AND kind = 'user'
  AND owner IN (SELECT id FROM user_rows FINAL WHERE {OWN} AND {INACTIVE} AND id IN ({LISTED}))
"""
SETTLED_CONVERSATIONS = f"""
INSERT INTO retention_ids (run, project_id, kind, id, owner)
SELECT {{run:String}}, project_id, 'ended', id, '' FROM conversation_rows FINAL
WHERE {OWN} AND {ENDED} AND id IN (
    SELECT id FROM retention_ids WHERE run = {{run:String}} AND {OWN} AND kind = 'conversation'
)
"""
THEIR_CONVERSATIONS = f"""
INSERT INTO retention_ids (run, project_id, kind, id, owner)
SELECT {{run:String}}, project_id, 'ended', id, user_id FROM conversation_rows FINAL
WHERE {OWN} AND user_id IN (
    SELECT id FROM retention_ids WHERE run = {{run:String}} AND {OWN} AND kind = 'gone'
)
"""

NAMED = "(SELECT project_id, id FROM retention_ids WHERE run = {{run:String}} AND kind = '{kind}')"
GONE, ENDED_ONES = NAMED.format(kind="gone"), NAMED.format(kind="ended")
GUEST = "if(startsWith(anonymous_id, 'g-'), anonymous_id, concat('g-', anonymous_id))"
# What was said or done last among the facts of one row.
NEWEST_FACT = """
greatest(last_active_at, nps.1, arrayMax(mapValues(traits).1), arrayMax(mapValues(consent).1),
         arrayMax(mapValues(tags).1))
"""
BEFORE_SETTLED = "toInt64(toUnixTimestamp64Milli({at})) < {{settled:Int64}}"

EVENTS = f"""
({OLD.format(at="received_at", kind="events")}
 OR {BEFORE_SETTLED.format(at="received_at")} AND (
    (project_id, user_id) IN {GONE} OR NOT _of_guest AND (project_id, sent_user_id) IN {GONE}
    OR _of_guest AND anonymous_id != '' AND (project_id, {GUEST}) IN {GONE}
    OR conversation_id != '' AND (project_id, conversation_id) IN {ENDED_ONES}))
"""
# In this order: a run that is cut finds by the last of them what it has not removed.
REMOVED = {
    "events": EVENTS,
    "quarantine_rows": OLD.format(at="received_at", kind="quarantine"),
    "conversation_facts": f"(project_id, conversation_id) IN {ENDED_ONES} AND {BEFORE_SETTLED.format(at='last_at')}",
    "conversation_rows": f"(project_id, id) IN {ENDED_ONES} AND _version < 1000 * {{settled:Int64}}",
    "identity_links": f"(project_id, guest_id) IN {GONE} AND {BEFORE_SETTLED.format(at='link.1')}",
    "user_merges": f"(project_id, id) IN {GONE} AND {BEFORE_SETTLED.format(at='at')}",
    "member_rows": f"(project_id, user_id) IN {GONE} AND _version < 1000 * {{settled:Int64}}",
    "user_changes": f"""({OLD.format(at="at", kind="audit")}
        OR (project_id, user_id) IN {GONE} AND {BEFORE_SETTLED.format(at="at")})""",
    # Who comes back is asked again, but for a denial, which outlives the profile.
    "consent_standing": f"(project_id, id) IN {GONE} AND state != 3 AND {BEFORE_SETTLED.format(at='stands_at')}",
    "user_facts": f"(project_id, user_id) IN {GONE} AND {OLD.format(at=NEWEST_FACT, kind='inactiveUsers')}",
    "user_rows": f"(project_id, id) IN {GONE} AND _version < 1000 * {{settled:Int64}}",
}
FORGOTTEN = f"""
ALTER TABLE audit UPDATE {SAYS_NOTHING}
WHERE project_id IN {{projects:Array(String)}} AND is_personal AND notEmpty(about)
  AND arrayExists(one -> (project_id, one) IN {GONE}, about)
"""
BACK = f"""
SELECT project_id, id, id IN (SELECT user_id FROM user_facts WHERE project_id IN {{projects:Array(String)}})
FROM user_rows FINAL
WHERE project_id IN {{projects:Array(String)}} AND (project_id, id) IN {GONE} AND _version < {{version:UInt64}}
"""

logger = logging.getLogger(__name__)


class Due(NamedTuple):
    """What would go of a kind: how much, and ids of some."""

    before: int  # epoch ms
    number: int
    sample: list[str]


class Removing(NamedTuple):
    """A run: what goes of which projects, by kind and project the moment (epoch ms) before which; `settled` is the
    moment at which it was certain who goes, by ClickHouse's clock."""

    run: str
    before: Mapping[str, Mapping[str, int]]
    settled: int = 0

    def bound(self, projects: Sequence[str]) -> dict[str, Any]:
        kinds = {kind: [self.before[project].get(kind, -1) for project in projects] for kind in KINDS}
        return {"run": self.run, "settled": self.settled, "projects": [*projects], **kinds}

    def pages(self) -> list[Sequence[str]]:
        projects = sorted(self.before)
        return [projects[start : start + PROJECTS_AT_ONCE] for start in range(0, len(projects), PROJECTS_AT_ONCE)]


def read_due(warehouse: Warehouse, project_id: str, kind: str, before: int) -> Due:
    """Counts in one thread, and names the first by id."""
    table, condition, id = KINDS[kind]
    bound = {"project": project_id, "before": before}
    limits = f"SETTINGS max_threads = 1, max_execution_time = {COUNT_SECONDS}"
    where = f"FROM {table} WHERE {OWN} AND {condition}"
    ((count,),) = warehouse.query(f"SELECT count() {where} {limits}", bound)
    sample = warehouse.query(f"SELECT {id} {where} ORDER BY {id} LIMIT {SAMPLE} {limits}", bound) if count else []
    return Due(before, int(count), [one for (one,) in sample])


def find(warehouse: Warehouse, run: str, project_id: str, before: Mapping[str, int], most: int) -> None:
    """Lists who and what of a project is to go, at most so many of each."""
    bound = {"run": run, "project": project_id, "most": most}
    if "inactiveUsers" in before:
        for sql in (USERS, MERGED, GUESTS):
            warehouse.command(sql, {**bound, "before": before["inactiveUsers"]}, SETTINGS)
    if "conversations" in before:
        warehouse.command(CONVERSATIONS, {**bound, "before": before["conversations"]}, SETTINGS)


def settle(warehouse: Warehouse, run: str, project_id: str, before: Mapping[str, int]) -> None:
    """Of those who are listed, who goes."""
    bound = {"run": run, "project": project_id}
    if "inactiveUsers" in before:
        warehouse.command(SETTLED_USERS, {**bound, "before": before["inactiveUsers"]}, SETTINGS)
        warehouse.command(THEIR_CONVERSATIONS, bound, SETTINGS)
    if "conversations" in before:
        warehouse.command(SETTLED_CONVERSATIONS, {**bound, "before": before["conversations"]}, SETTINGS)


def read_now(warehouse: Warehouse) -> int:
    """ClickHouse's clock, epoch ms."""
    ((now,),) = warehouse.query("SELECT toInt64(toUnixTimestamp64Milli(now64(3)))")
    return int(now)


def count_removed(warehouse: Warehouse, removing: Removing) -> dict[str, dict[str, int]]:
    """By project and kind, what will go: of users those who are left of them, without guests and merged ones."""
    found: dict[str, dict[str, int]] = {project: dict.fromkeys(KINDS, 0) for project in removing.before}
    listed = """
    SELECT project_id, if(kind = 'gone', 'inactiveUsers', 'conversations'), uniqExact(id) FROM retention_ids
    WHERE run = {run:String} AND (kind = 'gone' AND id = owner OR kind = 'ended') GROUP BY project_id, kind
    """
    old = "WHERE project_id IN {projects:Array(String)} AND "
    going = _audit("project_id IN {projects:Array(String)}", OLD.format(at="at", kind="audit"))
    by_age = {
        "events": f"SELECT project_id, 'events', count() FROM events {old} {EVENTS} GROUP BY project_id",
        "quarantine": f"SELECT project_id, 'quarantine', count() FROM quarantine_rows FINAL {old} "
        f"{OLD.format(at='received_at', kind='quarantine')} GROUP BY project_id",
        "audit": f"SELECT project_id, 'audit', count() FROM {going} GROUP BY project_id",
    }
    for page in removing.pages():
        for sql in (listed, *by_age.values()):
            limits = "SETTINGS max_threads = 1, max_execution_time = 600"
            for project_id, kind, count in warehouse.query(f"{sql} {limits}", removing.bound(page)):
                if project_id in found:
                    found[project_id][kind] = int(count)
    return found


def remove(warehouse: Warehouse, removing: Removing, table: str) -> None:
    """All of it that is in one of the tables of REMOVED: as whole parts where nothing else is in them, then by one
    mutation. Twice is as once. Returns when the rows are gone."""
    for page in removing.pages():
        bound = removing.bound(page)
        if table in ("events", "quarantine_rows"):
            _drop_parts(warehouse, table, bound)
        sql = f"ALTER TABLE {table} DELETE WHERE {{run:String}} != '' AND project_id IN {{projects:Array(String)}} AND "
        mutate(warehouse, table, sql + f"({REMOVED[table]})", bound)


def forget_in_audit(warehouse: Warehouse, removing: Removing) -> None:
    """What the audit log says of the people who go: that something was done stays, and the chain holds."""
    for page in removing.pages():
        mutate(warehouse, "audit", FORGOTTEN, removing.bound(page))


def read_back(warehouse: Warehouse, removing: Removing, version: int) -> tuple[list[tuple[str, str]], bool]:
    """Those whose rows were written again meanwhile and have facts; and whether there are rows without any."""
    rows = [
        row for page in removing.pages() for row in warehouse.query(BACK, {**removing.bound(page), "version": version})
    ]
    return [(project_id, id) for project_id, id, has_facts in rows if has_facts], not all(row[2] for row in rows)


def remove_stale(warehouse: Warehouse, removing: Removing, version: int) -> None:
    """Rows of before `version` of people who have no facts any more: written from facts that are gone."""
    for page in removing.pages():
        sql = f"""
        ALTER TABLE user_rows DELETE WHERE (project_id, id) IN {GONE} AND _version < {{version:UInt64}}
          AND id NOT IN (SELECT user_id FROM user_facts WHERE project_id IN {{projects:Array(String)}})
        """
        mutate(warehouse, "user_rows", sql, {**removing.bound(page), "version": version})


def forget_run(warehouse: Warehouse, run: str) -> None:
    warehouse.command("ALTER TABLE retention_ids DROP PARTITION {run:String}", {"run": run})


def old_runs(warehouse: Warehouse) -> list[str]:
    """Lists that are older than a day."""
    rows = warehouse.query("SELECT run FROM retention_ids GROUP BY run HAVING max(at) < now() - INTERVAL 1 DAY")
    return [run for (run,) in rows]


def read_last(warehouse: Warehouse) -> int:
    """When the retention was run last by itself, epoch ms, 0 if never."""
    ((at,),) = warehouse.query("SELECT toInt64(toUnixTimestamp64Milli(max(at))) FROM retention_runs")
    return int(at)


def save_run(warehouse: Warehouse, run: str, at: int) -> None:
    warehouse.insert("retention_runs", {"run": [run], "at": [at]}, token=f"retention:{run}")


def _drop_parts(warehouse: Warehouse, table: str, bound: Mapping[str, Any]) -> None:
    """Parts by name, and no partition: what comes into it meanwhile, of whomever, is in another part."""
    old = OLD.format(at="received_at", kind="events" if table == "events" else "quarantine")
    sql = f"SELECT _part FROM {table} GROUP BY _part HAVING countIf(NOT ({old})) = 0 SETTINGS max_threads = 1"
    for (part,) in warehouse.query(sql, bound):
        try:
            warehouse.command(f"ALTER TABLE {table} DROP PART {{part:String}}", {"part": part})
        except QueryFailed as error:  # it was merged meanwhile: the mutation finds what is in it
            logger.info("a part of %s was not dropped whole: code %s", table, error.code)
