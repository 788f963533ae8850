import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { createCalls } from "../dist/calls.js";
import { openIdentity } from "../dist/identity.js";

const AT = 1_700_000_000_000;
const CONTEXT = { locale: "en" };
const EXAMPLES = new URL("../../schemas/examples/valid/", import.meta.url);
const ENVELOPE = ["messageId", "timestamp", "anonymousId", "userId", "context", "type"];

/** The calls, and the events they make. */
function record() {
  const events = [];
  const identity = openIdentity("p.");
  const calls = createCalls(identity, () => CONTEXT, (texts) => events.push(...texts.map((text) => JSON.parse(text))));
  return { calls, identity, events };
}

/** The canonical event's payload, as schemas/events.py makes it of what the widget sends. */
function payload(event) {
  const { customAttributes, ...rest } = event.traits ?? event.properties ?? flat(event);
  return { ...rest, ...customAttributes };
}

function flat({ event, id, ...item }) {
  return Object.fromEntries(Object.entries(item).filter(([key]) => !ENVELOPE.includes(key)));
}

test("a track call carries who, when and where", () => {
  const { calls, identity, events } = record();
  calls.track(AT, "Clicked Upgrade", { plan: "pro" });
  const [{ messageId, ...event }] = events;
  assert.match(messageId, /^018bcfe5-6800-7/);
  assert.deepEqual(event, {
    timestamp: "2023-11-14T22:13:20.000Z",
    anonymousId: identity.who().anonymousId,
    context: CONTEXT,
    type: "track",
    event: "Clicked Upgrade",
    properties: { plan: "pro" },
  });
});

test("after identify every event names the user, after reset none does", () => {
  const { calls, events } = record();
  calls.identify(AT, { id: 42 });
  calls.track(AT, "A");
  calls.page(AT, "Pricing", { tab: "annual" });
  calls.reset(AT);
  calls.track(AT, "B");
  assert.deepEqual(
    events.map(({ type, userId, event, name }) => [type, userId, event ?? name]),
    [
      ["identify", "42", undefined],
      ["track", "42", "A"],
      ["page", "42", "Pricing"],
      ["track", undefined, "B"],
    ],
  );
  assert.equal(new Set(events.map(({ anonymousId }) => anonymousId)).size, 2);
});

test("the same identify twice sends one event", () => {
  const { calls, events } = record();
  calls.identify(AT, { id: "jane", customAttributes: { seats: 3 } });
  calls.identify(AT, { id: "jane", customAttributes: { seats: 3 } });
  assert.equal(events.length, 1);
});

test("a batch item that names its user is sent as that user's", () => {
  const { calls, identity, events } = record();
  calls.batch(AT, [
    { event: "A", userId: "someone" },
    { id: "someone", plan: "pro" },
    { event: "B", id: "a property" },
  ]);
  assert.deepEqual(
    events.map(({ userId, anonymousId }) => [userId, anonymousId]),
    [
      ["someone", undefined],
      [undefined, undefined],
      [undefined, identity.who().anonymousId],
    ],
  );
});

for (const file of readdirSync(EXAMPLES).filter((name) => name.startsWith("ask0-"))) {
  const { kind, input, event: canonical } = JSON.parse(readFileSync(new URL(file, EXAMPLES), "utf8"));
  const { event, userId, ...properties } = input;

  test(`the widget says what the server accepts: ${file}`, () => {
    const { calls, events } = record();
    if (kind === "identify") calls.identify(AT, input);
    else if (kind === "track") calls.track(AT, event, properties);
    else calls.batch(AT, [input]);
    const [said] = events;
    assert.equal(events.length, 1);
    assert.deepEqual(payload(said), canonical.properties);
    assert.equal(said.event ?? "", canonical.event);
    assert.equal(said.type ?? (said.event ? "track" : "identify"), canonical.type);
    if (kind !== "track") assert.equal(String(said.userId ?? said.id), canonical.user_id);
  });
}
