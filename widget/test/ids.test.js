import assert from "node:assert/strict";
import { test } from "node:test";
import { digest, uuid7 } from "../dist/ids.js";

test("an id is a UUIDv7 of its time", () => {
  const id = uuid7(0x0123456789ab);
  assert.match(id, /^01234567-89ab-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("ids of one millisecond keep their order and differ", () => {
  const ids = Array.from({ length: 3_000 }, () => uuid7(1_700_000_000_000));
  assert.equal(new Set(ids).size, ids.length);
  assert.deepEqual(ids, [...ids].sort());
});

test("a clock that is set back makes no id smaller than the one before", () => {
  const before = uuid7(1_800_000_000_000);
  assert.ok(uuid7(1_700_000_000_000) > before);
});

test("without crypto.randomUUID, as on pages over plain http, ids are unique and in order", () => {
  const { randomUUID } = crypto;
  const own = Object.getOwnPropertyDescriptor(crypto, "randomUUID");
  Object.defineProperty(crypto, "randomUUID", { value: undefined, configurable: true });
  try {
    const ids = Array.from({ length: 3_000 }, () => uuid7(1_900_000_000_000));
    assert.equal(new Set(ids.map((id) => id.slice(15))).size, ids.length, "the random part differs too");
    assert.deepEqual(ids, [...ids].sort());
    for (const id of ids) assert.match(id, /^[\w.-]{20,36}$/);
  } finally {
    if (own) Object.defineProperty(crypto, "randomUUID", own);
    else delete crypto.randomUUID;
  }
  assert.equal(crypto.randomUUID, randomUUID);
});

test("a digest tells texts apart, and is a whole number of 32 bits", () => {
  const texts = ["", "a", "b", "ab", "ba", "Aa", "BB", "é", "日本", "日本語", '{"plan":"pro"}', '{"plan":"free"}'];
  const digests = texts.map(digest);
  assert.equal(new Set(digests).size, texts.length);
  for (const each of digests) assert.equal(each, each | 0);
});
