-- Conversations: the same two steps as users, facts and then the snapshot people read.

CREATE TABLE IF NOT EXISTS conversation_facts
(
    project_id      LowCardinality(String),
    conversation_id String,
    attributes      SimpleAggregateFunction(maxMap, Map(String, Tuple(DateTime64(3, 'UTC'), String))),
    started_at      SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    last_at         SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    questions       SimpleAggregateFunction(groupUniqArrayArray, Array(UInt64)),
    answers         SimpleAggregateFunction(groupUniqArrayArray, Array(UInt64)),
    answered        SimpleAggregateFunction(groupUniqArrayArray, Array(UInt64)),
    ratings         SimpleAggregateFunction(maxMap, Map(UInt64, Float64))
)
ENGINE = AggregatingMergeTree
ORDER BY (project_id, conversation_id)
SETTINGS non_replicated_deduplication_window = 100000, index_granularity = 256,
         fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS conversation_rows
(
    project_id   LowCardinality(String),
    id           String,
    user_id      String,
    title        Nullable(String),
    channel      Nullable(String),
    topic        Nullable(String),
    status       LowCardinality(String),
    started_at   DateTime64(3, 'UTC'),
    last_at      DateTime64(3, 'UTC'),
    questions    UInt32,
    answers      UInt32,
    answered     UInt32,
    satisfaction Nullable(Float64),
    _version     UInt64,
    INDEX user_id user_id TYPE bloom_filter(0.01) GRANULARITY 4
)
ENGINE = ReplacingMergeTree(_version)
ORDER BY (project_id, id)
SETTINGS non_replicated_deduplication_window = 100000, index_granularity = 256,
         fsync_after_insert = 1, fsync_part_directory = 1;

CREATE VIEW IF NOT EXISTS conversations AS
SELECT project_id, id, user_id, title, channel, topic, status, started_at, last_at, questions, answers, answered,
       satisfaction
FROM conversation_rows FINAL;
