/** Calls of the API: their requests, repeats, errors and pages. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Ask0Error } from "../dist/esm/index.js";
import { clientOf, cut, serve } from "./server.js";

const P = "/v1/projects/-";
const JOB = { job: { id: "job_1", kind: "erase", status: "running" } };
const NONE = { users: [], segments: [], conversations: [], next: null };
const WHEN = new Date(0);

/** Call, request, and the answer that it is given. */
const REQUESTS = {
  "insights.overview": [
    (ask0) => ask0.insights.overview({ days: 7, until: new Date("2026-01-31T23:00:00Z"), tz: "Europe/Berlin" }),
    `GET ${P}/insights/overview?days=7&until=2026-01-31&tz=Europe%2FBerlin`,
  ],
  "insights.trends": [(ask0) => ask0.insights.trends("questions"), `GET ${P}/insights/trends?metric=questions`],
  "insights.topics": [
    (ask0) => ask0.insights.topics({ sort: "unanswered", limit: 5 }),
    `GET ${P}/insights/topics?sort=unanswered&limit=5`,
  ],
  "insights.activeHours": [(ask0) => ask0.insights.activeHours(), `GET ${P}/insights/active-hours`],
  "insights.unanswered": [
    (ask0) => ask0.insights.unanswered({ topic: "a&b", days: 90 }),
    `GET ${P}/insights/unanswered?topic=a%26b&days=90`,
  ],
  "insights.retention": [(ask0) => ask0.insights.retention({ weeks: 4 }), `GET ${P}/insights/retention?weeks=4`],
  "insights.cohorts": [
    (ask0) => ask0.insights.cohorts({ months: 6, until: "2026-01-31" }),
    `GET ${P}/insights/cohorts?months=6&until=2026-01-31`,
  ],
  "insights.funnel": [
    (ask0) => ask0.insights.funnel(["A, b", "C"], { hours: 2 }),
    `GET ${P}/insights/funnel?steps=%5B%22A%2C+b%22%2C%22C%22%5D&hours=2`,
  ],
  "insights.journeys": [
    (ask0) => ask0.insights.journeys({ start: "A", depth: 3, limit: 5, days: 90 }),
    `GET ${P}/insights/journeys?start=A&depth=3&limit=5&days=90`,
  ],
  "catalog.events": [
    (ask0) => ask0.catalog.events({ event: "A", limit: 5 }),
    `GET ${P}/catalog/events?event=A&limit=5`,
  ],
  "users.get": [(ask0) => ask0.users.get("u1"), `GET ${P}/users/u1`],
  "users.get of a number": [(ask0) => ask0.users.get(42), `GET ${P}/users/42`],
  "users.get of any text": [(ask0) => ask0.users.get("a/b?c#d %😀"), `GET ${P}/users/a%2Fb%3Fc%23d%20%25%F0%9F%98%80`],
  "users.get of a path": [(ask0) => ask0.users.get("../x"), `GET ${P}/users/..%2Fx`],
  "users.upsert": [
    (ask0) => ask0.users.upsert({ id: "u/1", email: "a@b.c", attributes: { a: 1, at: WHEN, gone: null } }),
    `PUT ${P}/users/u%2F1`,
    { email: "a@b.c", attributes: { a: 1, at: "1970-01-01T00:00:00.000Z", gone: null } },
  ],
  "users.upsert of an id that no path can hold": [
    (ask0) => ask0.users.upsert({ id: "..", plan: "pro" }),
    `POST ${P}/users/batch`,
    { users: [{ id: "..", plan: "pro" }] },
  ],
  "users.create": [(ask0) => ask0.users.create({ email: "a@b.c" }), `POST ${P}/users`, { email: "a@b.c" }],
  "users.update": [
    (ask0) => ask0.users.update("u1", { plan: "pro", tags: { add: ["vip"] } }),
    `PATCH ${P}/users/u1`,
    { plan: "pro", tags: { add: ["vip"] } },
  ],
  "users.delete": [(ask0) => ask0.users.delete("u1"), `DELETE ${P}/users/u1`, undefined, JOB],
  "users.delete with options": [
    (ask0) => ask0.users.delete("u1", { deleteConversations: true, anonymize: false }),
    `DELETE ${P}/users/u1?deleteConversations=true&anonymize=false`,
    undefined,
    JOB,
  ],
  "users.deleteConversations": [
    (ask0) => ask0.users.deleteConversations("a/b"),
    `DELETE ${P}/users/a%2Fb/conversations`,
    undefined,
    JOB,
  ],
  "users.transfer": [
    (ask0) => ask0.users.transfer("a/b", { project: "proj_b", key: "sk_b" }),
    `POST ${P}/users/a%2Fb/transfer`,
    { project: "proj_b", key: "sk_b" },
    JOB,
  ],
  sql: [(ask0) => ask0.sql("SELECT 1"), `POST ${P}/sql`, { sql: "SELECT 1" }, { columns: [], rows: [] }],
  "sql of so many rows": [
    (ask0) => ask0.sql("SELECT 'é'", { limit: 5 }),
    `POST ${P}/sql`,
    { sql: "SELECT 'é'", limit: 5 },
    { columns: [], rows: [] },
  ],
  "exports.create": [
    (ask0) => ask0.exports.create({ ids: ["a/b", 7], format: "csv", what: "everything" }),
    `POST ${P}/exports`,
    { ids: ["a/b", "7"], format: "csv", what: "everything" },
    JOB,
  ],
  "suppressions.lift": [
    (ask0) => ask0.suppressions.lift("a/b"),
    `POST ${P}/suppressions/a%2Fb/lift`,
    undefined,
    { lifted: true },
  ],
  "users.messages": [
    (ask0) => ask0.users.messages("a/b", { limit: 5 }),
    `GET ${P}/users/a%2Fb/messages?limit=5`,
    undefined,
    { messages: [], next: null },
  ],
  "users.configs": [
    (ask0) => ask0.users.configs("u1"),
    `GET ${P}/users/u1/configs`,
    undefined,
    { configs: [], next: null },
  ],
  "settings.retention": [(ask0) => ask0.settings.retention(), `GET ${P}/settings/retention`],
  "settings.putRetention": [
    (ask0) => ask0.settings.putRetention({ events: 400, audit: null }, { ifMatch: 3 }),
    `PUT ${P}/settings/retention`,
    { events: 400, audit: null },
  ],
  "settings.dryRunRetention": [
    (ask0) => ask0.settings.dryRunRetention({ events: 30 }),
    `POST ${P}/settings/retention/dry-run`,
    { events: 30 },
  ],
  "settings.dryRunRetention of what stands": [
    (ask0) => ask0.settings.dryRunRetention(),
    `POST ${P}/settings/retention/dry-run`,
    {},
  ],
  "settings.privacy": [(ask0) => ask0.settings.privacy(), `GET ${P}/settings/privacy`],
  "settings.putPrivacy": [
    (ask0) => ask0.settings.putPrivacy({ enforceConsent: true }, { ifMatch: "*" }),
    `PUT ${P}/settings/privacy`,
    { enforceConsent: true },
  ],
  "settings.chat": [(ask0) => ask0.settings.chat(), `GET ${P}/settings/chat`],
  "settings.putChat": [
    (ask0) => ask0.settings.putChat({ permission: "login" }, { ifMatch: 3 }),
    `PUT ${P}/settings/chat`,
    { permission: "login" },
  ],
  "settings.verification": [(ask0) => ask0.settings.verification(), `GET ${P}/settings/verification`],
  "settings.putVerification": [
    (ask0) => ask0.settings.putVerification({ required: true, readable: ["plan"] }, { ifMatch: 3 }),
    `PUT ${P}/settings/verification`,
    { required: true, readable: ["plan"] },
  ],
  "settings.addVerificationKey": [
    (ask0) => ask0.settings.addVerificationKey(),
    `POST ${P}/settings/verification/keys`,
    {},
  ],
  "settings.removeVerificationKey": [
    (ask0) => ask0.settings.removeVerificationKey("vk/1", { ifMatch: "*" }),
    `DELETE ${P}/settings/verification/keys/vk%2F1`,
  ],
  "keys.list": [(ask0) => ask0.keys.list(), `GET ${P}/keys`, undefined, { keys: [] }],
  "keys.create": [
    (ask0) => ask0.keys.create({ name: "Backend", kind: "secret", scopes: ["users:read"] }),
    `POST ${P}/keys`,
    { name: "Backend", kind: "secret", scopes: ["users:read"] },
  ],
  "keys.revoke": [(ask0) => ask0.keys.revoke("wk/1", { ifMatch: 3 }), `DELETE ${P}/keys/wk%2F1`],
  "jobs.cancel": [(ask0) => ask0.jobs.cancel("job/1"), `POST ${P}/jobs/job%2F1/cancel`, undefined, JOB],
  "users.deactivate": [
    (ask0) => ask0.users.deactivate("u1", { reason: "spam" }),
    `POST ${P}/users/u1/deactivate`,
    { reason: "spam" },
  ],
  "users.reactivate": [(ask0) => ask0.users.reactivate("u1"), `POST ${P}/users/u1/reactivate`, {}],
  "users.tag": [(ask0) => ask0.users.tag("u1", "vip"), `POST ${P}/users/u1/tags`, { tags: ["vip"] }],
  "users.tag with several": [
    (ask0) => ask0.users.tag("u1", ["a", "b"]),
    `POST ${P}/users/u1/tags`,
    { tags: ["a", "b"] },
  ],
  "users.merge": [(ask0) => ask0.users.merge("u1", "old"), `POST ${P}/users/u1/merge`, { from: "old" }],
  "users.unmerge": [(ask0) => ask0.users.unmerge("u1", "a/b"), `DELETE ${P}/users/u1/merge/a%2Fb`],
  "users.untag": [(ask0) => ask0.users.untag("u1", "a/b"), `DELETE ${P}/users/u1/tags/a%2Fb`],
  "users.batch": [
    (ask0) => ask0.users.batch([{ id: "u1", plan: "pro" }]),
    `POST ${P}/users/batch`,
    { users: [{ id: "u1", plan: "pro" }] },
  ],
  "users.bulk": [
    (ask0) => ask0.users.bulk({ ids: ["."], do: "erase" }),
    `POST ${P}/users/bulk`,
    { ids: ["."], do: "erase" },
    JOB,
  ],
  "users.list": [(ask0) => ask0.users.list(), `GET ${P}/users`],
  "users.list with options": [
    (ask0) =>
      ask0.users.list({
        segment: "seg 1",
        sort: ["-lastActiveAt", "id"],
        fields: ["id"],
        limit: 5,
        cursor: "c",
        total: true,
      }),
    `GET ${P}/users?segment=seg+1&sort=-lastActiveAt%2Cid&fields=id&limit=5&cursor=c&total=true`,
  ],
  "users.list with a filter": [
    (ask0) => ask0.users.list({ filter: { plan: "pro", lastActiveAfter: WHEN }, limit: 100 }),
    `POST ${P}/users/query`,
    { filter: { plan: "pro", lastActiveAfter: "1970-01-01T00:00:00.000Z" }, limit: 100 },
  ],
  "users.list with words": [
    (ask0) => ask0.users.list({ search: "ann lee" }),
    `POST ${P}/users/query`,
    { search: "ann lee" },
  ],
  "users.list of ids with commas": [
    (ask0) => ask0.users.list({ ids: ["a,b", "c"] }),
    `POST ${P}/users/query`,
    { ids: ["a,b", "c"] },
  ],
  "users.segment": [
    (ask0) => ask0.users.segment({ name: "High", conditions: { plan: ["pro"] } }, { limit: 5 }),
    `POST ${P}/segments/query`,
    { name: "High", conditions: { plan: ["pro"] }, limit: 5 },
  ],
  "users.getConversations": [
    (ask0) => ask0.users.getConversations("u1", { limit: 20, sort: "recent" }),
    `GET ${P}/users/u1/conversations?limit=20&sort=recent`,
  ],
  "users.getSegments": [(ask0) => ask0.users.getSegments("u1"), `GET ${P}/users/u1/segments`],
  "segments.list": [(ask0) => ask0.segments.list({ limit: 5 }), `GET ${P}/segments?limit=5`],
  "segments.get": [(ask0) => ask0.segments.get("seg_1"), `GET ${P}/segments/seg_1`],
  "segments.create": [
    (ask0) => ask0.segments.create({ name: "High", filter: { all: [] } }),
    `POST ${P}/segments`,
    { name: "High", filter: { all: [] } },
  ],
  "segments.update": [
    (ask0) => ask0.segments.update("seg_1", { name: "Low" }, { ifMatch: 7 }),
    `PATCH ${P}/segments/seg_1`,
    { name: "Low" },
  ],
  "segments.delete": [(ask0) => ask0.segments.delete("seg_1", { ifMatch: "7" }), `DELETE ${P}/segments/seg_1`],
  "segments.users": [(ask0) => ask0.segments.users("seg_1", { limit: 5 }), `GET ${P}/segments/seg_1/users?limit=5`],
  "segments.count": [(ask0) => ask0.segments.count("seg_1"), `GET ${P}/segments/seg_1/count`, undefined, { count: 5 }],
  "segments.history": [
    (ask0) => ask0.segments.history("seg_1", { days: 7 }),
    `GET ${P}/segments/seg_1/history?days=7`,
    undefined,
    { history: [] },
  ],
  "audit.list": [
    (ask0) => ask0.audit.list({ action: "key.used", entityId: 7, since: "2026-01-01", limit: 5 }),
    `GET ${P}/audit?action=key.used&entityId=7&since=2026-01-01&limit=5`,
    undefined,
    { audit: [] },
  ],
  "audit.ofUser": [
    (ask0) => ask0.audit.ofUser("a/b", { limit: 5 }),
    `GET ${P}/users/a%2Fb/audit?limit=5`,
    undefined,
    { audit: [] },
  ],
  "stages.list": [(ask0) => ask0.stages.list(), `GET ${P}/stages`],
  "stages.put": [
    (ask0) => ask0.stages.put([{ name: "All", filter: { all: [] } }], { ifMatch: 7 }),
    `PUT ${P}/stages`,
    { stages: [{ name: "All", filter: { all: [] } }] },
  ],
  "access of a user": [(ask0) => ask0.access({ user: "u&1" }), `GET ${P}/access?user=u%261`],
  "access of a guest": [(ask0) => ask0.access({ anonymous: "g-1" }), `GET ${P}/access?anonymous=g-1`],
  "jobs.list": [(ask0) => ask0.jobs.list(), `GET ${P}/jobs`, undefined, { jobs: [], next: null }],
  "jobs.get": [(ask0) => ask0.jobs.get("job_1"), `GET ${P}/jobs/job_1`, undefined, JOB],
  "changes.get": [(ask0) => ask0.changes.get("chg_1"), `GET ${P}/changes/chg_1`],
};

