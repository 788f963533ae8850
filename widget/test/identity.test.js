import assert from "node:assert/strict";
import { test } from "node:test";
import { accepted, answer, Browser, KEY } from "./page.js";

const JANE = { id: "jane", email: "jane@shop.test", customAttributes: { seats: 3 } };

/** The identify and alias events that were sent, after the time that gathers them. */
async function said(browser) {
  await browser.pass(2_000);
  return browser.events.filter(({ type }) => type === "identify" || type === "alias");
}

test("a visitor starts as a guest, whom storage and a cookie remember for nearly a year", async () => {
  const browser = new Browser();
  await browser.open();
  const { anonymousId, userId } = browser.state;
  assert.match(anonymousId, /^g-[0-9a-f]{8}-[0-9a-f]{4}-7/);
  assert.equal(userId, undefined);
  const [value, attributes] = browser.cookies.ask0;
  assert.equal(value, anonymousId);
  assert.deepEqual(attributes.split(";").sort(), ["domain=", "max-age=30000000", "path=/", "samesite=lax", "secure"]);
  await browser.reload();
  assert.equal(browser.state.anonymousId, anonymousId);
});

test("the cookie's guest wins over storage, and each visit prolongs it", async () => {
  const browser = new Browser();
  await browser.open();
  browser.cookies.ask0 = ["g-of-the-server", "httponly=no"];
  await browser.reload({ cookieDomain: "shop.test" });
  assert.equal(browser.state.anonymousId, "g-of-the-server");
  assert.match(browser.cookies.ask0[1], /max-age=30000000;/);
  assert.match(browser.cookies.ask0[1], /\bdomain=shop\.test(;|$)/);
});

test("a cookie that is not a guest's id is not taken", async () => {
  const browser = new Browser();
  browser.cookies.ask0 = ["someone", ""];
  await browser.open();
  assert.match(browser.state.anonymousId, /^g-[0-9a-f]{8}-/);
});

test("the first identify is sent with its traits, and the guest keeps the anonymous id", async () => {
  const browser = new Browser();
  const ask0 = await browser.open();
  const { anonymousId } = browser.state;
  ask0.identify(JANE);
  const [event] = await said(browser);
  assert.deepEqual(event.traits, { email: "jane@shop.test", customAttributes: { seats: 3 } });
  assert.deepEqual([event.userId, event.anonymousId], ["jane", anonymousId]);
});

test("the same content again sends nothing, after a reload too; other content is sent", async () => {
  const browser = new Browser();
  const ask0 = await browser.open();
  ask0.identify(JANE);
  ask0.identify(structuredClone(JANE));
  assert.equal((await said(browser)).length, 1);
  const again = await browser.reload();
  again.identify(JANE);
  assert.equal((await said(browser)).length, 1);
  again.identify({ ...JANE, customAttributes: { seats: 4 } });
  assert.equal((await said(browser)).length, 2);
});

test("an id that is a number is sent as text", async () => {
  const browser = new Browser();
  const ask0 = await browser.open();
  ask0.identify({ id: 42 });
  ask0.identify({ id: "42" });
  assert.deepEqual((await said(browser)).map(({ userId }) => userId), ["42"]);
});

test("another user on the same browser gets another guest id, and the first is new when they come back", async () => {
  const browser = new Browser();
  const ask0 = await browser.open();
  for (const id of ["jane", "omar", "jane"]) ask0.identify({ id });
  const events = await said(browser);
  assert.deepEqual(events.map(({ userId }) => userId), ["jane", "omar", "jane"]);
  assert.equal(new Set(events.map(({ anonymousId }) => anonymousId)).size, 3);
});

for (const id of ["", null, undefined]) {
  test(`traits with the id ${JSON.stringify(id)} belong to whoever is known, else to the guest`, async () => {
    const browser = new Browser();
    const ask0 = await browser.open();
    ask0.identify({ id, plan: "free" });
    ask0.identify({ id: "jane" });
    ask0.identify({ id, plan: "pro" });
    const events = await said(browser);
    assert.deepEqual(events.map(({ userId, traits }) => [userId, traits.plan]), [
      [undefined, "free"],
      ["jane", undefined],
      ["jane", "pro"],
    ]);
    assert.equal(new Set(events.map(({ anonymousId }) => anonymousId)).size, 1);
  });
}

