/** The users API of a running Ask0, which tests/sdk/test_node.py starts: its address and keys are in the environment. */

import assert from "node:assert/strict";
import { buffer, json } from "node:stream/consumers";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Ask0 } from "@ask0/node";
import { runPart } from "../documented.js";

const { ASK0_HOST: host, ASK0_SECRET_KEY: secretKey } = process.env;
const ask0 = new Ask0({ secretKey, host });
const run = `users-${Date.now()}`;
const IS_REFUSED = (code) => (error) => error.code === code;

const DOCUMENTED = [
  "Create or update user",
  "Get user profile",
  "List users",
  "Update user attributes",
  "Get user conversations",
  "Custom segments",
];

test("the documented calls do what they say", async () => {
  for (const title of DOCUMENTED) await runPart(title, ask0);
  const user = await ask0.users.get("user_123");
  assert.equal(user.plan, "enterprise");
  assert.equal(user.traits.upgraded, true);
  assert.match(user.traits.upgradeDate, /^\d{4}-\d\d-\d\dT/);
});

test("a user is made, changed, tagged and found", async () => {
  const id = `${run}/ada`;
  const made = await ask0.users.create({ id, email: "ada@users.example", traits: { seats: 5 } });
  await assert.rejects(ask0.users.create({ id }), IS_REFUSED("exists"));
  const changed = await ask0.users.update(id, { plan: "pro" }, { ifMatch: made.version });
  await assert.rejects(ask0.users.update(id, { plan: "free" }, { ifMatch: made.version }), IS_REFUSED("moved_on"));
  assert.deepEqual([changed.plan, changed.traits.seats], ["pro", 5]);
  assert.deepEqual((await ask0.users.tag(id, ["vip"])).tags, ["vip"]);
  const found = await ask0.users.list({ filter: { tag: "vip" }, search: "ADA@users" });
  assert.deepEqual(found.map((user) => user.id), [id]);
  assert.deepEqual((await ask0.users.untag(id, "vip")).tags, []);
  await ask0.users.upsert({ id: `${id}-old` });
  assert.deepEqual((await ask0.users.merge(id, `${id}-old`)).mergedIds, [`${id}-old`]);
  assert.deepEqual((await ask0.users.unmerge(id, `${id}-old`)).mergedIds, []);
});

test("many are written at once and met one after the other", async () => {
  const ids = Array.from({ length: 250 }, (_, n) => `${run}-many-${String(n).padStart(3, "0")}`);
  const outcomes = await ask0.users.batch([...ids.map((id) => ({ id, plan: run })), { plan: "of nobody" }]);
  assert.equal(outcomes.filter(({ status }) => status === "applied").length, 250);
  assert.equal(outcomes.at(-1).status, "refused");
  const met = [];
  for await (const user of ask0.users.iterate({ filter: { plan: run } })) met.push(user.id);
  assert.deepEqual(met, ids);
});

test("a segment is made, counted, changed and deleted", async () => {
  await ask0.users.upsert({ id: `${run}-in`, plan: `${run}-plan` });
  const made = await ask0.segments.create({ name: "Mine", conditions: { plan: [`${run}-plan`] } });
  assert.equal(await ask0.segments.count(made.id), 1);
  assert.deepEqual((await ask0.segments.users(made.id)).map((user) => user.id), [`${run}-in`]);
  const held = await ask0.users.getSegments(`${run}-in`);
  assert.ok(held.some(({ id }) => id === made.id));
  const changed = await ask0.segments.update(made.id, { name: "Ours" }, { ifMatch: made.version });
  assert.equal((await ask0.segments.get(made.id)).name, "Ours");
  assert.ok((await ask0.segments.list()).some(({ id }) => id === made.id));
  await ask0.segments.delete(made.id, { ifMatch: changed.version });
  await assert.rejects(ask0.segments.get(made.id), IS_REFUSED("unknown_segment"));
});

test("whoever is deactivated may not chat", async () => {
  const id = `${run}-out`;
  await ask0.users.upsert({ id });
  assert.equal((await ask0.access({ user: id })).allowed, true);
  assert.equal((await ask0.users.deactivate(id, { reason: "spam" })).status, "Deactivated");
  assert.deepEqual((await ask0.access({ user: id })).reason, "deactivated");
  assert.equal((await ask0.users.reactivate(id)).status, "Active");
  assert.equal((await ask0.access({ user: id })).allowed, true);
});

