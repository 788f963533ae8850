import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { accepted, answer, Browser, held, offline, settle } from "./page.js";

/** A page whose gateway answers so, then accepts; the jitter is as long as it gets. */
async function start(...answers) {
  const browser = new Browser();
  mock.method(Math, "random", () => 1);
  browser.answers.push(...answers);
  return { browser, ask0: await browser.open() };
}

/** Tracks so many events, each with a text of that many characters. */
function track(ask0, count, chars = 1) {
  for (let index = 0; index < count; index++) ask0.track(`${index}`, { text: "x".repeat(chars) });
}

async function flush(ask0) {
  ask0.flush();
  await settle();
}

const sizes = ({ batches }) => batches.map((batch) => batch.length);
const names = ({ batches }) => batches.map((batch) => batch.map(({ event }) => event));
const bytes = ({ batch }) => Buffer.byteLength(JSON.stringify(batch));

/** An answer that comes when the test says so. */
function later() {
  let give;
  const promise = new Promise((done) => (give = done));
  return Object.assign(promise, { give });
}

test("fewer than twenty events wait for two seconds and leave together", async () => {
  const { browser, ask0 } = await start();
  track(ask0, 2);
  await browser.pass(1_000);
  ask0.track("late");
  await browser.pass(999);
  assert.deepEqual(browser.requests, []);
  await browser.pass(1);
  assert.deepEqual(sizes(browser), [3]);
  await browser.pass(60_000);
  assert.deepEqual(sizes(browser), [3]);
});

test("the twentieth event sends the batch", async () => {
  const { browser, ask0 } = await start();
  track(ask0, 19);
  await settle();
  assert.deepEqual(browser.requests, []);
  ask0.track("the twentieth");
  await settle();
  assert.deepEqual(sizes(browser), [20]);
});

test("a request takes at most a hundred events", async () => {
  const { browser, ask0 } = await start();
  ask0.batch(Array.from({ length: 150 }, (_, index) => ({ event: `${index}`, userId: "u", context: {} })));
  await browser.pass(2_000);
  assert.deepEqual(sizes(browser), [100, 50]);
  assert.equal(new Set(browser.events.map(({ messageId }) => messageId)).size, 150);
});

for (const name of ["visibilitychange", "pagehide"]) {
  test(`${name} sends what is queued, at once and with keepalive`, async () => {
    const { browser, ask0 } = await start();
    ask0.track("A");
    browser.dispatch(name);
    await settle();
    assert.deepEqual(browser.requests.map(({ keepalive, batch }) => [keepalive, batch.length]), [[true, 1]]);
  });
}

test("a flush beside a request in flight sends only what is new", async () => {
  const { browser, ask0 } = await start(held());
  ask0.track("A");
  await flush(ask0);
  ask0.track("B");
  await flush(ask0);
  await flush(ask0);
  assert.deepEqual(names(browser), [["A"], ["B"]]);
});

test("requests in flight stay under 56 KiB together, with keepalive; the rest follows the answers", async () => {
  const [first, second] = [later(), later()];
  const { browser, ask0 } = await start(first, second);
  track(ask0, 10, 12_000);
  await flush(ask0);
  const inFlight = browser.requests.length;
  assert.ok(browser.requests.map(bytes).reduce((a, b) => a + b) < 57_344);
  assert.ok(browser.events.length < 10);
  await browser.pass(60_000);
  assert.equal(browser.requests.length, inFlight);
  first.give(accepted());
  second.give(accepted());
  while (browser.events.length < 10) await browser.pass(2_000);
  assert.deepEqual(browser.events.map(({ event }) => event), [..."0123456789"]);
  assert.ok(browser.requests.every(({ keepalive }) => keepalive));
});

