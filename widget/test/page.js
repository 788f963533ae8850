/** A browser for Node: what a page has, a gateway that answers as it is told, and time that only the test moves. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mock } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { buildSync } from "esbuild";

export const NOW = 1_700_000_000_000;
export const KEY = "wk_test";

const folder = mkdtempSync(join(tmpdir(), "ask0-widget-"));
const outfile = join(folder, "widget.mjs");
const entry = fileURLToPath(new URL("../dist/index.js", import.meta.url));
buildSync({ entryPoints: [entry], bundle: true, format: "esm", outfile });
process.on("exit", () => rmSync(folder, { recursive: true }));

const { setImmediate } = globalThis;
let copies = 0;

/** Lets what is under way come to its end; no timer runs. */
export const settle = async () => {
  for (let turn = 0; turn < 4; turn++) await new Promise((done) => setImmediate(done));
};

/** An answer of the gateway. */
export const answer = (status, headers = {}, body = JSON.stringify({ code: "code", message: "message" })) =>
  new Response(body, { status, headers });

export const accepted = (...rejected) => answer(200, {}, JSON.stringify({ success: true, accepted: 1, rejected }));
export const held = () => new Promise(() => {});
export const offline = () => new TypeError("Failed to fetch");

/** `storage`: "free", "blocked" (a sandboxed frame) or "full". */
export class Browser {
  /** What the gateway answers next: a Response, a promise of one, an Error; then it accepts everything. */
  answers = [];
  /** What came to the gateway: path, keepalive, and the body's parts. */
  requests = [];
  /** The answers that it gave. */
  given = [];
  entries = {};
  /** Name to [value, attributes]. */
  cookies = {};
  #listeners = [];
  #locks = {};
  #tabs = []; // what closes each

  constructor({ gpc, locks = true, storage = "free" } = {}) {
    this.settings = { gpc, locks, storage };
    mock.restoreAll();
    mock.timers.reset();
    mock.timers.enable({ apis: ["setTimeout", "Date"], now: NOW });
  }

  /** Opens a page with the widget in it. Those already open live on, but `dispatch` reaches the newest alone. */
  async open(options) {
    const { createAsk0 } = await this.load();
    const ask0 = createAsk0({ host: "https://ask0.test", writeKey: KEY, ...options });
    await settle();
    return ask0;
  }

  /** Opens a page with the package in it, of which nothing was called yet. */
  load() {
    this.#setGlobals(new Promise((gone) => this.#tabs.push(gone)));
    return import(`${pathToFileURL(outfile)}?${copies++}`); // anew: its modules hold what they know in variables
  }

  /** Closes the newest page, or another: its locks are free, and all timers are gone. */
  async close(tab = -1) {
    const now = Date.now();
    mock.timers.reset();
    mock.timers.enable({ apis: ["setTimeout", "Date"], now });
    this.#tabs.splice(tab, 1)[0]();
    await settle();
  }

  async reload(options) {
    await this.close();
    return this.open(options);
  }

  async pass(ms) {
    mock.timers.tick(ms);
    await settle();
  }

  /** Tells the newest page what its window would. */
  dispatch(name, event = {}) {
    for (const [listened, run] of this.#listeners) if (listened === name) run(event);
  }

  get batches() {
    return this.requests.filter(({ path }) => path === "/v1/batch").map(({ batch }) => batch);
  }

  get events() {
    return this.batches.flat();
  }

  /** What the widget remembers: the person's choice, and who they are. */
  get state() {
    const [choice, who] = [`ask0.${KEY}`, `ask0.${KEY}!`].map((key) => this.entries[key]);
    return choice || who ? { ...(choice && { consent: JSON.parse(choice) }), ...JSON.parse(who ?? "{}") } : undefined;
  }

  /** The queues that lie in storage. */
  get saved() {
    const keys = Object.keys(this.entries).filter((key) => key.startsWith(`ask0.${KEY}.`));
    return keys.map((key) => JSON.parse(this.entries[key]).map((event) => JSON.parse(event)));
  }

  #setGlobals(gone) {
    const browser = this;
    const { gpc, locks, storage } = this.settings;
    const listeners = (this.#listeners = []);
    const values = {
      Node: class Node {},
      isSecureContext: true,
      location: new URL("https://shop.test/pricing?tab=annual#top"),
      navigator: {
        language: "en-GB",
        globalPrivacyControl: gpc,
        locks: locks ? { request: (name, run) => this.#lock(name, run, gone) } : undefined,
      },
      document: {
        title: "Pricing",
        referrer: "https://search.test/",
        get cookie() {
          return Object.entries(browser.cookies).map(([name, [value]]) => `${name}=${value}`).join("; ");
        },
        set cookie(text) {
          const [, name, value, attributes] = /^(\w+)=([^;]*);(.*)$/.exec(text);
          if (attributes.includes("max-age=0")) delete browser.cookies[name];
          else browser.cookies[name] = [value, attributes];
        },
      },
      history: { pushState() {}, replaceState() {} },
      addEventListener: (...listener) => listeners.push(listener),
      fetch: (url, request) => this.#answer(url, request),
    };
    for (const [name, value] of Object.entries(values)) {
      Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    }
    const disk = new Proxy(this.entries, {
      set(entries, key, value) {
        if (storage === "full") throw new DOMException("no room", "QuotaExceededError");
        entries[key] = String(value);
        return true;
      },
    });
    function get() {
      if (storage === "blocked") throw new DOMException("not allowed", "SecurityError");
      return disk;
    }
    Object.defineProperty(globalThis, "localStorage", { get, configurable: true });
  }

  /** Who asks waits for those before them; who holds it does so until the end of `run` or of the page. */
  #lock(name, run, gone) {
    const turn = Promise.resolve(this.#locks[name]).then(() => Promise.race([run(), gone]));
    this.#locks[name] = turn.catch(() => {});
    return turn;
  }

  async #answer(url, { body, keepalive, credentials }) {
    const { origin, pathname: path } = new URL(url);
    this.requests.push({ origin, path, keepalive, credentials, ...JSON.parse(body) });
    const next = await (this.answers.shift() ?? accepted());
    if (next instanceof Error) throw next;
    this.given.push(next);
    return next;
  }
}
