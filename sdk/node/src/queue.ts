/** Keeps events, sends them in batches, and stays at it until the gateway has answered for each. */

import { leaveOpen, settled } from "./exit.js";
import type { Listeners } from "./listeners.js";
import { pauseMs } from "./retry.js";
import type { Deliver, Outcome } from "./delivery.js";
import type { Refused } from "./types.js";

// What a request may hold: the gateway takes 2,500 events and 500 KB, with what stands around them.
const MAX_BATCH_EVENTS = 2_500;
const MAX_BATCH_BYTES = 490_000;
/** Of an event with its ids: the gateway takes 32,768 bytes of properties and context, and has the last word. */
const MAX_EVENT_BYTES = 32_768 + 4_096;

export interface Bounds {
  flushAt: number;
  flushIntervalMs: number;
  maxQueueEvents: number;
  maxQueueBytes: number;
  maxRetries: number;
}

interface Queued {
  text: string;
  bytes: number;
}

/** Waits for everything that was queued before it did. */
interface Waiter {
  upTo: number;
  done: (sent: boolean) => void;
}

export class Queue {
  readonly #bounds: Bounds;
  readonly #deliver: Deliver;
  readonly #listeners: Listeners;
  #events: Queued[] = []; // that have no answer yet, oldest first
  #bytes = 0;
  #settled = 0; // events that have left the queue, ever
  #waiters: Waiter[] = [];
  #gathering: NodeJS.Timeout | undefined;
  #sending: AbortController | undefined; // while the queue is being emptied
  #failures = 0; // in a row
  #maxEvents = MAX_BATCH_EVENTS;
  #closed = false;

  constructor(bounds: Bounds, deliver: Deliver, listeners: Listeners) {
    this.#bounds = bounds;
    this.#deliver = deliver;
    this.#listeners = listeners;
  }

  get length(): number {
    return this.#events.length;
  }

  push(text: string): void {
    const { maxQueueEvents, maxQueueBytes, flushAt, flushIntervalMs } = this.#bounds;
    const bytes = Buffer.byteLength(text);
    if (this.#closed) return this.#refuse(text, "closed", "the client is closed");
    if (bytes > MAX_EVENT_BYTES) return this.#refuse(text, "too_large", `${bytes} bytes as JSON, 32,768 are taken`);
    if (this.#events.length >= maxQueueEvents || this.#bytes + bytes > maxQueueBytes) {
      return this.#refuse(text, "queue_full", `${this.#events.length} events wait for the gateway`);
    }
    this.#events.push({ text, bytes });
    this.#bytes += bytes;
    leaveOpen(this);
    if (this.#events.length >= flushAt) this.#send();
    else this.#gathering ??= setTimeout(() => this.#send(), flushIntervalMs).unref();
  }

  /** Resolves once all that is queued now has an answer: true; or after so long: false, and it is tried further. */
  flush(timeoutMs: number): Promise<boolean> {
    if (!this.#events.length) return Promise.resolve(true);
    return new Promise((resolve) => {
      // Not unref'ed: it keeps the process alive for whoever waits.
      const timer = setTimeout(() => waiter.done(false), timeoutMs);
      const done = (sent: boolean) => {
        clearTimeout(timer);
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        resolve(sent);
      };
      const waiter: Waiter = { upTo: this.#settled + this.#events.length, done };
      this.#waiters.push(waiter);
      this.#send();
    });
  }

  /** Takes nothing more, sends what it can within the time, and tells of the rest. */
  async close(timeoutMs: number): Promise<void> {
    this.#closed = true;
    if (!(await this.flush(timeoutMs))) this.abandon("closed", "the client was closed before the gateway took it");
  }

  /** Gives up all that is queued. What is under way may have arrived. */
  abandon(code: string, message: string): void {
    const events = this.#events;
    this.#sending?.abort();
    this.#sending = undefined;
    for (const waiter of this.#waiters) waiter.done(false);
    this.#settle(events.length);
    for (const { text } of events) this.#refuse(text, code, message);
  }

  #send(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    if (this.#sending) return;
    this.#sending = new AbortController();
    void this.#empty(this.#sending.signal);
  }

  /** One request at a time, so that events arrive in the order in which they were said. */
  async #empty(stop: AbortSignal): Promise<void> {
    while (this.#events.length && !stop.aborted) {
      const batch = this.#nextBatch();
      const outcome = await this.#deliver(
        batch.map(({ text }) => text),
        stop,
      );
      if (stop.aborted) return; // abandoned: they are told already
      await this.#conclude(batch, outcome, stop);
    }
    if (!stop.aborted) this.#sending = undefined;
  }

  #nextBatch(): Queued[] {
    let bytes = 0;
    const end = this.#events.findIndex((event, index) => {
      bytes += event.bytes + 1;
      return index >= this.#maxEvents || (index > 0 && bytes > MAX_BATCH_BYTES);
    });
    return this.#events.slice(0, end < 0 ? undefined : end);
  }

  async #conclude(batch: Queued[], outcome: Outcome, stop: AbortSignal): Promise<void> {
    if (outcome.kind === "answered") {
      this.#failures = 0;
      this.#maxEvents = Math.min(MAX_BATCH_EVENTS, this.#maxEvents * 2);
      this.#settle(batch.length);
      for (const { index, code, message } of outcome.rejected) {
        const event = batch[index];
        if (event) this.#refuse(event.text, code, message);
      }
      return;
    }
    const { error } = outcome;
    // What the gateway fails at each time may be one event's fault: found by halving, it is given up alone.
    if (outcome.kind === "halve") this.#maxEvents = Math.max(1, batch.length >> 1);
    const hopeless = error.status === 413 || this.#failures >= this.#bounds.maxRetries;
    if (outcome.kind === "refused" || (outcome.kind === "halve" && batch.length === 1 && hopeless)) {
      this.#failures = 0;
      this.#settle(batch.length);
      this.#listeners.error(error);
      for (const { text } of batch) this.#refuse(text, error.code, error.message);
    } else if (error.status !== 413) {
      this.#listeners.error(error);
      await pause(pauseMs(this.#failures++, error.retryAfter), stop);
    }
  }

  /** The oldest have left the queue. */
  #settle(count: number): void {
    for (const { bytes } of this.#events.slice(0, count)) this.#bytes -= bytes;
    this.#events = this.#events.slice(count);
    this.#settled += count;
    if (!this.#events.length) settled(this);
    for (const waiter of this.#waiters.filter(({ upTo }) => upTo <= this.#settled)) waiter.done(true);
  }

  #refuse(text: string, code: string, message: string): void {
    const event: unknown = JSON.parse(text);
    const { messageId } = (event ?? {}) as Partial<Refused>;
    this.#listeners.refused({ event, messageId, code, message });
  }
}

/** Ends early where `stop` does, and keeps no process alive. */
function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      stop.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms).unref();
    stop.addEventListener("abort", end);
  });
}