test("after a reset events are another guest's, and what was queued is still the user's", async () => {
  const browser = new Browser();
  const ask0 = await browser.open();
  ask0.identify(JANE);
  ask0.track("A");
  ask0.reset();
  ask0.track("B");
  await browser.pass(2_000);
  const [, before, after] = browser.events;
  assert.deepEqual([before.event, before.userId, after.event, after.userId], ["A", "jane", "B", undefined]);
  assert.notEqual(before.anonymousId, after.anonymousId);
  assert.deepEqual([browser.state.anonymousId, browser.state.userId], [after.anonymousId, undefined]);
  assert.equal(browser.cookies.ask0[0], after.anonymousId);
  ask0.identify(JANE);
  assert.equal((await said(browser)).length, 2);
});

test("a token travels with what says who the visitor is, never as a trait, and is not remembered", async () => {
  const browser = new Browser();
  const ask0 = await browser.open();
  ask0.identify(JANE, { token: "of-jane" });
  ask0.track("A");
  ask0.identify({ plan: "pro" });
  ask0.alias("omar", { token: "of-omar" });
  ask0.identify({ id: "ada" });
  assert.doesNotMatch(JSON.stringify(browser.state), /of-(jane|omar)/);
  const events = await said(browser);
  assert.deepEqual(events.map(({ userToken }) => userToken), ["of-jane", "of-jane", "of-omar", undefined]);
  assert.equal(browser.events.find(({ type }) => type === "track").userToken, undefined);
  for (const { traits, context } of events) assert.doesNotMatch(JSON.stringify([traits, context]), /of-(jane|omar)/);
  assert.doesNotMatch(JSON.stringify([browser.entries, browser.cookies]), /of-(jane|omar)/);
});

test("a reset forgets the token", async () => {
  const browser = new Browser();
  const ask0 = await browser.open();
  ask0.identify(JANE, { token: "of-jane" });
  ask0.reset();
  ask0.identify({ plan: "free" });
  assert.deepEqual((await said(browser)).map(({ userToken }) => userToken), ["of-jane", undefined]);
});

for (const [how, given] of Object.entries({
  "rejected by the gateway": () => accepted({ index: 0, code: "token_missing" }),
  "refused with its request": () => answer(400),
})) {
  test(`an identify that was ${how} is sent when it is said again`, async () => {
    const browser = new Browser();
    const ask0 = await browser.open();
    browser.answers.push(given());
    ask0.identify(JANE);
    assert.equal((await said(browser)).length, 1);
    ask0.identify(JANE);
    assert.equal((await said(browser)).length, 2);
    ask0.identify(JANE);
    assert.equal((await said(browser)).length, 2);
  });
}

test("each write key has its own visitor's state", async () => {
  const browser = new Browser();
  const ask0 = await browser.open();
  ask0.identify(JANE);
  await browser.reload({ writeKey: "wk_other" });
  assert.deepEqual(Object.keys(browser.entries).filter((key) => !key.startsWith(`ask0.${KEY}.`)), [
    `ask0.${KEY}!`,
    "ask0.wk_other!",
  ]);
  assert.equal(JSON.parse(browser.entries["ask0.wk_other!"]).userId, undefined);
});

for (const storage of ["blocked", "full"]) {
  test(`with ${storage} storage the identity still switches, and the same content again sends nothing`, async () => {
    const browser = new Browser({ storage });
    const ask0 = await browser.open();
    ask0.identify(JANE);
    ask0.identify(JANE);
    ask0.identify({ id: "omar" });
    ask0.track("A");
    ask0.reset();
    ask0.track("B");
    await browser.pass(2_000);
    assert.deepEqual(browser.events.map(({ type, userId }) => [type, userId]), [
      ["identify", "jane"],
      ["identify", "omar"],
      ["track", "omar"],
      ["track", undefined],
    ]);
    assert.equal(new Set(browser.events.map(({ anonymousId }) => anonymousId)).size, 3);
    assert.deepEqual(browser.entries, {});
  });
}

test("storage with rubbish in it is as empty", async () => {
  const browser = new Browser();
  browser.entries[`ask0.${KEY}!`] = "{not JSON";
  const ask0 = await browser.open();
  ask0.identify(JANE);
  assert.equal((await said(browser))[0].userId, "jane");
  assert.equal(browser.state.userId, "jane");
});
