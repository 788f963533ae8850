/** Where a tab keeps its queue, and how a tab comes by the queues that closed tabs left behind. */

import { attempt } from "./attempt.js";
import { uuid7 } from "./ids.js";
import { place } from "./config.js";
import { agreed, disk } from "./state.js";

const tab = "." + uuid7();
const own = () => place + tab;

/** An empty queue, and any of a person who does not agree, leaves no trace. */
export const save = (events: readonly string[]) =>
  attempt(() => (events[0] && agreed() ? (disk[own()] = `[${events}]`) : delete disk[own()]));

/**
 * A tab holds a lock of its key's name for life: who gets the lock finds the tab gone. Without locks (pages over plain
 * http) the queues of living tabs are adopted too: then an event may be sent twice, and the gateway knows it by its id.
 *
 * `adopt` gets the events of each tab that is gone, now or when it goes.
 */
export function openJournal(adopt: (events: string[]) => unknown): void {
  for (const key in disk) {
    if (key.startsWith(place + ".")) {
      hold(key, async () => {
        // Throws if another tab has adopted it.
        adopt(JSON.parse(disk[key]!).map((event: unknown) => JSON.stringify(event)));
        delete disk[key];
      });
    }
  }
  hold(own(), () => new Promise(() => {}));
}

function hold(key: string, held: () => Promise<void>): void {
  ((navigator.locks as LockManager | undefined)?.request(key, held) ?? held()).catch(() => {});
}