const isRead = (line) => line.startsWith("GET") || /\/(query|dry-run|sql)$/.test(line);

for (const [name, [call, line, body, answer = NONE]] of Object.entries(REQUESTS)) {
  test(`${name} is ${line}`, async () => {
    const gateway = await serve({ body: answer });
    await call(clientOf(gateway).ask0);
    const [{ method, path, json, headers }] = gateway.requests;
    assert.deepEqual([`${method} ${path}`, json], [line, body]);
    assert.equal(headers.authorization, `Basic ${Buffer.from("sk_test:").toString("base64")}`);
    assert.equal(headers["content-type"], body && "application/json");
    assert.equal("idempotency-key" in headers, !isRead(line));
  });

  test(`${name} is made again until it has an answer, as the same change`, async () => {
    const gateway = await serve({ status: 503 }, cut, { status: 429 }, { body: answer });
    await call(clientOf(gateway).ask0);
    const seen = gateway.requests.map(({ method, path, text, headers }) =>
      [method, path, text, headers["idempotency-key"]].join(),
    );
    assert.deepEqual([seen.length, new Set(seen).size], [4, 1]);
  });
}

test("another write is another change, and a key of the program's own is kept", async () => {
  const gateway = await serve();
  const { ask0 } = clientOf(gateway);
  await ask0.users.update("u1", { plan: "pro" });
  await ask0.users.update("u1", { plan: "pro" });
  await ask0.users.update("u1", { plan: "pro" }, { idempotencyKey: "mine", ifMatch: "v1" });
  const [first, second, third] = gateway.requests.map(({ headers }) => headers);
  assert.notEqual(first["idempotency-key"], second["idempotency-key"]);
  assert.equal(first["if-match"], undefined);
  assert.deepEqual([third["idempotency-key"], third["if-match"]], ["mine", '"v1"']);
});

