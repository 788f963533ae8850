/** Calls as wire events; the shapes are the server's (schemas/examples). */

import { uuid7 } from "./ids.js";
import type { Identity } from "./identity.js";
import type { BatchItem, Calls, Properties } from "./types.js";

/** Every call but `flush`, with the time it was made first. */
export type TimedCalls = {
  [name in Exclude<keyof Calls, "flush">]: (at: number, ...args: Parameters<Calls[name]>) => void;
};

/** `push` takes the events of one call as JSON text, `describe` says what the page is like now. */
export function createCalls(
  identity: Identity,
  describe: () => Properties,
  push: (events: string[]) => void,
): TimedCalls {
  /** What an item says itself is not changed, and one that names its user gets no other. */
  function complete(item: BatchItem, at: number): string {
    const named = item.userId || item.anonymousId || (!item.event && item.id);
    return JSON.stringify({
      messageId: uuid7(at),
      timestamp: new Date(at),
      ...(!named && identity.who()),
      context: describe(),
      ...item,
    });
  }

  return {
    identify(at, { id, ...traits }) {
      if (identity.become(id?.toString(), traits)) push([complete({ type: "identify", traits }, at)]);
    },
    track: (at, event, properties) => push([complete({ type: "track", event, properties }, at)]),
    page: (at, name, properties) => push([complete({ type: "page", name, properties }, at)]),
    batch: (at, items) => push(items.map((item) => complete(item, at))),
    reset: identity.forget,
  };
}