test("an event over that allowance waits until nothing is in flight, and goes alone, without keepalive", async () => {
  const first = later();
  const { browser, ask0 } = await start(first);
  ask0.track("small");
  await flush(ask0);
  ask0.track("large", { text: "é".repeat(29_000) });
  await flush(ask0);
  assert.deepEqual(names(browser), [["small"]]);
  first.give(accepted());
  await browser.pass(2_000);
  assert.deepEqual(names(browser), [["small"], ["large"]]);
  assert.deepEqual(browser.requests.map(({ keepalive }) => keepalive), [true, false]);
});

for (const status of [503, 500, 429, 425, 408, 0]) {
  test(`${status || "no answer"}: the same events again after one second, then after two`, async () => {
    const fail = () => (status ? answer(status) : offline());
    const { browser, ask0 } = await start(fail(), fail());
    ask0.track("A");
    await flush(ask0);
    for (const [ms, requests] of [[999, 1], [1, 2], [1_999, 2], [1, 3], [600_000, 3]]) {
      await browser.pass(ms);
      assert.equal(browser.requests.length, requests);
    }
    assert.equal(new Set(browser.events.map((event) => JSON.stringify(event))).size, 1);
    assert.equal(ask0.dropped, 0);
    assert.deepEqual(browser.saved, []);
  });
}

test("the rest is a random part of a ceiling that doubles, up to five minutes", async () => {
  const { browser, ask0 } = await start(...Array.from({ length: 12 }, offline));
  mock.method(Math, "random", () => 0.5);
  ask0.track("A");
  await flush(ask0);
  const rests = [];
  for (let seconds = 0; browser.requests.length < 13; seconds += 0.5) {
    const before = browser.requests.length;
    await browser.pass(500);
    if (browser.requests.length > before) rests.push(seconds + 0.5);
  }
  const each = rests.map((at, index) => at - (rests[index - 1] ?? 0));
  assert.deepEqual(each, [0.5, 1, 2, 4, 8, 16, 32, 64, 128, 150, 150, 150]);
});

test("after an answer the ceiling is one second again", async () => {
  const { browser, ask0 } = await start(offline(), offline(), accepted(), offline());
  ask0.track("A");
  await flush(ask0);
  await browser.pass(1_000);
  await browser.pass(2_000);
  assert.equal(browser.requests.length, 3);
  ask0.track("B");
  await flush(ask0);
  await browser.pass(999);
  assert.equal(browser.requests.length, 4);
  await browser.pass(1);
  assert.equal(browser.requests.length, 5);
});

for (const [retryAfter, seconds] of [
  ["60", 60],
  ["0", 1],
  ["-5", 1],
  ["100000", 300],
  ["Wed, 21 Oct 2026 07:28:00 GMT", 1],
]) {
  test(`Retry-After: ${retryAfter} means a rest of ${seconds} s`, async () => {
    const { browser, ask0 } = await start(answer(503, { "retry-after": retryAfter }));
    ask0.track("A");
    await flush(ask0);
    await browser.pass(seconds * 1_000 - 1);
    assert.equal(browser.requests.length, 1);
    await browser.pass(1);
    assert.equal(browser.requests.length, 2);
  });
}

test("during a rest nothing is sent, whatever is queued or flushed", async () => {
  const { browser, ask0 } = await start(answer(429, { "retry-after": "60" }));
  ask0.track("A");
  await flush(ask0);
  track(ask0, 30);
  await flush(ask0);
  browser.dispatch("pagehide");
  await browser.pass(59_999);
  assert.deepEqual(sizes(browser), [1]);
  await browser.pass(1);
  assert.deepEqual(sizes(browser), [1, 31]);
});

test("requests that fail together make one rest", async () => {
  const [first, second] = [later(), later()];
  const { browser, ask0 } = await start(first, second, answer(503));
  ask0.track("A");
  await flush(ask0);
  ask0.track("B");
  await flush(ask0);
  first.give(answer(503));
  second.give(answer(503));
  await settle();
  await browser.pass(1_000);
  assert.deepEqual(names(browser), [["A"], ["B"], ["A", "B"]]);
  await browser.pass(1_999);
  assert.equal(browser.requests.length, 3);
  await browser.pass(1);
  assert.equal(browser.requests.length, 4);
});

