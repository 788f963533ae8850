"""People out of the tables: who they were is found, counted, and removed or tied to nobody.

No statement names anyone: mutations lie on the disk as text. Ids are in `erasure_ids` alone, a partition for each run.
"""

import secrets
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ask0.schemas.conversations import KEPT_TEXTS, UNDERSTOOD
from ask0.schemas.erasure import Erasing
from ask0.schemas.events import MAX_ID_CHARS
from ask0.warehouse.audit import SAYS_NOTHING
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.mutations import mutate

PAGE = 5_000  # ids in memory at once
NEEDLES_AT_ONCE, LEAST_NEEDLE = 255, 6  # ids that one search takes; and how long one is that says whom it means
MOST_STEPS = 50  # from an id to those that are one with it, one after the other
SETTINGS: dict[str, str | int | float] = {"max_threads": 1, "max_execution_time": 600}  # nobody waits at a screen
LIMITS = "SETTINGS max_threads = 1, max_execution_time = 600"

OWN = "project_id = {project:String}"
NOBODY = "false"
OF_RUN = "FROM erasure_ids WHERE run = {run:String} AND kind"
GONE = f"(SELECT id {OF_RUN} = 'user')"
CONVERSATIONS = f"(SELECT id {OF_RUN} = 'conversation')"
GUEST = "if(startsWith({id}, 'g-'), {id}, concat('g-', {id}))"
PAIRS = f"(SELECT arraySort(groupArray((id, new))) FROM (SELECT id, min(alias) AS new {OF_RUN} = 'user' GROUP BY id))"


def _alias(column: str) -> str:
    """SQL: the random id in place of one that is theirs."""
    return f"transform({column}, {PAIRS}.1, {PAIRS}.2, {column})"


# Who is one with those of the run: guests who became them, users merged into them, and whom they became or were merged
# into. Both ways, as whoever of them was named.
EDGES = f"""
    SELECT guest_id AS one, min(link).2 AS other FROM identity_links WHERE {OWN} GROUP BY guest_id
    UNION ALL
    SELECT from_id, argMax(into, at) AS other FROM user_merges WHERE {OWN} GROUP BY from_id HAVING other != ''
"""
JOIN = f"""
INSERT INTO erasure_ids (run, kind, id, alias)
SELECT {{run:String}}, 'user', edge.{{next}}, any(listed.alias) FROM ({EDGES}) AS edge
INNER JOIN (SELECT id, min(alias) AS alias {OF_RUN} = 'user' GROUP BY id) AS listed ON edge.{{there}} = listed.id
WHERE edge.{{next}} NOT IN {GONE} GROUP BY edge.{{next}}
"""
THEIR_CONVERSATIONS = f"""
INSERT INTO erasure_ids (run, kind, id, alias)
SELECT {{run:String}}, 'conversation', id, user_id FROM conversation_rows FINAL
WHERE {OWN} AND user_id IN {GONE} AND id NOT IN {CONVERSATIONS}
"""

