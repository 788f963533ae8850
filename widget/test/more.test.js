import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { accepted, answer, Browser, offline, settle } from "./page.js";

const found = (user) => answer(200, {}, JSON.stringify({ user }));

/** The lines that the console gets from now on. */
function watchConsole() {
  const lines = [];
  mock.method(console, "info", (...line) => lines.push(line));
  return lines;
}

/** Listens to all there is; the list fills as it happens. */
async function listen(ask0) {
  const told = [];
  for (const name of ["sent", "delayed", "dropped", "omitted"]) {
    ask0.on(name, (...detail) => told.push([name, ...detail]));
  }
  await settle();
  return told;
}

test("user() asks the gateway for whoever is known, with their token", async () => {
  const browser = new Browser();
  const ask0 = await browser.open();
  ask0.identify({ id: "jane" }, { token: "of-jane" });
  browser.answers.push(found({ id: "jane", plan: "pro" }));
  assert.deepEqual(await ask0.user(), { id: "jane", plan: "pro" });
  const [{ path, writeKey, anonymousId, userId, userToken, credentials }] = browser.requests;
  assert.deepEqual([path, writeKey, credentials], ["/v1/user", "wk_test", undefined]);
  assert.deepEqual([userId, userToken], ["jane", "of-jane"]);
  assert.equal(anonymousId, browser.state.anonymousId);
});

for (const [what, given] of [
  ["the gateway knows nobody", () => found(null)],
  ["the gateway refuses", () => answer(403)],
  ["the gateway fails", () => answer(503)],
  ["there is no network", () => offline()],
  ["a log-in page answers", () => answer(200, {}, "<html>")],
]) {
  test(`user() is null while ${what}`, async () => {
    const browser = new Browser();
    const ask0 = await browser.open();
    browser.answers.push(given());
    assert.equal(await ask0.user(), null);
  });
}

for (const [what, options, gpc, choice, asks] of [
  ["with GPC", {}, true, null, false],
  ["with GPC, but both granted", {}, true, { analytics: "granted", personalization: "granted" }, true],
  ["with GPC, analytics alone granted", {}, true, { analytics: "granted" }, false],
  ["while pending", { consent: "pending" }, false, null, false],
  ["without personalization", {}, false, { personalization: "denied" }, false],
  ["without marketing", {}, false, { marketing: "denied" }, true],
]) {
  test(`user() ${what} ${asks ? "asks" : "is null and asks nobody"}`, async () => {
    const browser = new Browser({ gpc });
    const ask0 = await browser.open(options);
    if (choice) ask0.consent(choice);
    await settle();
    browser.requests.length = 0;
    browser.answers.push(found({ id: "g-1" }));
    assert.deepEqual(await ask0.user(), asks ? { id: "g-1" } : null);
    assert.equal(browser.requests.length, asks ? 1 : 0);
  });
}

test("on() tells of what happens, and of what has happened before", async () => {
  const browser = new Browser();
  const ask0 = await browser.open();
  const rejection = { index: 0, messageId: "m", code: "invalid_id", message: "why" };
  browser.answers.push(answer(503), accepted(rejection), answer(401), offline());
  mock.method(Math, "random", () => 1);
  ask0.track("A");
  await browser.pass(2_000);
  const told = await listen(ask0);
  await browser.pass(1_000);
  ask0.track("B");
  await browser.pass(2_000);
  ask0.track("C");
  await browser.pass(2_000);
  await browser.pass(1_000);
  assert.deepEqual(told, [
    ["delayed", 1, 503],
    ["dropped", 1, rejection],
    ["sent", 1],
    ["dropped", 1, 401],
    ["delayed", 1, 0],
    ["sent", 1],
  ]);
});

test("each listener is told, and one that throws hinders neither the others nor delivery", async () => {
  const browser = new Browser();
  const ask0 = await browser.open();
  const errors = [];
  const queue = globalThis.queueMicrotask;
  mock.method(globalThis, "queueMicrotask", (run) =>
    queue(() => {
      try {
        run();
      } catch (error) {
        errors.push(error.message);
      }
    }),
  );
  let sent = 0;
  ask0.on("sent", () => {
    throw new Error("the page's own");
  });
  ask0.on("sent", (events) => (sent += events));
  await settle();
  ask0.track("A");
  await browser.pass(2_000);
  ask0.track("B");
  await browser.pass(2_000);
  assert.deepEqual([sent, errors, browser.batches.length], [2, ["the page's own", "the page's own"], 2]);
});

test("a listener that tracks is not told into a loop of the same call", async () => {
  const browser = new Browser();
  const ask0 = await browser.open();
  let calls = 0;
  ask0.on("dropped", () => calls++ || ask0.track("Lost events"));
  await settle();
  browser.answers.push(answer(400));
  ask0.track("A");
  await browser.pass(2_000);
  await browser.pass(2_000);
  assert.deepEqual([calls, browser.events.map(({ event }) => event)], [1, ["A", "Lost events"]]);
});

test("of what happened long ago, on() tells the latest fifty", async () => {
  const browser = new Browser();
  const ask0 = await browser.open();
  for (let index = 0; index < 60; index++) {
    ask0.track("A");
    await browser.pass(2_000);
  }
  assert.equal((await listen(ask0)).length, 50);
});

test("debug() writes each call and what becomes of it to the console, and what was before", async () => {
  const browser = new Browser();
  const ask0 = await browser.open();
  const lines = watchConsole();
  browser.answers.push(answer(401));
  ask0.track("before");
  await browser.pass(2_000);
  ask0.debug();
  await settle();
  ask0.track("A", { plan: "pro", run() {} });
  ask0.identify({ id: "jane" });
  await browser.pass(2_000);
  assert.deepEqual(lines, [
    ["ask0: events given up, and why:", 1, 401],
    ["ask0: track", "A", { plan: "pro", run: lines[1][2].run }],
    ["ask0: identify", { id: "jane" }],
    ["ask0: left out, because JSON cannot carry it or it is too large:", "run"],
    ["ask0: events sent:", 2],
  ]);
  assert.deepEqual(browser.batches[1].map(({ type }) => type), ["track", "identify"]);
});

test("the console gets nothing until debug() is called", async () => {
  const browser = new Browser();
  const lines = watchConsole();
  const ask0 = await browser.open();
  ask0.track("A");
  await browser.pass(2_000);
  assert.deepEqual(lines, []);
});

test("what debug() wraps still works: consent, reset, flush, on and user", async () => {
  const browser = new Browser();
  const ask0 = await browser.open();
  watchConsole();
  ask0.debug();
  await settle();
  ask0.identify({ id: "jane" });
  ask0.flush();
  await settle();
  ask0.reset();
  ask0.track("A");
  await browser.pass(2_000);
  browser.answers.push(found({ id: "g-1" }));
  assert.deepEqual(await ask0.user(), { id: "g-1" });
  ask0.consent({ analytics: "denied" });
  await settle();
  assert.deepEqual(browser.state, { consent: { analytics: "denied" } });
  assert.deepEqual(browser.events.slice(0, 2).map(({ userId }) => userId), ["jane", undefined]);
});
