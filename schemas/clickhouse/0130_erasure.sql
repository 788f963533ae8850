-- Erasure. Whose events are dropped from now on is told by hashes of ids under a key of the project's own, copied from
-- the control stream, where nobody restores an older copy of this table.

CREATE TABLE IF NOT EXISTS suppressions
(
    project_id LowCardinality(String),
    hash       FixedString(16)         COMMENT 'Of the id of a user or a guest: schemas/erasure.py says how',
    key        LowCardinality(String)  COMMENT 'With which the project''s ids are hashed',
    until      Int64                   COMMENT 'What was received up to this moment is dropped, epoch ms; the greatest: for ever',
    place      UInt32                  COMMENT 'The document it is of …',
    _version   UInt64                  COMMENT '… and its version'
)
ENGINE = ReplacingMergeTree(_version)
ORDER BY (project_id, hash)
SETTINGS non_replicated_deduplication_window = 100000, index_granularity = 256,
         fsync_after_insert = 1, fsync_part_directory = 1;

-- Who goes in one pass of an erasure: everyone whom they ever were, and their conversations. A pass is a partition, so
-- that the ids go at once when it is done, bytes and all.
CREATE TABLE IF NOT EXISTS erasure_ids
(
    run   String,
    kind  LowCardinality(String) COMMENT 'user: an id that is theirs; conversation',
    id    String,
    alias String                 COMMENT 'The random id that takes the place of theirs, where something stays',
    at    DateTime('UTC') DEFAULT now()
)
ENGINE = MergeTree
PARTITION BY run
ORDER BY (kind, id)
TTL at + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 100000, index_granularity = 1024, ttl_only_drop_parts = 1,
         old_parts_lifetime = 10, fsync_after_insert = 1, fsync_part_directory = 1;

-- What a mutation has replaced lies in old parts for a while: two minutes everywhere, as in 0041.
ALTER TABLE member_rows MODIFY SETTING old_parts_lifetime = 120;
ALTER TABLE user_merges MODIFY SETTING old_parts_lifetime = 120;
ALTER TABLE user_changes MODIFY SETTING old_parts_lifetime = 120;
ALTER TABLE consent_standing MODIFY SETTING old_parts_lifetime = 120;
ALTER TABLE audit MODIFY SETTING old_parts_lifetime = 120;
ALTER TABLE changes MODIFY SETTING old_parts_lifetime = 120;
ALTER TABLE parked_records MODIFY SETTING old_parts_lifetime = 120;
ALTER TABLE job_users MODIFY SETTING old_parts_lifetime = 10;
ALTER TABLE retention_ids MODIFY SETTING old_parts_lifetime = 10;
