import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { createTransport } from "../dist/transport.js";

/** A transport whose gateway answers what `answers` says, then 200; `requests` are the event lists that were sent. */
function start(...answers) {
  const wire = { requests: [], keepalive: [], saved: [], lost: 0, bodies: [] };
  mock.method(globalThis, "fetch", async (url, { body, keepalive }) => {
    assert.equal(url, "http://ask0.test/v1/batch");
    assert.equal(body.type, "text/plain");
    const [status, headers] = [answers.shift() ?? 200].flat();
    wire.keepalive.push(keepalive);
    wire.bodies.push(JSON.parse(await body.text()));
    wire.requests.push(wire.bodies.at(-1).batch);
    if (status === "away") throw new TypeError("Failed to fetch");
    if (status === "held") await new Promise(() => {});
    return new Response(null, { status, headers });
  });
  const save = (queue) => (wire.saved = queue);
  wire.transport = createTransport("http://ask0.test/v1/batch", "wk", save, (events) => (wire.lost += events));
  return wire;
}

const events = (count, size = 1) => Array.from({ length: count }, (_, i) => `"${i}${"x".repeat(size)}"`);

/** Lets what is under way come to its end; no timer runs. */
const settle = () => new Promise(setImmediate);

async function pass(ms) {
  mock.timers.tick(ms);
  await settle();
}

beforeEach(() => {
  mock.restoreAll();
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_700_000_000_000 });
  mock.method(Math, "random", () => 1);
});

test("fewer than twenty events wait for two seconds and leave together", async () => {
  const wire = start();
  wire.transport.push(events(2));
  await pass(1_000);
  wire.transport.push(['"late"']);
  await pass(999);
  assert.deepEqual(wire.requests, []);
  await pass(1);
  assert.deepEqual(wire.requests.map((batch) => batch.length), [3]);
  assert.deepEqual(wire.bodies[0].writeKey, "wk");
  assert.deepEqual(wire.bodies[0].sentAt, "2023-11-14T22:13:22.000Z");
  assert.deepEqual(wire.saved, []);
});

test("the twentieth event sends the batch", async () => {
  const wire = start();
  wire.transport.push(events(19));
  wire.transport.push(['"the twentieth"']);
  await settle();
  assert.deepEqual(wire.requests.map((batch) => batch.length), [20]);
});

test("events stay saved until there is an answer", async () => {
  const wire = start("held");
  wire.transport.push(events(3));
  wire.transport.flush();
  await settle();
  assert.equal(wire.requests.length, 1);
  assert.equal(wire.saved.length, 3);
});

test("a flush beside a request in flight sends only what is new", async () => {
  const wire = start("held");
  wire.transport.push(['"a"']);
  wire.transport.flush();
  wire.transport.push(['"b"']);
  wire.transport.flush();
  await settle();
  assert.deepEqual(wire.requests, [["a"], ["b"]]);
  assert.deepEqual(wire.saved, ['"a"']);
});

for (const status of ["away", 503, 429, 408]) {
  test(`${status}: the same events again after one second, then after two`, async () => {
    const wire = start(status, status);
    wire.transport.push(events(1));
    wire.transport.flush();
    await settle();
    await pass(999);
    assert.equal(wire.requests.length, 1);
    await pass(1);
    assert.equal(wire.requests.length, 2);
    await pass(1_999);
    assert.equal(wire.requests.length, 2);
    await pass(1);
    assert.deepEqual(wire.requests, [["0x"], ["0x"], ["0x"]]);
    assert.deepEqual(wire.saved, []);
    assert.equal(wire.lost, 0);
  });
}

test("during a rest nothing is sent, whatever is queued or flushed", async () => {
  const wire = start([503, { "retry-after": "60" }]);
  wire.transport.push(events(1));
  wire.transport.flush();
  await settle();
  wire.transport.push(events(30, 2));
  wire.transport.flush();
  await pass(59_999);
  assert.equal(wire.requests.length, 1);
  await pass(1);
  assert.deepEqual(wire.requests.map((batch) => batch.length), [1, 31]);
});

test("413 splits until the events go through, and a single one that is too large is given up", async () => {
  const wire = start(413, 413, 413);
  wire.transport.push(events(4));
  wire.transport.flush();
  while (wire.saved.length) await pass(2_000);
  assert.deepEqual(wire.requests, [["0x", "1x", "2x", "3x"], ["0x", "1x"], ["2x", "3x"], ["0x"], ["1x"], ["2x"], ["3x"]]);
  assert.equal(wire.lost, 0);

  const other = start(413);
  other.transport.push(events(1));
  other.transport.flush();
  await settle();
  assert.deepEqual([other.saved, other.lost], [[], 1]);
});

test("another refusal gives the events up and counts them", async () => {
  const wire = start(401);
  wire.transport.push(events(3));
  wire.transport.flush();
  await settle();
  assert.deepEqual([wire.saved, wire.lost, wire.requests.length], [[], 3, 1]);
});

test("keepalive requests stay under 56 KiB together, the rest follows when they are answered", async () => {
  const wire = start();
  wire.transport.push(events(10, 12_000));
  wire.transport.flush();
  const sizes = () => wire.requests.map((batch) => batch.length);
  await settle();
  while (wire.saved.length) await pass(2_000);
  assert.deepEqual(sizes().slice(0, 2), [2, 2]);
  assert.equal(sizes().reduce((a, b) => a + b), 10);
  assert.ok(wire.keepalive.every(Boolean));
});

test("an event over the allowance goes alone, without keepalive", async () => {
  const wire = start();
  wire.transport.push(events(1, 60_000));
  wire.transport.flush();
  await settle();
  assert.deepEqual(wire.keepalive, [false]);
});

test("the queue is capped and says how many it lost", () => {
  const wire = start("held");
  wire.transport.push(events(600));
  assert.deepEqual([wire.saved.length, wire.lost], [500, 100]);
});
