/** How events wait, leave, go again and are given up. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { clientOf, cut, serve } from "./server.js";

const track = (ask0, count, fields) => {
  for (let n = 0; n < count; n++) ask0.track("A", { userId: "u", n, ...fields });
};
const sizes = (gateway) => gateway.batches().map((batch) => batch.length);

async function until(holds) {
  for (let n = 0; n < 300 && !holds(); n++) await sleep(10);
  assert.ok(holds());
}

test("few events leave together, after the interval", async () => {
  const gateway = await serve();
  const { ask0 } = clientOf(gateway, { flushIntervalMs: 60 });
  track(ask0, 3);
  await sleep(20);
  assert.deepEqual(sizes(gateway), []);
  await until(() => sizes(gateway).length);
  assert.deepEqual(sizes(gateway), [3]);
});

test("as many as flushAt leave at once", async () => {
  const gateway = await serve();
  const { ask0 } = clientOf(gateway, { flushAt: 10, flushIntervalMs: 60_000 });
  track(ask0, 9);
  await sleep(20);
  assert.deepEqual(sizes(gateway), []);
  track(ask0, 1);
  await until(() => sizes(gateway).length);
  assert.deepEqual(sizes(gateway), [10]);
});

test("a batch goes to /v1/batch with the key as Basic and, if it is not small, as gzip", async () => {
  const gateway = await serve();
  const { ask0 } = clientOf(gateway);
  track(ask0, 1);
  await ask0.flush();
  track(ask0, 100);
  await ask0.flush();
  const [small, large] = gateway.requests;
  assert.deepEqual([small.method, small.path], ["POST", "/v1/batch"]);
  assert.equal(small.headers.authorization, `Basic ${Buffer.from("sk_test:").toString("base64")}`);
  assert.deepEqual([small.headers["content-encoding"], large.headers["content-encoding"]], [undefined, "gzip"]);
  assert.ok(large.bytes < large.text.length / 5);
  assert.ok(Math.abs(Date.parse(small.json.sentAt) - Date.now()) < 5_000);
});

test("a batch keeps to 2,500 events and 500 KB", async () => {
  const gateway = await serve();
  const { ask0 } = clientOf(gateway);
  track(ask0, 2_600);
  await ask0.flush();
  assert.equal(Math.max(...sizes(gateway)) <= 2_500, true);
  track(ask0, 40, { text: "é".repeat(15_000) });
  await ask0.flush();
  assert.equal(gateway.events().length, 2_640);
  for (const { text } of gateway.requests) assert.ok(Buffer.byteLength(text) <= 500_000);
});

test("a request goes again with the same ids after what may pass, and the program hears of each try", async () => {
  const gateway = await serve({ status: 503 }, cut, { status: 429 }, { status: 502, body: "<html>" });
  const { ask0, refused, errors } = clientOf(gateway);
  track(ask0, 2);
  assert.equal(await ask0.flush(), true);
  const ids = gateway.batches().map((batch) => batch.map(({ messageId }) => messageId).join());
  assert.deepEqual([ids.length, new Set(ids).size], [5, 1]);
  assert.deepEqual(
    errors.map(({ code }) => code),
    ["http_503", "no_answer", "http_429", "http_502"],
  );
  assert.deepEqual(refused, []);
});

test("nothing is sent before Retry-After is over, not by a flush either", async () => {
  const gateway = await serve({ status: 429, headers: { "retry-after": "1" } });
  const { ask0, errors } = clientOf(gateway, { flushAt: 1 });
  track(ask0, 1);
  await until(() => errors.length);
  track(ask0, 1);
  assert.equal(await ask0.flush(), true);
  const [first, second] = gateway.requests;
  assert.ok(second.at - first.at >= 990, `${second.at - first.at}`);
  assert.equal(errors[0].retryAfter, 1);
});

test("the pause between tries is a random part of a doubling time", async () => {
  const gateway = await serve({ status: 503 }, { status: 503 }, { status: 503 });
  const { ask0 } = clientOf(gateway);
  mock.method(Math, "random", () => 0.1);
  track(ask0, 1);
  await ask0.flush();
  const pauses = gateway.requests.slice(1).map(({ at }, index) => at - gateway.requests[index].at);
  mock.method(Math, "random", () => 0);
  [50, 100, 200].forEach((ms, index) => assert.ok(pauses[index] >= ms - 2 && pauses[index] < ms + 90, `${pauses}`));
});

test("what the gateway rejects is told with its reason, and the others are not sent again", async () => {
  const rejected = [{ index: 1, messageId: "m1", code: "missing_user", message: "an event needs a userId" }];
  const gateway = await serve({ body: { success: true, accepted: 2, rejected } });
  const { ask0, refused } = clientOf(gateway);
  ask0.batch([
    { event: "A", userId: "u" },
    { event: "B", messageId: "m1" },
    { event: "C", userId: "u" },
  ]);
  assert.equal(await ask0.flush(), true);
  assert.equal(gateway.requests.length, 1);
  const [{ event, ...why }] = refused;
  assert.deepEqual(why, { messageId: "m1", code: "missing_user", message: "an event needs a userId" });
  assert.deepEqual([refused.length, event.event], [1, "B"]);
});

test("of a batch without one usable event each is told with its own reason", async () => {
  const rejected = [0, 1].map((index) => ({ index, messageId: "", code: `reason_${index}`, message: "" }));
  const gateway = await serve({ status: 400, body: { code: "no_usable_event", message: "none", rejected } });
  const { ask0, refused } = clientOf(gateway);
  ask0.batch([{ event: "A" }, { event: "B" }]);
  await ask0.flush();
  assert.deepEqual(
    refused.map(({ code, event }) => [code, event.event]),
    [
      ["reason_0", "A"],
      ["reason_1", "B"],
    ],
  );
});

test("an unknown key refuses the batch, and the next one is tried", async () => {
  const gateway = await serve({ status: 401, body: { code: "unknown_write_key", message: "the key is unknown" } });
  const { ask0, refused, errors } = clientOf(gateway);
  track(ask0, 2);
  await ask0.flush();
  track(ask0, 1);
  await ask0.flush();
  assert.deepEqual(
    refused.map(({ code }) => code),
    ["unknown_write_key", "unknown_write_key"],
  );
  assert.deepEqual(
    errors.map(({ status }) => status),
    [401],
  );
  assert.deepEqual(sizes(gateway), [2, 1]);
});

test("a redirect is not followed: the key stays where it was meant to be", async () => {
  const other = await serve();
  const gateway = await serve({ status: 301, headers: { location: other.url } });
  const { ask0, errors } = clientOf(gateway);
  track(ask0, 1);
  await ask0.flush();
  assert.deepEqual([other.requests.length, gateway.requests.length, errors[0].code], [0, 2, "redirected"]);
});

test("a batch that is too large for a proxy is halved, and what is too large alone is refused", async () => {
  const gateway = await serve();
  gateway.always = ({ text }) =>
    text.length > 2_000 ? { status: 413, body: { code: "too_large", message: "no" } } : undefined;
  const { ask0, refused } = clientOf(gateway);
  track(ask0, 12);
  track(ask0, 1, { text: "x".repeat(3_000), large: true });
  track(ask0, 3);
  assert.equal(await ask0.flush(), true);
  const taken = gateway.requests.filter(({ text }) => text.length <= 2_000).flatMap(({ json }) => json.batch);
  assert.equal(new Set(taken.map(({ messageId }) => messageId)).size, 15);
  assert.deepEqual(
    refused.map(({ code, event }) => [code, event.properties.large]),
    [["too_large", true]],
  );
});

test("an event that breaks the gateway each time is found, and given up alone", async () => {
  const gateway = await serve();
  const breaks = ({ text }) => text.includes('"poison"');
  gateway.always = (request) =>
    breaks(request) ? { status: 500, body: { code: "internal_error", message: "!" } } : undefined;
  const { ask0, refused } = clientOf(gateway, { maxRetries: 2 });
  track(ask0, 5);
  track(ask0, 1, { text: "poison" });
  track(ask0, 5);
  assert.equal(await ask0.flush(), true);
  const taken = gateway.requests.filter((request) => !breaks(request)).flatMap(({ json }) => json.batch);
  assert.equal(new Set(taken.map(({ messageId }) => messageId)).size, 10);
  assert.deepEqual(
    refused.map(({ code, event }) => [code, event.properties.text]),
    [["internal_error", "poison"]],
  );
});

test("events arrive in the order in which they were said, whatever happens on the way", async () => {
  const gateway = await serve({ status: 503 }, cut);
  const { ask0 } = clientOf(gateway, { flushAt: 7 });
  track(ask0, 100);
  await ask0.flush();
  const taken = gateway.requests.slice(2).flatMap(({ json }) => json.batch);
  assert.deepEqual(
    taken.map(({ properties }) => properties.n),
    Array.from({ length: 100 }, (_, n) => n),
  );
});

test("a flush with nothing queued is over at once", async () => {
  const gateway = await serve();
  assert.equal(await clientOf(gateway).ask0.flush(), true);
  assert.deepEqual(gateway.requests, []);
});

test("a closed client sends what it had, and tells of what comes later", async () => {
  const gateway = await serve();
  const { ask0, refused } = clientOf(gateway);
  track(ask0, 3);
  await Promise.all([ask0.close(), ask0.close()]);
  track(ask0, 1);
  assert.deepEqual(sizes(gateway), [3]);
  assert.deepEqual(
    refused.map(({ code }) => code),
    ["closed"],
  );
});
