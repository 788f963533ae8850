import assert from "node:assert/strict";
import { test } from "node:test";
import { Browser, NOW } from "./page.js";

/** What was sent of the calls, once it was gathered. */
async function sent(run) {
  const browser = new Browser();
  run(await browser.open());
  await browser.pass(2_000);
  return browser.events;
}

test("a track call carries who, when and where", async () => {
  const [{ messageId, anonymousId, context, ...event }] = await sent((ask0) => ask0.track("Clicked", { plan: "pro" }));
  assert.match(messageId, /^018bcfe5-68\w\w-7/);
  assert.match(anonymousId, /^g-/);
  assert.deepEqual(event, { timestamp: NOW, type: "track", event: "Clicked", properties: { plan: "pro" } });
  assert.deepEqual(context.page, {
    url: "https://shop.test/pricing?tab=annual#top",
    path: "/pricing",
    title: "Pricing",
    referrer: "https://search.test/",
  });
  assert.match(context.library.version, /^\d+\.\d+\.\d+$/);
  assert.deepEqual([context.library.name, context.locale], ["ask0", "en-GB"]);
  assert.equal(context.timezone, Intl.DateTimeFormat().resolvedOptions().timeZone);
});

for (const host of ["https://gateway.test", "https://gateway.test/", "https://gateway.test//"]) {
  test(`a request carries the write key and when it was sent, to the batch route of ${host}`, async () => {
    const browser = new Browser();
    const ask0 = await browser.open({ host });
    ask0.track("A");
    await browser.pass(2_000);
    const [{ origin, path, writeKey, sentAt, credentials }] = browser.requests;
    assert.deepEqual([origin, path, writeKey], ["https://gateway.test", "/v1/batch", "wk_test"]);
    assert.equal(+new Date(sentAt), NOW + 2_000);
    assert.equal(credentials, undefined);
  });
}

test("each call has its type and its own keys", async () => {
  const events = await sent((ask0) => {
    ask0.page();
    ask0.page("Pricing", { tab: "annual" });
    ask0.group("acme", { seats: 3 });
    ask0.group(7);
    ask0.alias("jane");
    ask0.track("A");
  });
  const own = events.map(({ messageId, timestamp, anonymousId, context, ...event }) => event);
  assert.deepEqual(own, [
    { type: "page" },
    { type: "page", name: "Pricing", properties: { tab: "annual" } },
    { type: "group", groupId: "acme", traits: { seats: 3 } },
    { type: "group", groupId: 7 },
    { type: "alias", userId: "jane" },
    { userId: "jane", type: "track", event: "A" },
  ]);
});

test("an alias is the guest's, says so once, and the same user's traits are then new", async () => {
  const events = await sent((ask0) => {
    ask0.alias("jane");
    ask0.alias("jane");
    ask0.identify({ id: "jane", plan: "pro" });
  });
  assert.deepEqual(events.map(({ type, userId }) => [type, userId]), [["alias", "jane"], ["identify", "jane"]]);
  assert.equal(events[0].anonymousId, events[1].anonymousId);
});

test("a batch item that names its user is sent as that user's, another as whoever is known", async () => {
  const events = await sent((ask0) => {
    ask0.identify({ id: "jane" });
    ask0.batch([
      { event: "A", userId: "someone" },
      { id: "someone", plan: "pro" },
      { event: "B", anonymousId: "g-other" },
      { event: "C", id: "a property" },
    ]);
  });
  assert.deepEqual(events.slice(1).map(({ userId, anonymousId }) => [userId, anonymousId]), [
    ["someone", undefined],
    [undefined, undefined],
    [undefined, "g-other"],
    ["jane", events[0].anonymousId],
  ]);
});

test("what a batch item says itself stays: its id, its time, its context", async () => {
  const item = { event: "A", messageId: "m-1", timestamp: "2026-01-02T03:04:05Z", context: { ip: "192.0.2.1" } };
  const [event] = await sent((ask0) => ask0.batch([item]));
  assert.deepEqual({ ...event, anonymousId: undefined }, { ...item, anonymousId: undefined });
});

test("an empty batch sends nothing", async () => {
  assert.deepEqual(await sent((ask0) => ask0.batch([])), []);
});

test("what the page changes after the call does not change the event", async () => {
  const properties = { cart: ["tea"] };
  const [event] = await sent((ask0) => {
    ask0.track("A", properties);
    properties.cart.push("milk");
  });
  assert.deepEqual(event.properties, { cart: ["tea"] });
});

test("dates and addresses are sent as JSON has them", async () => {
  const [event] = await sent((ask0) => ask0.track("A", { at: new Date(NOW), url: new URL("https://a.test/b") }));
  assert.deepEqual(event.properties, { at: "2023-11-14T22:13:20.000Z", url: "https://a.test/b" });
});

test("events keep the order of their calls, by id too", async () => {
  const events = await sent((ask0) => {
    for (let index = 0; index < 19; index++) ask0.track("A", { index });
  });
  assert.deepEqual(events.map(({ properties }) => properties.index), [...Array(19).keys()]);
  const ids = events.map(({ messageId }) => messageId);
  assert.deepEqual(ids, [...ids].sort());
});

test("a page has one widget: asked for again, it is the same one", async () => {
  const browser = new Browser();
  const { createAsk0 } = await browser.load();
  const ask0 = createAsk0({ host: "https://ask0.test", writeKey: "wk_test" });
  assert.equal(createAsk0({ host: "https://other.test", writeKey: "wk_other" }), ask0);
});

test("methods work without their object", async () => {
  const events = await sent(({ track }) => track("A"));
  assert.equal(events[0].event, "A");
});

test("ready runs at once what it is given, and resolves", async () => {
  const ask0 = await new Browser().open();
  let runs = 0;
  await ask0.ready(() => runs++);
  await ask0.ready();
  assert.equal(runs, 1);
});
