-- The catalog: projects, keys and other small documents; the newest version of (kind, id) wins.

CREATE TABLE IF NOT EXISTS catalog
(
    kind    LowCardinality(String),
    id      String,
    version UInt64,
    body    String
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (kind, id)
SETTINGS non_replicated_deduplication_window = 100000,
         fsync_after_insert = 1, fsync_part_directory = 1;
