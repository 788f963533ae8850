/** A file of users is sent as it is read, and from its beginning at each try. */

import assert from "node:assert/strict";
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { clientOf, cut, serve } from "./server.js";

const folder = mkdtempSync(join(tmpdir(), "ask0-imports-"));
after(() => rmSync(folder, { recursive: true }));
const LINES = Array.from({ length: 3_000 }, (_, n) => `{"id":"u-${n}","note":"${"ü".repeat(50)}"}\n`);
const FILE = LINES.join("");
const path = join(folder, "users.jsonl");
writeFileSync(path, FILE);
const REPORT = { accepted: 3_000, pending: 0, refused: 0, lines: [] };
const BUSY = { status: 429, body: { code: "quota_exceeded", message: "later" } };
const encoder = new TextEncoder();

async function* pieces() {
  for (const line of LINES) yield encoder.encode(line);
}

const REPEATABLE = {
  "a path": () => path,
  "a URL": () => pathToFileURL(path),
  "an array": () => LINES,
  "a function of a stream": () => () => createReadStream(path),
  "a function of a generator": () => pieces,
};

for (const [name, file] of Object.entries(REPEATABLE)) {
  test(`${name} goes again from its beginning, under the same key`, async () => {
    const gateway = await serve(BUSY, cut, { body: REPORT });
    const { ask0 } = clientOf(gateway);
    assert.deepEqual(await ask0.users.import(file(), { format: "jsonl", idempotencyKey: "k" }), REPORT);
    assert.equal(gateway.requests.length, 3);
    for (const { method, path, headers, text } of gateway.requests) {
      assert.deepEqual([method, path, headers["idempotency-key"]], ["POST", "/v1/projects/-/import", "k"]);
      assert.equal(headers["content-type"], "application/x-ndjson");
      assert.ok(text === FILE);
    }
  });
}

for (const [name, begin] of Object.entries({ "a stream": () => createReadStream(path), "a generator": pieces })) {
  test(`${name} can be read once, so it is sent once`, async () => {
    const gateway = await serve({ body: REPORT }, BUSY);
    const { ask0 } = clientOf(gateway);
    assert.deepEqual(await ask0.users.import(begin(), { format: "csv" }), REPORT);
    assert.ok(gateway.requests[0].text === FILE);
    assert.equal(gateway.requests[0].headers["content-type"], "text/csv");
    await assert.rejects(ask0.users.import(begin()), { status: 429, code: "quota_exceeded" });
    assert.equal(gateway.requests.length, 2);
  });
}

test("a file that takes longer than an answer may is taken all the same", async () => {
  const gateway = await serve({ body: REPORT });
  const { ask0 } = clientOf(gateway, { timeoutMs: 100 });
  const slowly = async function* () {
    for (let n = 0; n < 5; n++) {
      await new Promise((done) => setTimeout(done, 50));
      yield "{}\n";
    }
  };
  assert.deepEqual(await ask0.users.import(slowly()), REPORT);
  assert.equal(gateway.requests[0].text, "{}\n".repeat(5));
});

test("a file that cannot be read rejects with what reading it raised", async () => {
  const gateway = await serve();
  const { ask0 } = clientOf(gateway);
  await assert.rejects(ask0.users.import(join(folder, "nowhere.csv")), { code: "ENOENT" });
  const broken = function* () {
    yield LINES[0];
    throw new RangeError("the database is gone");
  };
  await assert.rejects(ask0.users.import(broken()), RangeError);
  for (const wrong of [undefined, null, 5, { id: "u" }, encoder.encode("id,plan"), Buffer.from("id")]) {
    await assert.rejects(ask0.users.import(wrong), TypeError);
  }
  await assert.rejects(ask0.users.import([5]), TypeError);
  await assert.rejects(ask0.users.import(path, { format: "xlsx" }), TypeError);
});

test("an error in the middle says how far it came", async () => {
  const body = { code: "invalid_file", message: "line 2 is no JSON", report: { ...REPORT, accepted: 1 } };
  const gateway = await serve({ status: 400, body });
  const { ask0 } = clientOf(gateway);
  await assert.rejects(ask0.users.import(path), { status: 400, code: "invalid_file", report: body.report });
});
