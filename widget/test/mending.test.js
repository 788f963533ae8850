/** Whatever a page passes: nothing is thrown back, nothing pollutes, what JSON can carry arrives, the rest is told. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Browser, settle } from "./page.js";

/** A page that has made such calls, and what it was told was left out or given up. */
async function after(run) {
  const browser = new Browser();
  const ask0 = await browser.open();
  const told = { omitted: [], dropped: [] };
  ask0.on("omitted", (path) => told.omitted.push(path));
  ask0.on("dropped", (events, why) => told.dropped.push(why));
  await settle();
  run(ask0);
  await settle();
  await browser.pass(2_000);
  assert.equal(ask0.dropped, told.dropped.length);
  assert.deepEqual(Object.keys(Object.prototype), []);
  assert.equal({}.polluted, undefined);
  return { ...told, events: browser.events, browser };
}

function cyclic() {
  const person = { name: "Jane" };
  person.friends = [{ name: "Omar", friend: person }];
  return person;
}

function fail() {
  throw new Error("the page's own");
}

function revoked() {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

const HUGE = "x".repeat(1_000_000);

for (const [what, make, path] of [
  ["a cycle", cyclic, "bad.friends.0.friend"],
  ["a BigInt", () => 10n ** 30n, "bad"],
  ["a revoked Proxy", revoked, "bad"],
  ["a Proxy whose traps throw", () => new Proxy({}, { ownKeys: () => fail() }), "bad"],
  ["a text of a million characters", () => HUGE, "bad"],
  ["a toJSON that throws", () => ({ toJSON: fail }), "bad"],
  ["a list with a BigInt in it", () => ["a", 1n, "b"], "bad.1"],
]) {
  test(`track with ${what}: the rest of the event arrives, and its place is told`, async () => {
    const { events, omitted, dropped } = await after((ask0) => ask0.track("A", { plan: "pro", bad: make() }));
    assert.equal(events.length, 1);
    assert.deepEqual([events[0].event, events[0].properties.plan], ["A", "pro"]);
    assert.deepEqual([omitted, dropped], [[path], []]);
  });

  test(`identify with ${what}: the rest of the traits arrive, and its place is told`, async () => {
    const { events, omitted, dropped } = await after((ask0) => ask0.identify({ id: "jane", plan: "pro", bad: make() }));
    assert.equal(events.length, 1);
    assert.deepEqual([events[0].userId, events[0].traits.plan], ["jane", "pro"]);
    assert.deepEqual([omitted, dropped], [[path], []]);
  });
}

test("functions, symbols and undefined are left out as JSON does it, without a word", async () => {
  const bad = { plan: "pro", run() {}, mark: Symbol("mark"), list: [() => {}, 1], none: undefined };
  const { events, omitted } = await after((ask0) => ask0.track("A", bad));
  assert.deepEqual([events[0].properties, omitted], [{ plan: "pro", list: [null, 1] }, []]);
});

test("beside what JSON cannot carry at all, functions and symbols are told too", async () => {
  const bad = { plan: "pro", run() {}, mark: Symbol("mark"), list: [() => {}, 1], none: undefined, big: 1n };
  const { events, omitted } = await after((ask0) => ask0.track("A", bad));
  assert.deepEqual(events[0].properties, { plan: "pro", list: [null, 1] });
  assert.deepEqual(omitted, ["run", "mark", "list.0", "big"]);
});

test("of what a getter throws at, the rest arrives, and its place is told", async () => {
  const bad = () => Object.defineProperty({ id: "jane", plan: "pro" }, "bad", { get: fail, enumerable: true });
  const { events, omitted, dropped } = await after((ask0) => {
    ask0.identify(bad());
    ask0.track("A", bad());
  });
  const [identify, track] = events;
  assert.deepEqual([identify.traits, track.properties], [{ plan: "pro" }, { id: "jane", plan: "pro" }]);
  assert.deepEqual([omitted, dropped], [["bad", "bad"], []]);
});

test("what is woven has no end of paths, and does not hold the page up", async () => {
  const woven = Array.from({ length: 14 }, (_, index) => ({ index }));
  for (const node of woven) node.to = [...woven];
  const { events, dropped } = await after((ask0) => {
    ask0.track("A", { plan: "pro", woven });
    ask0.track("B");
  });
  assert.ok(events.some(({ event }) => event === "B"));
  assert.equal(events.length + dropped.length, 2);
});

test("of a batch, an item that cannot be sent is given up alone", async () => {
  const large = Object.fromEntries([..."abc"].map((key) => [key, "x".repeat(20_000)]));
  const { events, dropped } = await after((ask0) =>
    ask0.batch([{ event: "A" }, null, { event: "large", ...large }, { event: "B" }]),
  );
  assert.deepEqual(events.map(({ event }) => event), ["A", "B"]);
  assert.equal(dropped.length, 2);
});

test("an identify that has to be mended counts for the calls after it", async () => {
  const { events } = await after((ask0) => {
    ask0.identify({ id: "jane" });
    ask0.identify({ id: "omar", big: 1n });
    ask0.track("A");
  });
  assert.equal(events.find(({ event }) => event === "A").userId, "omar");
});

test("a DOM node is left out, wherever it stands", async () => {
  const { events, omitted } = await after((ask0) => {
    const node = Object.assign(new Node(), { children: [1n] });
    ask0.track("A", { node, within: [{ node }], plan: "pro" });
  });
  assert.deepEqual(events[0].properties, { within: [{}], plan: "pro" });
  assert.deepEqual(omitted, ["node", "within.0.node"]);
});

test("the same object twice, not in itself, is no cycle", async () => {
  const address = { city: "Bonn" };
  const { events, omitted } = await after((ask0) => ask0.track("A", { from: address, to: address, big: 1n }));
  assert.deepEqual(events[0].properties, { from: address, to: address });
  assert.deepEqual(omitted, ["big"]);
});

test("dates and addresses stay what they are beside what is left out", async () => {
  const at = new Date(0);
  const { events } = await after((ask0) => ask0.track("A", { at, url: new URL("https://a.test/"), big: 1n }));
  assert.deepEqual(events[0].properties, { at: at.toISOString(), url: "https://a.test/" });
});

for (const text of [
  '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"plan":"pro"}',
  '{"a":{"__proto__":{"polluted":1}},"toString":"x","hasOwnProperty":1,"plan":"pro"}',
]) {
  test(`keys that pollute do not, as they are and beside what is left out: ${text}`, async () => {
    const { events, omitted, dropped } = await after((ask0) => {
      ask0.track("A", JSON.parse(text));
      ask0.track("B", { ...JSON.parse(text), big: 1n });
      ask0.identify({ id: "jane", ...JSON.parse(text) });
      ask0.group("acme", JSON.parse(text));
      ask0.batch([JSON.parse(text)]);
      ask0.consent(JSON.parse(text));
      ask0.identify(JSON.parse('{"id":"__proto__"}'));
    });
    assert.equal(events.find(({ event }) => event === "B").properties.plan, "pro");
    assert.equal(events.find(({ type }) => type === "identify").traits.plan, "pro");
    assert.deepEqual([omitted, dropped], [["big"], []]);
    for (const event of events) assert.equal(event.polluted, undefined);
  });
}

for (const [name, ...args] of [
  ["identify"],
  ["identify", null],
  ["batch"],
  ["batch", null],
  ["batch", 5],
  ["batch", { event: "A" }],
  ["batch", [null]],
]) {
  test(`${name}(${args.map((arg) => JSON.stringify(arg))}) throws nothing, sends nothing, and is told`, async () => {
    const { events, dropped } = await after((ask0) => ask0[name](...args));
    assert.deepEqual([events, dropped.length], [[], 1]);
    assert.ok(dropped[0] instanceof TypeError);
  });
}

for (const [name, ...args] of [
  ["track"],
  ["track", null, null],
  ["track", {}, 5],
  ["page", Symbol("page")],
  ["group"],
  ["alias"],
  ["identify", "jane"],
  ["identify", 5],
  ["identify", []],
  ["identify", { id: {} }],
  ["identify", { id: "jane" }, null],
  ["consent"],
  ["consent", null],
  ["consent", 5],
  ["ready", null],
  ["on", "nothing"],
  ["on", "sent", null],
  ["flush", {}],
  ["reset", {}],
]) {
  test(`${name}(${args.map((arg) => JSON.stringify(arg) ?? "a symbol")}) throws nothing`, async () => {
    const { events } = await after((ask0) => {
      ask0[name](...args);
      ask0.track("next");
    });
    assert.ok(events.some(({ event }) => event === "next"));
  });
}

test("an event that stays too large is given up, and told", async () => {
  const texts = Object.fromEntries([..."abc"].map((key) => [key, "x".repeat(20_000)]));
  const { events, dropped } = await after((ask0) => ask0.track("A", texts));
  assert.deepEqual([events, dropped], [[], ["too large"]]);
});
