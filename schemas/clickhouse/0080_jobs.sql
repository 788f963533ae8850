-- Whom a job is about, found once when it begins: what it does to them may move them out of the filter they were found by.
-- A list is a partition, so that it goes at once, bytes and all, when its job is finished; the TTL is for lists whose job
-- was cut just then.

CREATE TABLE IF NOT EXISTS job_users
(
    list String                       COMMENT 'Of one job, made by one process: another that begins anew makes another',
    id   String                       COMMENT 'Of the user',
    at   DateTime('UTC') DEFAULT now()
)
ENGINE = MergeTree
PARTITION BY list
ORDER BY id
TTL at + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 100000, index_granularity = 1024, ttl_only_drop_parts = 1,
         fsync_after_insert = 1, fsync_part_directory = 1;
