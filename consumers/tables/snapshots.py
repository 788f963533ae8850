"""The rows people read, `user_rows` and `conversation_rows`, made again from the facts for all that a round touched.

Several workers may refresh one user at once. A row's version is the server's time taken before its facts are read, and
after this worker's own facts were stored. So for every fact there is a refresh that began after it, each refresh with
a greater version began later still, and the row with the greatest version has seen every fact.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import ceil

from ask0.consumers.folds.json_columns import LIKE_A_DOT_IN_SQL
from ask0.consumers.folds.users import UNSET
from ask0.consumers.tables.bounds import MAX_USER_TRAIT_BYTES, MAX_USER_TRAITS
from ask0.consumers.tables.families import read_families, read_merging, read_roots
from ask0.consumers.tables.isolation import Culprit, Key, isolate
from ask0.consumers.tables.pages import in_order, key_bytes, pages
from ask0.consumers.tables.round_keys import RoundKeys, among, mapped
from ask0.consumers.tables.run_both import run_each
from ask0.schemas.consent import GPC_DENIES
from ask0.schemas.traits import STANDARD
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import TooLarge

PAGE = 20_000  # keys of a whole table that are refreshed at a time
MAX_MEMBER_BYTES = 16_000_000  # of the users of a page and their guests, in `round_keys`
MAX_GUEST_ROWS = 300_000  # that one statement looks up; pages whose users have more guests are halved
MAX_GUEST_BYTES = 64_000_000  # of memory that their ids may take, likewise
MAX_KEYS_AT_ONCE = 25_000  # of one statement: two threads refresh what one chunk touches
FEW_KEYS = 10_000  # which one statement refreshes sooner than two

MAX_STATEMENT_BYTES = 1_000_000_000  # of memory; a page of users that takes more is halved

NAMES = ", ".join(f"'{trait}'" for trait in STANDARD.values())

# A user may have had many guests, each with traits of its own: the newest stay.
NEWEST = f"""
if(length(every) <= {MAX_USER_TRAITS} AND every_bytes <= {MAX_USER_TRAIT_BYTES}, every, mapFromArrays(
   arrayMap(trait -> trait.1, arrayFilter(
       (trait, number, bytes) -> number <= {MAX_USER_TRAITS} AND bytes <= {MAX_USER_TRAIT_BYTES},
       arrayReverseSort(trait -> (trait.2.1, trait.1), arrayZip(mapKeys(every), mapValues(every))) AS by_time,
       arrayEnumerate(by_time),
       arrayCumSum(trait -> length(trait.1) + length(trait.2.2), by_time)) AS newest),
   arrayMap(trait -> trait.2, newest)))
"""

# Each trait as text; of an object, such as Segment's company, the name in it. One lambda, as ClickHouse takes longer to
# analyse eleven such expressions than to run them.
TEXTS = f"""
arrayMap(json -> multiIf(json = '', NULL, JSONType(json) = 'String', JSONExtractString(json),
                         JSONType(json) = 'Object', JSONExtractString(json, 'name'), json),
         arrayMap(name -> substringIndex(t[name].2, '\n', 1), [{NAMES}]))
"""

# The site's own traits as JSON: as the column can say them, and as they were sent where that is not the same. A fact's
# text has two lines then, see folds/users.py. The type is the column's very own: what is converted is read anew.
TRAITS = f"""
concat('{{', arrayStringConcat(arrayMap((name, fact) -> concat(
    toJSONString(replaceRegexpAll(name, '{LIKE_A_DOT_IN_SQL}', '%25\\1')), ':', substringIndex(fact.2, '\n', 1)),
    mapKeys(other), mapValues(other)), ','), '}}')::JSON(max_dynamic_paths = 128)
"""
AS_SENT = """
concat('{', arrayStringConcat(arrayMap((name, fact) -> concat(
    toJSONString(name), ':', splitByChar('\n', fact.2)[-1]), mapKeys(other), mapValues(other)), ','), '}')
"""
SENT_TRAITS = f"""
if(arrayExists((name, fact) -> position(fact.2, '\n') > 0 OR match(name, '{LIKE_A_DOT_IN_SQL}'),
               mapKeys(other), mapValues(other)), as_sent, '')
