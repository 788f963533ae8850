-- Statements that tools and people send as a read-only user, and that must be answered. Each begins after a line `-->`.

--> clickhouse-connect
SELECT version(), timezone()
-->
SELECT name, value, readonly FROM system.settings LIMIT 10000
-->
SELECT 1 AS check
-->
SHOW TABLES
-->
SHOW DATABASES
-->
EXISTS TABLE events
-->
DESCRIBE TABLE `ask0`.`events`
-->
DESCRIBE TABLE events SETTINGS describe_include_subcolumns = 0

--> @clickhouse/client
SELECT 1 FORMAT CSV
-->
SELECT event, count() AS n FROM events GROUP BY event ORDER BY n DESC FORMAT JSONEachRow

--> Grafana
SELECT timeZone()
-->
SELECT displayName(), version(), revision(), timezone()
-->
SHOW DATABASES
-->
SELECT name FROM system.databases
-->
SELECT name FROM system.tables WHERE database = 'ask0'
-->
DESC TABLE "ask0"."events"
-->
SELECT name, type FROM system.columns WHERE database = 'ask0' AND table = 'events'
-->
SELECT DISTINCT arrayJoin(JSONAllPaths(properties)) FROM events LIMIT 1000
-->
SELECT toStartOfInterval(occurred_at, INTERVAL 60 second) AS "time", count() AS events FROM "ask0"."events"
WHERE ( time >= toDateTime(1700000000) AND time <= toDateTime(1700003600) ) GROUP BY time ORDER BY time ASC LIMIT 10000
-->
SELECT event, toStartOfMinute(timestamp) AS t, count() FROM ask0.events
WHERE timestamp >= fromUnixTimestamp64Milli(1700000000000) AND event IN ('a', 'b') GROUP BY event, t ORDER BY t
-->
SELECT name as TABLE_NAME FROM system.functions ORDER BY name

--> Metabase and DBeaver, through JDBC
SELECT currentUser() AS user, timezone() AS timezone, version() AS version, getSetting('readonly') AS readonly FORMAT RowBinaryWithNamesAndTypes
-->
SELECT name AS TABLE_SCHEM, null AS TABLE_CATALOG FROM system.databases WHERE name LIKE '%' ORDER BY name
-->
SELECT '' AS TABLE_CAT, t.database AS TABLE_SCHEM, t.name AS TABLE_NAME,
  CASE WHEN t.engine LIKE '%Log' THEN 'LOG TABLE' WHEN t.engine IN ('View', 'MaterializedView') THEN 'VIEW' ELSE 'TABLE' END AS TABLE_TYPE,
  t.comment AS REMARKS, null::Nullable(String) AS TYPE_CAT, d.engine AS TYPE_SCHEM
FROM system.tables t JOIN system.databases d ON system.tables.database = system.databases.name
WHERE t.database LIKE '%' AND t.name LIKE '%' AND TABLE_TYPE IN ('TABLE', 'VIEW') ORDER BY t.database, t.name
-->
SELECT database, table, name, type, position, default_kind, default_expression, comment FROM system.columns WHERE database LIKE 'ask0'
-->
SELECT name, case_insensitive_name FROM (SELECT name, lower(name) AS case_insensitive_name FROM system.data_type_families) ORDER BY 1
-->
SELECT table_catalog, table_schema, table_name, table_type FROM information_schema.tables WHERE table_schema = 'ask0'
-->
SELECT column_name, data_type FROM INFORMATION_SCHEMA.COLUMNS WHERE table_name = 'users'
-->
SELECT schema_name FROM information_schema.schemata
-->
SELECT name FROM system.table_engines
-->
SELECT name FROM system.table_functions
-->
SELECT keyword FROM system.keywords
-->
SELECT name, collation, language FROM (SELECT name, name AS collation, language FROM system.collations)
-->
SELECT time_zone FROM system.time_zones LIMIT 3
-->
SHOW CREATE TABLE `ask0`.`users`
-->
/* ApplicationName=DBeaver 25.1 - Main */ SHOW CREATE TABLE ask0.users
-->
/* ApplicationName=DBeaver 25.1 - SQLEditor <Script.sql> */ SELECT e.* FROM ask0.events e LIMIT 0, 200
-->
-- Metabase:: userID: 1 queryType: MBQL
SELECT `source`.`event` AS `event`, COUNT(*) AS `count` FROM (SELECT `ask0`.`events`.`event` AS `event` FROM `ask0`.`events`) AS `source`
GROUP BY `source`.`event` ORDER BY `count` DESC LIMIT 2000
-->
SELECT CAST(date_trunc('month', toDateTime(`ask0`.`events`.`timestamp`)) AS Date) AS `m`, uniqExact(user_id) FROM `ask0`.`events` GROUP BY `m`
-->
USE ask0
-->
SELECT 1;
-->
SHOW FULL TABLES FROM ask0 LIKE '%e%'
-->
SHOW COLUMNS FROM events
-->
SHOW INDEX FROM events FROM ask0

