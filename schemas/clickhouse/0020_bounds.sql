-- What a user or conversation has gathered, so that a round can see who has come near a bound.
-- Snapshots of before count 0 until they are written again.

ALTER TABLE user_rows ADD COLUMN IF NOT EXISTS trait_names UInt32 COMMENT 'Names of traits, standard ones too';
ALTER TABLE user_rows ADD COLUMN IF NOT EXISTS trait_bytes UInt32 COMMENT 'Bytes of their names and values together';
ALTER TABLE user_rows ADD COLUMN IF NOT EXISTS rating_count UInt32 COMMENT 'Ratings behind satisfaction';
ALTER TABLE conversation_rows ADD COLUMN IF NOT EXISTS rating_count UInt32 COMMENT 'Ratings behind satisfaction';

-- Projects whose records are put aside, because too many of their rows were refused, and those records as they lay on the
-- log. `ask0 quarantine resume` puts them on the log again; nothing expires here.

CREATE TABLE IF NOT EXISTS parked_projects
(
    project_id LowCardinality(String),
    version    UInt64                  COMMENT 'The time of the change, epoch µs',
    parked     Bool,
    reason     String
)
ENGINE = ReplacingMergeTree(version)
ORDER BY project_id
SETTINGS non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS parked_records
(
    project_id  LowCardinality(String),
    received_at DateTime64(3, 'UTC'),
    events      UInt32                 COMMENT 'Events and rejects in the record',
    record      String                 COMMENT 'The record as it lay on the log',
    _log        LowCardinality(String),
    _partition  UInt16,
    _off        UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY (project_id, _log, _partition, _off)
SETTINGS non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1;

-- Workers share this table; with room for many of them, none finds its keys gone.
ALTER TABLE round_keys MODIFY SETTING max_bytes_to_keep = 268435456;
