-- Statements that a read-only user sends and that must be refused. Each begins after a line `-->` with the error number.

--> 497 writes
INSERT INTO events SELECT * FROM events
--> 497
INSERT INTO events (event) VALUES ('x')
--> 497
INSERT INTO events FORMAT JSONEachRow {"event":"x"}
--> 497
INSERT INTO FUNCTION file('/tmp/x.csv', 'CSV', 'a UInt8') SELECT 1
--> 497
INSERT INTO events FROM INFILE '/etc/passwd' FORMAT LineAsString
--> 497
WITH x AS (SELECT 1) INSERT INTO events (event) SELECT * FROM x
--> 497
UPDATE events SET event = 'x' WHERE 1
--> 497
DELETE FROM events WHERE 1
--> 497
TRUNCATE TABLE events
--> 497
TRUNCATE ALL TABLES FROM ask0
--> 497
OPTIMIZE TABLE events FINAL
--> 497
ALTER TABLE events DELETE WHERE 1
--> 497
ALTER TABLE events ADD COLUMN x UInt8
--> 497
ALTER TABLE events MOVE PARTITION tuple() TO DISK 'default'
--> 497
ALTER TABLE events FREEZE
--> 497
ALTER TABLE events MODIFY TTL now()

--> 497 definitions
CREATE TABLE x (a UInt8) ENGINE = Memory
--> 497
CREATE TABLE x ENGINE = Memory AS SELECT 1
--> 497
CREATE TEMPORARY TABLE x (a UInt8)
--> 497
CREATE OR REPLACE TABLE events (a UInt8) ENGINE = Memory
--> 497
CREATE VIEW x AS SELECT * FROM catalog
--> 497
CREATE MATERIALIZED VIEW x ENGINE = Memory AS SELECT * FROM catalog
--> 497
CREATE TABLE x ENGINE = Alias('ask0', 'catalog')
--> 497
CREATE TABLE x ENGINE = Merge('ask0', '.*')
--> 497
CREATE TABLE x ENGINE = URL('http://127.0.0.1:1/', 'CSV')
--> 497
CREATE DATABASE x
--> 497
CREATE DICTIONARY x (a UInt8) PRIMARY KEY a SOURCE(FILE(path '/etc/passwd' format 'CSV')) LAYOUT(FLAT()) LIFETIME(1)
--> 497
CREATE FUNCTION x AS a -> a
--> 497
CREATE NAMED COLLECTION x AS a = 1
--> 497
CREATE USER x
--> 497
CREATE ROLE x
--> 497
CREATE QUOTA x
--> 497
CREATE ROW POLICY x ON events USING 1
--> 497
CREATE SETTINGS PROFILE x
--> 497
CREATE INDEX x ON events (event) TYPE minmax
--> 497
DROP TABLE events
--> 497
DROP DATABASE ask0
--> 497
DROP VIEW users
--> 497
DROP FUNCTION x
--> 497
UNDROP TABLE events
--> 497
DETACH TABLE events
--> 497
ATTACH TABLE events
--> 497
ATTACH TABLE x FROM '/tmp/x' (a UInt8) ENGINE = MergeTree ORDER BY a
--> 497
RENAME TABLE events TO x
--> 497
RENAME TABLE catalog TO x, events TO catalog
--> 497
EXCHANGE TABLES events AND catalog
--> 497
RENAME DATABASE ask0 TO x