test("whoever is erased is gone until they are let in again", async () => {
  const id = `${run}/gone`;
  await ask0.users.identify({ id, email: "gone@users.example" });
  ask0.track("Question Asked", { userId: id, conversationId: `${run}-talk`, text: "Where?" });
  await ask0.flush();
  while (!(await ask0.users.getConversations(id).catch(() => [])).length) await sleep(50);
  const receiptOf = async (job) => (await ask0.jobs.wait((await job).id)).receipt;
  const talk = await receiptOf(ask0.users.deleteConversations(id));
  assert.equal(talk.rows.conversations, 1);
  assert.equal((await ask0.users.get(id)).conversations, 0);
  const { did, people, conversations, signature } = await receiptOf(ask0.users.delete(id, { deleteConversations: true }));
  assert.deepEqual([did, people, conversations, signature.split(":")[0]], ["erase", 1, "removed", "signed"]);
  await assert.rejects(ask0.users.get(id), IS_REFUSED("unknown_user"));
  await assert.rejects(ask0.users.upsert({ id, plan: "pro" }), IS_REFUSED("erased"));
  await ask0.suppressions.lift(id);
  await assert.rejects(ask0.suppressions.lift(`other ${id}`), IS_REFUSED("unknown_suppression"));
  assert.equal((await ask0.users.upsert({ id, plan: "pro" })).email, null);
  assert.equal((await receiptOf(ask0.users.delete(id, { anonymize: true }))).did, "anonymize");
});

test("the documented deletion erases whom it names", async () => {
  await runPart("Delete user data", ask0);
  const [newest] = await ask0.jobs.list();
  assert.equal((await ask0.jobs.wait(newest.id)).receipt.did, "erase");
  await assert.rejects(ask0.users.get("user_123"), IS_REFUSED("unknown_user"));
  await ask0.suppressions.lift("user_123");
});

test("a file of users is taken in as it is read", async () => {
  const lines = async function* () {
    for (let n = 0; n < 2_000; n++) yield `{"id":"${run}-file-${n}","plan":"${run}-file"}\n`;
    yield '{"id":"undefined"}\n';
  };
  for (let n = 0; n < 2; n++) {
    const report = await ask0.users.import(lines, { format: "jsonl", idempotencyKey: `${run}-file` });
    assert.deepEqual([report.accepted, report.refused, report.lines[0].line], [2_000, 1, 2_001]);
  }
  const found = await ask0.users.list({ filter: { plan: `${run}-file` }, limit: 1, total: true });
  assert.equal(found.total, 2_000);
  const [imported, ...more] = await ask0.audit.ofUser(`${run}-file-7`);
  assert.deepEqual([imported.action, more], ["user.imported", []]);
  const csv = ["id,traits.seats\n", `${run}-file-7,3\n`, `${run}-file-8,4`];
  assert.equal((await ask0.users.import(csv)).accepted, 2);
});

test("what a user was shown and served is told", async () => {
  const userId = `${run}/shown`;
  await ask0.users.upsert({ id: userId });
  ask0.track("Message Shown", { userId, properties: { messageId: "welcome", name: "Welcome" } });
  ask0.track("Config Served", { userId, key: "banner", variation: "on" });
  await ask0.flush();
  while (!(await ask0.users.configs(userId)).length) await sleep(50);
  const [message] = await ask0.users.messages(userId, { limit: 5 });
  const [config] = await ask0.users.configs(userId);
  assert.deepEqual([message.id, message.shown, config.key, config.variation], ["welcome", 1, "banner", "on"]);
});

test("insights tell what the whole project does", async () => {
  const [first, then] = [`First ${run}`, `Then ${run}`];
  for (const userId of [`${run}-a`, `${run}-b`]) ask0.track(first, { userId, timestamp: new Date(Date.now() - 9_000) });
  ask0.track(then, { userId: `${run}-a` });
  await ask0.flush();
  const isKnown = (id) => ask0.users.get(id).then(() => true, () => false);
  while (!((await isKnown(`${run}-a`)) && (await isKnown(`${run}-b`)))) await sleep(50);
  const { nodes, links, users } = await ask0.insights.journeys({ start: first, depth: 2, days: 1 });
  assert.deepEqual([users, nodes.map(({ event, users }) => [event, users])], [2, [[first, 2], [then, 1]]]);
  assert.deepEqual(links, [{ step: 1, from: first, to: then, users: 1 }]);
  const { steps } = await ask0.insights.funnel([first, then], { days: 1 });
  assert.deepEqual(steps.map(({ users }) => users), [2, 1]);
  const overview = await ask0.insights.overview();
  assert.ok(overview.activeUsers.value >= 2 && overview.statuses.active >= 2 && "score" in overview.nps);
  assert.equal((await ask0.insights.trends("events", { days: 3 })).values.length, 3);
  assert.ok(Array.isArray((await ask0.insights.topics({ sort: "questions", limit: 5 })).topics));
  assert.equal((await ask0.insights.activeHours({ until: new Date() })).hours.length, 7);
  assert.ok(Array.isArray((await ask0.insights.unanswered({ topic: run })).groups));
  assert.equal((await ask0.insights.retention({ weeks: 2 })).cohorts.length, 2);
  assert.equal((await ask0.insights.cohorts({ months: 2, tz: "Asia/Tokyo" })).cohorts.length, 2);
  const catalog = await ask0.catalog.events({ event: first });
  assert.deepEqual(catalog.events.map(({ event, count }) => [event, count]), [[first, 2]]);
  await assert.rejects(ask0.insights.cohorts({ months: 25 }), IS_REFUSED("invalid_query"));
});

