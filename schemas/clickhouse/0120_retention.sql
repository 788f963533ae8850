-- Who has denied what the worker goes by, as it stands: a row for each who ever denied it, and each part of the log that
-- said so. Beside what stands after a chunk is what stood before it, so that a chunk that is applied again is judged as
-- it was the first time.

CREATE TABLE IF NOT EXISTS consent_standing
(
    project_id   LowCardinality(String),
    id           String                 COMMENT 'The user, or a guest who is none',
    category     LowCardinality(String),
    before_at    DateTime64(3, 'UTC')   COMMENT 'When the choice was made that stood before the chunk',
    before_state UInt8                  COMMENT '1 granted, 2 pending, 3 denied, 0 if nothing was said',
    stands_at    DateTime64(3, 'UTC'),
    state        UInt8,
    _log         LowCardinality(String),
    _partition   UInt16,
    _off         UInt64                 COMMENT 'Where the chunk begins'
)
ENGINE = ReplacingMergeTree(_off)
ORDER BY (project_id, id, category, _log, _partition)
SETTINGS non_replicated_deduplication_window = 100000, index_granularity = 256,
         fsync_after_insert = 1, fsync_part_directory = 1;

-- Those who have denied it until now, under the user that a guest has become, as later choices are kept; unless somebody
-- is beyond that already.
INSERT INTO consent_standing (project_id, id, category, before_at, before_state, stands_at, state, _log, _partition, _off)
SELECT facts.project_id, if(links.owner = '', facts.user_id, links.owner) AS owner_id, 'analytics',
       max(facts.choice).1, toUInt8(max(facts.choice).2), max(facts.choice).1, toUInt8(max(facts.choice).2), '', 0, 0
FROM
(
    SELECT project_id, user_id, maxMap(consent)['analytics'] AS choice FROM user_facts
    WHERE mapContains(consent, 'analytics') GROUP BY project_id, user_id HAVING choice.2 = 'denied'
) AS facts
LEFT JOIN
(
    SELECT project_id, guest_id, min(link).2 AS owner FROM identity_links
    WHERE guest_id IN (SELECT user_id FROM user_facts WHERE mapContains(consent, 'analytics'))
    GROUP BY project_id, guest_id
) AS links ON facts.project_id = links.project_id AND facts.user_id = links.guest_id
WHERE NOT EXISTS (SELECT 1 FROM consent_standing WHERE _log != '')
GROUP BY facts.project_id, owner_id;

-- Who and what is to go in a run of the retention, found once: a run that is cut goes on with the same. A run is a
-- partition, so that it goes at once when it is done, bytes and all.
CREATE TABLE IF NOT EXISTS retention_ids
(
    run        String,
    project_id LowCardinality(String),
    kind       LowCardinality(String) COMMENT 'user, conversation; settled once it is certain who goes',
    id         String,
    owner      String                 COMMENT 'Of a user: the one who is left, whose guest or merged user it is',
    at         DateTime('UTC') DEFAULT now()
)
ENGINE = MergeTree
PARTITION BY run
ORDER BY (kind, project_id, id)
TTL at + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 100000, index_granularity = 1024, ttl_only_drop_parts = 1,
         fsync_after_insert = 1, fsync_part_directory = 1;

-- When the retention was run, so that no worker does so again on the same day.
CREATE TABLE IF NOT EXISTS retention_runs
(
    run String,
    at  DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY run
TTL toDateTime(at) + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 100000, fsync_after_insert = 1, fsync_part_directory = 1;
