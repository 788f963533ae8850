-- How far the rows are: everything of a log's partition below `next` is in the tables. Whoever put a change on the log
-- and wants to see what came of it waits for this. Written last by each round, so it never promises what is not there.

CREATE TABLE IF NOT EXISTS applied
(
    log       LowCardinality(String),
    partition UInt16,
    next      UInt64
)
ENGINE = ReplacingMergeTree(next)
ORDER BY (log, partition)
SETTINGS non_replicated_deduplication_window = 100000,
         fsync_after_insert = 1, fsync_part_directory = 1;
