import assert from "node:assert/strict";
import { test } from "node:test";
import { newest } from "../dist/queue.js";

test("a queue within the caps is kept as it is", () => {
  assert.deepEqual(newest(["a", "b"]), ["a", "b"]);
});

test("the oldest go when there are more than 500", () => {
  const events = Array.from({ length: 730 }, (_, i) => `${i}`);
  assert.deepEqual(newest(events), events.slice(230));
});

test("the oldest go when there is more than a megabyte", () => {
  const events = Array.from({ length: 30 }, (_, i) => String.fromCharCode(65 + i).repeat(40_000));
  assert.deepEqual(newest(events), events.slice(6));
});

test("an event that is too large alone is not kept", () => {
  assert.deepEqual(newest(["x".repeat(1_000_001)]), []);
});