test("a job is followed and cancelled", async () => {
  const ids = Array.from({ length: 200 }, (_, n) => `${run}-off-${n}`);
  await ask0.users.batch(ids.map((id) => ({ id })));
  const first = await ask0.users.bulk({ ids, do: "deactivate" }); // fifty a second
  const second = await ask0.users.bulk({ ids, do: "deactivate" });
  assert.equal((await ask0.jobs.cancel(second.id)).status, "cancelled");
  assert.notEqual((await ask0.jobs.cancel(first.id)).cancelAskedAt, null);
  const ended = await ask0.jobs.wait(first.id);
  assert.deepEqual([ended.status, ended.receipt.changed], ["cancelled", ended.progress.done]);
  const tagged = await ask0.users.bulk({ ids: [`${run}-nobody`], do: "tag", tags: ["x"] });
  assert.equal((await ask0.jobs.wait(tagged.id)).receipt.unknown, 1);
  await assert.rejects(ask0.jobs.cancel(tagged.id), IS_REFUSED("job_finished"));
});

test("settings are read, tried and changed", async () => {
  const before = await ask0.settings.retention();
  const found = await ask0.settings.dryRunRetention({ events: 30 });
  assert.deepEqual([found.events.count, found.audit], [0, null]);
  const changed = await ask0.settings.putRetention({ events: 4_000 }, { ifMatch: before.version });
  assert.deepEqual([changed.events, changed.audit], [4_000, null]);
  const late = ask0.settings.putRetention({}, { ifMatch: before.version });
  await assert.rejects(late, IS_REFUSED("moved_on"));
  assert.equal((await ask0.settings.putRetention({}, { ifMatch: changed.version })).appliesFrom, null);
  const { enforceConsent, version } = await ask0.settings.privacy();
  const kept = await ask0.settings.putPrivacy({ enforceConsent }, { ifMatch: version });
  assert.equal(kept.enforceConsent, enforceConsent);
});

test("who may chat is changed, and a key is made, works, and is revoked", async () => {
  const { permission, version } = await ask0.settings.chat();
  assert.equal((await ask0.settings.putChat({ permission }, { ifMatch: version })).permission, permission);
  const { id, secret, verification } = await ask0.settings.addVerificationKey();
  assert.match(secret, /^vs_/);
  await ask0.settings.removeVerificationKey(id, { ifMatch: verification.version });
  const made = await ask0.keys.create({ name: run, kind: "secret", scopes: ["users:read"] });
  const other = new Ask0({ secretKey: made.secret, host });
  await other.users.list();
  await assert.rejects(other.keys.list(), IS_REFUSED("missing_scope"));
  await ask0.keys.revoke(made.key.id, { ifMatch: made.key.version });
  await assert.rejects(other.users.list(), IS_REFUSED("unknown_secret_key"));
  assert.ok((await ask0.keys.list()).find((key) => key.id === made.key.id).revokedAt);
  await other.close();
});

test("everything of a user comes as JSON, and as a zip", async () => {
  const id = `${run}/whole 😀`;
  await ask0.users.upsert({ id, plan: "pro" });
  const whole = await json(ask0.users.export(id));
  assert.equal(whole.profile.id, id);
  assert.equal(whole.profile.plan, "pro");
  const archive = await buffer(ask0.users.export(id, { format: "csv" }));
  assert.equal(archive.subarray(0, 2).toString(), "PK");
  const { id: job } = await ask0.exports.create({ ids: [id, `${run}-nobody`] });
  assert.equal((await json(ask0.exports.download(job))).id, id);
  const { users, unknown } = (await ask0.jobs.wait(job)).receipt;
  assert.deepEqual([users, unknown], [1, 1]);
  await assert.rejects(ask0.users.export(`${run}-nobody`).next(), IS_REFUSED("unknown_user"));
});