test("an ETag is sent as it is, a version as one", async () => {
  const gateway = await serve();
  const { ask0 } = clientOf(gateway);
  for (const ifMatch of [7, '"abc"', "*", 'W/"x"']) await ask0.segments.delete("seg_1", { ifMatch });
  assert.deepEqual(
    gateway.requests.map(({ headers }) => headers["if-match"]),
    ['"7"', '"abc"', "*", 'W/"x"'],
  );
});

test("another project stands in the path", async () => {
  const gateway = await serve();
  await clientOf(gateway, { project: "proj_a/b" }).ask0.users.get("u1");
  assert.equal(gateway.requests[0].path, "/v1/projects/proj_a%2Fb/users/u1");
});

test("a host may have a path, with or without a slash at its end", async () => {
  const gateway = await serve();
  for (const host of [`${gateway.url}/ask0`, `${gateway.url}/ask0/`]) {
    const { ask0 } = clientOf(gateway, { host });
    await ask0.users.get("u1");
    ask0.track("A", { userId: "u" });
    await ask0.flush();
  }
  const paths = gateway.requests.map(({ path }) => path);
  assert.deepEqual([...new Set(paths)], [`/ask0${P}/users/u1`, "/ask0/v1/batch"]);
});

test("a redirect is an error that names the other address, and the key is not sent there", async () => {
  const other = await serve();
  const gateway = await serve({ status: 307, headers: { location: other.url } });
  const error = await clientOf(gateway).ask0.users.update("u1", {}).catch((error) => error);
  assert.deepEqual([error.code, error.status, other.requests.length, gateway.requests.length], ["redirected", 307, 0, 1]);
  assert.ok(error.message.includes(other.url));
});

