/** What becomes of the events: told to whoever listens, now or later. */

import type { Happening } from "./types.js";

const MAX = 50;

/** The latest; a listener comes by replacing `push`. */
export const happenings: Happening[] = [];

export function emit(...happening: Happening): void {
  happenings.splice(0, happenings.push(happening) - MAX);
}
