/** The client: calls that only say something go through a queue, calls of the API are awaited. */

import { Api } from "./api.js";
import { Audit } from "./audit.js";
import { Connection } from "./connection.js";
import { deliverTo } from "./delivery.js";
import type { Access, SqlAnswer } from "./entities.js";
import { Ask0Error } from "./errors.js";
import { eventOf, eventOfItem, type Kind } from "./events.js";
import { EXIT_MS } from "./exit.js";
import { Exports } from "./exports.js";
import { Catalog, Insights } from "./insights.js";
import { isObject, mend } from "./json.js";
import { Keys } from "./keys.js";
import { Listeners } from "./listeners.js";
import { type Bounds, Queue } from "./queue.js";
import { Segments } from "./segments.js";
import { Settings } from "./settings.js";
import { Stages } from "./stages.js";
import { Suppressions } from "./suppressions.js";
import type { Alias, BatchItem, Fields, Group, Id, Identify, Options, Page, Properties, Track } from "./types.js";
import { Changes, Jobs, Users } from "./users.js";
import { VERSION } from "./version.js";

const DEFAULTS: Bounds & { timeoutMs: number } = {
  flushAt: 100,
  flushIntervalMs: 1_000,
  maxQueueEvents: 50_000,
  maxQueueBytes: 32_000_000,
  maxRetries: 5,
  timeoutMs: 15_000,
};

/** One gateway, one project: make one for the process. Raises TypeError for options that cannot work. */
export class Ask0 {
  /** Who the users are, and what a server may set of them. */
  readonly users: Users;
  /** Saved questions of who meets a filter. */
  readonly segments: Segments;
  /** Where users are, by rules that are tried in order. */
  readonly stages: Stages;
  /** Who did what. */
  readonly audit: Audit;
  /** What the whole project looks like. */
  readonly insights: Insights;
  /** Which events there are. */
  readonly catalog: Catalog;
  /** Who is erased, until it is lifted. */
  readonly suppressions: Suppressions;
  /** How long things are kept, consent, who may chat, and how users prove who they are. */
  readonly settings: Settings;
  /** For pages and servers. */
  readonly keys: Keys;
  /** Many users as a file. */
  readonly exports: Exports;
  /** Work that goes on after its answer, as an erase does. */
  readonly jobs: Jobs;
  /** Writes that were not applied yet when they were answered. */
  readonly changes: Changes;
  readonly #api: Api;
  readonly #listeners: Listeners;
  readonly #queue: Queue;

