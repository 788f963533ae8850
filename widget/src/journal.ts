/** Where a tab keeps its queue, and how a tab comes by the queues that closed tabs left behind. */

import { uuid7 } from "./ids.js";
import { storageKey } from "./config.js";
import { storage, read, store } from "./state.js";

const tab = "." + uuid7();
const own = () => storageKey + tab;

/** An empty queue leaves no trace. */
export const save = (events: string[]) => store(own(), events[0] ? events : undefined);

/**
 * A tab holds a lock of its key's name for life: who gets the lock finds the tab gone. Without locks (pages over plain
 * http) the queues of living tabs are adopted too: then an event may be sent twice, and the gateway knows it by its id.
 *
 * `adopt` gets the events of each tab that is gone, now or when it goes.
 */
export function openJournal(adopt: (events: string[]) => unknown): void {
  for (const key in storage) {
    if (key.startsWith(storageKey + ".")) {
      hold(key, async () => {
        adopt(read(key)); // throws if another tab has done it
        store(key);
      });
    }
  }
  hold(own(), () => new Promise(() => {}));
}

function hold(key: string, held: () => Promise<void>): void {
  ((navigator.locks as LockManager | undefined)?.request(key, held) ?? held()).catch(() => {});
}
