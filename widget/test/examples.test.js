/** The examples every reader shares: what the gateway refuses is the gateway's to refuse, the widget neither mends nor throws. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { createCalls } from "../dist/calls.js";
import { openIdentity } from "../dist/identity.js";

const EXAMPLES = new URL("../../schemas/examples/", import.meta.url);

function examples(folder) {
  return readdirSync(new URL(folder, EXAMPLES), { recursive: true })
    .filter((name) => name.endsWith(".json"))
    .map((name) => ({ name, ...JSON.parse(readFileSync(new URL(`${folder}/${name}`, EXAMPLES), "utf8")) }));
}

function batch(input) {
  const events = [];
  const calls = createCalls(openIdentity("p."), () => ({}), (texts) => events.push(...texts.map((text) => JSON.parse(text))));
  calls.batch(Date.UTC(2026, 0, 1), [input]);
  return events;
}

for (const folder of ["valid", "invalid"]) {
  const objects = examples(folder).filter(({ input }) => input && typeof input === "object" && !Array.isArray(input));
  test(`batch sends every one of the ${objects.length} ${folder} examples as it is, and gives it what it lacks`, () => {
    assert.ok(objects.length > 20);
    for (const { name, input } of objects) {
      const [sent, ...more] = batch(input);
      assert.equal(more.length, 0);
      assert.ok("messageId" in sent && "timestamp" in sent, name);
      const asJson = JSON.parse(JSON.stringify(input));
      for (const key of Object.keys(asJson)) assert.deepEqual(sent[key], asJson[key], `${name}: ${key}`);
    }
  });
}
