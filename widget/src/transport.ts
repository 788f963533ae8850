/** Keeps the queue, sends it in batches, and stays at it until the gateway has answered. */

import { ask0, options } from "./config.js";
import { emit } from "./happenings.js";
import { invalidateIdentity } from "./identity.js";
import { save } from "./journal.js";

const enum Limit {
  GatherMs = 2_000,
  FullBatch = 20,
  MaxBatch = 100,
  MaxChars = 1_000_000, // of what is kept for a gateway that does not answer
  KeepaliveBytes = 57_344, // browsers allow 64 KiB for all such requests of a page together (w3c/beacon#42)
  RestSeconds = 300,
}

let queue: string[] = []; // events as JSON text that have no answer yet, oldest first
let sending: string[] = []; // those of it that are under way
let maxBatch: number = Limit.MaxBatch;
let failures = 0;
let resting = false; // until the next try after a failure
let timer = 0; // until the batch is gathered

const without = (events: string[], others: string[]) => events.filter((event) => !others.includes(event));
const waiting = () => without(queue, sending);

/** Queues events and sends them soon. */
export function push(events: string[]): void {
  queue.push(...events);
  while ((queue + "").length > Limit.MaxChars) {
    queue = without(queue, waiting().slice(0, 1)); // not what is under way: it may arrive
    drop(1, "too large");
  }
  save(queue);
  if (waiting()[Limit.FullBatch - 1]) flush();
  else timer ||= setTimeout(flush, Limit.GatherMs);
}

/** Forgets what is queued. */
export const clear = () => save((queue = []));

/** Gives events up. */
export function drop(events: number, why: unknown): void {
  ask0.dropped += events;
  invalidateIdentity(); // it may have been the identify
  emit("dropped", events, why);
}

/**
 * Sends what is queued now, unless the gateway is to be left alone for a while: as many requests as may outlive the page
 * together; what is left follows when they are answered.
 */
export function flush(): void {
  const batch = waiting().slice(0, maxBatch);
  timer = 0;
  while (batch[1] && !fits(batch)) batch.length >>= 1;
  if (resting || !batch[0] || (sending[0] && !fits(batch))) return;
  void send(batch);
  flush();
}

const fits = (batch: string[]) => new Blob([sending + "," + batch]).size < Limit.KeepaliveBytes;

async function send(batch: string[]): Promise<void> {
  // A text, because a cross-origin request of plain text needs no preflight.
  const body = `{"writeKey":"${options.writeKey}","sentAt":${Date.now()},"batch":[${batch}]}`;
  const keepalive = fits(batch) && !failures; // it may be what the browser refuses
  let status = 0; // offline or blocked, or a network's log-in page in place of the gateway's answer
  let retryAfter = 0;
  sending.push(...batch);
  try {
    const answer = await fetch(options.host + "v1/batch", { method: "POST", body, keepalive });
    retryAfter = +answer.headers.get("retry-after")!;
    const text = await answer.text(); // always: an answer that is not read keeps its share of the keepalive bytes
    if (answer.ok) JSON.parse(text).rejected.map((why: unknown) => drop(1, why));
    status = answer.status;
  } catch {
    // The status stays 0.
  }
  sending = without(sending, batch);
  emit("answer", batch.length, status);
  if (!status || status >= 500 || [408, 425, 429].includes(status)) rest(retryAfter);
  else if (status === 413 && batch[1]) maxBatch = batch.length >> 1;
  else {
    failures = 0;
    queue = without(queue, batch);
    if (status >= 300) drop(batch.length, status);
  }
  save(queue);
  flush();
}

/** Full jitter under a doubling ceiling; the server's Retry-After is the floor; both are capped. */
function rest(retryAfter: number): void {
  if (resting) return;
  const jitter = Math.random() * Math.min(Limit.RestSeconds, 2 ** failures++);
  resting = true;
  setTimeout(resume, 1_000 * Math.min(Limit.RestSeconds, Math.max(retryAfter || 0, jitter)));
}

function resume(): void {
  resting = false;
  flush();
}