--> analysts
SELECT * FROM ask0.users
-->
SELECT * FROM ask0.conversations
-->
SELECT * FROM ask0.identities
-->
SELECT * FROM ask0.quarantine
-->
SELECT * FROM events WHERE user_id IN (SELECT id FROM users WHERE plan = 'pro')
-->
SELECT * FROM events, users WHERE events.user_id IN (users.id) SETTINGS max_threads = 1
-->
WITH daily AS (SELECT toDate(timestamp) AS day, count() AS n FROM events GROUP BY day) SELECT day, n, sum(n) OVER (ORDER BY day) FROM daily
-->
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT sum(n) FROM r
-->
WITH (SELECT max(timestamp) FROM events) AS latest SELECT count() FROM events WHERE timestamp = latest
-->
WITH x -> x + 1 AS next SELECT next(number) FROM numbers(3)
-->
SELECT quantileIf(0.9)(number, number > 2), sumMapState(map('a', 1)), uniqExactIfMerge(s) FROM (SELECT number, uniqExactIfState(number, 1) AS s FROM numbers(9) GROUP BY number)
-->
SELECT countDistinct(event), count(DISTINCT user_id), groupArrayDistinct(event), argMax(event, timestamp) FROM events
-->
SELECT properties.a.b, properties.plan::String, context.page.url FROM events
-->
SELECT user_id, windowFunnel(3600)(toDateTime(timestamp), event = 'a', event = 'b') FROM events GROUP BY user_id
-->
SELECT number, row_number() OVER w FROM numbers(3) WINDOW w AS (PARTITION BY number ORDER BY number ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
-->
SELECT number FROM numbers(10) WHERE number NOT IN (1, 2, 3) ORDER BY number DESC LIMIT 1 BY number LIMIT 2 OFFSET 1
-->
SELECT * EXCEPT (properties, context) REPLACE (upper(event) AS event) FROM events
-->
SELECT COLUMNS('^user') APPLY(toString) FROM events
-->
SELECT number % 3 AS k, count() FROM numbers(10) GROUP BY ROLLUP(k) HAVING count() > 1 ORDER BY k WITH FILL
-->
SELECT number % 3 AS k, count() FROM numbers(10) GROUP BY GROUPING SETS ((k), ()) ORDER BY grouping(k)
-->
SELECT a.number, b.number FROM numbers(3) AS a ASOF JOIN numbers(3) AS b ON a.number = b.number AND a.number >= b.number
-->
SELECT x, y FROM (SELECT [1, 2] AS xs, ['a', 'b'] AS ys) ARRAY JOIN xs AS x, ys AS y
-->
SELECT * FROM values('a UInt8, b String', (1, 'x'), (2, 'y'))
-->
SELECT * FROM generate_series(1, 10, 3)
-->
SELECT * FROM view(SELECT count() AS n FROM events)
-->
(SELECT 1) UNION ALL (SELECT 2) UNION DISTINCT SELECT 3
-->
SELECT 1 INTERSECT SELECT 1 EXCEPT SELECT 2
-->
SELECT CASE WHEN 1 THEN 'a' ELSE 'b' END, if(1, 2, 3), 1 BETWEEN 0 AND 2, 'a' LIKE 'b', 'a' ILIKE 'B', NOT 1, NULL IS NULL, -1, 1 = 1
-->
SELECT INTERVAL 3 DAY, DATE '2020-01-01', toDate('2020-01-01') + INTERVAL 1 MONTH, EXTRACT(YEAR FROM now()), '2020-01-01'::Date, CAST(1 AS Decimal(10, 2))
-->
SELECT [1, 2][1], (1, 'a').2, CAST((1, 2), 'Tuple(a UInt8, b UInt8)').a, map('a', 1)['a'], x'41', 0x1F, 1e3, TRIM(BOTH ' ' FROM ' a '), SUBSTRING('abc' FROM 2 FOR 1)
-->
SELECT EXISTS (SELECT 1), 1 = ANY (SELECT 1), 1 IN (SELECT 1), (1, 2) IN ((1, 2), (3, 4))
-->
SELECT arrayMap((x, y) -> x + y, [1], [2]), arrayFilter(x -> x > 1, [1, 2]), arrayReduce('sum', [1, 2])
-->
SELECT currentDatabase(), currentUser(), hostName(), now(), today(), rand() > 0, generateUUIDv4()
-->
SELECT 1 FORMAT JSONCompact SETTINGS output_format_json_quote_64bit_integers = 1, log_comment = 'x'
-->
SELECT 1 SETTINGS max_execution_time = 1, max_result_rows = 10, join_use_nulls = 1
-->
SELECT max(number) FROM numbers(10) FORMAT Pretty
-->
EXPLAIN SELECT * FROM events
-->
EXPLAIN header = 1, actions = 1 SELECT count() FROM events
-->
EXPLAIN PIPELINE SELECT 1
-->
EXPLAIN SYNTAX SELECT * FROM users
-->
EXPLAIN QUERY TREE SELECT 1
-->
EXPLAIN indexes = 1 SELECT * FROM events WHERE user_id = 'x' FORMAT JSONEachRow
-->
DESCRIBE (SELECT count() AS n FROM events)
-->
DESC users FORMAT JSONEachRow
-->
FROM events SELECT count()
-->
SELECT 'SELECT 1; DROP TABLE events -- /*', `event` /* catalog */ FROM events -- FROM catalog
-->
SELECT 'naïve ✓ \' \\ \t \n', 'a''b'
