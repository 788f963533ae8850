import assert from "node:assert/strict";
import { test } from "node:test";
import { digest, uuid7 } from "../dist/ids.js";

test("an id is a UUIDv7 of its time", () => {
  const id = uuid7(0x0123456789ab);
  assert.match(id, /^01234567-89ab-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("ids of one millisecond keep their order and differ", () => {
  const ids = Array.from({ length: 3_000 }, () => uuid7(1_700_000_000_000));
  assert.equal(new Set(ids).size, ids.length);
  assert.deepEqual(ids, [...ids].sort());
});

test("a digest tells texts apart", () => {
  const texts = ["", "a", "b", "ab", "ba", "Aa", "BB", "é", "日本", "日本語", '{"plan":"pro"}', '{"plan":"free"}'];
  assert.equal(new Set(texts.map(digest)).size, texts.length);
});
