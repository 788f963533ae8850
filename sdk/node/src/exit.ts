/** Sends what is queued before a process ends by itself. Signals and process.exit leave no time: see the README. */

export const EXIT_MS = 15_000;

interface Open {
  flush(timeoutMs: number): Promise<boolean>;
  abandon(code: string, message: string): void;
}

// Only queues that hold something: one that is empty may be forgotten.
const open = new Set<Open>();

export function leaveOpen(queue: Open): void {
  if (!open.size) process.on("beforeExit", flushAll);
  open.add(queue);
}

export function settled(queue: Open): void {
  open.delete(queue);
  if (!open.size) process.off("beforeExit", flushAll);
}

/** What cannot be sent is told, and not tried again: the process would never end. */
function flushAll(): void {
  for (const queue of open) {
    void queue.flush(EXIT_MS).then((sent) => {
      if (!sent) queue.abandon("unsent", "the process ended before the gateway took it");
    });
  }
}