"""
VALUES = ", ".join(
    f"parseDateTime64BestEffortOrNull(texts[{place}], 3, 'UTC')" if name == "created_at" else f"texts[{place}]"
    for place, name in enumerate(STANDARD, start=1)
)

# A choice of the person's own stands, whenever it was made; Global Privacy Control speaks for those never made.
DENIED = ", ".join(f"'{category}', 'denied'" for category in GPC_DENIES)
CONSENT = f"""
mapUpdate(if(sends_gpc, map({DENIED}), map()), mapApply((category, fact) -> (category, toString(fact.2)), choices))
"""

# A user's row gathers the user's own facts, those of the guests who turned out to be this user, and all of these of who
# was merged into them. A row that was merged away stays as it would be alone.
FROM_GUESTS = f"""
FROM identity_links
WHERE project_id IN (SELECT project_id FROM round_keys WHERE round = {{round:UInt64}} AND kind = 'user')
  AND guest_id IN (
    SELECT if(startsWith(sent, 'g-'), sent, concat('g-', sent))
    FROM (SELECT arrayJoin(anonymous_ids) AS sent FROM user_facts WHERE {among("project_id", "user_id", "user")})
)
GROUP BY project_id, guest_id
"""
GUESTS = f"SELECT project_id, guest_id, min(link).2 {FROM_GUESTS} SETTINGS max_rows_in_set = {MAX_GUEST_ROWS}"
# Whose facts go into which rows, where nobody was ever merged (else see _add_family_members): a user's own, and those
# of the guests who turned out to be this user. A guest's own row says who that is.
MEMBERS = f"""
INSERT INTO round_keys (round, kind, project_id, key, owner, merged_into)
SELECT {{round:UInt64}}, 'member', project_id, key, key, '' FROM round_keys
WHERE round = {{round:UInt64}} AND kind = 'user'
UNION ALL
SELECT {{round:UInt64}}, 'member', project_id, guest_id, row.1, row.2
FROM (SELECT project_id, guest_id, min(link).2 AS user {FROM_GUESTS}) ARRAY JOIN [(user, ''), (guest_id, user)] AS row
WHERE (project_id, row.1) IN (SELECT project_id, key FROM round_keys WHERE round = {{round:UInt64}} AND kind = 'user')
SETTINGS max_rows_in_set = {MAX_GUEST_ROWS}, max_bytes_in_set = {MAX_GUEST_BYTES}
"""
USERS = f"""
INSERT INTO user_rows (project_id, id, {", ".join(STANDARD)}, anonymous_ids, merged_ids, status,
    traits, sent_traits, traits_json, consent, gpc, first_seen_at, last_active_at, conversations, questions, answers,
    answered, satisfaction, merged_into, trait_names, trait_bytes, rating_count, tags, tag_names, updated_at,
    confirmed_at, nps, _version)
SELECT project_id, id,
       {VALUES},
       arraySort(anonymous), arraySort(merged_users),
       multiIf(startsWith(id, 'g-'), 'Guest', t['emailVerified'].2 = 'false', 'Unconfirmed', 'Active'),
       {TRAITS.strip()}, {SENT_TRAITS.strip()}, as_sent,
       {CONSENT.strip()}, sends_gpc,
       first_seen, last_active, length(conversation_set), length(question_set), length(answer_set),
       length(answered_set), if(empty(ratings), NULL, arrayAvg(mapValues(ratings))), merged,
       length(every), every_bytes, length(ratings),
       arraySort(mapKeys(mapFilter((tag, fact) -> fact.2 = 1, tag_facts))), length(tag_facts),
       nullIf(greatest({", ".join(f"arrayMax(mapValues({facts}).1)" for facts in ("every", "choices", "tag_facts"))}),
              toDateTime64(0, 3, 'UTC')),
       confirmed, if(score.1 = toDateTime64(0, 3, 'UTC'), NULL, score.2), {{version:UInt64}}