OF_GUEST = f"anonymous_id != '' AND {GUEST.format(id='anonymous_id')} IN {GONE}"
THEIRS = f"(user_id IN {GONE} OR NOT _of_guest AND sent_user_id IN {GONE} OR _of_guest AND {OF_GUEST})"
IN_CONVERSATIONS = f"(conversation_id != '' AND conversation_id IN {CONVERSATIONS})"
# Somebody else used their browser, or said to be them.
OF_OTHERS = f"{OF_GUEST} OR sent_user_id IN {GONE}"
OTHERS = f"""
anonymous_id = if({OF_GUEST}, '', anonymous_id), sent_user_id = if(sent_user_id IN {GONE}, '', sent_user_id)
WHERE {OWN} AND ({OF_OTHERS})
"""
THEIR_OWN_AGENT = "context = '{}', sent_context = '', ip = '', user_agent = ''"
TIED_TO_NOBODY = f"""
user_id = {_alias("user_id")}, sent_user_id = '', anonymous_id = '', _of_guest = false, {THEIR_OWN_AGENT},
message_id = lower(hex(MD5(concat(_log, '/', toString(_partition), '/', toString(_off), '/', toString(_idx)))))
"""
# As folds/consents.py has it of those whose texts are not to be stored; and traits are in the properties of some.
WITHOUT_TEXTS = f"""
concat('{{', arrayStringConcat(arrayMap(each -> concat(toJSONString(each.1), ':', each.2), arrayFilter(
    each -> each.2 IN ('true', 'false', 'null') OR match(each.2, '^-?[0-9]')
            OR each.1 IN {KEPT_TEXTS} AND startsWith(each.2, '"') AND length(each.2) <= {MAX_ID_CHARS + 2},
    JSONExtractKeysAndValuesRaw(toJSONString(properties)))), ','), '}}')
"""
SILENT = f"""
properties = multiIf(type IN ('identify', 'group', 'alias'), '{{}}',
    conversation_id != '' OR event IN {UNDERSTOOD},
    {WITHOUT_TEXTS}, toJSONString(properties))::JSON,
sent_properties = ''
"""
NAMED_IN = f"""
(JSONExtractString(raw, 'userId') IN {GONE} OR JSONExtractString(raw, 'anonymousId') IN {GONE}
 OR JSONExtractString(raw, 'previousId') IN {GONE}
 OR {GUEST.format(id="JSONExtractString(raw, 'anonymousId')")} IN {GONE}
 OR {GUEST.format(id="JSONExtractString(raw, 'previousId')")} IN {GONE}
 OR JSONExtractString(raw, 'user') IN {GONE}
 OR JSONExtractString(raw, 'properties', 'conversationId') IN {CONVERSATIONS})
"""
# What cannot be read as an event is looked through for each of the ids, as many as one search takes.
NEEDLES = f"""
(SELECT groupArray(sent) FROM (
    SELECT DISTINCT if(startsWith(id, 'g-'), substring(id, 3), id) AS sent {OF_RUN} = 'user'
    AND length(sent) >= {LEAST_NEEDLE} ORDER BY sent
    LIMIT {NEEDLES_AT_ONCE} OFFSET {{place:UInt32}}
))
"""
MENTIONED = f"multiSearchAny(raw, {NEEDLES})"

FEWER_IDS = f"arrayFilter(one -> {GUEST.format(id='one')} NOT IN {GONE}, anonymous_ids)"
HAS_THEIR_IDS = f"arrayExists(one -> {GUEST.format(id='one')} IN {GONE}, anonymous_ids)"
NOTHING_SAID = "conversations = [], questions = [], answers = [], answered = [], ratings = map()"

# Project and user, whose id may have slashes.
THEIR_DOCUMENT = f"kind = 'deactivation' AND substring(subject, length(project_id) + 2) IN {GONE}"
PERSONAL = f"is_personal AND arrayExists(one -> one IN {GONE}, about)"


class Change(NamedTuple):
    """Of one table: what is done, as the end of an ALTER TABLE, and which rows it concerns."""

    name: str  # in the receipt
    table: str
    sql: str
    concerned: str
    left: str = ""  # which rows must not be there afterwards, where not the same; what others go on writing may be
    beside: str = NOBODY  # which rows are changed too, that are of others


def _gone(name: str, table: str, condition: str, left: str = "") -> Change:
    return Change(name, table, f"DELETE WHERE {OWN} AND ({condition})", condition, left)