--> 497 the server and other users
SYSTEM SHUTDOWN
--> 497
SYSTEM FLUSH LOGS
--> 497
SYSTEM STOP MERGES
--> 497
SYSTEM DROP MARK CACHE
--> 497
SYSTEM RELOAD CONFIG
--> 497
KILL QUERY WHERE 1
--> 497
KILL MUTATION WHERE 1
--> 497
SET max_memory_usage = 0
--> 497
SET readonly = 0
--> 497
SET ROLE DEFAULT
--> 497
SET DEFAULT ROLE NONE TO default
--> 497
GRANT ALL ON *.* TO default
--> 497
REVOKE ALL ON *.* FROM default
--> 497
ALTER USER default IDENTIFIED BY 'x'
--> 497
EXECUTE AS default SELECT 1
--> 497
BACKUP DATABASE ask0 TO File('/tmp/x')
--> 497
RESTORE DATABASE ask0 FROM File('/tmp/x')
--> 497
BACKUP TABLE ask0.catalog TO Disk('default', 'x')
--> 497
CHECK TABLE events
--> 497
CHECK GRANT SELECT ON *.*
--> 497
BEGIN TRANSACTION
--> 497
COMMIT
--> 497
USE default2
--> 497
SHOW PROCESSLIST
--> 497
SHOW GRANTS
--> 497
SHOW ACCESS
--> 497
SHOW USERS
--> 497
SHOW TABLES FROM other
--> 60
SHOW CREATE DATABASE ask0
--> 497
SHOW CLUSTERS
--> 497
SHOW COLUMNS FROM catalog
--> 497
SHOW COLUMNS FROM catalog FROM ask0
--> 497
SHOW INDEX FROM catalog
--> 497
SHOW CREATE TABLE catalog
--> 497
SHOW TABLES WHERE name IN (SELECT id FROM ask0.catalog)
--> 497
SHOW TABLES LIMIT (SELECT count() FROM catalog)
--> 497
SHOW TABLES LIMIT sleep(1)
--> 497
DESCRIBE catalog
--> 497
DESC ask0.catalog
--> 497
DESCRIBE TABLE file('/etc/passwd', 'LineAsString')
--> 497
DESCRIBE (SELECT * FROM catalog)
--> 497
DESCRIBE events, catalog
--> 497
DESCRIBE events UNION ALL SELECT 1
--> 62
DESCRIBE events; DROP TABLE events
--> 497
SELECT 1 PARALLEL WITH DROP TABLE events
--> 497
EXPLAIN INSERT INTO events SELECT * FROM events
--> 497
EXPLAIN SELECT * FROM catalog
--> 497
EXPLAIN AST DROP TABLE events
--> 497
EXPLAIN SYNTAX SELECT file('/etc/passwd')
--> 497
EXPLAIN QUERY TREE SELECT * FROM url('http://127.0.0.1:1/', 'CSV')
--> 497
EXPLAIN PIPELINE SELECT (SELECT count() FROM catalog)
--> 497
EXPLAIN TABLE OVERRIDE mysql('127.0.0.1:1', 'x', 'x', 'x', 'x') PARTITION BY tuple()
--> 497
SELECT * FROM (EXPLAIN SELECT 1)
--> 497
SELECT * FROM viewExplain('EXPLAIN', '', (SELECT * FROM ask0.catalog))

--> 62 several statements
SELECT 1; SELECT 2
--> 62
SELECT 1; DROP TABLE events
--> 62
SELECT 1;/**/DROP TABLE events;
--> 62
SELECT 1 -- ;
; DROP TABLE events