FROM (
    SELECT f.project_id AS project_id, m.owner AS id, max(m.merged_into) AS merged, maxMap(f.traits) AS every,
           arraySum((name, fact) -> length(name) + length(fact.2), mapKeys(every), mapValues(every)) AS every_bytes,
           mapFilter((name, fact) -> fact.2 != '{UNSET}', {NEWEST.strip()}) AS t,
           {TEXTS.strip()} AS texts,
           mapFilter((name, fact) -> name NOT IN ({NAMES}), t) AS other,
           {AS_SENT.strip()} AS as_sent,
           maxMap(f.tags) AS tag_facts, min(f.confirmed_at) AS confirmed, max(f.nps) AS score,
           maxMap(f.consent) AS choices, max(f.gpc) AS sends_gpc,
           groupUniqArrayArray(f.anonymous_ids) AS anonymous, min(f.first_seen_at) AS first_seen,
           groupUniqArrayIf(f.user_id, f.user_id != m.owner AND NOT startsWith(f.user_id, 'g-')) AS merged_users,
           max(f.last_active_at) AS last_active, groupUniqArrayArray(f.conversations) AS conversation_set,
           groupUniqArrayArray(f.questions) AS question_set, groupUniqArrayArray(f.answers) AS answer_set,
           groupUniqArrayArray(f.answered) AS answered_set, maxMap(f.ratings) AS ratings
    FROM user_facts AS f
    INNER JOIN (
        SELECT project_id, key, owner, merged_into FROM round_keys
        WHERE round = {{round:UInt64}} AND kind = 'member'
    ) AS m ON f.project_id = m.project_id AND f.user_id = m.key
    WHERE {among("f.project_id", "f.user_id", "member")}
    GROUP BY project_id, id
)
SETTINGS max_memory_usage = {MAX_STATEMENT_BYTES}
"""

# A conversation belongs to the user it names, else to the user its guest turned out to be, else to the guest. Of a user
# who was merged away it is the other's.
OWNER = "multiIf(mapContains(a, 'user_id'), a['user_id'].2, l.owner != '', l.owner, guest)"
SOURCE = f"""
FROM (
    SELECT project_id, conversation_id, maxMap(attributes) AS a, a['guest_id'].2 AS guest,
           min(started_at) AS started, max(last_at) AS last, groupUniqArrayArray(questions) AS question_set,
           groupUniqArrayArray(answers) AS answer_set, groupUniqArrayArray(answered) AS answered_set,
           maxMap(conversation_facts.ratings) AS ratings
    FROM conversation_facts
    WHERE {among("project_id", "conversation_id", "conversation")}
    GROUP BY project_id, conversation_id
) AS c
LEFT JOIN (
    SELECT project_id, guest_id, min(link).2 AS owner FROM identity_links
    WHERE project_id IN (SELECT project_id FROM round_keys WHERE round = {{round:UInt64}} AND kind = 'conversation')
      AND guest_id IN (
        SELECT attributes['guest_id'].2 FROM conversation_facts
        WHERE {among("project_id", "conversation_id", "conversation")}
    )
    GROUP BY project_id, guest_id
) AS l ON c.project_id = l.project_id AND c.guest = l.guest_id
"""
OWNERS = f"SELECT DISTINCT c.project_id, {OWNER} {SOURCE} SETTINGS max_memory_usage = {MAX_STATEMENT_BYTES}"


def _insert_conversations(owner: str) -> str:
    return f"""
    INSERT INTO conversation_rows (project_id, id, user_id, title, channel, topic, status, started_at, last_at,
        questions, answers, answered, satisfaction, rating_count, _version)
    WITH (name) -> if(mapContains(a, name), a[name].2, NULL) AS attribute
    SELECT c.project_id, c.conversation_id, {owner},
           ifNull(attribute('title'), attribute('first_question')), attribute('channel'), attribute('topic'),
           multiIf(mapContains(a, 'deleted'), 'deleted', mapContains(a, 'status'), a['status'].2, 'open'),
           started, last, length(question_set), length(answer_set), length(answered_set),
           if(empty(ratings), NULL, arrayAvg(mapValues(ratings))), length(ratings), {{version:UInt64}}
    {SOURCE}
    SETTINGS max_memory_usage = {MAX_STATEMENT_BYTES}
    """


CONVERSATIONS = _insert_conversations(OWNER)
CONVERSATIONS_OF_MERGED = _insert_conversations(mapped("c.project_id", OWNER, "root", OWNER))


@dataclass
class Touched:
    """Whose rows are to be refreshed: users and guests, and conversations, by (project, id)."""

    users: set[Key] = field(default_factory=set)
    conversations: set[Key] = field(default_factory=set)
    unwritable: list[Culprit] = field(default_factory=list)  # of those refreshed already


def refresh(warehouse: Warehouse, touched: Touched) -> list[Culprit]:
    """Write the rows of all that was touched again, and return those that ClickHouse does not write. Their facts and
    links must be stored."""
    steps = [
        *_steps("user", touched.users, lambda page: _refresh_users(warehouse, page)),
        *_steps("conversation", touched.conversations, lambda page: _refresh_conversations(warehouse, page)),
    ]
    return [culprit for culprits in run_each(steps) for culprit in culprits]


def _steps(
    kind: str, keys: Collection[Key], refresh_page: Callable[[Sequence[Key]], None]
) -> list[Callable[[], list[Culprit]]]:
    """Pages as large as each other, so that the two threads end together."""
    number = 2 * ceil(len(keys) / (2 * MAX_KEYS_AT_ONCE)) if len(keys) > FEW_KEYS else 1
    most = ceil(len(keys) / number) or 1
    return [partial(isolate, kind, page, refresh_page) for page in pages(in_order(keys), key_bytes, most)]


def _refresh_users(warehouse: Warehouse, page: Sequence[Key]) -> None:
    keys = RoundKeys(warehouse)
    keys.add("user", page)
    keys.store()
    bound = {"round": keys.round, "version": _now(warehouse)}
    if merging := read_merging(warehouse, keys):
        _add_family_members(warehouse, keys, page, merging)
    else:
        keys.derive("member", MEMBERS)
    warehouse.command(USERS, bound)
    keys.check()


def _add_family_members(warehouse: Warehouse, keys: RoundKeys, page: Sequence[Key], merging: Collection[str]) -> None:
    families = read_families(warehouse, {key for key in page if key[0] in merging})
    roots = families.roots(families.users)
    keys.add("user", families.users - {*page})
    keys.store()
    refreshed = {*page, *((project_id, root) for (project_id, _), root in roots.items())}
    rows = {(*key, key[1]): roots.get(key, "") for key in refreshed}
    for (project_id, user), root in roots.items():
        rows[project_id, user, root] = ""
    for project_id, guest, user in warehouse.query(GUESTS, {"round": keys.round}):
        if (project_id, guest) in refreshed:
            rows[project_id, guest, guest] = user
        for owner in (user, roots.get((project_id, user), user)):
            if (project_id, owner) in refreshed:
                rows[project_id, guest, owner] = ""
    if sum(sum(map(len, row)) for row in rows) > MAX_MEMBER_BYTES and len(page) > 1:
        raise TooLarge(f"{len(page):,} users have {len(rows):,} guests", by_itself=True)
    keys.add_members("member", [(*row, merged_into) for row, merged_into in rows.items()])
    keys.store()


def _refresh_conversations(warehouse: Warehouse, page: Sequence[Key]) -> None:
    keys = RoundKeys(warehouse)
    keys.add("conversation", page)
    keys.store()
    bound = {"round": keys.round, "version": _now(warehouse)}
    sql = CONVERSATIONS
    if merging := read_merging(warehouse, keys):
        owners = {(project_id, owner) for project_id, owner in warehouse.query(OWNERS, bound)}
        roots = read_roots(warehouse, {owner for owner in owners if owner[0] in merging}).roots(owners)
        if roots:
            keys.add_members("root", [(*user, root, "") for user, root in roots.items()])
            keys.store()
            sql = CONVERSATIONS_OF_MERGED
    warehouse.command(sql, bound)
    keys.check()


def rebuild(warehouse: Warehouse) -> None:
    """Write every row again from the facts, while workers may go on."""
    for table, column in (("user_facts", "user_id"), ("conversation_facts", "conversation_id")):
        last = ("", "")
        while page := _page(warehouse, table, column, last):
            keys = set(page)
            refresh(warehouse, Touched(users=keys) if column == "user_id" else Touched(conversations=keys))
            last = page[-1]


def _page(warehouse: Warehouse, table: str, column: str, after: tuple[str, str]) -> list[tuple[str, str]]:
    rows = warehouse.query(
        f"""
        SELECT DISTINCT project_id, {column} FROM {table}
        WHERE (project_id, {column}) > ({{project:String}}, {{key:String}})
        ORDER BY project_id, {column} LIMIT {PAGE}
        """,
        {"project": after[0], "key": after[1]},
    )
    return [(project_id, key) for project_id, key in rows]


def _now(warehouse: Warehouse) -> int:
    (now,) = warehouse.query("SELECT toUnixTimestamp64Micro(now64(6))")[0]
    return int(now)