EVENTS = {
    "erase": Change(
        "events",
        "events",
        f"DELETE WHERE {OWN} AND ({THEIRS} OR {IN_CONVERSATIONS}), UPDATE {OTHERS}",
        f"{THEIRS} OR {IN_CONVERSATIONS}",
        left=THEIRS,
        beside=OF_OTHERS,
    ),
    "keep": Change(
        "events",
        "events",
        f"UPDATE {TIED_TO_NOBODY} WHERE {OWN} AND {THEIRS} AND {IN_CONVERSATIONS}, "
        f"DELETE WHERE {OWN} AND {THEIRS}, UPDATE {OTHERS}",
        THEIRS,
        beside=OF_OTHERS,
    ),
    "anonymize": Change(
        "events",
        "events",
        f"UPDATE {TIED_TO_NOBODY}, {SILENT} WHERE {OWN} AND {THEIRS}, UPDATE {OTHERS}",
        THEIRS,
        beside=OF_OTHERS,
    ),
    "delete_conversations": _gone("events", "events", IN_CONVERSATIONS, left=NOBODY),
}
# A conversation may go on, with somebody else in it or after its beginning was removed.
CONVERSATIONS_GONE = (
    _gone("", "conversation_facts", f"conversation_id IN {CONVERSATIONS}", left=NOBODY),
    _gone("conversations", "conversation_rows", f"id IN {CONVERSATIONS}", left=NOBODY),
)
CONVERSATIONS_KEPT = (
    Change(
        "conversations",
        "conversation_rows",
        f"UPDATE user_id = {_alias('user_id')} WHERE {OWN} AND user_id IN {GONE}",
        f"user_id IN {GONE}",
    ),
)
CONVERSATIONS_SILENT = (
    Change(
        "",
        "conversation_facts",
        "UPDATE attributes = mapFilter((name, fact) -> name NOT IN ('title', 'first_question'), attributes) "
        f"WHERE {OWN} AND conversation_id IN {CONVERSATIONS}",
        f"conversation_id IN {CONVERSATIONS} AND hasAny(mapKeys(attributes), ['title', 'first_question'])",
    ),
    Change(
        "conversations",
        "conversation_rows",
        f"UPDATE user_id = {_alias('user_id')}, title = NULL WHERE {OWN} AND user_id IN {GONE}",
        f"user_id IN {GONE}",
    ),
)
QUARANTINE = _gone("quarantine", "quarantine_rows", NAMED_IN)
# In this order: what rows are made from before the rows.
PROFILE = (
    QUARANTINE,
    _gone("identities", "identity_links", f"guest_id IN {GONE} OR link.2 IN {GONE}"),
    _gone("merges", "user_merges", f"id IN {GONE} OR from_id IN {GONE} OR into IN {GONE}"),
    _gone("segments", "member_rows", f"user_id IN {GONE}"),
    _gone("history", "user_changes", f"user_id IN {GONE} OR merged_from IN {GONE} OR merged_into IN {GONE}"),
    _gone("consent", "consent_standing", f"id IN {GONE}"),
    Change("audit", "audit", f"UPDATE {SAYS_NOTHING} WHERE {OWN} AND {PERSONAL}", PERSONAL),
    Change(
        "",
        "changes",
        f"UPDATE subject = '' WHERE {OWN} AND {THEIR_DOCUMENT}",
        THEIR_DOCUMENT,
    ),
    Change(
        "facts",
        "user_facts",
        f"DELETE WHERE {OWN} AND user_id IN {GONE}, UPDATE anonymous_ids = {FEWER_IDS} WHERE {OWN} AND {HAS_THEIR_IDS}",
        f"user_id IN {GONE} OR {HAS_THEIR_IDS}",
    ),
    Change(
        "users",
        "user_rows",
        f"DELETE WHERE {OWN} AND id IN {GONE}, UPDATE anonymous_ids = {FEWER_IDS} WHERE {OWN} AND {HAS_THEIR_IDS}",
        f"id IN {GONE} OR {HAS_THEIR_IDS}",
    ),
)
TALK_FORGOTTEN = (
    Change(
        "",
        "user_facts",
        f"UPDATE {NOTHING_SAID} WHERE {OWN} AND user_id IN {GONE}",
        f"user_id IN {GONE} AND (notEmpty(conversations) OR notEmpty(questions) OR notEmpty(answers))",
        left=NOBODY,
    ),
    Change(
        "",
        "user_rows",
        "UPDATE conversations = 0, questions = 0, answers = 0, answered = 0, satisfaction = NULL "
        f"WHERE {OWN} AND id IN {GONE}",
        f"id IN {GONE} AND conversations + questions + answers > 0",
        left=NOBODY,
    ),
)


def changes_of(kind: Erasing, *, with_conversations: bool) -> tuple[Change, ...]:
    """What a run does, in order. A run that is cut begins again with any of them."""
    if kind == "delete_conversations":
        return (EVENTS[kind], QUARANTINE, *CONVERSATIONS_GONE, *TALK_FORGOTTEN)
    if kind == "anonymize":
        return (EVENTS[kind], *CONVERSATIONS_SILENT, *PROFILE)
    if with_conversations:
        return (EVENTS["erase"], *CONVERSATIONS_GONE, *PROFILE)
    return (EVENTS["keep"], *CONVERSATIONS_KEPT, *PROFILE)


class Run(NamedTuple):
    project_id: str
    name: str

    @property
    def bound(self) -> dict[str, str]:
        return {"project": self.project_id, "run": self.name}


def name_users(warehouse: Warehouse, run: Run, ids: Sequence[str]) -> None:
    columns = {
        "run": [run.name] * len(ids),
        "kind": ["user"] * len(ids),
        "id": list(ids),
        "alias": [f"erased_{secrets.token_hex(12)}" for _ in ids],
    }
    warehouse.insert("erasure_ids", columns, token=f"erasure:{run.name}")