test("413 splits until the events go through", async () => {
  const { browser, ask0 } = await start(answer(413), answer(413), answer(413));
  track(ask0, 4);
  await flush(ask0);
  for (let round = 0; round < 5; round++) await browser.pass(2_000);
  const [all, first, second, ...single] = names(browser);
  assert.deepEqual([all, first, second], [["0", "1", "2", "3"], ["0", "1"], ["2", "3"]]);
  assert.deepEqual(single, [["0"], ["1"], ["2"], ["3"]]);
  assert.equal(ask0.dropped, 0);
});

test("a single event that is too large for the gateway is given up and counted", async () => {
  const { browser, ask0 } = await start(answer(413));
  ask0.track("A");
  await flush(ask0);
  await browser.pass(600_000);
  assert.deepEqual([ask0.dropped, browser.requests.length, browser.saved], [1, 1, []]);
});

for (const status of [400, 401, 403, 404]) {
  test(`${status} gives the events up and counts them`, async () => {
    const { browser, ask0 } = await start(answer(status));
    track(ask0, 3);
    await flush(ask0);
    await browser.pass(600_000);
    assert.deepEqual([ask0.dropped, browser.requests.length, browser.saved], [3, 1, []]);
  });
}

for (const [what, body] of [
  ["a log-in page", "<html>Log in</html>"],
  ["nothing", ""],
  ["another JSON", "{}"],
  ["null", "null"],
]) {
  test(`200 with ${what} in place of the gateway's answer is no answer: the events go again`, async () => {
    const { browser, ask0 } = await start(answer(200, {}, body));
    ask0.track("A");
    await flush(ask0);
    assert.equal(browser.saved.length, 1);
    await browser.pass(1_000);
    assert.equal(browser.requests.length, 2);
    assert.deepEqual([ask0.dropped, browser.saved], [0, []]);
  });
}

test("the body of every answer is read, so that its keepalive bytes come free", async () => {
  const given = [503, 429, 413, 401, 400].map((status) => answer(status));
  const { browser, ask0 } = await start(...given, answer(200, {}, "<html>"), accepted());
  for (let round = 0; browser.given.length < 7; round++) {
    track(ask0, 2);
    await flush(ask0);
    await browser.pass(300_000);
  }
  assert.deepEqual(browser.given.map(({ bodyUsed }) => bodyUsed), browser.given.map(() => true));
});

test("events that the gateway rejects are counted and not sent again", async () => {
  const { browser, ask0 } = await start(accepted({ index: 1, code: "invalid_id" }, { index: 2, code: "too_deep" }));
  track(ask0, 3);
  await flush(ask0);
  await browser.pass(600_000);
  assert.deepEqual([ask0.dropped, browser.requests.length, browser.saved], [2, 1, []]);
});

test("of more than a million characters the oldest events are given up and counted", async () => {
  const { browser, ask0 } = await start(answer(503, { "retry-after": "300" }));
  ask0.track("first");
  await flush(ask0);
  track(ask0, 40, 29_000);
  const [queue] = browser.saved;
  assert.ok(JSON.stringify(queue).length <= 1_000_000);
  assert.ok(queue.length >= 30);
  assert.equal(ask0.dropped, 41 - queue.length);
  assert.equal(queue.at(-1).event, "39");
  assert.equal(queue[0].event, `${40 - queue.length}`);
});

test("the try after a failure goes without keepalive, as that may be what the browser refuses", async () => {
  const { browser, ask0 } = await start(answer(503, { "retry-after": "1" }));
  ask0.track("A");
  await browser.pass(2_000);
  await browser.pass(1_000);
  ask0.track("B");
  await browser.pass(2_000);
  assert.deepEqual(browser.requests.map(({ keepalive }) => keepalive), [true, false, true]);
});
