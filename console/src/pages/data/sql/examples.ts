/** Statements to begin with, each with what it tells. */
export const EXAMPLES: { name: string; sql: string }[] = [
  {
    name: "Questions by day",
    sql: `SELECT toDate(occurred_at) AS day, count() AS questions, uniq(user_id) AS users
FROM events
WHERE event = 'Question Asked' AND occurred_at > now() - INTERVAL 30 DAY
GROUP BY day
ORDER BY day`,
  },
  {
    name: "Topics and how they are rated",
    sql: `SELECT topic, count() AS conversations, round(avg(satisfaction), 2) AS satisfaction
FROM conversations
WHERE topic != ''
GROUP BY topic
ORDER BY conversations DESC
LIMIT 20`,
  },
  {
    name: "Most active users",
    sql: `SELECT id, email, plan, questions, conversations, last_active_at
FROM users
ORDER BY questions DESC
LIMIT 50`,
  },
  {
    name: "Events by name",
    sql: `SELECT event, count() AS events, max(occurred_at) AS last
FROM events
GROUP BY event
ORDER BY events DESC`,
  },
];
