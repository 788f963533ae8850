import assert from "node:assert/strict";
import { test } from "node:test";
import { Browser } from "./page.js";

/** A page whose address changes as a browser's does; `views` are the titles at the time of each page view. */
async function start() {
  const browser = new Browser();
  const { follow } = await browser.load();
  const views = [];
  const calls = [];
  const go = (_state, _title, address) => (location.href = new URL(address ?? location.href, location.href).href);
  for (const name of ["pushState", "replaceState"]) {
    history[name] = function (...args) {
      calls.push([name, this === history, args.length]);
      go(...args);
    };
  }
  follow(() => views.push(`${location.pathname}${location.search} ${document.title}`));
  return { browser, views, calls };
}

test("another path is a page view, told when the site has set its title", async () => {
  const { browser, views } = await start();
  history.pushState({}, "", "/checkout");
  document.title = "Checkout";
  assert.deepEqual(views, []);
  await browser.pass(1);
  assert.deepEqual(views, ["/checkout Checkout"]);
});

test("another query is a page view, another fragment or state is none", async () => {
  const { browser, views } = await start();
  for (const address of ["?tab=monthly", "?tab=monthly#plans", undefined]) {
    history.replaceState({}, "", address);
    await browser.pass(1);
  }
  assert.deepEqual(views, ["/pricing?tab=monthly Pricing"]);
});

test("going back is a page view", async () => {
  const { browser, views } = await start();
  history.pushState({}, "", "/checkout");
  await browser.pass(1);
  location.href = "https://shop.test/pricing?tab=annual";
  browser.dispatch("popstate");
  await browser.pass(1);
  assert.deepEqual(views, ["/checkout Pricing", "/pricing?tab=annual Pricing"]);
});

test("addresses that change several times at once are one page view, of the last", async () => {
  const { browser, views } = await start();
  history.pushState({}, "", "/a");
  history.replaceState({}, "", "/b");
  await browser.pass(1);
  assert.deepEqual(views, ["/b Pricing"]);
});

test("the site's own calls go through as they were", async () => {
  const { calls } = await start();
  history.pushState({ step: 1 }, "", "/a");
  history.replaceState({ step: 2 }, "");
  assert.deepEqual(calls, [
    ["pushState", true, 3],
    ["replaceState", true, 2],
  ]);
});
