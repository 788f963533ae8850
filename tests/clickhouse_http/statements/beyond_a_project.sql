--> WITH (a, b) -> 1 AS equals
WITH (a, b) -> 1 AS equals SELECT count() FROM users
--> another name for a lambda
WITH (a, b) -> 1 AS f, f AS `equals` SELECT count() FROM users
--> a table beneath a view
SELECT * FROM user_rows
--> a table beneath a view, with its database
SELECT * FROM ask0.identity_links
--> hashes of keys
SELECT * FROM catalog
--> a table as a set
SELECT 'secret0' IN users
--> a table as a set, by its whole name
SELECT 'secret0' IN (ask0.users)
--> a table as a set, called as a function
SELECT in('secret0', users)
--> a table as a set, under another name
WITH users AS x SELECT ('secret0', 1) IN x
--> a table as a set, under a third name
WITH users AS x, x AS y SELECT 'secret0' NOT IN y
--> a table beneath, as a set
SELECT 'proj_b' GLOBAL IN user_rows
--> WITH hides a table
WITH user_rows AS (SELECT 1) SELECT * FROM user_rows
--> WITH hides a table from itself
WITH users AS (SELECT * FROM users) SELECT * FROM users
--> WITH RECURSIVE reads a table
WITH RECURSIVE catalog AS (SELECT * FROM catalog) SELECT * FROM catalog
--> settings
SELECT * FROM users SETTINGS additional_table_filters = {}
--> settings of a subquery
SELECT * FROM (SELECT * FROM users SETTINGS readonly = 0)
--> settings that are harmless elsewhere
SELECT * FROM users SETTINGS final = 1
--> a format
SELECT * FROM users FORMAT CSV
--> a file
SELECT * FROM users INTO OUTFILE '/tmp/ask0-x'
--> two statements
SELECT 1; SELECT * FROM user_rows
--> no SELECT
INSERT INTO events SELECT * FROM events
--> no SELECT
DROP TABLE events
--> no SELECT
EXPLAIN ESTIMATE SELECT * FROM user_rows
--> no SELECT
SHOW TABLES
--> no SELECT
DESCRIBE TABLE users
--> no SELECT
SET readonly = 0
--> no SELECT
KILL QUERY WHERE 1
--> EXPLAIN within
SELECT * FROM (EXPLAIN indexes = 1 SELECT * FROM users)
--> a parameter
SELECT * FROM {x:Identifier}
--> a parameter of a value
SELECT {x:String}
--> FINAL
SELECT * FROM users FINAL
--> SAMPLE
SELECT * FROM events SAMPLE 1
--> PREWHERE
SELECT * FROM events PREWHERE user_id = 'secret0'
--> WITH TOTALS
SELECT count() FROM users GROUP BY status WITH TOTALS
--> tables by a pattern
SELECT * FROM merge('ask0', 'user.*')
--> tables by a pattern, of the current database
SELECT * FROM merge('user.*')
--> a server
SELECT * FROM remote('127.0.0.1', ask0, user_rows)
--> all servers
SELECT * FROM cluster('default', ask0, user_rows)
--> an address
SELECT * FROM url('http://127.0.0.1:1/', CSV, 'a String')
--> a file
SELECT * FROM file('/etc/passwd', LineAsString)
--> a bucket
SELECT * FROM s3('http://127.0.0.1:1/x')
--> a table in memory
SELECT * FROM loop(ask0.user_rows)
--> a dictionary
SELECT dictGet('d', 'a', 1)
--> a dictionary as a table
SELECT * FROM dictionary('d')
--> another database's tables
SELECT name, total_rows FROM system.tables
--> what others ask
SELECT query FROM system.processes
--> what lies where
SELECT * FROM system.parts
--> names of tables
SELECT * FROM information_schema.tables
--> names of tables
SELECT * FROM INFORMATION_SCHEMA.COLUMNS
--> rows without a table
SELECT * FROM system.numbers LIMIT 1
--> a join with a table of its own
SELECT joinGet('ask0.user_rows', 'email', 'x')
--> a setting's value
SELECT getSetting('additional_table_filters')
--> who asks
SELECT currentUser()
--> where it runs
SELECT hostName(), version()
--> time that no limit ends
SELECT sleep(3)
--> time that no limit ends
SELECT editDistance(repeat('a', 100000), repeat('b', 100000))
--> a file's text
SELECT file('/etc/passwd')
--> the inside of a part
SELECT _part, _partition_id FROM events
--> hidden columns
SELECT _off, _log FROM events
--> hidden columns of what lies beneath
SELECT merged_into FROM users
--> a column of what lies beneath
SELECT user_rows.email FROM users
