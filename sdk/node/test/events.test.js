/** Every form of every call, as it goes over the wire. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { clientOf, serve } from "./server.js";

/** The one event that the call sends, without what the SDK adds. */
async function sent(call) {
  const gateway = await serve();
  const { ask0 } = clientOf(gateway);
  call(ask0);
  await ask0.flush();
  assert.equal(gateway.events().length, 1);
  const [{ messageId, timestamp, context, ...event }] = gateway.events();
  return event;
}

const FORMS = [
  [
    "track by name, with the user among its fields",
    (ask0) => ask0.track("Used", { userId: "u", feature: "API", ok: true }),
    { type: "track", event: "Used", userId: "u", properties: { feature: "API", ok: true } },
  ],
  [
    "track by name, with properties of the wire's own names",
    (ask0) => ask0.track("Clicked", { userId: "u", event: "e", type: "button", channel: "c", projectId: "p", id: 5 }),
    {
      type: "track",
      event: "Clicked",
      userId: "u",
      properties: { event: "e", type: "button", channel: "c", projectId: "p", id: 5 },
    },
  ],
  [
    "track as a server's object",
    (ask0) => ask0.track({ userId: "u", event: "Used", properties: { feature: "API" } }),
    { type: "track", event: "Used", userId: "u", properties: { feature: "API" } },
  ],
  [
    "track as a flat object",
    (ask0) => ask0.track({ anonymousId: "g-1", event: "Used", feature: "API" }),
    { type: "track", event: "Used", anonymousId: "g-1", properties: { feature: "API" } },
  ],
  [
    "identify with an id",
    (ask0) => ask0.identify({ id: "u", email: "a@b.c", type: "admin", customAttributes: { seats: 3 } }),
    { type: "identify", id: "u", traits: { email: "a@b.c", type: "admin", customAttributes: { seats: 3 } } },
  ],
  [
    "identify with traits",
    (ask0) => ask0.identify({ userId: "u", traits: { plan: "pro", id: 7 } }),
    { type: "identify", userId: "u", traits: { plan: "pro", id: 7 } },
  ],
  [
    "identify with an id before the traits",
    (ask0) => ask0.identify(42, { plan: "pro", id: 7 }),
    { type: "identify", userId: 42, traits: { plan: "pro", id: 7 } },
  ],
  [
    "group as an object",
    (ask0) => ask0.group({ userId: "u", groupId: "acme", traits: { seats: 3 } }),
    { type: "group", userId: "u", groupId: "acme", traits: { seats: 3 } },
  ],
  [
    "group by its id",
    (ask0) => ask0.group("acme", { userId: "u", name: "Acme" }),
    { type: "group", userId: "u", groupId: "acme", traits: { name: "Acme" } },
  ],
  [
    "alias as an object",
    (ask0) => ask0.alias({ userId: "u", previousId: "g-1" }),
    { type: "alias", userId: "u", previousId: "g-1" },
  ],
  ["alias by two ids", (ask0) => ask0.alias("u", "g-1"), { type: "alias", userId: "u", previousId: "g-1" }],
  [
    "page by name",
    (ask0) => ask0.page("Docs", { userId: "u", path: "/docs" }),
    { type: "page", name: "Docs", userId: "u", properties: { path: "/docs" } },
  ],
  [
    "page as an object",
    (ask0) => ask0.page({ userId: "u", category: "Help", name: "Docs", properties: { path: "/docs" } }),
    { type: "page", name: "Docs", category: "Help", userId: "u", properties: { path: "/docs" } },
  ],
  [
    "screen as a flat object",
    (ask0) => ask0.screen({ userId: "u", name: "Home", dark: true }),
    { type: "screen", name: "Home", userId: "u", properties: { dark: true } },
  ],
  [
    "a batch's track",
    (ask0) => ask0.batch([{ event: "Viewed", userId: "u", page: "/docs" }]),
    { type: "track", event: "Viewed", userId: "u", properties: { page: "/docs" } },
  ],
  [
    "a batch's identify",
    (ask0) => ask0.batch({ batch: [{ id: "u", plan: "pro" }] }),
    { type: "identify", id: "u", traits: { plan: "pro" } },
  ],
  [
    "a batch's typed item",
    (ask0) => ask0.batch([{ type: "group", userId: "u", groupId: "acme", seats: 3 }]),
    { type: "group", userId: "u", groupId: "acme", traits: { seats: 3 } },
  ],
  [
    "an item of a type that is none, for the gateway to refuse",
    (ask0) => ask0.batch([{ type: "delete", userId: "u" }]),
    { type: "delete", userId: "u" },
  ],
  [
    "a name that would be a prototype, as a property",
    (ask0) => ask0.track("Used", JSON.parse('{"userId":"u","__proto__":{"a":1}}')),
    { type: "track", event: "Used", userId: "u", properties: JSON.parse('{"__proto__":{"a":1}}') },
  ],
  [
    "an object that says itself what it is in JSON, such as a database's document",
    (ask0) => ask0.identify({ _doc: {}, toJSON: () => ({ id: "u", plan: "pro", since: new Date(0) }) }),
    { type: "identify", id: "u", traits: { plan: "pro", since: "1970-01-01T00:00:00.000Z" } },
  ],
];

for (const [name, call, expected] of FORMS) {
  test(`${name} goes over the wire in one shape`, async () => assert.deepEqual(await sent(call), expected));
}

test("an event gets an id, its time and the library's name, and keeps what it has of them", async () => {
  const gateway = await serve();
  const { ask0 } = clientOf(gateway);
  const before = Date.now();
  ask0.track("A", { userId: "u" });
  ask0.track("B", { userId: "u", messageId: "own", timestamp: new Date(5), context: { ip: "::1" } });
  await ask0.flush();
  const [first, second] = gateway.events();
  assert.match(first.messageId, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.ok(Date.parse(first.timestamp) >= before);
  assert.equal(first.context.library.name, "@ask0/node");
  assert.deepEqual([second.messageId, second.timestamp, second.context.ip], ["own", "1970-01-01T00:00:00.005Z", "::1"]);
});

test("ids of events made in one millisecond are in order", async () => {
  const gateway = await serve();
  const { ask0 } = clientOf(gateway);
  for (let n = 0; n < 1_000; n++) ask0.track("A", { userId: "u", n });
  await ask0.flush();
  const ids = gateway.events().map(({ messageId }) => messageId);
  assert.equal(new Set(ids).size, 1_000);
  assert.deepEqual([...ids].sort(), ids);
});

test("what the program changes after the call is not sent", async () => {
  const gateway = await serve();
  const { ask0 } = clientOf(gateway);
  const fields = { userId: "u", plan: "free" };
  ask0.track("A", fields);
  fields.plan = "pro";
  await ask0.flush();
  assert.equal(gateway.events()[0].properties.plan, "free");
});
