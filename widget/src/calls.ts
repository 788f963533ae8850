/** Calls as wire events; the shapes are the server's (schemas/examples). */

import { describeContext } from "./context.js";
import { uuid7 } from "./ids.js";
import { setUser, forget, token, currentIds } from "./identity.js";
import { push } from "./transport.js";
import type { BatchItem, Calls, Proof, User } from "./types.js";

type Spoken = "identify" | "track" | "page" | "group" | "alias" | "batch" | "reset";

/** The calls that say something, with the time they were made first. They throw at what JSON cannot carry. */
type TimedCalls = { [name in Spoken]: (at: number, ...args: Parameters<Calls[name]>) => void };

const MAX_CHARS = 32_000; // the gateway takes 32 KB an event

/** An event as JSON text. What an item says itself is not changed, and one that names its user gets no other. */
export function complete(at: number, item: BatchItem): string {
  const named = item.userId || item.anonymousId || (!item.event && item.id);
  const text = JSON.stringify({
    messageId: uuid7(at),
    timestamp: at,
    ...(!named && currentIds()),
    context: describeContext(),
    ...item,
  });
  if (text.length > MAX_CHARS) throw "too large";
  return text;
}

const say = (at: number, item: BatchItem) => push([complete(at, item)]);

/** An event that says who the visitor is, unless it says nothing new. */
function identifyAs(at: number, id: User["id"], event: BatchItem, proof?: Proof): void {
  if (setUser(id, event, proof)) say(at, { ...event, userToken: token });
}

export const calls: TimedCalls = {
  identify: (at, { id, ...traits }, proof) => identifyAs(at, id, { type: "identify", traits }, proof),
  track: (at, event, properties) => say(at, { type: "track", event, properties }),
  page: (at, name, properties) => say(at, { type: "page", name, properties }),
  group: (at, groupId, traits) => say(at, { type: "group", groupId, traits }),
  alias: (at, userId, proof) => identifyAs(at, userId, { type: "alias" }, proof),
  batch: (at, items) => push(items.map((item) => complete(at, item))),
  reset: forget,
};
