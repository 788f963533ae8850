import assert from "node:assert/strict";
import { test } from "node:test";
import { answer, Browser, held, KEY, settle } from "./page.js";

const names = (events) => events.map(({ event }) => event);

test("events lie in storage until they are answered", async () => {
  const browser = new Browser();
  const ask0 = await browser.open();
  let give;
  browser.answers.push(new Promise((done) => (give = done)));
  ask0.track("A");
  assert.deepEqual(browser.saved.map(names), [["A"]]);
  ask0.flush();
  await settle();
  assert.deepEqual([browser.requests.length, ...browser.saved.map(names)], [1, ["A"]]);
  give(answer(200, {}, '{"rejected":[]}'));
  await settle();
  assert.deepEqual(browser.saved, []);
});

test("a tab adopts what a closed one left, sends it unchanged, and clears it away", async () => {
  const browser = new Browser();
  const ask0 = await browser.open();
  ask0.track("A");
  const [[left]] = browser.saved;
  await browser.reload();
  await browser.pass(2_000);
  assert.deepEqual(browser.events, [left]);
  assert.deepEqual(browser.saved, []);
});

test("what a closed tab had under way is sent again, under the same id", async () => {
  const browser = new Browser();
  const ask0 = await browser.open();
  browser.answers.push(held());
  ask0.track("A");
  ask0.flush();
  await settle();
  await browser.reload();
  await browser.pass(2_000);
  const [first, second] = browser.events;
  assert.deepEqual(first, second);
});

test("the queue of a living tab is left alone, and adopted once that tab is gone", async () => {
  const browser = new Browser();
  const ask0 = await browser.open();
  browser.answers.push(held());
  ask0.track("A");
  ask0.flush();
  await browser.open();
  await browser.pass(2_000);
  assert.deepEqual([names(browser.events), browser.saved.map(names)], [["A"], [["A"]]]);
  await browser.close(0);
  await browser.pass(2_000);
  assert.deepEqual([names(browser.events), browser.saved], [["A", "A"], []]);
});

test("of two tabs one adopts what a third left", async () => {
  const browser = new Browser();
  const ask0 = await browser.open();
  ask0.track("A");
  await browser.close();
  await browser.open();
  await browser.open();
  await browser.pass(2_000);
  assert.deepEqual(names(browser.events), ["A"]);
});

test("without locks what lies in storage is adopted at once", async () => {
  const browser = new Browser({ locks: false });
  const ask0 = await browser.open();
  ask0.track("A");
  await browser.reload();
  await browser.pass(2_000);
  assert.deepEqual([names(browser.events), browser.saved], [["A"], []]);
});

for (const locks of [true, false]) {
  test(`a queue that cannot be read does no harm, ${locks ? "with" : "without"} locks`, async () => {
    const browser = new Browser({ locks });
    for (const text of ["{", "null", "5", "{}"]) browser.entries[`ask0.${KEY}.${text}`] = text;
    browser.entries[`ask0.${KEY}.good`] = JSON.stringify(['{"event":"A","messageId":"m"}']);
    const ask0 = await browser.open();
    ask0.track("B");
    await browser.pass(2_000);
    assert.deepEqual(names(browser.events).sort(), ["A", "B"]);
    assert.equal(ask0.dropped, 0);
  });
}

test("queues of another write key are not touched", async () => {
  const browser = new Browser();
  browser.entries["ask0.wk_other.tab"] = '[{"event":"A"}]';
  await browser.open();
  await browser.pass(2_000);
  assert.deepEqual([browser.events, browser.entries["ask0.wk_other.tab"]], [[], '[{"event":"A"}]']);
});

for (const storage of ["blocked", "full"]) {
  test(`with ${storage} storage the queue is kept in memory, and sent`, async () => {
    const browser = new Browser({ storage });
    const ask0 = await browser.open();
    browser.answers.push(answer(503, { "retry-after": "5" }));
    ask0.track("A");
    await browser.pass(2_000);
    await browser.pass(5_000);
    assert.deepEqual(names(browser.events), ["A", "A"]);
    assert.deepEqual(browser.entries, {});
  });
}
