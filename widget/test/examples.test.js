/** The examples every reader shares. What the gateway refuses is its own to refuse: the widget changes nothing. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { Browser } from "./page.js";

const EXAMPLES = new URL("../../schemas/examples/", import.meta.url);
const ADDED = ["messageId", "timestamp", "anonymousId", "context"];
const ENVELOPE = [...ADDED, "userId", "type"];

/** What the widget takes no part of: a text of more than 30,000 characters, since the gateway takes 32 KB an event. */
const TOO_LARGE = { "invalid/too_large/text.json": "properties.text" };

const examples = ["valid", "invalid"].flatMap((folder) =>
  readdirSync(new URL(folder, EXAMPLES), { recursive: true })
    .filter((name) => name.endsWith(".json"))
    .map((name) => ({ name: `${folder}/${name}`, ...read(`${folder}/${name}`) })),
);
const isObject = (input) => !!input && typeof input === "object" && !Array.isArray(input);

function read(path) {
  return JSON.parse(readFileSync(new URL(path, EXAMPLES), "utf8"));
}

/** The one event that was sent of the call, and what was told to be left out. */
async function sent(call) {
  const browser = new Browser();
  const ask0 = await browser.open();
  const omitted = [];
  ask0.on("omitted", (path) => omitted.push(path));
  call(ask0);
  await browser.pass(0);
  await browser.pass(2_000);
  assert.ok(browser.events.length <= 1);
  return { event: browser.events[0], omitted, dropped: ask0.dropped };
}

test("there are examples of each kind, with verification too", () => {
  assert.ok(examples.filter(({ name }) => name.startsWith("valid/")).length > 20);
  assert.ok(examples.filter(({ name }) => name.startsWith("invalid/")).length > 40);
  assert.ok(examples.filter(({ verification }) => verification).length > 10);
});

for (const { name, input } of examples.filter(({ input }) => isObject(input))) {
  if (name in TOO_LARGE) {
    test(`batch sends ${name} without its text, which is too large, and tells so`, async () => {
      const { event, omitted } = await sent((ask0) => ask0.batch([input]));
      assert.equal(event.event, input.event);
      assert.deepEqual(omitted, [`0.${TOO_LARGE[name]}`]);
    });
  } else {
    test(`batch sends ${name} as it is, and gives it what it lacks`, async () => {
      const { event, omitted } = await sent((ask0) => ask0.batch([input]));
      const asJson = JSON.parse(JSON.stringify(input));
      for (const [key, value] of Object.entries(asJson)) assert.deepEqual(event[key], value, key);
      for (const key of Object.keys(event)) assert.ok(key in asJson || ADDED.includes(key), key);
      assert.ok("messageId" in event && "timestamp" in event);
      assert.deepEqual(omitted, []);
    });
  }
}

for (const { name, input } of examples.filter(({ input }) => !isObject(input))) {
  test(`batch throws nothing at ${name}`, async () => {
    const { event, dropped } = await sent((ask0) => ask0.batch([input]));
    assert.ok(event ? !dropped : dropped === 1);
  });
}

/** The canonical event's payload, as schemas/events.py makes it of what the widget sends. */
function payload({ traits, properties, ...flat }) {
  const { customAttributes, event, id, ...rest } = traits ?? properties ?? flat;
  const own = Object.entries({ ...rest, ...customAttributes });
  return Object.fromEntries(traits || properties ? own : own.filter(([key]) => !ENVELOPE.includes(key)));
}

for (const { name, kind, input, event: canonical } of examples.filter(({ name }) => name.startsWith("valid/ask0-"))) {
  test(`the page's own call says what the gateway makes of ${name}`, async () => {
    const { event, userId, ...properties } = input;
    const { event: said } = await sent((ask0) => {
      if (kind === "identify") ask0.identify(input);
      else if (kind === "track") ask0.track(event, properties);
      else ask0.batch([input]);
    });
    assert.deepEqual(payload(said), canonical.properties);
    assert.equal(said.event ?? "", canonical.event);
    assert.equal(said.type ?? (said.event ? "track" : "identify"), canonical.type);
    if (kind !== "track") assert.equal(String(said.userId ?? said.id), canonical.user_id);
  });
}
