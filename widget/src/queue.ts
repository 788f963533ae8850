/** The events that have no answer yet, as JSON text, oldest first. */

const MAX_EVENTS = 500;
const MAX_CHARS = 1_000_000;

/** The newest of them that the caps leave room for. */
export function newest(events: string[]): string[] {
  const kept = events.slice(-MAX_EVENTS);
  while (kept.join().length > MAX_CHARS) kept.shift();
  return kept;
}