def find_all(warehouse: Warehouse, run: Run) -> int:
    """Whoever is one with those who are named, and their conversations. Returns how many ids there are of both."""
    count = count_ids(warehouse, run)
    for _ in range(MOST_STEPS):
        for there, following in (("one", "other"), ("other", "one")):
            sql = JOIN.replace("{next}", following).replace("{there}", there)
            warehouse.command(sql, run.bound, SETTINGS)
        before, count = count, count_ids(warehouse, run)
        if count == before:
            break
    warehouse.command(THEIR_CONVERSATIONS, run.bound, SETTINGS)
    every = "SELECT uniqExact(kind, id) FROM erasure_ids WHERE run = {run:String}"
    return int(warehouse.query(every, run.bound)[0][0])


def count_ids(warehouse: Warehouse, run: Run) -> int:
    return int(warehouse.query(f"SELECT uniqExact(id) {OF_RUN} = 'user'", run.bound)[0][0])


def count_users(warehouse: Warehouse, run: Run) -> int:
    """People of whom there is a profile: guests who became users, and who was merged, are no people of their own."""
    sql = f"SELECT count() FROM user_rows FINAL WHERE {OWN} AND merged_into = '' AND id IN {GONE} {LIMITS}"
    return int(warehouse.query(sql, run.bound)[0][0])


def read_ids(warehouse: Warehouse, run: Run) -> Iterator[list[str]]:
    """In pages."""
    after = ""
    while rows := warehouse.query(
        f"SELECT DISTINCT id {OF_RUN} = 'user' AND id > {{after:String}} ORDER BY id LIMIT {PAGE}",
        {**run.bound, "after": after},
    ):
        yield [id for (id,) in rows]
        after = rows[-1][0]


def read_aliases(warehouse: Warehouse, run: Run) -> dict[str, str]:
    """The random ids, by those in whose place they are."""
    return dict(warehouse.query(f"SELECT id, min(alias) {OF_RUN} = 'user' GROUP BY id", run.bound))


def count_concerned(warehouse: Warehouse, run: Run, change: Change) -> int:
    """Rows as people read them: without those that newer ones have replaced."""
    final = "" if change.table == "events" else "FINAL"
    sql = f"SELECT count() FROM {change.table} {final} WHERE {OWN} AND ({change.concerned}) {LIMITS}"
    return int(warehouse.query(sql, run.bound)[0][0])


def is_left(warehouse: Warehouse, run: Run, change: Change) -> bool:
    """Whether any row is there that should not be, replaced or not."""
    sql = f"SELECT 1 FROM {change.table} WHERE {OWN} AND ({change.left or change.concerned}) LIMIT 1 {LIMITS}"
    return bool(warehouse.query(sql, run.bound))


def carry_out(warehouse: Warehouse, run: Run, change: Change) -> None:
    """Twice is as once. Returns when no active part has what is to go."""
    concerned = f"{change.concerned} OR {change.left or NOBODY} OR {change.beside}"
    sql = f"SELECT 1 FROM {change.table} WHERE {OWN} AND ({concerned}) LIMIT 1 {LIMITS}"
    if warehouse.query(sql, run.bound):
        _rewrite(warehouse, run, change)
    if change.table == "quarantine_rows":
        _remove_mentions(warehouse, run)


def _rewrite(warehouse: Warehouse, run: Run, change: Change) -> None:
    mutate(warehouse, change.table, f"ALTER TABLE {change.table} {change.sql}", run.bound)
    if change.table == "events":  # what was moved from one user to another lies in patches beside the parts
        warehouse.command("ALTER TABLE events APPLY PATCHES", settings={"mutations_sync": 1})


def forget_run(warehouse: Warehouse, run: str) -> None:
    warehouse.command("ALTER TABLE erasure_ids DROP PARTITION {run:String}", {"run": run})


def _remove_mentions(warehouse: Warehouse, run: Run) -> None:
    """What is in the quarantine because nobody could read it names people all the same."""
    is_unread = f"{OWN} AND NOT isValidJSON(raw)"
    for place in range(0, count_ids(warehouse, run), NEEDLES_AT_ONCE):
        found = f"FROM quarantine_rows WHERE {is_unread} AND {MENTIONED}"
        if warehouse.query(f"SELECT 1 {found} LIMIT 1 {LIMITS}", {**run.bound, "place": place}):
            sql = f"ALTER TABLE quarantine_rows DELETE WHERE {is_unread} AND {MENTIONED}"
            mutate(warehouse, "quarantine_rows", sql, {**run.bound, "place": place})