for (const id of [".", "..", "properties", "query", "batch"]) {
  test(`the user ${id}, whom no path can hold, is read by ids, and nothing else is asked by mistake`, async () => {
    const gateway = await serve({ body: { users: [{ id }], next: null } }, { body: NONE });
    const { ask0 } = clientOf(gateway);
    assert.equal((await ask0.users.get(id)).id, id);
    assert.equal(gateway.requests[0].path, `${P}/users?ids=${id}`);
    await assert.rejects(ask0.users.get(id), { status: 404, code: "unknown_user" });
    await assert.rejects(ask0.users.delete(id), { code: "unreachable_id" });
    await assert.rejects(ask0.users.update(id, {}), { code: "unreachable_id" });
    assert.equal(gateway.requests.length, 2);
  });
}

test("what is no id asks nothing", async () => {
  const gateway = await serve();
  const { ask0 } = clientOf(gateway);
  for (const id of [undefined, null, "", {}, []]) {
    await assert.rejects(ask0.users.get(id), TypeError);
    await assert.rejects(ask0.users.delete(id), TypeError);
    await assert.rejects(ask0.segments.delete(id, { ifMatch: 1 }), TypeError);
    await assert.rejects(ask0.users.untag("u1", id), TypeError);
  }
  await assert.rejects(ask0.users.get("\ud800"), URIError);
  await assert.rejects(ask0.access({}), TypeError);
  await assert.rejects(ask0.access({ user: "" }), TypeError);
  assert.deepEqual(gateway.requests, []);
});

