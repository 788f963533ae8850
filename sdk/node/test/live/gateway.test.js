/** Against a running Ask0, which tests/sdk/test_node.py starts: its address and keys are in the environment. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Ask0 } from "@ask0/node";
import { runPart } from "../documented.js";

const { ASK0_HOST: host, ASK0_SECRET_KEY: secretKey } = process.env;
const run = `run-${Date.now()}`;

function start(options = {}) {
  const refused = [];
  const errors = [];
  const ask0 = new Ask0({
    secretKey,
    host,
    onRefused: (event) => refused.push(event),
    onError: (error) => errors.push(error),
    ...options,
  });
  return { ask0, refused, errors };
}

/** The user, once the worker has applied what is waited for. */
async function userOnce(ask0, id, holds) {
  for (let n = 0; n < 300; n++) {
    const user = await ask0.users.get(id).catch(({ code }) => assert.equal(code, "unknown_user"));
    if (user && holds(user)) return user;
    await sleep(50);
  }
  return assert.fail(`${id} is not what was said`);
}

const DOCUMENTED = [
  "Basic identification",
  "With additional attributes",
  "Server-side identification",
  "Automatic identification",
  "Track event",
  "Batch events",
];

test("the documented calls are accepted, and the user is who they say", async () => {
  const { ask0, refused, errors } = start();
  for (const title of DOCUMENTED) await runPart(title, ask0);
  assert.equal(await ask0.flush(), true);
  assert.deepEqual([refused, errors], [[], []]);
  const user = await userOnce(ask0, "user_123", ({ traits }) => traits.monthlySpend === 499);
  const { email, name, company, plan, role, traits } = user;
  assert.deepEqual(
    [email, name, company, plan, role],
    ["john@example.com", "John Doe", "Acme Corp", "pro", "developer"],
  );
  assert.deepEqual(traits.features, ["api", "webhooks", "sso"]);
});

test("every form of every call is accepted", async () => {
  const { ask0, refused } = start();
  const userId = `${run}-forms`;
  ask0.identify({ id: userId, email: "a@example.com", type: "admin" });
  ask0.identify(userId, { plan: "pro" });
  ask0.track("Used", { userId, type: "button", event: "inner" });
  ask0.track({ userId, event: "Used", properties: { feature: "API" } });
  ask0.track("As a guest", { anonymousId: `g-${run}` });
  ask0.group("acme", { userId, industry: "tools" });
  ask0.group({ userId, groupId: "acme", traits: { seats: 3 } });
  ask0.page("Docs", { userId, path: "/docs" });
  ask0.screen({ userId, name: "Home", properties: { dark: true } });
  ask0.alias(userId, `g-${run}`);
  ask0.batch([
    { event: "Used", userId },
    { id: userId, seats: 3 },
    { type: "page", userId, name: "Docs" },
  ]);
  await ask0.close();
  assert.deepEqual(refused, []);
  const user = await userOnce(ask0, userId, ({ traits, anonymousIds }) => traits.seats === 3 && anonymousIds.length);
  assert.deepEqual([user.plan, user.traits.type, user.anonymousIds], ["pro", "admin", [`g-${run}`]]);
});

for (const id of ["a/b?c#d %41&e", "../..", "😀 ß", "x".repeat(255), "properties"]) {
  test(`users.identify is durable when it resolves, and users.get reaches ${id.slice(0, 20)}`, async () => {
    const { ask0 } = start();
    await ask0.users.identify({ userId: id, traits: { name: run } });
    if (id !== "properties") assert.equal((await userOnce(ask0, id, ({ name }) => name === run)).id, id);
  });
}

test("what the gateway refuses is told with its reason, and the rest of the batch is taken", async () => {
  const { ask0, refused, errors } = start();
  const userId = `${run}-refused`;
  ask0.track("Nobody");
  ask0.track("Long id", { userId: "x".repeat(256) });
  ask0.track("Too large", { userId, text: "x".repeat(33_000) });
  ask0.track("Far too large", { userId, text: "x".repeat(100_000) });
  ask0.track("Half a pair", { userId, text: "\ud800" });
  ask0.track("No time", { userId, timestamp: "yesterday" });
  ask0.batch([null, undefined, 5, "text", [], { type: "delete", userId }, { userId }]);
  ask0.track("", { userId });
  ask0.track("Fine", { userId, text: "x".repeat(32_000), when: new Date(NaN), big: 2n ** 70n });
  assert.equal(await ask0.flush(), true);
  assert.deepEqual(
    refused.map(({ code }) => code),
    [
      "too_large", // at once, by the SDK
      "missing_user",
      "invalid_id",
      "too_large",
      "invalid_text",
      "invalid_timestamp",
      ...Array(5).fill("not_an_object"),
      "unknown_type",
      "unknown_type",
      "missing_event",
    ],
  );
  assert.deepEqual(errors, []);
  assert.ok(refused.every(({ message }) => message));
  await userOnce(ask0, userId, () => true);
});

test("users.identify rejects with the gateway's reason", async () => {
  const { ask0 } = start();
  await assert.rejects(ask0.users.identify({ traits: { plan: "pro" } }), { status: 400, code: "missing_user" });
  const elsewhere = { projectId: "proj_other", userId: "u", traits: {} };
  await assert.rejects(ask0.users.identify(elsewhere), { status: 400, code: "wrong_key" });
});

test("a user whom nobody has met, another project and a wrong key are errors with their codes", async () => {
  await assert.rejects(start().ask0.users.get("nobody"), { status: 404, code: "unknown_user" });
  await assert.rejects(start({ project: "proj_other" }).ask0.users.get("u"), { status: 404, code: "unknown_project" });
  const wrong = start({ secretKey: "sk_wrong" });
  await assert.rejects(wrong.ask0.users.get("u"), { status: 401, code: "unknown_secret_key" });
  wrong.ask0.track("A", { userId: "u" });
  await wrong.ask0.flush();
  assert.deepEqual(
    wrong.refused.map(({ code }) => code),
    ["unknown_write_key"],
  );
});
