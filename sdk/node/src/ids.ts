/** Identifiers. */

import { randomUUID } from "node:crypto";

let newest = 0;

/** A UUIDv7 (RFC 9562). Each is greater than those before, so that what happened in one millisecond keeps its order. */
export function uuid7(): string {
  newest = Math.max(Date.now(), newest + 1);
  const time = newest.toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(-21)}`;
}
