-- Events: one row per (project, message_id), the first one received. The worker looks ids up in event_ids before it
-- inserts, so the table is exact as it stands: nothing anyone reads waits for a merge.
-- Partitions follow received_at, because a client may send any date.
-- An insert is stored compact, in few files whatever its size (a third quicker); a merge makes columns' files of it.
-- The log's partition is `_partition`: `_part` is a name of ClickHouse's own, and without it UPDATE fails.

CREATE TABLE IF NOT EXISTS events
(
    project_id      LowCardinality(String)  COMMENT 'The tenant, proj_…',
    type            LowCardinality(String)  COMMENT 'identify, track, page, screen, group or alias',
    event           LowCardinality(String)  COMMENT 'Name of the event; of the page or screen for page and screen',
    user_id         String                  COMMENT 'Whose event it is: the identified user, else the guest (g-…). A guest''s earlier events become the user''s after identify',
    sent_user_id    String                  COMMENT 'The userId the client sent, empty for a guest',
    anonymous_id    String                  COMMENT 'The anonymousId the client sent',
    message_id      String                  COMMENT 'The client''s id of this event, unique in the project',
    timestamp       DateTime64(3, 'UTC')    COMMENT 'When it happened, by the client''s clock',
    occurred_at     DateTime64(3, 'UTC')    COMMENT 'When it happened, corrected when the client''s clock is more than 60 s off',
    received_at     DateTime64(3, 'UTC')    COMMENT 'When the gateway took it',
    sent_at         Nullable(DateTime64(3, 'UTC')) COMMENT 'When the client sent the beacon, by its own clock',
    conversation_id String                  COMMENT 'properties.conversationId',
    group_id        String                  COMMENT 'The account of a group call',
    properties      JSON                    COMMENT 'Properties of the event; the traits for identify and group',
    context         JSON                    COMMENT 'Page, library, device, campaign … as sent',
    ip              String                  COMMENT 'Client address after the IP policy (truncated by default)',
    user_agent      String,
    _log            LowCardinality(String)  COMMENT 'The log record this row came from',
    _partition      UInt16,
    _off            UInt64,
    _idx            UInt16                  COMMENT 'Position in the record',
    INDEX user_id user_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX anonymous_id anonymous_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX conversation_id conversation_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (project_id, toDate(timestamp), event, timestamp)
SETTINGS non_replicated_deduplication_window = 100000, enable_block_number_column = 1, enable_block_offset_column = 1,
         fsync_after_insert = 1, fsync_part_directory = 1, min_level_for_wide_part = 1;

CREATE TABLE IF NOT EXISTS event_ids
(
    project_id  LowCardinality(String),
    id          UInt128,
    received_at DateTime64(3, 'UTC'),
    _log        LowCardinality(String),
    _partition  UInt16,
    _off        UInt64,
    _idx        UInt16
)
ENGINE = MergeTree
PARTITION BY toMonday(received_at)
ORDER BY (project_id, id)
TTL toDateTime(received_at) + INTERVAL 35 DAY
SETTINGS non_replicated_deduplication_window = 100000, index_granularity = 1024, ttl_only_drop_parts = 1,
         fsync_after_insert = 1, fsync_part_directory = 1;
