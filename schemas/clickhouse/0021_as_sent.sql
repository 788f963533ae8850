-- What a JSON column cannot say is kept as the text it was sent in, beside the column; and which names of properties each
-- project has used, as only so many become paths of a column.

ALTER TABLE events ADD COLUMN IF NOT EXISTS sent_properties String
    COMMENT 'The properties as JSON text as they were sent, where the column properties cannot say all of it; else empty'
    AFTER context;
ALTER TABLE events ADD COLUMN IF NOT EXISTS sent_context String
    COMMENT 'The context as JSON text as it was sent, where the column context cannot say all of it; else empty'
    AFTER sent_properties;
ALTER TABLE user_rows ADD COLUMN IF NOT EXISTS sent_traits String
    COMMENT 'The traits as JSON text as they were sent, where the column traits cannot say all of it; else empty'
    AFTER traits;

CREATE OR REPLACE VIEW users AS
SELECT project_id, id, anonymous_ids, customer_id, email, name, first_name, last_name, phone, avatar, company, plan,
       role, status, traits, sent_traits, consent, gpc, created_at, first_seen_at, last_active_at, conversations,
       questions, answers, answered, satisfaction
FROM user_rows FINAL
WHERE merged_into = '';

CREATE TABLE IF NOT EXISTS property_names
(
    project_id LowCardinality(String),
    column     LowCardinality(String)  COMMENT 'properties or context',
    name       String                  COMMENT 'The keys down to it as a JSON list; null stands for the items of a list',
    first_seen DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (project_id, column, name)
TTL toDateTime(first_seen) + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 100000, index_granularity = 1024,
         fsync_after_insert = 1, fsync_part_directory = 1;
