// Reads through the unchanged @clickhouse/client; prints one line of JSON that the test looks at.
import { createClient } from "@clickhouse/client";

const [url, username, password] = process.argv.slice(2);
const client = createClient({ url, username, password, database: "ask0", compression: { response: true } });
const rows = async (query, format, query_params) =>
  (await client.query({ query, format, query_params })).json();

const streamed = await client.query({ query: "SELECT number FROM numbers(100000)", format: "JSONEachRow" });
let count = 0;
for await (const batch of streamed.stream()) count += batch.length;

let refused;
try {
  await client.query({ query: "SELECT * FROM catalog" });
} catch (error) {
  refused = { code: error.code, type: error.type };
}

console.log(
  JSON.stringify({
    ping: await client.ping(),
    json: await rows("SELECT {a: UInt8} + 1 AS b, {s: String} AS s", "JSON", { a: 1, s: "it's\n✓" }),
    lines: await rows("SELECT number FROM numbers(3)", "JSONEachRow"),
    events: await rows("SELECT event, count() AS n FROM events GROUP BY event ORDER BY event", "JSONEachRow"),
    csv: await (await client.query({ query: "SELECT 1, 'x'", format: "CSV" })).text(),
    count,
    refused,
  }),
);
await client.close();
