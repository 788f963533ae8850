/** HTTP to one gateway: a request goes out, and its whole answer comes back or an error does, within a time. */

import { Ask0Error } from "./errors.js";
import type { FetchAnswer, Options } from "./types.js";

const MAX_ANSWER_CHARS = 32_000_000; // of one that is read whole: a page of 200 users is far below
const FILE_PAUSE_MS = 300_000; // whoever takes a file in may let us wait for our turn, and for a database

export interface Request {
  method: string;
  /** Below the host, with its query. */
  path: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  /** In place of a body. */
  upload?: AsyncIterable<Uint8Array>;
}

export interface Answer {
  status: number;
  headers: { get(name: string): string | null };
  text: string;
}

export class Connection {
  readonly #fetch: NonNullable<Options["fetch"]>;
  readonly #base: string;
  readonly #headers: Record<string, string>;
  readonly #timeoutMs: number;

  constructor(options: Options, timeoutMs: number, agent: string) {
    // Looked up at each call, so that what a test or a tracer puts in its place is used.
    this.#fetch = options.fetch ?? ((url, init) => globalThis.fetch(url, init));
    this.#base = baseOf(options.host);
    const basic = Buffer.from(`${options.secretKey}:`).toString("base64"); // beacons and the API both take it
    this.#headers = { authorization: `Basic ${basic}`, "user-agent": agent };
    this.#timeoutMs = timeoutMs;
  }

  /** Raises Ask0Error with the code `no_answer`. Ends early where `stop` does. */
  async exchange(request: Request, stop?: AbortSignal): Promise<Answer> {
    if (request.upload) return this.#exchangeFile(request, request.upload);
    return this.#within(stop, async (signal) => {
      const { status, headers, body, text } = await this.#send(request, signal);
      return { status, headers, text: isIterable(body) ? await readAll(body) : await text() };
    });
  }

  /** Takes as long as the file does: only a pause without a byte has an end. Raises FileBroke too. */
  async #exchangeFile(request: Request, upload: AsyncIterable<Uint8Array>): Promise<Answer> {
    const end = new AbortController();
    const timer = setTimeout(() => end.abort(), FILE_PAUSE_MS);
    let broke: unknown;
    const body = async function* () {
      try {
        for await (const piece of upload) {
          timer.refresh();
          yield piece;
        }
      } catch (error) {
        broke = error;
        throw error;
      }
    };
    try {
      const { status, headers, body: answered, text } = await this.#send({ ...request, upload: body() }, end.signal);
      return { status, headers, text: isIterable(answered) ? await readAll(answered) : await text() };
    } catch (error) {
      if (broke) throw broke;
      const why = end.signal.aborted ? `nothing within ${FILE_PAUSE_MS} ms` : reasonOf(error);
      throw new Ask0Error(`no answer from ${this.#base}: ${why}`, { code: "no_answer", cause: error });
    } finally {
      clearTimeout(timer);
      end.abort();
    }
  }

  /** The answer's head, and its body as it comes; each part may take as long as a whole answer. */
  async open(request: Request): Promise<Omit<Answer, "text"> & { body: AsyncIterable<Uint8Array> }> {
    const end = new AbortController();
    const { status, headers, body } = await this.#within(undefined, (signal) => {
      signal.addEventListener("abort", () => end.abort());
      return this.#send(request, end.signal);
    });
    return { status, headers, body: this.#parts(isIterable(body) ? body : emptyBody(), end) };
  }

  async *#parts(body: AsyncIterable<Uint8Array>, end: AbortController): AsyncGenerator<Uint8Array> {
    const parts = body[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { done, value } = await this.#within(undefined, () => parts.next());
        if (done) return;
        yield value;
      }
    } finally {
      end.abort(); // also where the reader has left
    }
  }

  async #send({ method, path, headers, body, upload }: Request, signal: AbortSignal) {
    const answer: FetchAnswer = await this.#fetch(this.#base + path, {
      method,
      headers: { ...this.#headers, ...headers },
      ...(body !== undefined && { body }),
      ...(upload && { body: upload, duplex: "half" as const }), // a body that is a stream has to say so
      redirect: "manual", // followed, a POST becomes a GET, and the key goes where it was not meant to
      signal,
    });
    const { status } = answer;
    return { status, headers: answer.headers, body: answer.body, text: () => answer.text() };
  }

  /** Does not rely on `run` to end when it is told to. */
  async #within<T>(stop: AbortSignal | undefined, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    let give = () => {};
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const end = (why: string) => {
        controller.abort();
        reject(new Error(why));
      };
      give = () => end("the client is closed");
      timer = setTimeout(() => end(`nothing within ${this.#timeoutMs} ms`), this.#timeoutMs);
    });
    stop?.addEventListener("abort", give);
    if (stop?.aborted) give();
    try {
      return await Promise.race([run(controller.signal), late]);
    } catch (error) {
      throw new Ask0Error(`no answer from ${this.#base}: ${reasonOf(error)}`, { code: "no_answer", cause: error });
    } finally {
      clearTimeout(timer);
      stop?.removeEventListener("abort", give);
    }
  }
}

/** The address below which paths stand. Raises TypeError. */
function baseOf(host: string): string {
  const url = new URL(host);
  if (!/^https?:$/.test(url.protocol)) throw new TypeError(`host begins with https:// or http://, not ${url.protocol}`);
  if (url.username || url.search || url.hash) throw new TypeError("host has no user, query or fragment");
  return url.href.replace(/\/*$/, "/");
}

function isIterable(body: unknown): body is AsyncIterable<Uint8Array> {
  return typeof body === "object" && body !== null && Symbol.asyncIterator in body;
}

async function* emptyBody(): AsyncGenerator<Uint8Array> {}

async function readAll(body: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const part of body) {
    text += decoder.decode(part, { stream: true });
    if (text.length > MAX_ANSWER_CHARS) throw new RangeError("an answer without an end");
  }
  return text + decoder.decode();
}

/** Why a fetch failed: Node says "fetch failed", and the reason stands below it. */
function reasonOf(error: unknown): string {
  type Failure = { message?: string; cause?: { message?: string; code?: string } };
  const { message, cause } = (error ?? {}) as Failure;
  return cause?.message || cause?.code || message || String(error);
}
