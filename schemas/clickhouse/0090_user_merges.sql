-- Users who turned out to be one person: each merge and each undo is a fact, kept under the id that was merged and under
-- the one it was merged into, so that a user's whole family is found by key. Of one id's facts the latest stands.

CREATE TABLE IF NOT EXISTS user_merges
(
    project_id LowCardinality(String),
    id         String               COMMENT 'One of the two',
    from_id    String               COMMENT 'Who was merged',
    at         DateTime64(3, 'UTC') COMMENT 'When it was asked for; later than all facts of from_id before it',
    into       String               COMMENT 'The user they were merged into; empty where that was undone',
    change     String               COMMENT 'Which change says so',
    _log       LowCardinality(String),
    _partition UInt16,
    _off       UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY (project_id, id, from_id, at)
SETTINGS non_replicated_deduplication_window = 100000, index_granularity = 256,
         fsync_after_insert = 1, fsync_part_directory = 1;

-- An event's user_id follows its user's merges, so it does not tell any more whether the event is its guest's. What was
-- stored before has the answer in its two ids; each UPDATE writes it down.
ALTER TABLE events ADD COLUMN IF NOT EXISTS _of_guest Bool DEFAULT sent_user_id != user_id
    COMMENT 'Whether it goes where its anonymous id goes: it was sent without a userId, or with one that nothing proves';
ALTER TABLE events COMMENT COLUMN IF EXISTS user_id 'Whose event it is: the identified user, else the guest (g-…). A guest''s earlier events become the user''s after identify, those of a merged user the survivor''s until that is undone';

ALTER TABLE user_rows ADD COLUMN IF NOT EXISTS merged_ids Array(String) AFTER anonymous_ids;
CREATE OR REPLACE VIEW users AS
SELECT project_id, id, anonymous_ids, merged_ids, customer_id, email, name, first_name, last_name, phone, avatar,
       company, plan, role, status, tags, traits, sent_traits, consent, gpc, created_at, updated_at, confirmed_at,
       first_seen_at, nullIf(last_active_at, toDateTime64(0, 3, 'UTC')) AS last_active_at, conversations, questions,
       answers, answered, satisfaction, nps
FROM user_rows FINAL
WHERE merged_into = '';

ALTER TABLE users MODIFY COMMENT 'Who is known: one row for each identified user, and for each guest who has not become one';
ALTER TABLE users COMMENT COLUMN IF EXISTS project_id 'The tenant, proj_…';
ALTER TABLE users COMMENT COLUMN IF EXISTS id 'The userId; of a guest g-…';
ALTER TABLE users COMMENT COLUMN IF EXISTS anonymous_ids 'The anonymousIds this user came with, as they were sent';
ALTER TABLE users COMMENT COLUMN IF EXISTS merged_ids 'The users who were merged into this one; they have no rows here';
ALTER TABLE users COMMENT COLUMN IF EXISTS customer_id 'Trait customerId: the id in another system';
ALTER TABLE users COMMENT COLUMN IF EXISTS email 'Trait email';
ALTER TABLE users COMMENT COLUMN IF EXISTS name 'Trait name';
ALTER TABLE users COMMENT COLUMN IF EXISTS first_name 'Trait firstName';
ALTER TABLE users COMMENT COLUMN IF EXISTS last_name 'Trait lastName';
ALTER TABLE users COMMENT COLUMN IF EXISTS phone 'Trait phone';
ALTER TABLE users COMMENT COLUMN IF EXISTS avatar 'Trait avatar, an address';
ALTER TABLE users COMMENT COLUMN IF EXISTS company 'Trait company; the name in it if it is an object';
ALTER TABLE users COMMENT COLUMN IF EXISTS plan 'Trait plan';
ALTER TABLE users COMMENT COLUMN IF EXISTS role 'Trait role';
ALTER TABLE users COMMENT COLUMN IF EXISTS status 'Active, Unconfirmed (emailVerified is false) or Guest';
ALTER TABLE users COMMENT COLUMN IF EXISTS tags 'Tags that were put on and not taken off, by the API';
ALTER TABLE users COMMENT COLUMN IF EXISTS traits 'All other traits, the newest value of each';
ALTER TABLE users COMMENT COLUMN IF EXISTS sent_traits 'The other traits as JSON text as they were sent, where the column traits cannot say all of it; else empty';
ALTER TABLE users COMMENT COLUMN IF EXISTS consent 'What the person chose, by category: granted, pending or denied';
ALTER TABLE users COMMENT COLUMN IF EXISTS gpc 'Whether a browser of theirs ever sent Global Privacy Control';
ALTER TABLE users COMMENT COLUMN IF EXISTS created_at 'Trait createdAt: when the account was made';
ALTER TABLE users COMMENT COLUMN IF EXISTS updated_at 'When a trait, a tag or a choice was said last; null if none was';
ALTER TABLE users COMMENT COLUMN IF EXISTS confirmed_at 'The earliest that the trait emailVerified was true; null if it never was';
ALTER TABLE users COMMENT COLUMN IF EXISTS first_seen_at 'The earliest event or change, by occurred_at';
ALTER TABLE users COMMENT COLUMN IF EXISTS last_active_at 'The latest event, by occurred_at; null if there is none, as of a user whom the API made';
ALTER TABLE users COMMENT COLUMN IF EXISTS conversations 'How many conversations they took part in';
ALTER TABLE users COMMENT COLUMN IF EXISTS questions 'How many questions they asked';
ALTER TABLE users COMMENT COLUMN IF EXISTS answers 'How many answers they were given';
ALTER TABLE users COMMENT COLUMN IF EXISTS answered 'How many of the answers were one';
ALTER TABLE users COMMENT COLUMN IF EXISTS satisfaction 'The mean of their ratings, 0 to 1; null without one';
ALTER TABLE users COMMENT COLUMN IF EXISTS nps 'Their latest answer to an NPS survey, 0 to 10; null without one';

-- A merge is in the history of both.
ALTER TABLE user_changes ADD COLUMN IF NOT EXISTS merged_from String COMMENT 'Of a merge or its undo: who was merged' AFTER consent;
ALTER TABLE user_changes ADD COLUMN IF NOT EXISTS merged_into String COMMENT 'And into whom' AFTER merged_from;

CREATE OR REPLACE VIEW audit_log AS
SELECT project_id, at AS timestamp, actor, action, kind AS entity, subject AS entity_id,
       if(moved = '', 'done', 'refused') AS outcome, request AS request_id, id, position
FROM changes FINAL
UNION ALL
SELECT project_id, at AS timestamp, actor, action, 'user' AS entity, user_id AS entity_id, 'done' AS outcome,
       request AS request_id, id, _off AS position
FROM user_changes FINAL
WHERE merged_from = '' OR user_id = merged_into;

ALTER TABLE audit_log MODIFY COMMENT 'Who changed what: one row for each change of a project, a key, a setting or, by the API, a user';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS project_id 'The tenant, proj_…; empty if it is of none';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS timestamp 'When it was asked for';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS actor 'Who asked for it: cli for a command, key: and its hash for a secret key, ask0 for the program itself';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS action 'What was asked for, such as key.revoked';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS entity 'What it is: project, key or user';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS entity_id 'Which one: the id of a project or user, a write key, the hash of a secret key';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS outcome 'done, or refused because somebody else changed it at the same time';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS request_id 'The id of the request; empty for a command';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS id 'Of the change';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS position 'Its place on its stream: of all changes of documents, or of one part of the events';
