/** Where a tab keeps its queue, and how a tab comes by the queues that closed tabs left behind. */

import { uuid7 } from "./ids.js";
import { openArea, write } from "./storage.js";

/**
 * A tab holds a lock of its key's name for life: who gets the lock finds the tab gone. Without locks (pages over plain
 * http) the queue lies in sessionStorage, which no other tab sees.
 *
 * `adopt` gets the events of each tab that is gone, now or when it goes. The function returned saves this tab's.
 */
export function openJournal(prefix: string, adopt: (events: string[]) => void): (events: readonly string[]) => void {
  const locks = navigator.locks as LockManager | undefined;
  const area = openArea(locks ? "localStorage" : "sessionStorage");
  const own = prefix + uuid7(Date.now());

  function hold(key: string, held: () => unknown): void {
    (locks ? locks.request(key, held) : Promise.resolve().then(held)).catch(() => {});
  }

  for (const key of Object.keys(area)) {
    if (key.startsWith(prefix)) {
      hold(key, () => {
        if (area[key]) adopt(area[key].split("\n"));
        write(area, key);
      });
    }
  }
  hold(own, () => new Promise(() => {}));
  return (events) => write(area, own, events.join("\n"));
}
