import assert from "node:assert/strict";
import { test } from "node:test";
import { renew } from "../dist/renew.js";
import { Browser, offline } from "./page.js";

test("the gateway is asked for the guest's cookie, with credentials, so that it may set one", async () => {
  const browser = new Browser();
  await browser.load();
  await renew("https://ask0.shop.test/", "wk_test", "g-1");
  const [{ origin, path, credentials, writeKey, anonymousId }] = browser.requests;
  assert.deepEqual([origin, path, credentials], ["https://ask0.shop.test", "/v1/cookie", "include"]);
  assert.deepEqual([writeKey, anonymousId], ["wk_test", "g-1"]);
});

test("without a network the cookie stays as it is, and nothing is thrown", async () => {
  const browser = new Browser();
  await browser.load();
  browser.answers.push(offline());
  await renew("https://ask0.shop.test/", "wk_test", "g-1");
  assert.equal(browser.requests.length, 1);
});
