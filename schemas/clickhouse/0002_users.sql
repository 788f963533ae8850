-- Users: facts are the commutative truth (any order, any number of times, the same result); user_rows is the snapshot
-- that people read, written again for every touched user; the view hides what has been merged into another user.

CREATE TABLE IF NOT EXISTS user_facts
(
    project_id     LowCardinality(String),
    user_id        String,
    traits         SimpleAggregateFunction(maxMap, Map(String, Tuple(DateTime64(3, 'UTC'), String))),
    consent        SimpleAggregateFunction(maxMap, Map(String, Tuple(DateTime64(3, 'UTC'),
                       Enum8('granted' = 1, 'pending' = 2, 'denied' = 3)))),
    gpc            SimpleAggregateFunction(max, Bool),
    anonymous_ids  SimpleAggregateFunction(groupUniqArrayArray, Array(String)),
    first_seen_at  SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    last_active_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    conversations  SimpleAggregateFunction(groupUniqArrayArray, Array(UInt64)),
    questions      SimpleAggregateFunction(groupUniqArrayArray, Array(UInt64)),
    answers        SimpleAggregateFunction(groupUniqArrayArray, Array(UInt64)),
    answered       SimpleAggregateFunction(groupUniqArrayArray, Array(UInt64)),
    ratings        SimpleAggregateFunction(maxMap, Map(UInt64, Float64))
)
ENGINE = AggregatingMergeTree
ORDER BY (project_id, user_id)
SETTINGS non_replicated_deduplication_window = 100000, index_granularity = 256,
         fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS user_rows
(
    project_id     LowCardinality(String),
    id             String,
    anonymous_ids  Array(String),
    customer_id    Nullable(String),
    email          Nullable(String),
    name           Nullable(String),
    first_name     Nullable(String),
    last_name      Nullable(String),
    phone          Nullable(String),
    avatar         Nullable(String),
    company        Nullable(String),
    plan           Nullable(String),
    role           Nullable(String),
    status         LowCardinality(String),
    traits         JSON,
    consent        Map(LowCardinality(String), LowCardinality(String)) COMMENT 'By category: granted, pending, denied',
    gpc            Bool COMMENT 'Whether a browser of theirs ever sent Global Privacy Control (Sec-GPC: 1)',
    created_at     Nullable(DateTime64(3, 'UTC')),
    first_seen_at  DateTime64(3, 'UTC'),
    last_active_at DateTime64(3, 'UTC'),
    conversations  UInt32,
    questions      UInt32,
    answers        UInt32,
    answered       UInt32,
    satisfaction   Nullable(Float64),
    merged_into    String,
    _version       UInt64
)
ENGINE = ReplacingMergeTree(_version)
ORDER BY (project_id, id)
SETTINGS non_replicated_deduplication_window = 100000, index_granularity = 256,
         fsync_after_insert = 1, fsync_part_directory = 1;

CREATE VIEW IF NOT EXISTS users AS
SELECT project_id, id, anonymous_ids, customer_id, email, name, first_name, last_name, phone, avatar, company, plan,
       role, status, traits, consent, gpc, created_at, first_seen_at, last_active_at, conversations, questions, answers,
       answered, satisfaction
FROM user_rows FINAL
WHERE merged_into = '';

-- The first link received wins and never changes, whatever arrives later: when, the user, the anonymous id as it was sent.
CREATE TABLE IF NOT EXISTS identity_links
(
    project_id LowCardinality(String),
    guest_id   String,
    link       SimpleAggregateFunction(min, Tuple(DateTime64(3, 'UTC'), String, String))
)
ENGINE = AggregatingMergeTree
ORDER BY (project_id, guest_id)
SETTINGS non_replicated_deduplication_window = 100000, index_granularity = 256,
         fsync_after_insert = 1, fsync_part_directory = 1;

CREATE VIEW IF NOT EXISTS identities AS
SELECT project_id, min(link).3 AS anonymous_id, guest_id, min(link).2 AS user_id, min(link).1 AS linked_at
FROM identity_links
GROUP BY project_id, guest_id;