  constructor(options: Options) {
    if (typeof options?.secretKey !== "string" || !options.secretKey) throw new TypeError("secretKey is missing");
    const numbers = numbersOf(options);
    const connection = new Connection(options, numbers.timeoutMs, `ask0-node/${VERSION}`);
    this.#listeners = new Listeners(options);
    this.#queue = new Queue(numbers, deliverTo(connection), this.#listeners);
    this.#api = new Api(connection, options.project ?? "-", numbers.maxRetries);
    this.users = new Users(this.#api);
    this.segments = new Segments(this.#api);
    this.stages = new Stages(this.#api);
    this.audit = new Audit(this.#api);
    this.insights = new Insights(this.#api);
    this.catalog = new Catalog(this.#api);
    this.suppressions = new Suppressions(this.#api);
    this.settings = new Settings(this.#api);
    this.keys = new Keys(this.#api);
    this.exports = new Exports(this.#api);
    this.jobs = new Jobs(this.#api);
    this.changes = new Changes(this.#api);
  }

  /** Says that something happened: `track("Used", { userId, feature })` or `track({ userId, event, properties })`. */
  track(event: string, fields: Fields): void;
  track(event: Track): void;
  track(event: string | Track, fields?: Fields): void {
    this.#sayNamed("track", "event", event, fields);
  }

  /** Says who somebody is: `identify({ id, email })`, `identify({ userId, traits })` or `identify(id, traits)`. */
  identify(user: Identify): void;
  identify(id: Id, traits?: Properties): void;
  identify(user: Id | Identify, traits?: Properties): void {
    this.#sayNamed("identify", "userId", user, traits);
  }

  /** Says whose account it is: `group({ userId, groupId, traits })` or `group(groupId, { userId, …traits })`. */
  group(group: Group): void;
  group(groupId: Id, fields: Fields): void;
  group(group: Id | Group, fields?: Fields): void {
    this.#sayNamed("group", "groupId", group, fields);
  }

  /** Says that a guest is this user: `alias(userId, previousId)` or `alias({ userId, previousId })`. */
  alias(alias: Alias): void;
  alias(userId: Id, previousId: Id): void;
  alias(alias: Id | Alias, previousId?: Id): void {
    if (isObject(alias)) this.#say((given) => eventOf("alias", given), alias);
    else this.#say((userId, previousId) => eventOf("alias", { userId, previousId }), alias, previousId);
  }

  /** Says that a page was shown: `page("Docs", { userId, path })` or `page({ userId, name, properties })`. */
  page(name: string, fields: Fields): void;
  page(page: Page): void;
  page(page: string | Page, fields?: Fields): void {
    this.#sayNamed("page", "name", page, fields);
  }

  /** Says that a screen of an app was shown, as `page` does. */
  screen(name: string, fields: Fields): void;
  screen(screen: Page): void;
  screen(screen: string | Page, fields?: Fields): void {
    this.#sayNamed("screen", "name", screen, fields);
  }

  /** Several calls at once; each is accepted or refused for itself. */
  batch(items: BatchItem[] | { batch: BatchItem[] }): void {
    try {
      for (const item of Array.isArray(items) ? items : items.batch) this.#say(eventOfItem, item);
    } catch (cause) {
      this.#listeners.error(new Ask0Error("a batch is a list of events", { code: "not_a_list", cause }));
    }
  }

  /** Whether somebody may talk to the assistant; a name of a user, of a guest, or of both. */
  async access(who: { user?: Id; anonymous?: Id }): Promise<Access> {
    const { user, anonymous } = who;
    if ((user ?? anonymous ?? "") === "") throw new TypeError("access asks for a user, or an anonymous id");
    return (await this.#api.read("access", { user, anonymous })) as unknown as Access;
  }

  /** One SELECT of the project's own rows; 1,000 of them unless `limit` says how many, at most 10,000. */
  async sql(statement: string, { limit }: { limit?: number } = {}): Promise<SqlAnswer> {
    return (await this.#api.ask("sql", { sql: statement, limit })) as unknown as SqlAnswer;
  }

  /** How many events have no answer yet. */
  get queued(): number {
    return this.#queue.length;
  }

  /** Sends what is queued now. True once all of it has an answer; false after `timeoutMs`, and it is tried further. */
  flush({ timeoutMs = EXIT_MS }: { timeoutMs?: number } = {}): Promise<boolean> {
    return this.#queue.flush(timeoutMs);
  }

  /** Takes no more events, sends what is queued within `timeoutMs`, and tells `onRefused` of what could not be sent. */
  close({ timeoutMs = EXIT_MS }: { timeoutMs?: number } = {}): Promise<void> {
    return this.#queue.close(timeoutMs);
  }

  /** A call whose first argument is the whole event, or what it is named by. */
  #sayNamed(kind: Kind, name: string, first: unknown, fields: unknown): void {
    if (isObject(first)) this.#say((given) => eventOf(kind, given), first);
    else this.#say((named, given) => eventOf(kind, given, { [name]: named }), first, fields);
  }

  /** Queues an event as it is now: what the program changes later is not sent. Throws nothing, whatever it is given. */
  #say(make: (...given: unknown[]) => unknown, ...given: unknown[]): void {
    let text: string | undefined;
    try {
      text = JSON.stringify(make(...given));
    } catch {
      try {
        text = JSON.stringify(make(...given.map((part) => mend(part, (path) => this.#tellOmitted(path)))));
      } catch (error) {
        return this.#listeners.refused({
          event: undefined,
          messageId: undefined,
          code: "unreadable",
          message: `${error}`,
        });
      }
    }
    this.#queue.push(text ?? "null"); // which the gateway refuses by its index
  }

  #tellOmitted(path: string): void {
    const message = `left out, because JSON cannot carry it: ${path || "all that was given"}`;
    this.#listeners.error(new Ask0Error(message, { code: "omitted" }));
  }
}

/** Raises TypeError for a number that is none: a bound of NaN would bound nothing. */
function numbersOf(options: Options): typeof DEFAULTS {
  const numbers = { ...DEFAULTS };
  for (const name of Object.keys(DEFAULTS) as (keyof typeof DEFAULTS)[]) {
    const value = options[name] ?? DEFAULTS[name];
    const least = name === "maxRetries" || name === "flushIntervalMs" ? 0 : 1;
    if (typeof value !== "number" || !(value >= least)) throw new TypeError(`${name} is a number from ${least} up`);
    numbers[name] = value;
  }
  return numbers;
}