test("a page is an array that knows where the next one begins", async () => {
  const gateway = await serve({ body: { users: [{ id: "a" }], next: "c2", total: 5 } });
  const users = await clientOf(gateway).ask0.users.list({ total: true });
  assert.deepEqual(users, [{ id: "a" }]);
  assert.deepEqual([users.next, users.total, users.map(({ id }) => id)], ["c2", 5, ["a"]]);
});

test("iterate meets everyone in the order of ids, page by page", async () => {
  const pages = [["a", "b"], ["c"], []];
  const gateway = await serve();
  gateway.always = ({ json }) => {
    const number = Number(json.cursor ?? 0);
    return { body: { users: pages[number].map((id) => ({ id })), next: number < 2 ? `${number + 1}` : null } };
  };
  const { ask0 } = clientOf(gateway);
  const met = [];
  for await (const user of ask0.users.iterate({ filter: { plan: "pro" } })) met.push(user.id);
  assert.deepEqual(met, ["a", "b", "c"]);
  assert.deepEqual(
    gateway.requests.map(({ json }) => [json.sort, json.limit, json.cursor]),
    [
      ["id", 200, undefined],
      ["id", 200, "1"],
      ["id", 200, "2"],
    ],
  );
  for await (const user of ask0.users.iterate({ filter: { plan: "pro" } })) if (user.id === "b") break;
  assert.equal(gateway.requests.length, 4);
});

