-- Quarantine: events that could not be accepted (stage gateway) or applied (stage worker), kept to be read and replayed.

CREATE TABLE IF NOT EXISTS quarantine_rows
(
    project_id  LowCardinality(String),
    id          String                 COMMENT 'log:partition:offset:index, the position it came from',
    stage       LowCardinality(String),
    reason      LowCardinality(String),
    message     String,
    message_id  String,
    raw         String                 COMMENT 'The event as it was sent; the record''s bytes when they do not decode',
    received_at DateTime64(3, 'UTC'),
    replayed_at Nullable(DateTime64(3, 'UTC')),
    _log        LowCardinality(String),
    _partition  UInt16,
    _off        UInt64,
    _idx        UInt16,
    _version    UInt64                 COMMENT '0, then the time of the replay'
)
ENGINE = ReplacingMergeTree(_version)
PARTITION BY toYYYYMM(received_at)
ORDER BY (project_id, received_at, id)
SETTINGS non_replicated_deduplication_window = 100000,
         fsync_after_insert = 1, fsync_part_directory = 1;

CREATE VIEW IF NOT EXISTS quarantine AS
SELECT project_id, id, stage, reason, message, message_id, raw, received_at, replayed_at, _log, _partition, _off, _idx
FROM quarantine_rows FINAL;
