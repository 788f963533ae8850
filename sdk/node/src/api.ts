/** Calls of the API: each is made again while that may help, and a write made twice is one change. */

import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Answer, Connection } from "./connection.js";
import type { List } from "./entities.js";
import { Ask0Error, errorOf, unreadable } from "./errors.js";
import { FileBroke, type Upload } from "./files.js";
import { type JsonObject, parseObject } from "./json.js";
import { isPassing, pauseMs } from "./retry.js";

const MAX_PAUSE_MS = 60_000; // a caller waits: told to come back later than that, it is for the caller to decide

/** Of a write. */
export interface WriteOptions {
  /** Made by the SDK unless given; give one to make the same write again from another process. */
  idempotencyKey?: string;
  /** The version that was read: if there is another by now, status 412 says so, with `current`. */
  ifMatch?: string | number;
}

export type Query = Record<string, unknown>;

interface Call {
  query?: Query;
  body?: unknown;
  write?: WriteOptions;
  headers?: Record<string, string>;
}

export class Api {
  readonly connection: Connection;
  readonly maxRetries: number;
  readonly #base: string;

  constructor(connection: Connection, project: string, maxRetries: number) {
    this.connection = connection;
    this.maxRetries = maxRetries;
    this.#base = `v1/projects/${segment(project)}/`;
  }

  read(path: string, query?: Query): Promise<JsonObject> {
    return this.#call("GET", path, { query });
  }

  /** Reads with what would not fit into an address. */
  ask(path: string, body: unknown): Promise<JsonObject> {
    return this.#call("POST", path, { body });
  }

  write(method: string, path: string, body?: unknown, write: WriteOptions = {}, query?: Query): Promise<JsonObject> {
    return this.#call(method, path, { body, write, query });
  }

  /** A change that is a file. */
  async upload(path: string, file: Upload, type: string, write: WriteOptions): Promise<JsonObject> {
    const headers = { accept: "application/json", "content-type": type, ...headersOf(write) };
    const request = { method: "POST", path: this.#base + path, headers };
    try {
      return await persist(file.isRepeatable ? this.maxRetries : 0, async () =>
        objectOf(await this.connection.exchange({ ...request, upload: file.open() })),
      );
    } catch (error) {
      throw error instanceof FileBroke ? error.cause : error;
    }
  }

  /** The answer's bytes as they come; once they do, nothing is tried again. */
  async *stream(path: string, query: Query): AsyncGenerator<Uint8Array, void, undefined> {
    const { body } = await persist(this.maxRetries, async () => {
      const answer = await this.connection.open({ method: "GET", path: this.#base + path + textOf(query) });
      if (isSuccess(answer)) return answer;
      throw errorOf({ ...answer, text: await gather(answer.body) });
    });
    yield* body;
  }

  async #call(method: string, path: string, { query, body, write }: Call): Promise<JsonObject> {
    const headers = {
      accept: "application/json",
      ...(body !== undefined && { "content-type": "application/json" }),
      ...(write && headersOf(write)),
    };
    const text = body === undefined ? undefined : JSON.stringify(body); // once: each try is of the same bytes
    const request = { method, path: this.#base + path + textOf(query), headers, ...(text && { body: text }) };
    return persist(this.maxRetries, async () => objectOf(await this.connection.exchange(request)));
  }
}

/** Raises Ask0Error. */
function objectOf(answer: Answer): JsonObject {
  if (!isSuccess(answer)) throw errorOf(answer);
  const document = answer.status === 204 ? {} : parseObject(answer.text);
  if (!document) throw unreadable(answer);
  return document;
}

/** Tries again after what may pass. Raises Ask0Error. */
export async function persist<T>(maxRetries: number, attempt: () => Promise<T>): Promise<T> {
  for (let failures = 0; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Ask0Error) || failures >= maxRetries) throw error;
      const ms = pauseMs(failures, error.retryAfter);
      if (ms > MAX_PAUSE_MS || !(isPassing(error.status) || error.code === "unreadable_answer")) throw error;
      await sleep(ms);
    }
  }
}

/** One part of a path: whatever the id, it stays one part. Raises TypeError for what is no id. */
export function segment(id: unknown): string {
  const text = typeof id === "number" ? String(id) : id;
  if (typeof text !== "string" || !text) throw new TypeError("an id is text that is not empty, or a number");
  if (text === "." || text === "..") throw new TypeError(`no path can hold the id ${text}`);
  return encodeURIComponent(text);
}

/** The things of a list's answer. Raises Ask0Error. */
export function pageOf<Thing>(answer: JsonObject, name: string): List<Thing> {
  const { [name]: things, next, total } = answer;
  if (!Array.isArray(things)) throw new Ask0Error(`the answer has no list of ${name}`, { code: "unreadable_answer" });
  // Not enumerable: a page looks like the array it is, when it is printed or compared.
  return Object.defineProperties(things, { next: { value: next ?? null }, total: { value: total } }) as List<Thing>;
}

/** Every thing of every page. The next page is asked for when this one has been read. */
export async function* follow<Thing>(
  first: string | undefined,
  page: (cursor: string | undefined) => Promise<List<Thing>>,
): AsyncGenerator<Thing, void, undefined> {
  for (let cursor = first; ;) {
    const things = await page(cursor);
    const { next } = things;
    yield* things;
    if (next === null) return;
    if (next === cursor) throw new Ask0Error("the next page is this page", { code: "unreadable_answer" });
    cursor = next;
  }
}

/** A query string, with its question mark: lists with commas, dates as ISO 8601, what is undefined not at all. */
function textOf(query: Query = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === null) continue;
    parameters.set(name, value instanceof Date ? value.toISOString() : String(value));
  }
  const text = parameters.toString();
  return text && `?${text}`;
}

function headersOf({ idempotencyKey, ifMatch }: WriteOptions): Record<string, string> {
  const tag = ifMatch === undefined || /^(\*$|"|W\/)/.test(`${ifMatch}`) ? ifMatch : `"${ifMatch}"`;
  return { "idempotency-key": idempotencyKey ?? randomUUID(), ...(tag !== undefined && { "if-match": `${tag}` }) };
}

const isSuccess = ({ status }: Pick<Answer, "status">) => status >= 200 && status < 300;

async function gather(body: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of body) {
    parts.push(part);
    if (parts.length > 1_000) break; // an error is short
  }
  return Buffer.concat(parts).toString();
}