test("a page that is its own next one ends with an error instead of never", async () => {
  const gateway = await serve();
  gateway.always = () => ({ body: { users: [{ id: "a" }], next: "same" } });
  const { ask0 } = clientOf(gateway);
  const all = async () => {
    for await (const user of ask0.users.iterate()) assert.ok(user);
  };
  await assert.rejects(all, { code: "unreadable_answer" });
});

test("a batch of more than a thousand goes as several, each a change of its own", async () => {
  const gateway = await serve();
  gateway.always = ({ json }) => ({ body: { users: json.users.map(({ id }) => ({ id, status: "applied" })) } });
  const { ask0 } = clientOf(gateway);
  const users = Array.from({ length: 2_001 }, (_, n) => ({ id: `u${n}` }));
  const outcomes = await ask0.users.batch(users, { idempotencyKey: "k" });
  assert.deepEqual([outcomes.length, outcomes[2_000].id], [2_001, "u2000"]);
  assert.deepEqual(
    gateway.requests.map(({ headers, json }) => [headers["idempotency-key"], json.users.length]),
    [
      ["k", 1_000],
      ["k-1000", 1_000],
      ["k-2000", 1],
    ],
  );
});

test("an error says all that the gateway said", async () => {
  const details = [{ at: "filter.all[1].value", message: "a number is wanted" }];
  const body = { code: "invalid_filter", message: "the filter cannot be read", details, current: { version: 2 } };
  const gateway = await serve({ status: 412, body, headers: { "x-request-id": "req_1", "retry-after": "7" } });
  const error = await clientOf(gateway)
    .ask0.users.list()
    .catch((error) => error);
  assert.ok(error instanceof Ask0Error && error instanceof Error);
  const { name, status, code, message, requestId, retryAfter, current } = error;
  assert.deepEqual(
    { name, status, code, message, details: error.details, requestId, retryAfter, current },
    { name: "Ask0Error", status: 412, ...body, requestId: "req_1", retryAfter: 7 },
  );
});

test("an error of a proxy's is told by its status", async () => {
  const gateway = await serve(
    { status: 404, body: "<html>" },
    { status: 404, body: '{"code":5,"message":[],"details":"x"}' },
  );
  const { ask0 } = clientOf(gateway);
  for (let n = 0; n < 2; n++) {
    await assert.rejects(ask0.users.get("u"), { status: 404, code: "http_404", message: "answered 404", details: [] });
  }
});

