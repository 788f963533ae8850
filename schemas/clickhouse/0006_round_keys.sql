-- The keys a worker's running round asks for: a set too large for query parameters goes in here and is joined. In memory
-- only, the oldest leave by themselves; a worker counts its own afterwards and repeats the round if some have gone.

CREATE TABLE IF NOT EXISTS round_keys
(
    round       UInt64                 COMMENT 'Random, one for each attempt at a round',
    kind        LowCardinality(String) COMMENT 'Which of the round''s sets this key belongs to',
    project_id  LowCardinality(String),
    key         String,
    owner       String                 COMMENT 'For a member: the user whose row its facts go into',
    merged_into String                 COMMENT 'For a member that is its own row: the user that a guest has become',
    id          UInt128                COMMENT 'For a message id'
)
ENGINE = Memory
SETTINGS min_bytes_to_keep = 4096, max_bytes_to_keep = 67108864;