--> 497 closed tables
SELECT * FROM catalog
--> 497
SELECT * FROM ask0.catalog
--> 497
SELECT * FROM `ask0`.`catalog`
--> 497
SELECT * FROM "ask0"."catalog"
--> 497
SELECT * FROM `ask0` . /* x */ `catalog`
--> 497
select*from`catalog`
--> 497
SELECT * FROM ask0.`cat\x61log`
--> 60
SELECT * FROM ask0.`c\u0061talog`
--> 62
SELECT * FROM ask0.'catalog'
--> 497
SELECT * FROM ask0.catalog AS events
--> 497
FROM catalog SELECT *
--> 497
SELECT * FROM CATALOG
--> 497
SELECT * FROM user_facts
--> 497
SELECT * FROM user_rows
--> 497
SELECT * FROM event_ids
--> 497
SELECT * FROM applied
--> 497
SELECT * FROM identity_links
--> 497
SELECT * FROM quarantine_rows
--> 497
SELECT * FROM conversation_facts
--> 497
SELECT * FROM migrations
--> 497
SELECT * FROM events, catalog
--> 497
SELECT * FROM events JOIN catalog ON 1
--> 497
SELECT * FROM events LEFT JOIN ask0.catalog AS c ON c.id = events.event
--> 497
SELECT * FROM events PASTE JOIN catalog
--> 497
SELECT 1 UNION ALL SELECT count() FROM catalog
--> 497
SELECT 1 INTERSECT SELECT count() FROM catalog
--> 497
SELECT 1 EXCEPT SELECT count() FROM catalog
--> 497
SELECT (SELECT count() FROM catalog)
--> 497
SELECT * FROM (SELECT * FROM (SELECT * FROM catalog))
--> 497
SELECT 1 WHERE EXISTS (SELECT 1 FROM catalog)
--> 497
SELECT 1 WHERE 'x' IN catalog
--> 497
SELECT 1 WHERE 'x' IN ask0.catalog
--> 497
SELECT 1 WHERE 'x' IN (catalog)
--> 497
SELECT 1 WHERE 'x' NOT IN catalog
--> 497
SELECT 1 WHERE 'x' GLOBAL IN catalog
--> 497
SELECT 1 WHERE in('x', catalog)
--> 497
SELECT 1 WHERE nullIn('x', catalog)
--> 497
SELECT 1 WHERE notInIgnoreSet('x', `catalog`)
--> 497
WITH catalog AS x SELECT ('key', 'x', 1, '') IN x
--> 497
SELECT ('key', 'x', 1, '') IN (catalog AS x)
--> 497
SELECT ('key', 'x', 1, '') IN x, catalog AS x FROM system.one
--> 497
WITH (catalog AS z) AS y SELECT ('key', 'x', 1, '') IN y
--> 497
WITH catalog AS z, z AS y SELECT ('key', 'x', 1, '') NOT IN y
--> 497
WITH x AS (SELECT 1), catalog AS y SELECT ('key', 'x', 1, '') IN y
--> 497
SELECT ('key', 'x', 1, '') IN x FROM (SELECT 1) AS y, ask0.catalog AS x
--> 497
SELECT COLUMNS('dummy') APPLY(x -> ('key', 'x', 1, '') IN catalog) FROM system.one
--> 497
WITH {x:Identifier} AS y SELECT ('key', 'x', 1, '') IN y
--> 497
SELECT 1 WHERE 'x' IN (SELECT id FROM catalog)
--> 497
SELECT 1 = ANY (SELECT count() FROM catalog)
--> 497
SELECT 1 ORDER BY (SELECT count() FROM catalog)
--> 497
SELECT 1 LIMIT (SELECT count() FROM catalog)
--> 497
SELECT number FROM numbers(1) GROUP BY number, (SELECT 1 FROM catalog) HAVING (SELECT 1 FROM catalog)
--> 497
SELECT * FROM numbers((SELECT count() FROM catalog))
--> 497
SELECT * FROM values('a String', (SELECT id FROM catalog LIMIT 1))
--> 497
SELECT * FROM view(SELECT * FROM catalog)
--> 497
SELECT arrayMap(x -> (SELECT count() FROM catalog), [1])
--> 497
SELECT sum(number) OVER (ORDER BY (SELECT count() FROM catalog)) FROM numbers(1)
--> 497
SELECT x FROM numbers(1) ARRAY JOIN (SELECT groupArray(id) FROM catalog) AS x
--> 497
SELECT number FROM numbers(2) ORDER BY number WITH FILL TO (SELECT count() FROM catalog)
--> 497
WITH (SELECT count() FROM catalog) AS x SELECT x
--> 497
WITH x AS (SELECT * FROM catalog) SELECT * FROM x
--> 497
WITH catalog AS (SELECT * FROM catalog) SELECT * FROM catalog
--> 497
WITH catalog AS (SELECT 1) SELECT * FROM ask0.catalog
--> 497
SELECT * FROM (WITH catalog AS (SELECT 1) SELECT * FROM catalog), catalog
--> 497
WITH RECURSIVE catalog AS (SELECT * FROM catalog) SELECT * FROM catalog
--> 497
WITH t AS (SELECT 1) SELECT (SELECT count() FROM catalog) FROM t
--> 497
SELECT * REPLACE ((SELECT count() FROM catalog) AS number) FROM numbers(1)
--> 497
SELECT COLUMNS('number') APPLY(x -> (SELECT count() FROM catalog)) FROM numbers(1)
--> 497
SELECT * FROM ask0.events FINAL SAMPLE 1 / 2, ask0.catalog
--> 497
SELECT count() FROM default.catalog
--> 497
SELECT * FROM 'catalog'
--> 60
SELECT * FROM '/etc/passwd'
--> 60
SELECT * FROM `/etc/passwd`
--> 497
SELECT * FROM default.`/etc/passwd`
--> 60
SELECT * FROM `file:///etc/passwd`
--> 60
SELECT * FROM 'http://127.0.0.1:1/x.csv'
--> 60
SELECT * FROM os
--> 497
SELECT * FROM system.processes
--> 497
SELECT * FROM system.query_log
--> 497
SELECT * FROM system.users
--> 497
SELECT * FROM system.grants
--> 497
SELECT * FROM system.server_settings
--> 497
SELECT * FROM system.zookeeper
--> 497
SELECT * FROM system.parts
--> 497
SELECT * FROM system.mutations
--> 497
SELECT * FROM system.disks
--> 497
SELECT * FROM system.named_collections
--> 497
SELECT * FROM system.stack_trace
--> 497
SELECT * FROM system.user_query_log
--> 497
SELECT * FROM system.schema_inference_cache
--> 497
SELECT * FROM SYSTEM.processes
--> 60
SELECT * FROM numbers
--> 497
SELECT * FROM {x:Identifier}
--> 497
SELECT 'x' IN {x:Identifier}

