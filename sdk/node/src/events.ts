/** Calls as wire events; the shapes are the server's (schemas/examples). */

import { uuid7 } from "./ids.js";
import { asJson, isObject, type JsonObject } from "./json.js";
import { VERSION } from "./version.js";

export type Kind = "identify" | "track" | "page" | "screen" | "group" | "alias";

const NAMES: Record<Kind, readonly string[]> = {
  identify: ["userToken", "projectId"],
  track: ["event"],
  page: ["name", "category"],
  screen: ["name", "category"],
  group: ["groupId"],
  alias: ["previousId", "userToken"],
};
const COMMON = ["userId", "anonymousId", "messageId", "timestamp", "context"];
const LIBRARY = { name: "@ask0/node", version: VERSION };

/**
 * One call of any form as an event; `named` is what stood before the object, as the name in `track(name, …)`. In a flat
 * form the keys that are not the event's own are its properties, also where the wire has such a key:
 * in `{ event, type: "button" }` the type is a property.
 */
export function eventOf(kind: Kind, given: unknown, named?: JsonObject): JsonObject {
  const item = asJson(given);
  const whole: JsonObject = isObject(item) ? item : {};
  const payload = kind === "identify" || kind === "group" ? "traits" : "properties";
  if (isSet(whole[payload]) || kind === "alias") return complete({ ...whole, ...named, type: kind });
  const nameless = kind === "identify" && !named && !isSet(whole["userId"]);
  const own = [...COMMON, ...(named ? [] : NAMES[kind]), ...(nameless ? ["id"] : [])];
  const pick = (wanted: boolean) =>
    Object.fromEntries(Object.entries(whole).filter(([key]) => own.includes(key) === wanted));
  return complete({ ...pick(true), ...named, type: kind, [payload]: pick(false) });
}

/** An item of a batch. What is none of the calls goes as it is: the gateway says what is wrong with it. */
export function eventOfItem(given: unknown): unknown {
  const item = asJson(given);
  if (!isObject(item)) return item;
  const { type, ...rest } = item;
  if (typeof type === "string" && Object.hasOwn(NAMES, type)) return eventOf(type as Kind, rest);
  if (isSet(type)) return complete(item);
  if (isSet(rest["event"])) return eventOf("track", rest);
  return isSet(rest["id"]) || isSet(rest["traits"]) ? eventOf("identify", rest) : complete(rest);
}

const isSet = (value: unknown) => value !== undefined && value !== null;

/** With what it lacks. */
function complete(event: JsonObject): JsonObject {
  const { messageId, timestamp, context } = event;
  return {
    ...event,
    messageId: messageId ?? uuid7(),
    timestamp: timestamp ?? new Date(),
    context: context === undefined || isObject(context) ? { library: LIBRARY, ...context } : context,
  };
}
