/** Consent × the browser's Global Privacy Control: what is stored, what is sent, and with which times. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { answer, Browser, KEY, NOW, settle } from "./page.js";

const PLACE = `ask0.${KEY}`;
const CHOICES = [undefined, "granted", "pending", "denied"];

const isRecord = ({ type, context }) => type === "identify" && !!context.consent;
const tracked = ({ events }) =>
  events.filter(({ type }) => type === "track").map(({ event, timestamp }) => [event, timestamp]);
const records = ({ events }) => events.filter(isRecord);

/** What is there after a person who does not agree was asked: their choice, if they made one, and nothing else. */
function assertNoTrace(browser, consent) {
  assert.deepEqual(Object.keys(browser.entries), consent ? [PLACE] : []);
  assert.deepEqual(browser.state, consent && { consent });
  assert.deepEqual(browser.cookies, {});
}

for (const start of CHOICES) {
  for (const gpc of [false, true]) {
    for (const chosen of CHOICES) {
      const before = gpc ? "denied" : (start ?? "granted");
      const after = chosen ?? before;
      const name = `starting ${start ?? "by default"}, ${gpc ? "with" : "without"} GPC, choosing ${chosen ?? "none"}`;

      test(`${name}: ${before}, then ${after}`, async () => {
        const browser = new Browser({ gpc });
        const ask0 = await browser.open({ consent: start });
        ask0.track("before");
        if (before === "granted") assert.ok(browser.state.anonymousId && browser.cookies.ask0);
        else assertNoTrace(browser);
        if (chosen) ask0.consent({ analytics: chosen });
        await browser.pass(1_000);
        ask0.track("after");
        await browser.pass(2_000);

        const first = before === "denied" ? [] : [["before", NOW]];
        assert.deepEqual(tracked(browser), after === "granted" ? [...first, ["after", NOW + 1_000]] : []);
        const told = chosen && (before === "granted" || after === "granted");
        assert.deepEqual(
          records(browser).map(({ context, timestamp }) => [context, timestamp]),
          told ? [[{ consent: { analytics: chosen } }, NOW]] : [],
        );
        if (after === "granted") assert.ok(browser.state.anonymousId && browser.cookies.ask0);
        else assertNoTrace(browser, chosen && { analytics: chosen });
        assert.deepEqual(browser.saved, []);
        assert.equal(ask0.dropped, 0);
      });
    }
  }
}

test("a choice holds after a reload, whatever the browser and the site say", async () => {
  const browser = new Browser({ gpc: true });
  (await browser.open({ consent: "denied" })).consent({ analytics: "granted" });
  (await browser.reload({ consent: "denied" })).track("A");
  await browser.pass(2_000);
  assert.deepEqual(tracked(browser), [["A", NOW]]);
});

test("withdrawal leaves only the choice in storage, and sends a last record of the person it was", async () => {
  const browser = new Browser();
  const ask0 = await browser.open();
  browser.answers.push(answer(200, {}, '{"rejected":[]}'));
  ask0.identify({ id: "jane", plan: "pro" }, { token: "of-jane" });
  await browser.pass(2_000);
  const { anonymousId } = browser.state;
  ask0.track("queued");
  ask0.consent({ analytics: "denied" });
  ask0.track("later");
  ask0.identify({ id: "jane", plan: "free" });
  assertNoTrace(browser, { analytics: "denied" });
  await browser.pass(600_000);
  const [, ...after] = browser.events;
  assert.equal(after.length, 1);
  assert.deepEqual({ ...after[0], messageId: "" }, {
    messageId: "",
    timestamp: NOW + 2_000,
    type: "identify",
    context: { consent: { analytics: "denied" } },
    userToken: "of-jane",
    anonymousId,
    userId: "jane",
  });
  assertNoTrace(browser, { analytics: "denied" });
});

test("the record of a withdrawal is sent until it is answered, and leaves no trace", async () => {
  const browser = new Browser();
  const ask0 = await browser.open();
  browser.answers.push(answer(503, { "retry-after": "5" }));
  ask0.consent({ analytics: "denied" });
  await settle();
  assertNoTrace(browser, { analytics: "denied" });
  await browser.pass(5_000);
  assert.equal(records(browser).length, 2);
  assert.equal(new Set(records(browser).map(({ messageId }) => messageId)).size, 1);
});

test("what was under way at the withdrawal is not sent again", async () => {
  const browser = new Browser();
  const ask0 = await browser.open();
  browser.answers.push(answer(503, { "retry-after": "5" }));
  ask0.track("A");
  ask0.flush();
  ask0.consent({ analytics: "denied" });
  await browser.pass(600_000);
  assert.deepEqual(tracked(browser).length, 1);
  assertNoTrace(browser, { analytics: "denied" });
});