--> 497 functions
SELECT file('/etc/passwd')
--> 497
SELECT FILE('/etc/passwd')
--> 497
SELECT `file`('/etc/passwd')
--> 497
SELECT "file"('/etc/passwd')
--> 62
SELECT f\u0069le('/etc/passwd')
--> 497
SELECT COLUMNS('dummy') APPLY(sleep) FROM system.one
--> 62
SELECT dummy APPLY(sleep) FROM system.one
--> 497
SELECT * APPLY(file) FROM system.one
--> 497
SELECT arrayMap(x -> file(x), ['/etc/passwd'])
--> 497
WITH x -> file(x) AS f SELECT f('/etc/passwd')
--> 497
WITH x -> x AS file SELECT file('/etc/passwd')
--> 497
SELECT (WITH x -> x AS sleep SELECT sleep(1)), sleep(1)
--> 497
SELECT sleep(3)
--> 497
SELECT sleepEachRow(1) FROM numbers(3)
--> 497
SELECT dictGet('ask0.x', 'a', 1)
--> 497
SELECT dictGetOrDefault('x', 'a', 1, 1)
--> 497
SELECT joinGet('ask0.catalog', 'body', 'x')
--> 497
SELECT hasColumnInTable('127.0.0.1:1', 'ask0', 'catalog', 'id')
--> 497
SELECT catboostEvaluate('/etc/passwd', 1)
--> 497
SELECT evalMLMethod(1, 2)
--> 497
SELECT naiveBayesClassifier('x', 'y')
--> 497
SELECT addressToLine(toUInt64(1))
--> 497
SELECT addressToSymbol(toUInt64(1))
--> 497
SELECT logTrace('x')
--> 497
SELECT showCertificate()
--> 497
SELECT getServerPort('tcp_port')
--> 497
SELECT getServerSetting('max_connections')
--> 497
SELECT getMacro('x')
--> 497
SELECT getClientHTTPHeader('Authorization')
--> 497
SELECT filesystemCapacity()
--> 497
SELECT serverUUID()
--> 497
SELECT generateSerialID('x')
--> 497
SELECT runningConcurrency(now(), now())
--> 497
SELECT regionToName(1)
--> 497
SELECT aiGenerate('x')
--> 497
SELECT AIGenerate('x')
--> 497
SELECT __getScalar('x')
--> 497
SELECT zookeeperSessionUptime()
--> 497
SELECT transactionID()
--> 497
SELECT currentRequestURL()
--> 497
SELECT not_a_function(1)
--> 497
SELECT reverseDNSQuery('x')
--> 497
SELECT * FROM numbers(toUInt64(sleep(3)))
--> 497
SELECT 1 FROM numbers(1) ORDER BY sleep(1)
--> 497
SELECT sum(1) FILTER (WHERE sleep(1)) FROM numbers(1)

