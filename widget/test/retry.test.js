import assert from "node:assert/strict";
import { test } from "node:test";
import { backoff, judge } from "../dist/retry.js";

const [SENT, RETRY, SPLIT, DROP] = [0, 1, 2, 3];

for (const [status, verdict] of [
  [200, SENT],
  [undefined, RETRY],
  ...[408, 425, 429, 500, 502, 503, 504, 599].map((status) => [status, RETRY]),
  [413, SPLIT],
  ...[400, 401, 403, 404, 405, 410, 422].map((status) => [status, DROP]),
]) {
  test(`${status ?? "no answer"} means ${["sent", "retry", "split", "drop"][verdict]}`, () => {
    assert.equal(judge(status), verdict);
  });
}

test("the ceiling doubles from a second up to five minutes", () => {
  const ceilings = [0, 1, 2, 3, 8, 9, 50, 2_000].map((failures) => backoff(failures, 1));
  assert.deepEqual(ceilings, [1_000, 2_000, 4_000, 8_000, 256_000, 300_000, 300_000, 300_000]);
});

test("the jitter is full, however long it has failed", () => {
  assert.equal(backoff(0, 0), 0);
  assert.equal(backoff(30, 0.5), 150_000);
});

test("Retry-After is a floor, and not what a date makes of it", () => {
  assert.equal(backoff(0, 0.5, 7), 7_000);
  assert.equal(backoff(5, 1, 7), 32_000);
  assert.equal(backoff(0, 0.5, NaN), 500);
  assert.equal(backoff(0, 0.5, 1e12), 300_000);
});
