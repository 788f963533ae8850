/** When the same request is sent again. */

const FIRST_MS = 500;
const LONGEST_MS = 10_000; // less than an exit waits: each has one more try
const LONGEST_RETRY_AFTER = 300; // seconds, as the gateway caps it

/** Whether the same request may fare better later. A status of 0 is no answer. */
export function isPassing(status: number): boolean {
  if (status >= 500) return ![501, 505, 511].includes(status);
  return [0, 408, 425, 429].includes(status);
}

/** Full jitter under a doubling ceiling; what the server asked for is the floor. */
export function pauseMs(failures: number, retryAfter = 0): number {
  const jitter = Math.random() * Math.min(LONGEST_MS, FIRST_MS * 2 ** failures);
  return Math.max(retryAfter * 1_000, jitter);
}

/** The seconds that a Retry-After header means, which may hold a date; undefined where it means nothing. */
export function secondsOf(header: string | null): number | undefined {
  if (!header) return undefined;
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1_000;
  return Number.isNaN(seconds) ? undefined : Math.min(LONGEST_RETRY_AFTER, Math.max(0, seconds));
}
