-- Live segments: who is in which, since when, and how many there were. consumers/membership keeps them.

CREATE TABLE IF NOT EXISTS member_rows
(
    project_id LowCardinality(String),
    user_id    String,
    segment_id LowCardinality(String),
    is_member  Bool,
    since      DateTime64(3, 'UTC')   COMMENT 'When they came in, or went out',
    cause      LowCardinality(String),
    _version   UInt64                 COMMENT 'The server''s time, taken before the user was read, in microseconds'
)
ENGINE = ReplacingMergeTree(_version)
ORDER BY (project_id, user_id, segment_id)
SETTINGS non_replicated_deduplication_window = 100000, index_granularity = 256,
         fsync_after_insert = 1, fsync_part_directory = 1;

CREATE VIEW IF NOT EXISTS segment_members AS
SELECT project_id, segment_id, user_id, since, cause FROM member_rows FINAL WHERE is_member;

ALTER TABLE segment_members MODIFY COMMENT 'Who is in which segment now: one row for each user in each of the project''s own segments';
ALTER TABLE segment_members COMMENT COLUMN IF EXISTS project_id 'The tenant, proj_…';
ALTER TABLE segment_members COMMENT COLUMN IF EXISTS segment_id 'The segment, seg_…';
ALTER TABLE segment_members COMMENT COLUMN IF EXISTS user_id 'The user, as in ask0.users';
ALTER TABLE segment_members COMMENT COLUMN IF EXISTS since 'When they came in';
ALTER TABLE segment_members COMMENT COLUMN IF EXISTS cause 'Why they came in: change (something about them), time (that passed) or definition (the segment became another)';

CREATE TABLE IF NOT EXISTS segment_sizes
(
    project_id LowCardinality(String),
    segment_id LowCardinality(String),
    hour       DateTime('UTC'),
    size       UInt64,
    _at        DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(_at)
ORDER BY (project_id, segment_id, hour)
SETTINGS non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1;

-- Of which definition the members of a segment are. One row without a segment says how far all of them are.
CREATE TABLE IF NOT EXISTS segment_marks
(
    project_id LowCardinality(String),
    segment_id LowCardinality(String),
    definition String                 COMMENT 'A digest; empty once the segment is deleted and everyone out of it',
    reached    UInt64                 COMMENT 'Users refreshed before this version are where they belong',
    swept      UInt64                 COMMENT 'So is everyone whom time alone moved before, in ms',
    _version   UInt64
)
ENGINE = ReplacingMergeTree(_version)
ORDER BY (project_id, segment_id)
SETTINGS non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1;

-- Those refreshed lately are looked for again and again: most of the table can be left out.
ALTER TABLE user_rows ADD INDEX IF NOT EXISTS version _version TYPE minmax GRANULARITY 16;

ALTER TABLE events COMMENT COLUMN IF EXISTS type 'identify, track, page, screen, group or alias; segment where the user came into one or went out';
