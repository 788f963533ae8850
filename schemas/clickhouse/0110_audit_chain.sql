-- The audit log as a table of its own: what was changed of documents and of users, what was exported, which keys are used.
-- It is appended to and nothing else; each row has a digest over the one before it (schemas/audit.py says of what), within
-- its project and its place: the control stream, or a partition of the events. Rows of before have none.

CREATE TABLE IF NOT EXISTS audit
(
    project_id  LowCardinality(String)  COMMENT 'The tenant, proj_…; empty if it is of none',
    stream      LowCardinality(String)  COMMENT 'documents: the control stream; users: the events',
    log         LowCardinality(String),
    partition   UInt16,
    off         UInt64                  COMMENT 'Its place there …',
    idx         UInt16                  COMMENT '… and in the record',
    at          DateTime64(3, 'UTC')    COMMENT 'When it was asked for',
    id          String                  COMMENT 'Of the change',
    action      LowCardinality(String),
    actor       String                  COMMENT 'Who did it',
    entity      LowCardinality(String)  COMMENT 'What it is about: user, or the kind of a document',
    about       Array(String)           COMMENT 'Ids: of the entity, then of who else is concerned; none once erased',
    outcome     LowCardinality(String)  COMMENT 'done or refused',
    request     String                  COMMENT 'The id of the request',
    ip          String                  COMMENT 'Of the caller, as the policy keeps it',
    details     String CODEC(ZSTD)      COMMENT 'What was said, as JSON; empty once erased',
    is_personal Bool                    COMMENT 'Whether `about` names people',
    salt        String                  COMMENT 'Of the digest of what may name a person; empty once erased',
    ip_salt     String,
    sealed      String                  COMMENT 'That digest',
    sealed_ip   String,
    seq         UInt64                  COMMENT 'Its number in its chain, from 1; 0 of before there were chains',
    digest      String                  COMMENT 'Over the one before it and all of this row',
    INDEX about about TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX at at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
ORDER BY (project_id, stream, log, partition, off, idx)
SETTINGS non_replicated_deduplication_window = 100000, index_granularity = 1024,
         fsync_after_insert = 1, fsync_part_directory = 1;

-- Where chains end, once a day, signed with a key that ClickHouse does not have; and where they begin when retention has
-- taken away what was before.
CREATE TABLE IF NOT EXISTS audit_heads
(
    project_id LowCardinality(String),
    stream     LowCardinality(String),
    log        LowCardinality(String),
    partition  UInt16,
    kind       LowCardinality(String)  COMMENT 'head: the chain came so far; start: what is before may be gone',
    seq        UInt64                  COMMENT 'The row that it is about',
    digest     String                  COMMENT 'Of that row',
    at         DateTime64(3, 'UTC')    COMMENT 'When it was signed',
    signature  String
)
ENGINE = ReplacingMergeTree
ORDER BY (project_id, stream, log, partition, kind, at)
TTL toDateTime(at) + INTERVAL 400 DAY WHERE kind = 'head'
SETTINGS non_replicated_deduplication_window = 100000, index_granularity = 1024,
         fsync_after_insert = 1, fsync_part_directory = 1;

-- What there was until now, unless somebody is beyond that already. `changes` is written no more.
INSERT INTO audit (project_id, stream, log, partition, off, idx, at, id, action, actor, entity, about, outcome, request,
                   is_personal)
SELECT project_id, 'documents', log_id, 0, position, 0, at, id, action, actor, kind,
       [if(kind = 'deactivation', substring(subject, length(project_id) + 2), subject)],
       if(moved = '', 'done', 'refused'), request, kind = 'deactivation'
FROM changes FINAL
WHERE NOT EXISTS (SELECT 1 FROM audit WHERE seq > 0);

INSERT INTO audit (project_id, stream, log, partition, off, idx, at, id, action, actor, entity, about, outcome, request,
                   is_personal, details)
SELECT project_id, 'users', _log, _partition, _off, _idx, at, id, action, actor, 'user',
       if(merged_from = '', [user_id], [merged_into, merged_from]), 'done', request, true,
       if(merged_from != '', concat('{"from_id":', toJSONString(merged_from), ',"into":', toJSONString(merged_into), '}'),
       if(empty(traits) AND empty(tags) AND empty(consent), '', concat(
           '{"traits":{',
           arrayStringConcat(arrayMap((name, value) -> concat(toJSONString(name), ':', value),
                                      mapKeys(traits), mapValues(traits)), ','),
           '},"tags":{',
           arrayStringConcat(arrayMap((name, value) -> concat(toJSONString(name), ':', if(value = 1, 'true', 'false')),
                                      mapKeys(tags), mapValues(tags)), ','),
           '},"consent":{',
           arrayStringConcat(arrayMap((name, value) -> concat(toJSONString(name), ':', toJSONString(value)),
                                      mapKeys(consent), mapValues(consent)), ','),
           '}}')))
FROM user_changes FINAL
WHERE (merged_from = '' OR user_id = merged_into) AND NOT EXISTS (SELECT 1 FROM audit WHERE seq > 0);

TRUNCATE TABLE IF EXISTS changes;

CREATE OR REPLACE VIEW audit_log AS
SELECT project_id, at AS timestamp, actor, action, entity, about[1] AS entity_id, outcome, ip, details,
       request AS request_id, id, off AS position, seq AS number, digest
FROM audit FINAL;

ALTER TABLE audit_log MODIFY COMMENT 'Who did what: one row for each change of a project, a key, a setting or, by the API, a user, each export, and each new use of a secret key';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS project_id 'The tenant, proj_…; empty if it is of none';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS timestamp 'When it was asked for';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS actor 'Who asked for it: cli for a command, key: and its hash for a secret key, ask0 for the program itself';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS action 'What was asked for, such as key.revoked or user.exported';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS entity 'What it is: user, or what else there is, such as project, key or segment';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS entity_id 'Which one: the id of a user, a project or another thing, a write key, the hash of a secret key; empty once erased';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS outcome 'done, or refused because something else stood in its way meanwhile';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS ip 'The address of the caller, as the policy keeps it; empty of a command';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS details 'What was said, as JSON; empty once erased';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS request_id 'The id of the request; empty for a command';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS id 'Of the change';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS position 'Its place on its stream: of all changes of documents, or of one part of the events';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS number 'Its number in its chain, which is of one project and one stream; 0 of before there were chains';
ALTER TABLE audit_log COMMENT COLUMN IF EXISTS digest 'Over the row before it in the chain and all of this one: see ask0 audit verify';
