/** Without a window there is neither storage nor a cookie, as in a sandboxed frame: everything is held in memory. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { openIdentity } from "../dist/identity.js";

test("a visitor starts as a guest and stays the same one", () => {
  const identity = openIdentity("p.");
  const { anonymousId, userId } = identity.who();
  assert.match(anonymousId, /^g-[0-9a-f]{8}-[0-9a-f]{4}-7/);
  assert.equal(userId, undefined);
  assert.deepEqual(identity.who(), { anonymousId, userId });
});

test("the same content again is not new, other content is", () => {
  const identity = openIdentity("p.");
  assert.equal(identity.become("jane", { plan: "free" }), true);
  assert.equal(identity.become("jane", { plan: "free" }), false);
  assert.equal(identity.become("jane", { plan: "pro" }), true);
  assert.equal(identity.become(undefined, { plan: "pro" }), false);
});

test("a guest who is identified keeps the anonymous id", () => {
  const identity = openIdentity("p.");
  const { anonymousId } = identity.who();
  identity.become("jane", {});
  assert.deepEqual(identity.who(), { anonymousId, userId: "jane" });
});

test("another user on the same browser gets another anonymous id", () => {
  const identity = openIdentity("p.");
  identity.become("jane", {});
  const { anonymousId } = identity.who();
  assert.equal(identity.become("omar", {}), true);
  assert.equal(identity.who().userId, "omar");
  assert.notEqual(identity.who().anonymousId, anonymousId);
});

test("who is forgotten is a new guest, and new when they come back", () => {
  const identity = openIdentity("p.");
  identity.become("jane", {});
  const { anonymousId } = identity.who();
  identity.forget();
  assert.equal(identity.who().userId, undefined);
  assert.notEqual(identity.who().anonymousId, anonymousId);
  assert.equal(identity.become("jane", {}), true);
});

test("what is in doubt is said again", () => {
  const identity = openIdentity("p.");
  identity.become("jane", {});
  identity.doubt();
  assert.equal(identity.become("jane", {}), true);
});