--> 497 what leaves through the side
SELECT 1 INTO OUTFILE '/tmp/ask0-x'
--> 497
SELECT 1 INTO OUTFILE '/tmp/ask0-x' TRUNCATE FORMAT CSV
--> 497
SELECT 1 INTO OUTFILE '/tmp/ask0-x' AND STDOUT
--> 497
SHOW TABLES INTO OUTFILE '/tmp/ask0-x'
--> 497
EXPLAIN SELECT 1 INTO OUTFILE '/tmp/ask0-x'
--> 497
DESCRIBE events INTO OUTFILE '/tmp/ask0-x'
--> 73
SELECT 1 FORMAT Template
--> 73
SELECT 1 AS x FORMAT Protobuf
--> 73
SELECT 1 FORMAT AvroConfluent
--> 73
SELECT 1 FORMAT PostgreSQLWire
--> 73
SELECT 1 FORMAT NotAFormat

--> 497 settings
SELECT 1 SETTINGS readonly = 0
--> 497
SELECT 1 SETTINGS max_execution_time = 0
--> 497
SELECT 1 SETTINGS max_memory_usage = 0
--> 497
SELECT 1 SETTINGS max_memory_usage = DEFAULT
--> 497
SELECT 1 SETTINGS max_memory_usage = -1
--> 497
SELECT 1 SETTINGS allow_ddl = 1
--> 497
SELECT 1 SETTINGS allow_introspection_functions = 1
--> 497
SELECT 1 SETTINGS additional_table_filters = {'events': 'file(1)'}
--> 497
SELECT 1 SETTINGS additional_result_filter = '(SELECT count() FROM ask0.catalog)'
--> 497
SELECT 1 SETTINGS dialect = 'kusto'
--> 497
SELECT 1 SETTINGS format_schema = '/etc/passwd'
--> 497
SELECT 1 SETTINGS output_format_schema = '/tmp/ask0-x'
--> 497
SELECT 1 SETTINGS format_template_resultset = '/etc/passwd'
--> 497
SELECT 1 SETTINGS log_queries = 1
--> 497
SELECT 1 SETTINGS param_x = 1
--> 497
SELECT 1 FORMAT JSON SETTINGS readonly = 0
--> 497
SELECT 1 SETTINGS max_threads = 1 UNION ALL SELECT 2 SETTINGS readonly = 0
--> 497
SELECT * FROM (SELECT 1 SETTINGS readonly = 0)
--> 497
SELECT * FROM (SELECT 1 SETTINGS max_threads = 1)
--> 497
EXPLAIN SELECT 1 SETTINGS readonly = 0
--> 497
DESCRIBE events SETTINGS readonly = 0
--> 497
SHOW TABLES SETTINGS readonly = 0

--> 62 not a statement
SELEC 1
--> 62
-- nothing
--> 62
?? how many events
--> 62
\d
