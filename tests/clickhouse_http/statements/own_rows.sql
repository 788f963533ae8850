--> 4
SELECT count() FROM users
--> 4
SELECT count() FROM events
--> 1
SELECT count() FROM conversations
--> 1
SELECT count() FROM identities
--> 1
SELECT count() FROM segment_members
--> 1
SELECT count() FROM quarantine
--> 1
SELECT count() FROM audit_log
--> 4
SELECT count() FROM ask0.users AS u JOIN `ask0`."events" e ON e.user_id = u.id WHERE ask0.users.id != ''
--> 4
SELECT sum(c) FROM (SELECT count() AS c FROM users GROUP BY project_id)
--> 4
WITH own AS (SELECT * FROM users), more AS (SELECT * FROM own) SELECT count() FROM more
--> 4
SELECT count() FROM view(SELECT * FROM users)
--> 4
SELECT count() FROM events WHERE user_id IN (SELECT id FROM users)
--> 8
SELECT count() FROM (SELECT id FROM users UNION ALL SELECT user_id FROM events)
--> 0
SELECT count() FROM (SELECT id FROM users EXCEPT SELECT user_id FROM events)
--> 4
SELECT count() FROM (FROM users SELECT id)
--> 4
WITH 'proj_b' AS project_id SELECT count() FROM users
--> 4
WITH (a, b) -> 1 AS f SELECT count() FROM users WHERE f(1, 2)
--> 4
SELECT count() FROM users WHERE 1 OR project_id = 'proj_b'
--> 4
SELECT count() /* FROM user_rows */ FROM users -- WHERE 1
--> 4
SELECT (SELECT count() FROM users)
--> 4
SELECT count() FROM users AS user_rows
--> 1
SELECT count() FROM users WHERE EXISTS (SELECT 1 FROM events WHERE user_id = id) AND id = 'own0'
--> 0
SELECT sum(conversations AS users) FROM users
--> 4
SELECT countIf(toUInt64(replaceOne(id, 'own', '')) >= 0) FROM users
--> 4
SELECT count() FROM users WHERE toUInt64(replaceOne(id, 'own', '')) >= 0
--> 4
SELECT count() FROM events WHERE throwIf(user_id LIKE 'secret%') = 0
--> 4
SELECT count() FROM users WHERE intDiv(1, id NOT LIKE 'secret%') = 1
--> 4
SELECT count() FROM users WHERE arrayExists(x -> throwIf(x LIKE 'secret%'), [id]) = 0
--> 3
SELECT count() FROM numbers(3)
--> 1
SELECT uniqExact(project_id) FROM (SELECT project_id FROM users UNION ALL SELECT project_id FROM events UNION ALL SELECT project_id FROM identities UNION ALL SELECT project_id FROM quarantine)
--> 4
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 4) SELECT max(n) FROM r
