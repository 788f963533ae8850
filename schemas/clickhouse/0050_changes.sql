-- What was wanted of documents, by whom, and what became of it: copied from the control stream, keyed by the position
-- there, so that a repeated copy is the same row. The documents themselves stay on the stream, as secrets are in them.

CREATE TABLE IF NOT EXISTS changes
(
    log_id     LowCardinality(String)          COMMENT 'The control stream it lies on',
    position   UInt64                          COMMENT 'Its position there, which is the version of the document',
    id         String                          COMMENT 'Of the change',
    project_id LowCardinality(String)          COMMENT 'The tenant, proj_…; empty if it is of none',
    at         DateTime64(3, 'UTC')            COMMENT 'When it was asked for, by the clock of who wrote it',
    actor      String                          COMMENT 'Who asked for it',
    action     LowCardinality(String)          COMMENT 'What was asked for',
    kind       LowCardinality(String)          COMMENT 'Of the document',
    subject    String                          COMMENT 'The id of the document',
    request    String                          COMMENT 'The id of the request that asked for it',
    moved      String                          COMMENT 'What had changed meanwhile, so that it was refused'
)
ENGINE = ReplacingMergeTree
ORDER BY (log_id, position)
SETTINGS non_replicated_deduplication_window = 100000,
         fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'What was wanted of documents, and what became of it';

CREATE VIEW IF NOT EXISTS audit_log AS
SELECT project_id, at AS timestamp, actor, action, kind AS entity, subject AS entity_id,
       if(moved = '', 'done', 'refused') AS outcome, request AS request_id, id, position
FROM changes FINAL;

ALTER TABLE audit_log MODIFY COMMENT 'Who changed what: one row for each change of a project, a key or a setting';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS project_id 'The tenant, proj_…; empty if it is of none';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS timestamp 'When it was asked for';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS actor 'Who asked for it: cli for a command, ask0 for the program itself';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS action 'What was asked for, such as key.revoked';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS entity 'What it is: project or key';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS entity_id 'Which one: the id of a project, a write key, the hash of a secret key';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS outcome 'done, or refused because somebody else changed it at the same time';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS request_id 'The id of the request; empty for a command';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS id 'Of the change';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS position 'Its place in the order of all changes';
