/** What an answer means for the events that were sent, and how long to wait after a failure. */

export const enum Verdict {
  Sent,
  Retry,
  Split,
  Drop,
}

const BASE_MS = 1_000;
const CAP_MS = 300_000;

/** Without a status there was no answer: offline, blocked or timed out. */
export function judge(status = 500): Verdict {
  if (status >= 500 || [408, 425, 429].includes(status)) return Verdict.Retry;
  if (status === 413) return Verdict.Split;
  return status < 300 ? Verdict.Sent : Verdict.Drop;
}

/** Full jitter (`chance` in 0..1) under a doubling ceiling; the server's Retry-After is the floor; both are capped. */
export function backoff(failures: number, chance: number, retryAfterSeconds = 0): number {
  const jitter = chance * Math.min(CAP_MS, BASE_MS * 2 ** failures);
  return Math.min(CAP_MS, Math.max(jitter, retryAfterSeconds * 1_000 || 0));
}
