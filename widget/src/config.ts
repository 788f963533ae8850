/** What the site has set. A page has one widget, so the modules keep their state as it is, without instances. */

import type { Ask0, More, Options } from "./types.js";

/** How that is loaded which is seldom needed. */
export type Load = () => Promise<More>;

export let ask0: Ask0;
export let options: Options;
export let load: Load;
/** Where the widget's state lies in storage. */
export let storageKey: string;

export function configure(api: Ask0, given: Options, loader: Load): void {
  ask0 = api;
  options = given;
  load = loader;
  storageKey = "ask0." + given.writeKey;
}
