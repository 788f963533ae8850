/** Input and gateways at their worst: nothing is thrown into the program or lost in silence. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Ask0 } from "../dist/esm/index.js";
import { clientOf, cut, halfOf, hang, serve } from "./server.js";

const WHOLE = JSON.stringify({ success: true, accepted: 1, rejected: [] });

const ANSWERS = {
  "nothing, for as long as one waits": hang,
  "a cut connection": cut,
  "half a JSON, and then nothing": halfOf(WHOLE),
  "half a JSON, and the end": halfOf(WHOLE, { end: true }),
  "a page of HTML with status 200": { body: "<html>log in</html>" },
  "an empty body": { body: "" },
  null: { body: "null" },
  "a list": { body: "[]" },
  "another JSON": { body: { ok: true } },
  "no HTTP": (response) => response.socket.end("hello\r\n\r\n"),
  "a gzip that is none": { headers: { "content-encoding": "gzip" }, body: "nonsense" },
};

for (const [name, answer] of Object.entries(ANSWERS)) {
  test(`events outlast a gateway that answers ${name}`, async () => {
    const gateway = await serve(answer);
    const { ask0, refused, errors } = clientOf(gateway, { timeoutMs: 150 });
    ask0.track("A", { userId: "u" });
    assert.equal(await ask0.flush(), true);
    assert.equal(gateway.requests.length, 2);
    assert.equal(errors.length, 1);
    assert.match(errors[0].code, /^(no_answer|unreadable_answer)$/);
    assert.deepEqual(refused, []);
  });

  test(`a call of the API outlasts a gateway that answers ${name}`, async () => {
    const gateway = await serve(answer);
    const { ask0 } = clientOf(gateway, { timeoutMs: 150 });
    await ask0.users.get("u");
    assert.equal(gateway.requests.length, name === "another JSON" ? 1 : 2); // it is a document
  });
}

test("rejects that are garbage are not believed, and the rest of the answer is", async () => {
  const rejected = [
    null,
    5,
    "x",
    { index: 99, code: "a" },
    { index: "1e9" },
    { index: -1 },
    {},
    { index: 0, code: "real" },
  ];
  const gateway = await serve({ body: { success: true, accepted: 0, rejected } });
  const { ask0, refused } = clientOf(gateway);
  ask0.track("A", { userId: "u" });
  assert.equal(await ask0.flush(), true);
  assert.deepEqual(
    refused.map(({ code }) => code),
    ["real"],
  );
});

test("a body without an end is given up", async () => {
  const gateway = await serve((response) => {
    const part = "x".repeat(1_000_000);
    const write = () => response.destroyed || response.write(part, () => setImmediate(write));
    write();
  });
  const { ask0, errors } = clientOf(gateway);
  ask0.track("A", { userId: "u" });
  assert.equal(await ask0.flush(), true);
  assert.match(errors[0].message, /without an end/);
});

test("ten thousand events wait for a gateway that is down, and arrive once each when it is back", async () => {
  const gateway = await serve();
  gateway.always = () => ({ status: 503 });
  const { ask0, refused } = clientOf(gateway);
  for (let n = 0; n < 10_000; n++) ask0.track("A", { userId: "u", n });
  assert.equal(await ask0.flush({ timeoutMs: 100 }), false);
  assert.equal(ask0.queued, 10_000);
  const before = gateway.requests.length;
  gateway.always = undefined;
  assert.equal(await ask0.flush(), true);
  const taken = gateway.requests.slice(before).flatMap(({ json }) => json.batch);
  assert.equal(new Set(taken.slice(-10_000).map(({ messageId }) => messageId)).size, 10_000);
  assert.ok(gateway.requests.length - before < 12);
  assert.deepEqual([refused.length, ask0.queued], [0, 0]);
});

test("what the queue cannot hold is told, event by event, and memory stays where it is", async () => {
  const gateway = await serve();
  await gateway.close();
  let refused = 0;
  const { ask0 } = clientOf(gateway, {
    maxQueueEvents: 1_000,
    onRefused: ({ code }) => (refused += code === "queue_full"),
  });
  const text = "x".repeat(1_000);
  for (let n = 0; n < 2_000; n++) ask0.track("A", { userId: "u", n, text });
  const before = process.memoryUsage().heapUsed;
  for (let n = 0; n < 48_000; n++) ask0.track("A", { userId: "u", n, text });
  assert.deepEqual([ask0.queued, refused], [1_000, 49_000]);
  assert.ok(process.memoryUsage().heapUsed - before < 60_000_000);
  await ask0.close({ timeoutMs: 1 });
});

test("the bytes of the queue are bounded too, also while a request hangs", async () => {
  const gateway = await serve(hang);
  const { ask0, refused } = clientOf(gateway, { maxQueueBytes: 10_000, flushAt: 1 });
  for (let n = 0; n < 30; n++) ask0.track("A", { userId: "u", text: "x".repeat(1_000) });
  assert.ok(ask0.queued >= 7 && ask0.queued < 10);
  assert.equal(refused.length, 30 - ask0.queued);
  await ask0.close({ timeoutMs: 1 });
  assert.deepEqual([refused.length, ask0.queued], [30, 0]);
});

test("a close ends in time although the gateway hangs, and tells of what it could not send", async () => {
  const gateway = await serve(hang);
  const { ask0, refused } = clientOf(gateway);
  ask0.track("A", { userId: "u" });
  const flushed = ask0.flush();
  const started = performance.now();
  await ask0.close({ timeoutMs: 100 });
  assert.ok(performance.now() - started < 600);
  assert.deepEqual(
    refused.map(({ code, event }) => [code, event.event]),
    [["closed", "A"]],
  );
  assert.equal(await flushed, false);
});

test("an event over 32 KB is told at once with its size, and the gateway decides at the border", async () => {
  const gateway = await serve();
  const { ask0, refused } = clientOf(gateway);
  ask0.track("Huge", { userId: "u", text: "x".repeat(40_000) });
  ask0.track("Border", { userId: "u", text: "x".repeat(32_700) });
  await ask0.flush();
  assert.deepEqual(
    refused.map(({ code, event }) => [code, event.event]),
    [["too_large", "Huge"]],
  );
  assert.deepEqual(
    gateway.events().map(({ event }) => event),
    ["Border"],
  );
});

const circular = { ok: 1 };
circular.self = circular;
const deep = {};
for (let level = deep, n = 0; n < 200; n++) level = level.next = {};
const throwing = {
  ok: 1,
  get bad() {
    throw new Error("no");
  },
};
const refusing = new Proxy({}, { ownKeys: () => assert.fail(), get: () => assert.fail() });
const endless = {
  ok: 1,
  get next() {
    return {
      ...endless,
      get next() {
        return endless.next;
      },
    };
  },
};

const PROPERTIES = {
  "what contains itself": [{ a: circular }, { a: { ok: 1 } }, ["a.self"]],
  "a BigInt": [{ a: 5n, b: 2n ** 70n }, { a: 5, b: "1180591620717411303424" }, []],
  "undefined, functions and symbols": [{ a: undefined, b: () => 1, c: Symbol("c"), d: 1 }, { d: 1 }, []],
  "dates, also one that is none": [
    { a: new Date(0), b: new Date(NaN) },
    { a: "1970-01-01T00:00:00.000Z", b: null },
    [],
  ],
  "numbers that JSON has not": [{ a: NaN, b: -Infinity, c: -0 }, { a: null, b: null, c: 0 }, []],
  "a getter that throws": [{ a: throwing }, { a: { ok: 1 } }, ["a.bad"]],
  "a toJSON that throws": [{ a: { toJSON: () => assert.fail() }, b: 1 }, { b: 1 }, ["a"]],
  "a Proxy that refuses": [{ a: refusing, b: 1 }, { b: 1 }, ["a"]],
  "what contains itself beside a date": [
    { a: circular, b: new Date(0) },
    { a: { ok: 1 }, b: "1970-01-01T00:00:00.000Z" },
    ["a.self"],
  ],
  "half of a pair of surrogates": [{ a: "\ud800" }, { a: "\ud800" }, []],
};

for (const [name, [properties, expected, omitted]] of Object.entries(PROPERTIES)) {
  test(`an event with ${name} is sent, and what is left out is told`, async () => {
    const gateway = await serve();
    const { ask0, refused, errors } = clientOf(gateway);
    ask0.track("A", { userId: "u", ...properties });
    await ask0.flush();
    assert.deepEqual(gateway.events()[0].properties, expected);
    assert.equal(gateway.events()[0].userId, "u");
    assert.deepEqual(
      errors.map(({ code, message }) => [code, message.split(": ")[1]]),
      omitted.map((path) => ["omitted", path]),
    );
    assert.deepEqual(refused, []);
  });
}

test("what is deeper than JSON's own limit, or has no end, loses that part alone", async () => {
  const gateway = await serve();
  const { ask0, errors } = clientOf(gateway);
  for (let level = deep, n = 0; n < 20_000; n++) level = level.next ??= {};
  ask0.track("Deep", { userId: "u", deep });
  ask0.track("Endless", { userId: "u", endless });
  await ask0.flush();
  assert.deepEqual(
    gateway.events().map(({ event, userId }) => [event, userId]),
    [
      ["Deep", "u"],
      ["Endless", "u"],
    ],
  );
  assert.deepEqual(
    errors.map(({ code }) => code),
    ["omitted", "omitted"],
  );
});

const NONSENSE = [
  undefined,
  null,
  5,
  5n,
  "",
  "text",
  true,
  [],
  [null],
  {},
  () => 1,
  Symbol("s"),
  NaN,
  new Date(NaN),
  throwing,
  circular,
  refusing,
  new Map(),
];

test("no call throws, whatever it is given, and every item of a batch ends somewhere", async () => {
  const gateway = await serve();
  const { ask0, refused, errors } = clientOf(gateway);
  for (const name of ["track", "identify", "group", "alias", "page", "screen", "batch"]) {
    ask0[name]();
    for (const first of NONSENSE) for (const second of NONSENSE) ask0[name](first, second);
  }
  await ask0.flush();
  const before = gateway.events().length;
  assert.equal(before, 6 * (NONSENSE.length ** 2 + 1) + NONSENSE.length); // of the batches only [null] has an item
  ask0.batch(NONSENSE);
  await ask0.flush();
  assert.equal(gateway.events().length - before, NONSENSE.length);
  assert.deepEqual(refused, []);
  assert.ok(errors.some(({ code }) => code === "not_a_list"));
});

test("listeners that throw, reject or track break nothing", async (context) => {
  const warning = context.mock.method(process, "emitWarning", () => {});
  const gateway = await serve({ status: 401 }, { status: 401 });
  const { ask0 } = clientOf(gateway, {
    maxQueueEvents: 1,
    onRefused: ({ event }) => {
      ask0.track("Refused", { userId: "u", event });
      ask0.track("Refused", { userId: "u", event });
      throw new Error("mine");
    },
    onError: async () => {
      throw new Error("also mine");
    },
  });
  ask0.track("A", { userId: "u" });
  ask0.track("B", { userId: "u" });
  assert.equal(await ask0.flush(), true);
  await ask0.close();
  const codes = warning.mock.calls.map(({ arguments: [, , code] }) => code);
  assert.ok(codes.includes("listener") && codes.includes("queue_full"));
});

test("without listeners the first of each failure is a warning of the process, without the key", async (context) => {
  const warning = context.mock.method(process, "emitWarning", () => {});
  const gateway = await serve({ status: 401 }, { status: 401 });
  const { ask0 } = clientOf(gateway, { onRefused: undefined, onError: undefined, secretKey: "sk_very_secret" });
  for (let n = 0; n < 2; n++) {
    ask0.track("A", { userId: "u" });
    await ask0.flush();
  }
  const texts = warning.mock.calls.map(({ arguments: [text] }) => text);
  assert.equal(texts.length, 1);
  assert.doesNotMatch(texts.join(), /very_secret/);
});

test("a fetch that throws, answers nonsense or never settles is a gateway that does not answer", async () => {
  const gateway = await serve();
  const answers = [
    () => {
      throw new Error("at once");
    },
    async () => {
      throw null;
    },
    async () => ({}),
    async () => undefined,
    () => new Promise(() => {}),
    async () => ({ status: 200, headers: new Headers(), text: async () => WHOLE }),
  ];
  const { ask0, errors } = clientOf(gateway, { timeoutMs: 50, fetch: () => answers.shift()() });
  ask0.track("A", { userId: "u" });
  assert.equal(await ask0.flush(), true);
  assert.deepEqual(
    errors.map(({ code }) => code),
    Array(5).fill("no_answer"),
  );
});

test("options that cannot work are told when the client is made", () => {
  const fine = { secretKey: "sk_test", host: "http://127.0.0.1:1" };
  const wrong = [
    undefined,
    {},
    { ...fine, secretKey: "" },
    { ...fine, host: undefined },
    { ...fine, host: "ask0.example.com" },
    { ...fine, host: "ftp://ask0.example.com" },
    { ...fine, host: "https://user:word@ask0.example.com" },
    { ...fine, flushAt: 0 },
    { ...fine, maxQueueBytes: NaN },
    { ...fine, timeoutMs: "5" },
    { ...fine, project: "" },
    { ...fine, project: ".." },
  ];
  for (const options of wrong) assert.throws(() => new Ask0(options), TypeError);
});

test("the key does not show when a client is printed", async () => {
  const { inspect } = await import("node:util");
  const { ask0 } = clientOf({ url: "http://127.0.0.1:1" }, { secretKey: "sk_very_secret" });
  assert.doesNotMatch(inspect(ask0, { depth: 9, showHidden: true }) + JSON.stringify(ask0), /very_secret/);
  mock.restoreAll();
});
