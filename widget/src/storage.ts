/** Storage that is always there: the browser's, or an object where the browser has none to give. */

import { attempt } from "./attempt.js";

export type Area = Record<string, string | undefined>;

export function openArea(name: "localStorage" | "sessionStorage"): Area {
  return attempt(() => window[name] as unknown as Area) ?? {};
}

/** Nothing, or an empty text, removes the key. When the quota is used up the page goes on with what is in memory. */
export function write(area: Area, key: string, value?: string): void {
  attempt(() => (value ? (area[key] = value) : delete area[key]));
}