test("who grants again after a withdrawal is another guest", async () => {
  const browser = new Browser();
  const ask0 = await browser.open();
  ask0.identify({ id: "jane" });
  const { anonymousId } = browser.state;
  ask0.consent({ analytics: "denied" });
  ask0.consent({ analytics: "granted" });
  assert.match(browser.state.anonymousId, /^g-/);
  assert.notEqual(browser.state.anonymousId, anonymousId);
  assert.equal(browser.state.userId, undefined);
});

test("calls made while pending are made at the grant in their order, and nothing of a reloaded page's", async () => {
  const browser = new Browser();
  (await browser.open({ consent: "pending" })).track("lost with its page");
  const ask0 = await browser.reload({ consent: "pending" });
  ask0.track("guest");
  await browser.pass(1_000);
  ask0.identify({ id: "jane" });
  ask0.track("user");
  await browser.pass(60_000);
  assert.deepEqual([browser.requests, browser.entries, browser.cookies], [[], {}, {}]);
  ask0.consent({ analytics: "granted" });
  await browser.pass(2_000);
  const said = browser.events.filter((event) => !isRecord(event));
  assert.deepEqual(said.map(({ type, event, userId, timestamp }) => [event ?? type, userId, timestamp - NOW]), [
    ["guest", undefined, 0],
    ["identify", "jane", 1_000],
    ["user", "jane", 1_000],
  ]);
  assert.equal(records(browser)[0].userId, "jane");
});

test("what was pending is forgotten when the person refuses", async () => {
  const browser = new Browser();
  const ask0 = await browser.open({ consent: "pending" });
  ask0.track("A");
  ask0.consent({ analytics: "denied" });
  ask0.consent({ analytics: "granted" });
  await browser.pass(2_000);
  assert.deepEqual(tracked(browser), []);
});

test("the categories are chosen one by one, and each record says them all", async () => {
  const browser = new Browser();
  const ask0 = await browser.open();
  ask0.consent({ marketing: "denied" });
  ask0.consent({ analytics: "granted", personalization: "pending" });
  const all = { marketing: "denied", analytics: "granted", personalization: "pending" };
  assert.deepEqual(browser.state.consent, all);
  await browser.pass(2_000);
  assert.deepEqual(records(browser).map(({ context }) => context.consent), [{ marketing: "denied" }, all]);
});

test("another category says nothing of analytics: with GPC it is stored alone, and not sent", async () => {
  const browser = new Browser({ gpc: true });
  const ask0 = await browser.open();
  ask0.consent({ marketing: "granted" });
  ask0.track("A");
  await browser.pass(2_000);
  assertNoTrace(browser, { marketing: "granted" });
  assert.deepEqual(browser.requests, []);
});

test("another tab that withdraws silences this one, and what it had queued is gone", async () => {
  const browser = new Browser();
  const first = await browser.open();
  const second = await browser.open();
  second.track("queued");
  first.consent({ analytics: "denied" });
  browser.dispatch("storage", { key: PLACE });
  second.track("later");
  await browser.pass(600_000);
  assert.deepEqual([tracked(browser), records(browser).length], [[], 1]);
  assertNoTrace(browser, { analytics: "denied" });
});

test("another tab that grants has this one make its calls, as the same guest", async () => {
  const browser = new Browser();
  const first = await browser.open({ consent: "pending" });
  const second = await browser.open({ consent: "pending" });
  second.track("A");
  first.consent({ analytics: "granted" });
  browser.dispatch("storage", { key: "of another script" });
  await browser.pass(2_000);
  assert.deepEqual(tracked(browser), []);
  browser.dispatch("storage", { key: PLACE });
  await browser.pass(2_000);
  assert.deepEqual(tracked(browser), [["A", NOW]]);
  assert.equal(new Set(browser.events.map(({ anonymousId }) => anonymousId)).size, 1);
});

test("what a tab left behind is not sent of a person who does not agree, and is cleared away", async () => {
  const browser = new Browser();
  browser.entries[PLACE] = '{"analytics":"denied"}';
  browser.entries[`${PLACE}.tab`] = JSON.stringify(['{"event":"A"}']);
  await browser.open();
  await browser.pass(2_000);
  assert.deepEqual(browser.requests, []);
  assertNoTrace(browser, { analytics: "denied" });
});

test("a flush of nothing while pending sends nothing", async () => {
  const browser = new Browser();
  const ask0 = await browser.open({ consent: "pending" });
  ask0.track("A");
  ask0.flush();
  browser.dispatch("pagehide");
  await browser.pass(60_000);
  assert.deepEqual(browser.requests, []);
});

for (const storage of ["blocked", "full"]) {
  test(`with ${storage} storage a choice holds for as long as the page is open`, async () => {
    const browser = new Browser({ storage });
    const ask0 = await browser.open({ consent: "pending" });
    ask0.track("A");
    ask0.consent({ analytics: "granted" });
    await browser.pass(2_000);
    assert.deepEqual(tracked(browser), [["A", NOW]]);
    ask0.consent({ analytics: "denied" });
    ask0.track("B");
    await browser.pass(2_000);
    assert.deepEqual([tracked(browser), browser.cookies], [[["A", NOW]], {}]);
  });
}
