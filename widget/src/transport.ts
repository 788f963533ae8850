/** Keeps the queue, sends it in batches, and stays at it until the gateway has answered. */

import { newest } from "./queue.js";
import { backoff, judge, Verdict } from "./retry.js";

const enum Limit {
  GatherMs = 2_000,
  TimeoutMs = 30_000,
  FullBatch = 20,
  MaxBatch = 100,
  KeepaliveBytes = 57_344, // browsers allow 64 KiB for all such requests of a page together (w3c/beacon#42)
}

export interface Transport {
  /** Queues events (JSON text) and sends them soon. */
  push(events: string[]): void;
  /** Sends them now, unless the gateway is to be left alone for a while. */
  flush(): void;
}

/** `save` gets the queue whenever it changes; `lose` hears how many events are given up. */
export function createTransport(
  url: string,
  writeKey: string,
  save: (queue: string[]) => void,
  lose: (events: number) => void,
): Transport {
  const sending = new Set<string>();
  let queue: string[] = []; // what has no answer yet, oldest first
  let keepaliveBytes = 0;
  let maxBatch: number = Limit.MaxBatch;
  let failures = 0;
  let resting = false; // the timer runs until the next try; else, until the batch is gathered
  let timer = 0;

  const waiting = () => queue.filter((event) => !sending.has(event));

  function push(events: string[]): void {
    const all = queue.concat(events);
    save((queue = newest(all)));
    if (all.length > queue.length) lose(all.length - queue.length);
    wake();
  }

  function wake(): void {
    if (waiting().length < Limit.FullBatch) timer ||= setTimeout(flush, Limit.GatherMs);
    else flush();
  }

  /** As many requests as may outlive the page together; what is left follows when they are answered. */
  function flush(): void {
    while (!resting) {
      clearTimeout(timer);
      timer = 0;
      const batch = waiting().slice(0, maxBatch);
      const room = Limit.KeepaliveBytes - keepaliveBytes;
      let body = wrap(batch);
      while (batch.length > 1 && body.size > room) {
        batch.length >>= 1;
        body = wrap(batch);
      }
      if (!batch.length || (body.size > room && sending.size)) return;
      void send(batch, body, body.size > room ? 0 : body.size);
    }
  }

  /** Plain text, because a cross-origin request of that type needs no preflight. */
  function wrap(batch: string[]): Blob {
    const frame = JSON.stringify({ writeKey, sentAt: new Date() }).slice(0, -1);
    return new Blob([frame, `,"batch":[${batch}]}`], { type: "text/plain" });
  }

  async function send(batch: string[], body: Blob, keepalive: number): Promise<void> {
    batch.forEach((event) => sending.add(event));
    keepaliveBytes += keepalive;
    let answer: Response | undefined;
    try {
      const signal = AbortSignal.timeout?.(Limit.TimeoutMs);
      answer = await fetch(url, { method: "POST", body, keepalive: !!keepalive, signal });
    } catch {
      // Offline, blocked or timed out.
    }
    batch.forEach((event) => sending.delete(event));
    keepaliveBytes -= keepalive;
    settle(batch, judge(answer?.status), Number(answer?.headers.get("retry-after")));
    wake();
  }

  function settle(batch: string[], verdict: Verdict, retryAfter: number): void {
    if (verdict === Verdict.Retry) {
      if (resting) return;
      resting = true;
      clearTimeout(timer);
      timer = setTimeout(resume, backoff(failures++, Math.random(), retryAfter));
    } else if (verdict === Verdict.Split && batch.length > 1) {
      maxBatch = batch.length >> 1;
    } else {
      failures = 0;
      save((queue = queue.filter((event) => !batch.includes(event))));
      if (verdict) lose(batch.length);
    }
  }

  function resume(): void {
    resting = false;
    flush();
  }

  return { push, flush };
}