test("what cannot fare better is not made again, and what may is given up after maxRetries", async () => {
  for (const [status, requests] of [
    [400, 1],
    [401, 1],
    [403, 1],
    [404, 1],
    [409, 1],
    [422, 1],
    [428, 1],
    [501, 1],
    [429, 3],
    [500, 3],
    [503, 3],
  ]) {
    const gateway = await serve();
    gateway.always = () => ({ status, body: { code: "no", message: "no" } });
    await assert.rejects(clientOf(gateway, { maxRetries: 2 }).ask0.users.get("u"), { status, code: "no" });
    assert.equal(gateway.requests.length, requests, `${status}`);
  }
});

test("a call waits for Retry-After, unless that is longer than a caller waits", async () => {
  const soon = new Date(Date.now() + 1_900).toUTCString();
  const gateway = await serve(
    { status: 503, headers: { "retry-after": "1" } },
    { status: 503, headers: { "retry-after": soon } },
    { status: 503, headers: { "retry-after": "120" } },
  );
  await assert.rejects(clientOf(gateway).ask0.users.get("u"), { status: 503, retryAfter: 120 });
  const [first, second, third] = gateway.requests.map(({ at }) => at);
  assert.ok(second - first >= 990 && third - second < 1_000, `${[first, second, third]}`);
});

test("a list without its list, and a count without its count, are errors", async () => {
  const gateway = await serve();
  const { ask0 } = clientOf(gateway);
  await assert.rejects(ask0.users.list(), { code: "unreadable_answer" });
  await assert.rejects(ask0.segments.count("s"), { code: "unreadable_answer" });
});

test("users.identify is repeated under one messageId until it is durable, and rejects when it is refused", async () => {
  const rejected = [{ index: 0, messageId: "m", code: "wrong_key", message: "another project" }];
  const gateway = await serve({ status: 503 }, cut, undefined, {
    status: 400,
    body: { code: "no_usable_event", rejected },
  });
  const { ask0, refused } = clientOf(gateway);
  await ask0.users.identify({ projectId: "proj_123", userId: "u", traits: { plan: "pro" } });
  const [event] = gateway.events();
  assert.deepEqual(
    [event.type, event.projectId, event.userId, event.traits],
    ["identify", "proj_123", "u", { plan: "pro" }],
  );
  assert.deepEqual([gateway.requests.length, new Set(gateway.events().map(({ messageId }) => messageId)).size], [3, 1]);
  await assert.rejects(ask0.users.identify({ userId: "u", traits: {} }), {
    status: 400,
    code: "wrong_key",
    message: "another project",
  });
  assert.deepEqual(refused, []);
});

test("an export comes as bytes, as they arrive, and its errors as any call's", async () => {
  const gateway = await serve(
    { status: 503 },
    (response) => {
      response.write("first ");
      setTimeout(() => response.end("last"), 50);
    },
    { status: 404, body: { code: "unknown_user", message: "nobody" } },
    (response) => response.write("first "),
  );
  const { ask0 } = clientOf(gateway, { timeoutMs: 300 });
  const read = async (parts) => {
    const found = [];
    for await (const part of parts) found.push(Buffer.from(part));
    return `${Buffer.concat(found)}`;
  };
  assert.equal(await read(ask0.users.export("u/1", { format: "csv" })), "first last");
  assert.equal(gateway.requests[1].path, `${P}/users/u%2F1/export?format=csv`);
  await assert.rejects(read(ask0.users.export("u")), { status: 404, code: "unknown_user" });
  await assert.rejects(read(ask0.users.export("u")), { code: "no_answer" });
});

test("jobs.wait looks again until the job is done or has failed, and gives up when its time is up", async () => {
  const at = (status) => ({ body: { job: { ...JOB.job, status } } });
  const gateway = await serve(at("waiting"), at("running"), at("failed"));
  const { ask0 } = clientOf(gateway);
  assert.equal((await ask0.jobs.wait("job_1")).status, "failed");
  assert.equal(gateway.requests.length, 3);
  gateway.always = () => at("running");
  await assert.rejects(ask0.jobs.wait("job_1", { timeoutMs: 1 }), { code: "not_finished" });
});
